"""The kinds of resources: their URIs and contents."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import cached_property, partial

from mcp.shared.uri_template import UriTemplate

from engine.engine import SYSTEM, Engine
from engine.model.actors import Actor

Read = Callable[[Engine, Actor, str], Awaitable[str]]


@dataclass(frozen=True)
class ResourceKind:
    """One kind of resource.

    `tool`: the tool with the same content; callers who may not use it have no such resource. `read`: its text for
    an actor, by what the URI names; raises Refused. `state`: a value that changes with the text; None: the text
    itself. `event`: the uid of the event whose answers change it. `operators`: only for the operator. `addresses`:
    only for those who see people's addresses in full.
    """

    uri: str
    name: str
    title: str
    description: str
    mime_type: str
    tool: str
    read: Read
    state: Read | None = None
    event: Callable[[Engine, str], Awaitable[str]] | None = None
    operators: bool = False
    addresses: bool = False

    @cached_property
    def template(self) -> UriTemplate:
        """The URI template of its resources (RFC 6570)."""
        return UriTemplate.parse(self.uri)

    @property
    def variable(self) -> str:
        """The variable in the URI; empty if there is only one such resource."""
        return next(iter(self.template.variable_names), "")

    def named(self, uri: str) -> str | None:
        """The value of the variable in `uri`, or None if it is of another kind."""
        found = self.template.match(uri)
        return None if found is None else str(found.get(self.variable, ""))


async def _event(engine: Engine, actor: Actor, uid: str) -> str:
    from cis_mcp.mcp.resources import texts

    return await texts.event(engine, actor, uid)


async def _calendar(engine: Engine, actor: Actor, uid: str) -> str:
    from cis_mcp.mcp.resources import texts

    return await texts.calendar(engine, actor, uid)


async def _report(engine: Engine, actor: Actor, uid: str) -> str:
    from cis_mcp.mcp.resources import texts

    return await texts.report(engine, actor, uid)


async def _campaign(engine: Engine, actor: Actor, campaign_id: str) -> str:
    from cis_mcp.mcp.resources import texts

    return await texts.campaign(engine, actor, campaign_id)


async def _held(engine: Engine, actor: Actor, held_id: str) -> str:
    from cis_mcp.mcp.resources import texts

    return await texts.held(engine, actor, held_id)


async def _statistics(scope: str, engine: Engine, actor: Actor, key: str) -> str:
    from cis_mcp.mcp.resources import texts

    return await texts.statistics(scope, engine, actor, key)


_event_statistics = partial(_statistics, "event")


async def _itself(_engine: Engine, uid: str) -> str:
    return uid


async def _event_of(engine: Engine, campaign_id: str) -> str:
    return (await engine.campaign(campaign_id, SYSTEM)).campaign.event_uid


_JSON = "application/json"

KINDS = (
    ResourceKind(
        "event://{uid}.ics",
        "calendar",
        "Calendar file",
        "The current revision of an event as iCalendar, as its organizer keeps it: no attendees, no alarm.",
        "text/calendar",
        "get_event",
        _calendar,
    ),
    ResourceKind(
        "event://{uid}",
        "event",
        "Event",
        "An event with its revision, times, words and counters. get_event gives the same.",
        _JSON,
        "get_event",
        _event,
        event=_itself,
    ),
    ResourceKind(
        "report://{uid}.csv",
        "report",
        "Report",
        "The attendees of an event: email, name, status, origin, prodid. list_attendees gives the same in pages. "
        "Needs the verb report.",
        "text/csv",
        "list_attendees",
        _report,
        state=_event_statistics,
        event=_itself,
        addresses=True,
    ),
    ResourceKind(
        "campaign://{id}",
        "campaign",
        "Campaign",
        "A campaign with its counts by state, skipped rows and first failures, and the counters of its event. "
        "get_campaign gives the same.",
        _JSON,
        "get_campaign",
        _campaign,
        event=_event_of,
    ),
    ResourceKind(
        "held://{id}",
        "held_action",
        "Held action",
        "What a call asked for that waits for a yes, and what became of it. get_held_action gives the same.",
        _JSON,
        "get_held_action",
        _held,
    ),
    ResourceKind(
        "stats://event/{uid}",
        "event_statistics",
        "Counters of an event",
        "Attendees, answers, origins, calendar clients and deliveries of an event. get_stats gives the same.",
        _JSON,
        "get_stats",
        _event_statistics,
        event=_itself,
    ),
    ResourceKind(
        "stats://organizer/{email}",
        "organizer_statistics",
        "Counters of an organizer",
        "Attendees, answers, origins, calendar clients and deliveries over all events of an organizer. "
        "get_stats gives the same.",
        _JSON,
        "get_stats",
        partial(_statistics, "organizer"),
    ),
    ResourceKind(
        "stats://system",
        "system_statistics",
        "Counters of the system",
        "Attendees, answers, origins, calendar clients and deliveries over all events of all organizers; for the "
        "operator. get_stats gives the same.",
        _JSON,
        "get_stats",
        partial(_statistics, "system"),
        operators=True,
    ),
)
