"""The tools that list organizers and set the settings of one."""

from __future__ import annotations

from pydantic import Field

from cis_mcp.mcp.tools.arguments import Arguments
from cis_mcp.mcp.tools.base import CallContext, Reply, Spec, reads, writes
from cis_mcp.mcp.tools.fitting import fitted, listed
from cis_mcp.mcp.tools.operations import OrganizerArguments
from cis_mcp.views.events import moment
from cis_mcp.views.organizers import (
    OrganizerList,
    OrganizerProfileInfo,
    after_organizer,
    organizer_line,
    organizer_list,
    profile_info,
)
from engine.commands.operators.organizers import ADDRESSES_MAX, SettleOrganizer
from engine.model.plans import NONE


class SetOrganizerArguments(OrganizerArguments):
    """Arguments of set_organizer."""

    name: str | None = Field(None, description="shown as the sender of its invites", max_length=1_000)
    timezone: str | None = Field(
        None, description="IANA name, for rows of its tables without a time zone", max_length=200
    )
    language: str | None = Field(
        None, description="language tag for its pages and mails; empty: none", max_length=35, examples=["de"]
    )
    lists: bool | None = Field(None, description="may it send to lists?")
    drafts: bool | None = Field(None, description="do lists that it mails to bulk@ wait as drafts?")
    plan: str | None = Field(None, description="plan it is on; no-plan: none", max_length=40)
    plan_until: str | None = Field(
        None,
        description="when the plan ends, with an offset; default: as the plan says",
        max_length=40,
        examples=["2027-12-31T00:00:00Z"],
    )
    add_addresses: list[str] = Field(
        default_factory=list,
        description="further addresses whose mail counts as this organizer's",
        max_length=ADDRESSES_MAX,
        examples=[["ann@home.example"]],
    )
    remove_addresses: list[str] = Field(
        default_factory=list,
        description="further addresses to take off",
        max_length=ADDRESSES_MAX,
        examples=[["ann@home.example"]],
    )


class ListOrganizersArguments(Arguments):
    """Arguments of list_organizers."""

    domain: str = Field("", description="only those at this domain", max_length=255, examples=["example.com"])
    limit: int = Field(50, ge=1, le=200)
    cursor: str | None = Field(None, description="next_cursor of the previous page", max_length=800)


async def list_organizers(call: CallContext, arguments: ListOrganizersArguments) -> Reply:
    """List the organizers that you may see, and how many people each invited. Operators see all, the owner of a
    domain those at that domain. Next: get_stats or search_events for one of them."""
    after = after_organizer(arguments.cursor)

    async def page(limit: int) -> Reply:
        found = await call.engine.organizers(
            call.actor, domain=arguments.domain, limit=limit + 1, after=after
        )
        data = organizer_list(found, limit)
        lines = [f"- {one.address}: {one.invited} invited" for one in data.organizers]
        return listed(lines, data.next_cursor, "There are no organizers.", data)

    return await fitted(arguments.limit, page)


async def set_organizer(call: CallContext, arguments: SetOrganizerArguments) -> Reply:
    """Set an organizer's name, time zone, language, right to send to lists, plan, and the further addresses it
    writes from; fields you leave out stay. With only the address, show the settings. Ask your user first.
    Operators only."""
    done = await call.apply(
        SettleOrganizer(
            address=arguments.address,
            name=arguments.name,
            timezone=arguments.timezone,
            language=arguments.language,
            lists=arguments.lists,
            drafts=arguments.drafts,
            plan="" if arguments.plan == NONE else arguments.plan,
            plan_until=moment(arguments.plan_until, "plan_until") if arguments.plan_until else None,
            add=tuple(arguments.add_addresses),
            remove=tuple(arguments.remove_addresses),
        )
    )
    info = profile_info(done.profile, done.enrolment)
    return Reply(organizer_line(done.profile, done.enrolment, call.engine.clock()), info)


LISTING = (Spec(list_organizers, "List organizers", ListOrganizersArguments, OrganizerList, reads()),)

MANAGING = (
    Spec(
        set_organizer,
        "Change an organizer's settings",
        SetOrganizerArguments,
        OrganizerProfileInfo,
        writes(destructive=True, idempotent=True),
        "admin",
    ),
)
TOOLS = (*LISTING, *MANAGING)
