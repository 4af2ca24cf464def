"""The tools that count, list and report."""

from __future__ import annotations

from typing import Any, Literal

from mcp.types import ResourceLink
from pydantic import Field

from cis_mcp.mcp.tools.arguments import Arguments
from cis_mcp.mcp.tools.base import CallContext, Reply, Result, Spec, reads, writes
from cis_mcp.mcp.tools.event_arguments import Uid
from cis_mcp.mcp.tools.fitting import fitted
from cis_mcp.views.attendees import AttendeeInfo, GroupInfo, Label, attendee_info, group_info, partstat
from cis_mcp.views.events import (
    ANSWERS,
    StatisticsInfo,
    called,
    counters,
    moment,
    one_line,
    quoted,
    statistics_line,
)
from engine.commands.campaigns.reports import SendReport
from engine.model.counters import AnswerGrouping, Statistics
from engine.model.queries import AttendeeQuery, EventName
from engine.ownership import refuse_addresses
from engine.refusals import Code, Refused

_CLIENTS_SHOWN = 10


class GetStatsArguments(Arguments):
    """Arguments of get_stats."""

    scope: Literal["event", "organizer", "domain", "system"] = Field(
        description="what is counted", examples=["event"]
    )
    key: str | None = Field(
        None,
        description="uid for event; address for organizer (left out: you); organizers' domain",
        max_length=1_000,
    )
    by: Literal["event", "domain", "client", "hour"] | None = Field(
        None, description="also count by group; event: for an organizer"
    )


class ListAttendeesArguments(Arguments):
    """Arguments of list_attendees."""

    uid: Uid
    status: Label | None = Field(None, description="only those with this answer")
    domain: str | None = Field(
        None, description="only addresses there", max_length=300, examples=["example.com"]
    )
    answered_since: str | None = Field(
        None,
        description="ISO 8601, UTC: only answers since then",
        max_length=40,
        examples=["2027-05-01T09:00:00Z"],
    )
    order: Literal["invited", "answered"] = Field(
        "invited", description="answered: only those who did, oldest first"
    )
    masked: bool = Field(True, description="false: in full; needs verb report")
    limit: int = Field(50, ge=1, le=100)
    cursor: str | None = Field(None, description="next_cursor of the previous page", max_length=1_000)


class SendReportArguments(Arguments):
    """Arguments of send_report."""

    uid: Uid
    to: str | None = Field(
        None,
        description="default: the organizer; with a key, no one else",
        max_length=1_000,
        examples=["ann@example.com"],
    )


class Counters(StatisticsInfo):
    """Counters of what was asked for."""

    scope: Literal["event", "organizer", "domain", "system"]
    key: str


class CountersInGroups(Counters):
    """Counters, and the same in groups."""

    people: int = Field(description="addresses, each counted once; attendees counts invitations")
    groups: list[GroupInfo] = Field(description="the 50 largest, or the newest hours; filled if by is given")


class Attendees(Result):
    """A page of attendees in the order in which they were invited."""

    uid: str
    attendees: list[AttendeeInfo]
    masked: bool
    next_cursor: str | None


class ReportResult(Result):
    """Where the report goes."""

    uid: str
    rows: int
    sent_to: str
    message_id: str
    resource: str = Field(description="the same report as a resource")


async def get_stats(call: CallContext, arguments: GetStatsArguments) -> Reply:
    """Count attendees, answers, origins, calendar clients and deliveries of an event, an
    organizer or the whole system. For names use list_attendees, for one campaign get_campaign."""
    if arguments.scope == "event" and not arguments.key:
        raise Refused(Code.INVALID_ARGUMENT, "“key” is missing: which event?", "Give the event's uid as key.")
    key, counted, event = await _counted(call, arguments)
    groups = await _groups(call, arguments)
    people = counted.attendees
    if arguments.scope in {"organizer", "domain"}:
        people = await call.engine.people(arguments.scope, arguments.key, call.actor)
    data = CountersInGroups(scope=arguments.scope, key=key, people=people, groups=groups, **counters(counted))
    titled = {group.key for group in groups if group.summary}
    names = await call.engine.event_names(titled) if titled else {}
    head = f"{arguments.scope} {called(event, key)}".strip()
    lines = [f"{head}: {statistics_line(counted)}", *_breakdown(counted)]
    lines += [f"Different people: {people}."] if arguments.scope in {"organizer", "domain"} else []
    lines += [_group_line(group, names.get(group.key)) for group in groups]
    return Reply("\n".join(lines), data)


async def _groups(call: CallContext, arguments: GetStatsArguments) -> list[GroupInfo]:
    if arguments.by is None:
        return []
    if arguments.scope == "system" or (arguments.scope == "event" and arguments.by == "event"):
        raise Refused(
            Code.INVALID_ARGUMENT,
            f"by={arguments.by} cannot be combined with scope={arguments.scope}.",
            "Group an event by domain, client or hour, an organizer or domain also by event.",
        )
    found = await call.engine.answer_groups(
        arguments.scope, arguments.key, AnswerGrouping(arguments.by), call.actor
    )
    return [group_info(group) for group in found]


