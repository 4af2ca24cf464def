"""What happened, and how much: statistics, and changes since a cursor."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from cis_mcp.rest.endpoint import Call, Endpoint
from cis_mcp.rest.models import Body, Limit, OfEvent, Query
from cis_mcp.views.attendees import GroupInfo, group_info
from cis_mcp.views.changes import Changes, change_info
from cis_mcp.views.events import StatisticsInfo, counters
from engine.model.changes import ChangeKind
from engine.model.counters import AnswerGrouping
from engine.model.verbs import Verb
from engine.ownership import refuse_addresses
from engine.refusals import Code, Refused

Grouped = Literal["event", "domain", "client", "hour"]


class EventCounting(OfEvent):
    """The event, and in which groups."""

    by: Literal["domain", "client", "hour"] | None = Field(None, description="also in groups")


class CountingQuery(Query):
    """What is counted, and in which groups."""

    scope: Literal["organizer", "system"] = "organizer"
    organizer: str | None = Field(None, description="address; left out: yourself", max_length=1_000)
    by: Grouped | None = Field(None, description="also in groups, of an organizer")


class Since(Query):
    """From where on, and what."""

    since: str | None = Field(
        None, description="cursor of the answer before; left out: the newest", max_length=100
    )
    kinds: list[ChangeKind] = Field(default_factory=list, description="only these; repeat the parameter")
    masked: bool = Field(True, description="false: addresses in full, for a key with the verb `report`")
    limit: Limit = 50


class CountersInGroups(StatisticsInfo):
    """Counters, and the same in groups."""

    groups: list[GroupInfo] = Field(description="the 50 largest, or the newest hours; filled if by is given")


async def event_statistics(call: Call[EventCounting, Body]) -> CountersInGroups:
    """Count the attendees, answers, origins, calendar clients and deliveries of an event."""
    event, counted = await call.engine.event_with_statistics(call.query.uid, call.actor)
    groups = (
        await call.engine.answer_groups("event", event.uid, AnswerGrouping(call.query.by), call.actor)
        if call.query.by
        else []
    )
    return CountersInGroups(**counters(counted), groups=[group_info(group) for group in groups])


async def statistics(call: Call[CountingQuery, Body]) -> CountersInGroups:
    """Count an organizer's attendees, answers, origins, calendar clients and deliveries, or the whole system's."""
    asked = call.query
    if asked.scope == "system" and (asked.by or asked.organizer):
        raise Refused(
            Code.INVALID_ARGUMENT, "by and organizer cannot be combined with scope=system.", "Leave them out."
        )
    counted = await call.engine.statistics(asked.scope, asked.organizer, call.actor)
    groups = (
        await call.engine.answer_groups("organizer", asked.organizer, AnswerGrouping(asked.by), call.actor)
        if asked.by
        else []
    )
    return CountersInGroups(**counters(counted), groups=[group_info(group) for group in groups])


async def list_changes(call: Call[Since, Body]) -> Changes:
    """List what happened since a cursor, oldest first: answers with comments, proposals, failed and bounced messages,
    unsubscribed people, events made, changed or cancelled, campaigns ended. For polling: keep `cursor`."""
    asked = call.query
    if not asked.masked:
        refuse_addresses(call.actor)
    found = await call.engine.changes(call.actor, asked.since, asked.limit, asked.kinds)
    infos = [change_info(change, masked=asked.masked) for change in found.changes]
    return Changes(changes=infos, cursor=found.cursor, more=found.more)


ENDPOINTS = (
    Endpoint(
        "GET",
        "/v1/events/{uid}/statistics",
        event_statistics,
        CountersInGroups,
        Verb.READ,
        "counting",
        EventCounting,
        tool="get_stats",
    ),
    Endpoint(
        "GET",
        "/v1/statistics",
        statistics,
        CountersInGroups,
        Verb.READ,
        "counting",
        CountingQuery,
        tool="get_stats",
    ),
    Endpoint("GET", "/v1/changes", list_changes, Changes, Verb.READ, "counting", Since, tool="list_changes"),
)
