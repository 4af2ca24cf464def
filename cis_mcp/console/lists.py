"""Lists: upload or paste, columns, every row judged, a sample of any row, Yes, and its progress until it is done."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from weakref import WeakKeyDictionary
from zoneinfo import ZoneInfo

from starlette.responses import Response

from cis_mcp.console import once
from cis_mcp.console.guard import Screen, Visit
from cis_mcp.watch.pace import Throughput, clock_time, sent, settled
from engine.campaign_questions import CampaignView
from engine.commands.campaigns.campaigns import (
    CampaignAction,
    CampaignDone,
    ControlCampaign,
    DraftCampaign,
    ScheduleCampaign,
    confirm_token,
)
from engine.commands.campaigns.samples import SampleRow
from engine.commands.tables import mapping
from engine.engine import Engine
from engine.imports import audience, lists
from engine.model.campaigns import Campaign, CampaignState
from engine.model.events import Event
from engine.model.list_rows import ListRow
from engine.model.people import Origin
from engine.model.verbs import Verb
from engine.process import pools
from engine.refusals import Code, Refused

_HUB = "/console/lists"
_EVENT = "/console/events/{uid:str}"
_SHOWN = 30
_SKIPPED_SHOWN = 50
_KEPT_MAX = 2_000_000
"""Characters of a list that a page keeps while its columns are chosen."""
_SOON = timedelta(seconds=2)
_PACES_KEPT = 64
_PACES: WeakKeyDictionary[Engine, dict[tuple[str, datetime], Throughput]] = WeakKeyDictionary()
MOVING = frozenset({CampaignState.SCHEDULED, CampaignState.RUNNING})


async def show(visit: Visit) -> Response:
    """GET /console/lists."""
    shown = visit.rows(_SHOWN)
    return visit.show(
        "lists.html",
        title=visit.say("Lists"),
        campaigns=await visit.engine.newest_campaigns(visit.actor, shown),
    )


async def begin(visit: Visit) -> Response:
    """GET /console/events/{uid}/list."""
    event = await visit.engine.event(visit.path("uid"), visit.actor)
    return visit.show(
        "list_form.html", title=visit.say("Invite a list to “{title}”", title=event.summary), event=event
    )


async def draft(visit: Visit) -> Response:
    """POST: judge the list; nothing is sent. Where its columns are not plain, ask for them."""
    event = await visit.engine.event(visit.path("uid"), visit.actor)
    pools.caller.set(visit.caller.key if visit.caller else "local")
    text, source = visit.form.get("list", ""), _source(visit)
    if visit.upload is not None:
        text = await lists.text_of(visit.engine, visit.upload)
    chosen = bool(source or visit.given("email"))
    if visit.given("columns") and not chosen:
        return _columns(visit, event, text)
    try:
        rows = await (audience.read(visit.engine, visit.actor, source) if source else _rows(visit, text))
    except Refused as refused:
        if refused.code is Code.CSV_NO_HEADER and not chosen:
            return _columns(visit, event, text)
        raise
    command = DraftCampaign(
        uid=event.uid, recipients=rows, origin=Origin.VIP, rate=_rate(visit), at=_at(visit, event)
    )
    return await once.made(visit, command, lambda done: f"{_HUB}/{done.campaign.id}")


def _source(visit: Visit) -> str:
    """The address of a list that lies on AWS; empty where none is named. Raises Refused: INVALID_ARGUMENT."""
    source = visit.given("source")
    pasted = bool(visit.form.get("list", "").strip())
    if (visit.upload is not None) + pasted + bool(source) > 1:
        raise Refused(
            Code.INVALID_ARGUMENT,
            "More than one list is given.",
            "Go back, and choose a file, or paste a list, or name one that lies on AWS.",
        )
    return source


async def _rows(visit: Visit, text: str) -> list[ListRow]:
    """The rows of a list, by the columns that were chosen, if any were."""
    email, name = visit.given("email"), visit.given("name")
    if email:
        chosen = _number(email), _number(name) if name else None
        text = await pools.LISTS.run(mapping.mapped, text, *chosen)
    return await lists.read_list(visit.engine, text)


def _number(given: str) -> int:
    return int(given) if given.isascii() and given.isdigit() and len(given) < 4 else -1


def _columns(visit: Visit, event: Event, text: str) -> Response:
    if len(text) > _KEPT_MAX:
        raise Refused(
            Code.CSV_NO_HEADER,
            "The list has no column that is called email.",
            "Name the column with the addresses “email” in the first line, and upload it again.",
        )
    return visit.show(
        "columns.html",
        title=visit.say("Which column is which?"),
        event=event,
        titles=mapping.titles(text),
        text=text,
        kept={name: visit.given(name) for name in ("rate", "at")},
    )


def _rate(visit: Visit) -> float | None:
    try:
        rate = float(visit.given("rate") or 0)
    except ValueError:
        rate = -1
    if not 0 <= rate < 10_000:
        raise Refused(Code.INVALID_ARGUMENT, "The rate is no number.", "Leave it empty: as fast as allowed.")
    return rate or None


def _at(visit: Visit, event: Event) -> datetime | None:
    """When it is to begin, on the clock of the event's zone."""
    if not visit.given("at"):
        return None
    try:
        at = datetime.fromisoformat(visit.given("at"))
        return at.replace(tzinfo=at.tzinfo or ZoneInfo(event.span.timezone)).astimezone(UTC)
    except (ValueError, OverflowError):
        raise Refused(Code.INVALID_TIME, "That is no time to begin.", "Choose it again.") from None