def _group_line(group: GroupInfo, name: EventName | None) -> str:
    counted = ", ".join(f"{n} {ANSWERS[label]}" for label, n in group.rsvp.items() if n)
    title = called(name, group.key) if group.summary else quoted(group.key)
    cancelled = " [cancelled]" if group.cancelled else ""
    return f"- {title}{cancelled}: {group.people}: {counted}"


async def _counted(
    call: CallContext, arguments: GetStatsArguments
) -> tuple[str, Statistics, EventName | None]:
    """The key of what was counted (of an event, its uid), its counters, and the event's name if it is one."""
    if arguments.scope == "event":
        event, counted = await call.engine.event_with_statistics(arguments.key or "", call.actor)
        return event.uid, counted, EventName(id=event.id, summary=event.summary)
    counted = await call.engine.statistics(arguments.scope, arguments.key, call.actor)
    named = one_line(arguments.key or call.actor.address)
    return {"system": "", "domain": named.rpartition("@")[2]}.get(arguments.scope, named), counted, None


async def list_attendees(call: CallContext, arguments: ListAttendeesArguments) -> Reply:
    """List who was invited to an event and what each answered, a page at a time. Leave addresses masked unless you need
    them. For counts use get_stats."""
    if not arguments.masked:
        refuse_addresses(call.actor, "Leave masked out.")
    return await fitted(arguments.limit, lambda limit: _page(call, arguments, limit))


async def _page(call: CallContext, arguments: ListAttendeesArguments, limit: int) -> Reply:
    query = AttendeeQuery(
        uid=arguments.uid,
        status=partstat(arguments.status),
        domain=(arguments.domain or "").strip().lower().removeprefix("@"),
        answered_since=moment(arguments.answered_since, "answered_since"),
        by_answer=arguments.order == "answered",
        limit=limit,
        cursor=arguments.cursor,
    )
    page = await call.engine.attendees(query, call.actor)
    event = await call.engine.event(arguments.uid, call.actor)
    proposed = {one.email: one for one in await call.engine.proposals(event.uid, call.actor)}
    people = [attendee_info(event, a, proposed.get(a.email), masked=arguments.masked) for a in page.attendees]
    lines = [_line(person) for person in people] or ["No one to list."]
    if page.next_cursor:
        lines.append(f"There are more; go on with cursor {page.next_cursor}")
    # Validated in one go, which is faster than one by one.
    data = Attendees.model_validate(
        {
            "uid": page.uid,
            "attendees": people,
            "masked": arguments.masked,
            "next_cursor": page.next_cursor,
        }
    )
    return Reply("\n".join(lines), data)


async def send_report(call: CallContext, arguments: SendReportArguments) -> Reply:
    """Mail the CSV report of an event (email, name, status, origin, client, time of answer) to its organizer. To read
    answers here use list_attendees."""
    done = await call.apply(SendReport(uid=arguments.uid, to=arguments.to))
    resource = f"report://{done.event.uid}.csv"
    data = ReportResult(
        uid=done.event.uid,
        rows=done.rows,
        sent_to=done.message.email,
        message_id=done.message.message_id,
        resource=resource,
    )
    words = (
        f"The report with {done.rows} rows is on its way to {done.message.email}. "
        f"Read it here as {resource}, or page through it with list_attendees."
    )
    link = ResourceLink(
        type="resource_link", uri=resource, name=f"{done.event.uid}.csv", mime_type="text/csv"
    )
    return Reply(words, data, (link,))


def _line(person: dict[str, Any]) -> str:
    name, proposal = person["name"], person["proposal"]
    own = f", {quoted(one_line(name, 80))}" if name else ""
    answered = f" at {person['answered']}" if person["answered"] else ""
    proposed = f"; proposes {proposal.start.local if proposal.start else 'another time'}" if proposal else ""
    return f"- {person['email']}{own}: {ANSWERS[person['status']]}{answered}{proposed}, by {person['origin']}"


def _breakdown(counters: Statistics) -> list[str]:
    clients = {quoted(one_line(name, 60)): count for name, count in counters.prodid.items()}
    return [*_shares("Invited by", counters.origin), *_shares("Answered with", clients)]


def _shares(head: str, counts: dict[str, int]) -> list[str]:
    most = sorted(counts.items(), key=lambda item: -item[1])
    shown = [f"{name} {count}" for name, count in most[:_CLIENTS_SHOWN] if count]
    return [f"{head}: {', '.join(shown)}."] if shown else []


TOOLS = (
    Spec(get_stats, "Count answers", GetStatsArguments, CountersInGroups, reads()),
    Spec(list_attendees, "List attendees", ListAttendeesArguments, Attendees, reads()),
    Spec(
        send_report,
        "Mail the report",
        SendReportArguments,
        ReportResult,
        writes(mails=True),
        scope="report",
        also="read",
    ),
)
