"""The texts of resources of each kind; imported when the first is read."""

from __future__ import annotations

from cis_mcp.mcp.tools.base import Result
from cis_mcp.mcp.tools.events import found_event
from cis_mcp.mcp.tools.reports import Counters
from cis_mcp.views.campaigns import CampaignInfo, campaign_info, hides_rows
from cis_mcp.views.events import StatisticsInfo, statistics_info
from cis_mcp.views.held import held_info
from cis_mcp.views.proposals import hides_proposers
from engine.engine import SYSTEM, Engine
from engine.itip.export import view
from engine.model.actors import Actor
from engine.refusals import Code, Refused

REPORT_MAX = 8_000_000
"""The most characters of a report, since a resource cannot be read in pages."""


class WatchedCampaign(Result):
    """A campaign, and the counters of its event."""

    campaign: CampaignInfo
    statistics: StatisticsInfo


async def event(engine: Engine, actor: Actor, uid: str) -> str:
    """An event with its counters, as JSON."""
    event, counters = await engine.event_with_statistics(uid, actor)
    proposed = await engine.proposals(uid, actor) if counters.proposals else []
    masked = hides_proposers(actor)
    return found_event(event, counters, proposed, masked=masked).model_dump_json()


async def calendar(engine: Engine, actor: Actor, uid: str) -> str:
    """An event as iCalendar."""
    return view(await engine.event(uid, actor)).decode()


async def report(engine: Engine, actor: Actor, uid: str) -> str:
    """The attendees of an event as CSV; raises Refused(TOO_LARGE)."""
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


async def campaign(engine: Engine, actor: Actor, campaign_id: str) -> str:
    """A campaign with the counters of its event, as JSON."""
    found = await engine.campaign(campaign_id, actor)
    # who may see the campaign may see its event: both belong to one organizer
    counters = await engine.statistics("event", found.campaign.event_uid, SYSTEM)
    return WatchedCampaign(
        campaign=campaign_info(found, masked=hides_rows(actor)), statistics=statistics_info(counters)
    ).model_dump_json()


async def held(engine: Engine, actor: Actor, held_id: str) -> str:
    """A request that waits for approval, as JSON."""
    held = await engine.held_action(held_id, actor)
    return held_info(held, held.state_at(engine.clock())).model_dump_json()


async def statistics(scope: str, engine: Engine, actor: Actor, key: str) -> str:
    """Counters for `scope` and `key`, as JSON."""
    counters = await engine.statistics(scope, key or None, actor)
    return Counters.model_validate({"scope": scope, "key": key, **counters.model_dump()}).model_dump_json()