async def campaign(visit: Visit) -> Response:
    """GET /console/lists/{id}: the verdict on every row, and once started its progress."""
    view = await visit.engine.campaign(visit.path("id"), visit.actor, skipped=_SKIPPED_SHOWN)
    return await _shown(visit, view)


async def _shown(visit: Visit, view: CampaignView, sample: Mapping[str, object] | None = None) -> Response:
    found = view.campaign
    event = await visit.engine.event(found.event_uid, visit.actor)
    left = found.total - settled(view.counts)
    return visit.show(
        "campaign.html",
        title=_title(visit, found, event.summary),
        campaign=found,
        event=event,
        view=view,
        counts={name: count for name, count in view.counts.items() if count},
        finished=settled(view.counts),
        left=left,
        moving=found.state in MOVING,
        takes=_takes(visit, found, view.counts, left),
        token_of_list=confirm_token(found, event) if found.state is CampaignState.DRAFT else "",
        sample=sample,
    )


def _title(visit: Visit, found: Campaign, title: str) -> str:
    if found.kind == "invite":
        return visit.say("List for “{title}”", title=title)
    return visit.say("Change for “{title}”", title=title)


def _takes(visit: Visit, found: Campaign, counts: Mapping[str, int], left: int) -> str:
    """How long the rest takes: by what left while somebody looked, else since its start, else by the rate set."""
    now, began = visit.engine.clock(), found.resumed or found.started
    rate = 0.0
    if found.state is CampaignState.RUNNING and began:
        pace = _pace(visit.engine, found.id, began)
        pace.see(now.timestamp(), counts)
        rate = pace.rate or 0.0
        if not (rate or found.resumed) and now - began > _SOON:
            rate = sent(counts) / (now - began).total_seconds()
    rate = rate or min((r for r in (found.rate, visit.engine.settings.send_rate) if r), default=0.0)
    return clock_time(left / rate) if rate else ""


def _pace(engine: Engine, campaign_id: str, began: datetime) -> Throughput:
    """How fast a list goes since it began or went on again, as those who look at its page see it."""
    kept = _PACES.setdefault(engine, {})
    if len(kept) >= _PACES_KEPT and (campaign_id, began) not in kept:
        kept.pop(next(iter(kept)))
    return kept.setdefault((campaign_id, began), Throughput())


async def sample(visit: Visit) -> Response:
    """GET /console/lists/{id}/sample?row=: the mail to that row, or why it gets none."""
    given = visit.asked("row")
    row = int(given) if given.isascii() and given.isdigit() and len(given) < 9 else 0
    done = await visit.apply(SampleRow(campaign_id=visit.path("id"), row=row))
    view = await visit.engine.campaign(visit.path("id"), visit.actor, skipped=_SKIPPED_SHOWN)
    return await _shown(visit, view, {"row": row, "recipient": done.recipient, "mail": done.mail})


async def schedule(visit: Visit) -> Response:
    """POST /console/lists/{id}/schedule: when a draft begins, and how fast it goes."""
    found = await visit.engine.campaign_alone(visit.path("id"), visit.actor)
    event = await visit.engine.event(found.event_uid, visit.actor)
    command = ScheduleCampaign(campaign_id=found.id, at=_at(visit, event), rate=_rate(visit))
    done = await visit.apply(command)
    return visit.go(f"{_HUB}/{done.campaign.id}", "scheduled")


async def control(visit: Visit) -> Response:
    """POST: start by the word Yes, pause, resume, cancel."""
    campaign_id = visit.path("id")
    try:
        action = CampaignAction(visit.given("do"))
    except ValueError:
        raise Refused(Code.INVALID_ARGUMENT, "The form does nothing.", "Press one of its buttons.") from None
    if action is CampaignAction.START and visit.given("yes").lower() != "yes":
        raise Refused(
            Code.INVALID_ARGUMENT, "Nothing was sent: the word Yes is missing.", "Go back and type Yes."
        )
    command = ControlCampaign(
        campaign_id=campaign_id, action=action, confirm_token=visit.given("token_of_list")
    )
    done: CampaignDone = await visit.apply(command)
    return visit.go(f"{_HUB}/{done.campaign.id}", _WORDS[action], done.undo)


_WORDS = {
    CampaignAction.START: "started",
    CampaignAction.PAUSE: "paused",
    CampaignAction.RESUME: "resumed",
    CampaignAction.CANCEL: "withdrawn",
}

SCREENS = (
    Screen("GET", _HUB, show, of_one=True),
    Screen("GET", f"{_EVENT}/list", begin, Verb.BULK),
    Screen("POST", f"{_EVENT}/list", draft, Verb.BULK, uploads=True),
    Screen("GET", f"{_HUB}/{{id:str}}", campaign),
    Screen("GET", f"{_HUB}/{{id:str}}/sample", sample),
    Screen("POST", f"{_HUB}/{{id:str}}/schedule", schedule, Verb.BULK),
    Screen("POST", f"{_HUB}/{{id:str}}/control", control, Verb.BULK),
)
