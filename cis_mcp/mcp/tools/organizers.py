"""The operator's tool for what is settled for an organizer."""

from __future__ import annotations

from pydantic import Field

from cis_mcp.mcp.tools.base import CallContext, Reply, Result, Spec, writes
from cis_mcp.mcp.tools.operations import OrganizerArguments
from cis_mcp.views.organizers import organizer_line
from engine.commands.operators.organizers import ADDRESSES_MAX, SettleOrganizer


class SetOrganizerArguments(OrganizerArguments):
    """Arguments of set_organizer."""

    name: str | None = Field(None, description="shown as the sender of its invites", max_length=1_000)
    timezone: str | None = Field(
        None, description="IANA name, for rows of its tables that name none", max_length=200
    )
    lists: bool | None = Field(None, description="may it send to lists?")
    add_addresses: list[str] = Field(
        default_factory=list,
        description="further addresses whose mail is this organizer's",
        max_length=ADDRESSES_MAX,
        examples=[["ann@home.example"]],
    )
    remove_addresses: list[str] = Field(
        default_factory=list,
        description="further addresses to take off",
        max_length=ADDRESSES_MAX,
        examples=[["ann@home.example"]],
    )


class OrganizerProfileResult(Result):
    """An organizer as it is now."""

    address: str
    name: str
    timezone: str = Field(description="empty: none")
    lists: bool = Field(description="may send to lists")
    suspended: bool
    registered: bool
    addresses: list[str] = Field(description="further addresses")


async def set_organizer(call: CallContext, arguments: SetOrganizerArguments) -> Reply:
    """Set an organizer's name, time zone, right to send to lists, and further addresses from which it writes; what
    is left out stays. With the address alone: show it. Ask your user first. Operators only."""
    done = await call.apply(
        SettleOrganizer(
            address=arguments.address,
            name=arguments.name,
            timezone=arguments.timezone,
            lists=arguments.lists,
            add=tuple(arguments.add_addresses),
            remove=tuple(arguments.remove_addresses),
        )
    )
    profile = done.profile
    data = OrganizerProfileResult(
        address=profile.address,
        name=profile.name,
        timezone=profile.zone,
        lists=profile.lists,
        suspended=profile.suspended,
        registered=profile.registered,
        addresses=list(profile.addresses),
    )
    return Reply(organizer_line(profile), data)


TOOLS = (
    Spec(
        set_organizer,
        "Set what holds for an organizer",
        SetOrganizerArguments,
        OrganizerProfileResult,
        writes(destructive=True, idempotent=True),
        "admin",
    ),
)
