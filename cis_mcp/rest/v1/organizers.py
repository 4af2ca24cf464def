"""Organizers: list them, and change their settings."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from cis_mcp.rest.endpoint import Call, Endpoint, Handler
from cis_mcp.rest.models import Body, Cursor, Query
from cis_mcp.views.base import Data
from cis_mcp.views.events import moment
from cis_mcp.views.organizers import (
    OrganizerList,
    OrganizerProfileInfo,
    RegisteredOrganizer,
    SuspendedOrganizer,
    after_organizer,
    organizer_list,
    profile_info,
)
from engine.commands.operators.operators import SuspendOrganizer
from engine.commands.operators.organizers import ADDRESSES_MAX, SettleOrganizer
from engine.commands.operators.registration import RegisterOrganizer
from engine.inbox.routes.confirm import look_again
from engine.model.verbs import Verb

Address = Annotated[str, Field(description="the organizer's address", max_length=1_000)]
Addresses = Annotated[list[Address], Field(max_length=ADDRESSES_MAX)]


class ListingOrganizers(Query):
    """Which organizers are listed."""

    domain: str = Field("", description="only those at this domain", max_length=255)
    limit: Annotated[int, Field(ge=1, le=200)] = 50
    cursor: Cursor = None


class OfOrganizer(Query):
    """The organizer in the path."""

    address: Address


class OrganizerChange(Body):
    """What is to change; what is left out stays."""

    name: str | None = Field(None, description="shown as the sender of its invites", max_length=1_000)
    timezone: str | None = Field(
        None, description="IANA name, for rows of its tables without a time zone; empty: none", max_length=200
    )
    language: str | None = Field(
        None, description="of its pages and mails, as a tag such as de; empty: none", max_length=35
    )
    lists: bool | None = Field(None, description="may it send to lists?")
    drafts: bool | None = Field(None, description="do lists that it mails to bulk@ wait as drafts?")
    plan: str | None = Field(None, description="plan it is on; empty: none", max_length=40)
    plan_until: str | None = Field(
        None, description="when the plan ends; else as the plan says", max_length=40
    )
    add_addresses: Addresses = Field(
        [], description="further addresses whose mail counts as this organizer's"
    )
    remove_addresses: Addresses = Field([], description="further addresses to take off")


async def list_organizers(call: Call[ListingOrganizers, Body]) -> OrganizerList:
    """List the organizers that you may see, with how many people each invited: operators all, the owner of a domain
    those at the domain, everyone else themselves."""
    asked = call.query
    found = await call.engine.organizers(
        call.actor, domain=asked.domain, limit=asked.limit + 1, after=after_organizer(asked.cursor)
    )
    return organizer_list(found, asked.limit)


async def set_organizer(call: Call[OfOrganizer, OrganizerChange]) -> OrganizerProfileInfo:
    """Set an organizer's name, time zone, language, right to send to lists, plan, and further addresses it writes from.
    An empty body shows them. Operators only."""
    body = call.body
    command = SettleOrganizer(
        address=call.query.address,
        name=body.name,
        timezone=body.timezone,
        language=body.language,
        lists=body.lists,
        drafts=body.drafts,
        plan=body.plan,
        plan_until=moment(body.plan_until, "plan_until"),
        add=tuple(body.add_addresses),
        remove=tuple(body.remove_addresses),
    )
    done = await call.apply(command)
    return profile_info(done.profile, done.enrolment)


async def register_organizer(call: Call[OfOrganizer, Body]) -> RegisteredOrganizer:
    """Let an address create events by mail. Its mail that waits is carried out and may invite people. Safe to repeat.
    Operators only."""
    done = await call.apply(RegisterOrganizer(address=call.query.address))
    return RegisteredOrganizer(address=done.address, mails=len(await look_again(call.engine)))


async def suspend_organizer(call: Call[OfOrganizer, Body]) -> SuspendedOrganizer:
    """Stop all mail of an organizer, at once and until it is resumed; queued mail waits or is withdrawn when its turn
    comes. Safe to repeat. Operators only."""
    return await _suspended(call, suspended=True)


async def resume_organizer(call: Call[OfOrganizer, Body]) -> SuspendedOrganizer:
    """Let a suspended organizer send again; what was withdrawn meanwhile is not sent. Safe to repeat.
    Operators only."""
    return await _suspended(call, suspended=False)


async def _suspended(call: Call[OfOrganizer, Body], *, suspended: bool) -> SuspendedOrganizer:
    done = await call.apply(SuspendOrganizer(address=call.query.address, suspended=suspended))
    return SuspendedOrganizer(address=done.address, suspended=done.suspended)


_LIST, _ONE = "/v1/organizers", "/v1/organizers/{address}"


def _acting(name: str, handler: Handler, answer: type[Data], tool: str) -> Endpoint:
    path = f"{_ONE}/{name}"
    return Endpoint(
        "POST", path, handler, answer, Verb.ADMIN, "organizers", OfOrganizer, tool=tool, tier="operator"
    )


ENDPOINTS = (
    Endpoint(
        "GET",
        _LIST,
        list_organizers,
        OrganizerList,
        Verb.READ,
        "organizers",
        ListingOrganizers,
        tool="list_organizers",
        tier="extended",
    ),
    Endpoint(
        "PATCH",
        _ONE,
        set_organizer,
        OrganizerProfileInfo,
        Verb.ADMIN,
        "organizers",
        OfOrganizer,
        OrganizerChange,
        tool="set_organizer",
        tier="operator",
    ),
    _acting("register", register_organizer, RegisteredOrganizer, "register_organizer"),
    _acting("suspend", suspend_organizer, SuspendedOrganizer, "suspend_organizer"),
    _acting("resume", resume_organizer, SuspendedOrganizer, "resume_organizer"),
)
