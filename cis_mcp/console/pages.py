"""The builder of public pages: schedule, upcoming, single events; a preview that follows the form; what to copy."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from starlette.responses import Response

from cis_mcp.console import once
from cis_mcp.console.guard import Screen, Visit
from cis_mcp.console.qr import code_of
from cis_mcp.pages.schedule import previewed
from cis_mcp.pages.web import PRIVATE, CompressedBody, answer
from cis_mcp.views import pages as views
from engine.commands.pages import texts
from engine.commands.pages.pages import CreatePage, UpdatePage
from engine.commands.pages.publishing import PublishEvents, slug_of_all
from engine.mail.locale.language import noop, noop_term
from engine.model.events import Event
from engine.model.pages import SHOWN, EventSelection, Grouping, Layout, Page, PageKind, Show
from engine.model.verbs import Verb
from engine.refusals import Code, Refused

_HUB = "/console/pages"
_OWN = f"{_HUB}/-"
"""Below it is what belongs to no page; none can be called so."""
_SHOWN = 50
_EVENTS_SHOWN = 25
_FRAMED = "frame-ancestors 'none'", "frame-ancestors 'self'"
KINDS = {
    PageKind.SCHEDULE: noop("Schedule: to choose from many"),
    PageKind.UPCOMING: noop("Upcoming: what comes next, in its order"),
    PageKind.EVENTS: noop("No list: each event has an address that nobody can guess"),
}
_KINDS = (
    noop_term("kind of page", "schedule"),
    noop_term("kind of page", "upcoming"),
    noop_term("kind of page", "events"),
)
_LAYOUTS = (
    noop_term("layout of a page", "list"),
    noop_term("layout of a page", "compact"),
    noop_term("layout of a page", "cards"),
    noop_term("layout of a page", "agenda"),
)
_GROUPINGS = (
    noop_term("events grouped by", "day"),
    noop_term("events grouped by", "week"),
    noop_term("events grouped by", "month"),
)
SHOWS = {
    Show.DESCRIPTION: noop("Text of each event"),
    Show.PLACE: noop("Place"),
    Show.PAST: noop("What is over"),
    Show.CANCELLED: noop("What is cancelled"),
    Show.SEARCH: noop("Choices of team, place and month"),
    Show.PROMPT: noop("A field for searching in words"),
    Show.LOGO: noop("The logo"),
    Show.BANNER: noop("The banner"),
    Show.BACKGROUND: noop("The background"),
    Show.ZONE: noop("The time zone"),
    Show.FEED: noop("A calendar to subscribe to"),
    Show.EMBED: noop("Other sites may show it in a frame"),
}


async def show(visit: Visit) -> Response:
    """GET /console/pages: the visitor's pages, newest first."""
    shown = visit.rows(_SHOWN)
    found = await visit.engine.pages(visit.actor)
    infos = [views.page_info(visit.engine.settings, page) for page in found[:shown]]
    all_of = slug_of_all(visit.chosen or visit.actor.address)
    return visit.show(
        "pages.html",
        title=visit.say("Pages"),
        pages=infos,
        more=max(0, len(found) - shown),
        publishes=any(page.slug == all_of and page.published for page in found),
    )


async def new(visit: Visit) -> Response:
    """GET /console/pages/-/new?event=: the form of a new page, of one event if that is named."""
    event = visit.asked("event")
    chosen = (await visit.engine.event(event, visit.actor)) if event else None
    brand = await visit.engine.branding_of(chosen.organizer if chosen else visit.actor.address)
    values = {
        "title": chosen.summary[: texts.TITLE_MAX] if chosen else "",
        "events": chosen.id if chosen else "",
        "consent": brand.consent,
        "layout": (brand.layout or Layout.LIST).value,
    }
    return _builder(visit, visit.say("New page"), None, values, SHOWN, [])


def _builder(
    visit: Visit,
    title: str,
    page: Page | None,
    values: dict[str, Any],
    shows: frozenset[Show],
    events: Sequence[Event],
) -> Response:
    info = views.page_info(visit.engine.settings, page) if page else None
    made = visit.show(
        "page_form.html",
        title=title,
        page=info,
        values={
            **dict.fromkeys(("title", "intro", "closing", "month", "query", "events", "consent"), ""),
            **{"colour": "#1558b0", "layout": "list", "by": "day", "hours": 24, "kind": "schedule"},
            **values,
        },
        shows=[(one.value, label, one in shows) for one, label in SHOWS.items()],
        kinds=[(kind.value, label) for kind, label in KINDS.items()],
        layouts=[one.value for one in Layout],
        groupings=[one.value for one in Grouping],
        events=[(event, views.event_url(visit.engine.settings, page, event)) for event in events]
        if page
        else [],
        frame=_frame(info.addresses["embed"], visit.say("Events"))
        if info and "embed" in info.addresses
        else "",
    )
    made.headers["Content-Security-Policy"] += "; frame-src 'self'"
    return made


def _frame(address: str, title: str) -> str:
    return f'<iframe src="{address}" title="{title}" width="100%" height="800"></iframe>'


async def page(visit: Visit) -> Response:
    """GET /console/pages/{slug}: the builder of a page that is there, and what to copy."""
    found = await visit.engine.page(visit.path("slug"), visit.actor)
    events = await visit.engine.page_events(found)
    values = {
        **{
            name: getattr(found, name) for name in ("title", "intro", "closing", "consent", "colour", "hours")
        },
        "month": found.selection.month,
        "query": found.selection.query,
        "events": "\n".join(found.selection.uids),
        "layout": found.layout.value,
        "by": found.by.value,
        "kind": found.kind.value,
    }
    return _builder(visit, found.title, found, values, found.shows, events[:_EVENTS_SHOWN])


