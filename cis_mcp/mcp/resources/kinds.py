"""The kinds of resources: their URIs, and what stands in them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import cached_property, partial

from mcp.shared.uri_template import UriTemplate

from cis_mcp.mcp.tools.base import Result
from cis_mcp.mcp.tools.events import found_event
from cis_mcp.mcp.tools.reports import Counters
from cis_mcp.views.campaigns import CampaignInfo, campaign_info
from cis_mcp.views.events import StatisticsInfo, statistics_info
from cis_mcp.views.held import held_info
from engine.engine import SYSTEM, Engine
from engine.itip.export import view
from engine.model.actors import Actor
from engine.refusals import Code, Refused

REPORT_MAX = 8_000_000
"""Characters of a report that are handed out at once: a resource cannot be read in pages."""

Read = Callable[[Engine, Actor, str], Awaitable[str]]


@dataclass(frozen=True)
class ResourceKind:
    """One kind of resource.

    `tool`: gives the same; who may not use it has no such resource. `read`: its text for an actor, by what the
    URI names; raises Refused. `state`: differs once the text does; None: the text itself. `event`: the uid of
    the event whose answers are news of it. `operators`: for the operator alone.
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

    @cached_property
    def template(self) -> UriTemplate:
        """The URI template of its resources (RFC 6570)."""
        return UriTemplate.parse(self.uri)

    @property
    def variable(self) -> str:
        """What the URI names; empty where there is one such resource alone."""
        return next(iter(self.template.variable_names), "")

    def named(self, uri: str) -> str | None:
        """What `uri` names, where it is of this kind."""
        found = self.template.match(uri)
        return None if found is None else str(found.get(self.variable, ""))


class WatchedCampaign(Result):
    """A campaign, and the counters of its event."""

    campaign: CampaignInfo
    statistics: StatisticsInfo


async def _event(engine: Engine, actor: Actor, uid: str) -> str:
    event, counters = await engine.event_with_statistics(uid, actor)
    proposed = await engine.proposals(uid, actor) if counters.proposals else []
    return found_event(event, counters, proposed).model_dump_json()


async def _calendar(engine: Engine, actor: Actor, uid: str) -> str:
    return view(await engine.event(uid, actor)).decode()


async def _report(engine: Engine, actor: Actor, uid: str) -> str:
    lines: list[str] = []
    size = 0
    async for line in engine.report_csv(uid, actor):
        lines.append(line)
        size += len(line)
        if size > REPORT_MAX:
            raise Refused(
                Code.TOO_LARGE,
                "The report is too large to be read at once.",
                "Page through it with list_attendees, or have it mailed with send_report.",
            )
    return "".join(lines)


async def _campaign(engine: Engine, actor: Actor, campaign_id: str) -> str:
    found = await engine.campaign(campaign_id, actor)
    # who may see the campaign may see its event: both belong to one organizer
    counters = await engine.statistics("event", found.campaign.event_uid, SYSTEM)
    return WatchedCampaign(
        campaign=campaign_info(found), statistics=statistics_info(counters)
    ).model_dump_json()


async def _held(engine: Engine, actor: Actor, held_id: str) -> str:
    held = await engine.held_action(held_id, actor)
    return held_info(held, held.state_at(engine.clock())).model_dump_json()


async def _statistics(scope: str, engine: Engine, actor: Actor, key: str) -> str:
    counters = await engine.statistics(scope, key or None, actor)
    return Counters.model_validate({"scope": scope, "key": key, **counters.model_dump()}).model_dump_json()


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
        "The attendees of an event: email, name, status, origin, prodid. list_attendees gives the same in pages.",
        "text/csv",
        "list_attendees",
        _report,
        state=_event_statistics,
        event=_itself,
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
