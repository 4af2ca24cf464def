"""The do-not-mail list."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from cis_mcp.rest.endpoint import Call, Endpoint
from cis_mcp.rest.models import Body, Cursor, Nothing, Query
from cis_mcp.views.suppressions import Entries, Suppressed, Unsuppressed, entry_info
from engine.commands.invites.suppressing import TARGETS_MAX, Suppress, Unsuppress, suppressed_in_parts
from engine.model import cursors
from engine.model.verbs import Verb
from engine.ownership import refuse_addresses

Whose = Annotated[
    str,
    Field(description="the organizer; empty: you, and for operators every organizer", max_length=1_000),
]


class ListingSuppressions(Query):
    """A page of the list."""

    address: str | None = Field(
        None, description="only the entries that block this address or domain", max_length=1_000
    )
    organizer: Whose = ""
    limit: Annotated[int, Field(ge=1, le=200)] = 50
    cursor: Cursor = None


class Targets(Body):
    """Addresses and domains."""

    addresses: list[Annotated[str, Field(max_length=1_000)]] = Field(
        description="addresses, or domains with all their subdomains",
        max_length=TARGETS_MAX,
        examples=[["ann@example.com", "example.com"]],
    )
    organizer: Whose = ""


async def suppressions(call: Call[ListingSuppressions, Body]) -> Entries:
    """Show the do-not-mail list: who unsubscribed, whose mail came back, what you put there; for a key with `suppress`
    or `report`. With address, for any key: why that one gets no mail."""
    asked = call.query
    if asked.address:
        found = await call.engine.suppressions_of(call.actor, asked.organizer, asked.address)
        return Entries(entries=[entry_info(one) for one in found], next_cursor=None)
    refuse_addresses(call.actor, "Name an address to see why it gets no mail.", Verb.SUPPRESS)
    after = None
    if asked.cursor:
        target, organizer = cursors.opened(asked.cursor, str, str, longest=800)
        after = str(target), str(organizer)
    found = await call.engine.suppressions(call.actor, asked.organizer, asked.limit + 1, after)
    last = found[asked.limit - 1] if len(found) > asked.limit else None
    return Entries(
        entries=[entry_info(one) for one in found[: asked.limit]],
        next_cursor=cursors.written(last.target, last.organizer) if last else None,
    )


async def add_suppressions(call: Call[Query, Targets]) -> Suppressed:
    """Never mail these addresses or domains again, not even changes and cancellations; what is queued for them is
    withdrawn. Safe to repeat."""
    body = call.body
    command = Suppress(targets=tuple(body.addresses), organizer=body.organizer)
    done = await suppressed_in_parts(command, call.engine.items_per_unit, call.apply)
    return Suppressed(organizer=done.organizer, addresses=list(done.targets), added=done.added)


async def remove_suppressions(call: Call[Query, Targets]) -> Unsuppressed:
    """Take addresses or domains off the do-not-mail list. People who unsubscribed or complained stay on it, unless
    an operator takes them off. Sends nothing. Safe to repeat."""
    body = call.body
    done = await call.apply(Unsuppress(targets=tuple(body.addresses), organizer=body.organizer))
    return Unsuppressed(
        removed=list(done.removed),
        not_listed=list(done.not_listed),
        still=[entry_info(one) for one in done.still],
    )


_LIST = "/v1/suppressions"
ENDPOINTS = (
    Endpoint(
        "GET",
        _LIST,
        suppressions,
        Entries,
        Verb.READ,
        "people",
        ListingSuppressions,
        tool="list_suppressions",
        tier="extended",
    ),
    Endpoint(
        "POST",
        _LIST,
        add_suppressions,
        Suppressed,
        Verb.SUPPRESS,
        "people",
        Nothing,
        Targets,
        tool="suppress",
        tier="extended",
    ),
    Endpoint(
        "POST",
        f"{_LIST}/remove",
        remove_suppressions,
        Unsuppressed,
        Verb.SUPPRESS,
        "people",
        Nothing,
        Targets,
        tool="unsuppress",
        tier="extended",
    ),
)
