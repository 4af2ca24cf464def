"""The tools for the do-not-mail list: show it, add addresses and whole domains, remove them."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from cis_mcp.mcp.tools.arguments import Arguments
from cis_mcp.mcp.tools.base import CallContext, Reply, Spec, reads, writes
from cis_mcp.mcp.tools.fitting import fitted
from cis_mcp.views.events import one_line
from cis_mcp.views.suppressions import Entries, Entry, Suppressed, Unsuppressed, entry_info, entry_line
from engine.commands.invites.suppressing import TARGETS_MAX, Suppress, Unsuppress, suppressed_in_parts
from engine.model import cursors
from engine.model.suppressions import Suppression
from engine.model.verbs import Verb
from engine.ownership import refuse_addresses

_NAMED = 20

Targets = Annotated[
    list[Annotated[str, Field(max_length=1_000)]],
    Field(
        description="addresses, or domains with all their subdomains",
        max_length=TARGETS_MAX,
        examples=[["ann@example.com", "example.com"]],
    ),
]
Whose = Annotated[
    str,
    Field(
        description="the organizer; empty: you, and for operators every organizer",
        max_length=1_000,
        examples=["agent@invites.example.com"],
    ),
]


class TargetsArguments(Arguments):
    """Arguments of suppress and unsuppress."""

    addresses: Targets
    organizer: Whose = ""


class ListSuppressionsArguments(Arguments):
    """Arguments of list_suppressions."""

    address: str | None = Field(
        None, description="only the entries that block this address or domain", max_length=1_000
    )
    organizer: Whose = ""
    limit: int = Field(50, ge=1, le=200)
    cursor: str | None = Field(None, description="next_cursor of the previous page", max_length=800)


async def list_suppressions(call: CallContext, arguments: ListSuppressionsArguments) -> Reply:
    """Show the do-not-mail list: who unsubscribed, whose mail bounced, whom you added; needs the verb suppress or
    report. With address: why that one gets no mail."""
    if arguments.address:
        found = await call.engine.suppressions_of(call.actor, arguments.organizer, arguments.address)
        return _reply(found, None, f"Nothing keeps mail from {one_line(arguments.address, 100)}.")
    refuse_addresses(call.actor, "Name an address to see why it gets no mail.", Verb.SUPPRESS)
    after = _after(arguments.cursor)

    async def page(limit: int) -> Reply:
        entries = await call.engine.suppressions(call.actor, arguments.organizer, limit + 1, after)
        last = entries[limit - 1] if len(entries) > limit else None
        cursor = cursors.written(last.target, last.organizer) if last else None
        return _reply(entries[:limit], cursor, "The list is empty.")

    return await fitted(arguments.limit, page)


async def suppress(call: CallContext, arguments: TargetsArguments) -> Reply:
    """Never mail these addresses or domains again, not even changes and cancellations; messages queued for them are
    withdrawn. Lists skip them and report the rows. Safe to repeat. To cancel a person's calendar entry, use
    withdraw_invite first."""
    command = Suppress(targets=tuple(arguments.addresses), organizer=arguments.organizer)
    done = await suppressed_in_parts(command, call.engine.items_per_unit, call.apply)
    of = f"by {done.organizer}" if done.organizer else "by anybody here"
    named = ", ".join(done.targets[:_NAMED]) + (", …" if len(done.targets) > _NAMED else "")
    known = len(done.targets) - done.added
    before = f" {known} of them {'was' if known == 1 else 'were'} on the list before." if known else ""
    data = Suppressed(organizer=done.organizer, addresses=list(done.targets), added=done.added)
    return Reply(f"Not mailed again {of}: {named}.{before}", data)


async def unsuppress(call: CallContext, arguments: TargetsArguments) -> Reply:
    """Take addresses or domains off the do-not-mail list. People who unsubscribed or complained stay on it until
    the operator takes them off at their request. Sends nothing."""
    done = await call.apply(Unsuppress(targets=tuple(arguments.addresses), organizer=arguments.organizer))
    data = Unsuppressed(
        removed=list(done.removed),
        not_listed=list(done.not_listed),
        still=[entry_info(e) for e in done.still],
    )
    lines = [f"Off the list: {', '.join(done.removed) or 'nothing'}."]
    lines += [f"Not on it: {', '.join(done.not_listed)}."] if done.not_listed else []
    lines += ["Still kept from mail by:", *map(_line, data.still)] if data.still else []
    return Reply("\n".join(lines), data)


def _after(cursor: str | None) -> tuple[str, str] | None:
    if not cursor:
        return None
    target, organizer = cursors.opened(cursor, str, str, longest=800)
    return str(target), str(organizer)


def _reply(found: list[Suppression], cursor: str | None, empty: str) -> Reply:
    data = Entries(entries=[entry_info(entry) for entry in found], next_cursor=cursor)
    lines = [_line(entry) for entry in data.entries] or [empty]
    if cursor:
        lines.append(f"There are more; go on with cursor {cursor}")
    return Reply("\n".join(lines), data)


def _line(entry: Entry) -> str:
    return f"- {entry_line(entry)}"


TOOLS = (
    Spec(
        list_suppressions,
        "Show the do-not-mail list",
        ListSuppressionsArguments,
        Entries,
        reads(),
    ),
    Spec(
        suppress,
        "Never mail again",
        TargetsArguments,
        Suppressed,
        writes(destructive=True, idempotent=True),
        "suppress",
    ),
    Spec(
        unsuppress,
        "Take off the do-not-mail list",
        TargetsArguments,
        Unsuppressed,
        writes(idempotent=True),
        "suppress",
    ),
)