def _fields(visit: Visit) -> dict[str, Any]:
    """What the form says of a page. Raises ValidationError."""
    given = {name: visit.given(name) for name in ("title", "intro", "closing", "month", "query", "consent")}
    shown = frozenset(one for one in Show if visit.given(f"show-{one}"))
    hours = visit.given("hours")
    return {
        **given,
        "events": tuple(visit.given("events").split()),
        "colour": visit.given("colour").lower(),
        "layout": visit.given("layout"),
        "by": visit.given("by"),
        "hours": int(hours) if hours in {"12", "24"} else 0,
        "show": shown,
        "hide": frozenset(Show) - shown,
    }


def _kind(visit: Visit) -> PageKind:
    try:
        return PageKind(visit.given("kind") or PageKind.SCHEDULE)
    except ValueError:
        raise Refused(Code.INVALID_ARGUMENT, "There is no such page.", "Choose what it is.") from None


async def make(visit: Visit) -> Response:
    """POST /console/pages: it is on the web at once."""
    organizer, slug = visit.given("organizer"), visit.given("slug")
    command = CreatePage(kind=_kind(visit), slug=slug or None, organizer=organizer or None, **_fields(visit))
    return await once.made(visit, command, lambda done: f"{_HUB}/{done.page.slug}", "online")


async def publish(visit: Visit) -> Response:
    """POST /console/pages/-/publishing: every event has a page, or only what was made one by one."""
    organizer = visit.given("organizer") or visit.chosen
    done = await visit.apply(PublishEvents(on=visit.given("do") == "on", organizer=organizer or None))
    return visit.go(_HUB, "published" if done.on else "unpublished")


async def save(visit: Visit) -> Response:
    """POST /console/pages/{slug}: what the form says, or on and off the web."""
    slug = visit.path("slug")
    match visit.given("do"):
        case "on" | "off":
            command = UpdatePage(slug=slug, published=visit.given("do") == "on")
        case "save":
            command = UpdatePage(slug=slug, **_fields(visit))
        case _:
            raise Refused(Code.INVALID_ARGUMENT, "The form does nothing.", "Press one of its buttons.")
    done = await visit.apply(command)
    return visit.go(f"{_HUB}/{done.page.slug}", "online" if done.page.published else "offline")


async def preview(visit: Visit) -> Response:
    """POST /console/pages/-/preview: the page that the form describes, for a frame beside it; nothing is kept."""
    fields = CreatePage(**_fields(visit))
    kept = fields.fields()
    selection = EventSelection(
        month=texts.month(fields.month or ""), query=fields.query or "", uids=await _uids(visit, fields)
    )
    drafted = Page(
        **{**kept, "title": kept["title"]},
        slug="preview",
        kind=PageKind.UPCOMING if visit.given("kind") == PageKind.UPCOMING else PageKind.SCHEDULE,
        organizer=await _organizer(visit),
        selection=selection,
        shows=fields.show,
        created=visit.engine.clock(),
        changed=visit.engine.clock(),
    )
    made = answer(
        visit.request,
        CompressedBody.of(await previewed(visit.engine, drafted), once=True),
        cache_control=PRIVATE,
    )
    made.headers["Content-Security-Policy"] = made.headers["Content-Security-Policy"].replace(*_FRAMED)
    return made


async def _uids(visit: Visit, fields: CreatePage) -> tuple[str, ...]:
    named = (fields.events or ())[: texts.EVENTS_NAMED_MAX]
    return tuple([(await visit.engine.event(name, visit.actor)).uid for name in named])


async def _organizer(visit: Visit) -> str:
    """Whose page it is, or would be. Raises Refused: NOT_ALLOWED, UNKNOWN_PAGE."""
    if visit.given("slug-kept"):
        return (await visit.engine.page(visit.given("slug-kept"), visit.actor)).organizer
    organizer = visit.given("organizer").lower() or visit.actor.address
    if not visit.actor.owns(organizer):
        raise Refused(Code.NOT_ALLOWED, "Those are another organizer's events.")
    return organizer


async def qr(visit: Visit) -> Response:
    """GET /console/pages/{slug}/qr.svg and .png: its address as a code."""
    found = await visit.engine.page(visit.path("slug"), visit.actor)
    address = views.url(visit.engine.settings, found)
    if not address:
        raise Refused(Code.INVALID_ARGUMENT, "A page without a list has no address of its own.")
    return code_of(address, visit.path("ending"), found.slug)


async def event_qr(visit: Visit) -> Response:
    """GET /console/pages/{slug}/events/{uid}/qr.svg and .png: the address of an event's own page as a code."""
    found = await visit.engine.page(visit.path("slug"), visit.actor)
    event = await visit.engine.event(visit.path("uid"), visit.actor)
    if not await visit.engine.on_page(found, event):
        raise Refused(Code.UNKNOWN_EVENT, "That event is not on this page.")
    return code_of(views.event_url(visit.engine.settings, found, event), visit.path("ending"), event.id)


SCREENS = (
    Screen("GET", _HUB, show, of_one=True),
    Screen("POST", _HUB, make, Verb.PUBLISH),
    Screen("GET", f"{_OWN}/new", new, Verb.PUBLISH),
    Screen("POST", f"{_OWN}/publishing", publish, Verb.PUBLISH),
    Screen("POST", f"{_OWN}/preview", preview, asks=True),
    Screen("GET", f"{_HUB}/{{slug:str}}", page),
    Screen("POST", f"{_HUB}/{{slug:str}}", save, Verb.PUBLISH),
    Screen("GET", f"{_HUB}/{{slug:str}}/qr.{{ending:str}}", qr),
    Screen("GET", f"{_HUB}/{{slug:str}}/events/{{uid:str}}/qr.{{ending:str}}", event_qr),
)
