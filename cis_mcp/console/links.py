"""The builder of links for newsletters: events, mail service, button; the code to copy, and what became of it."""

from __future__ import annotations

from collections.abc import Sequence

from starlette.responses import Response

from cis_mcp.console import once
from cis_mcp.console.guard import Screen, Visit
from cis_mcp.console.qr import code_of
from cis_mcp.console.reading import number
from cis_mcp.views import links as views
from cis_mcp.views.links import LinkChange, LinkFields
from cis_mcp.views.vendors import vendors
from engine.model.campaign_links import BUDGET, BUTTON
from engine.model.events import Event
from engine.model.queries import EventQuery
from engine.model.verbs import Verb
from engine.refusals import Code, Refused

_HUB = "/console/links"
_SHOWN = 50
_OFFERED = 25
_TICK = "event-"


async def show(visit: Visit) -> Response:
    """GET /console/links: the visitor's links, newest first."""
    shown = visit.rows(_SHOWN)
    found = await visit.engine.links(visit.actor)
    infos = [await views.link_info(visit.engine, link) for link in found[:shown]]
    return visit.show("links.html", title=visit.say("Links"), links=infos, more=max(0, len(found) - shown))


async def new(visit: Visit) -> Response:
    """GET /console/links/new?event=&q=: the form; events are ticked that were named, and offered that come next."""
    chosen = [await visit.engine.event(visit.asked("event"), visit.actor)] if visit.asked("event") else []
    return visit.show(
        "link_form.html",
        title=visit.say("New link"),
        chosen=chosen,
        offered=await _offered(visit, chosen),
        q=visit.asked("q"),
        event=visit.asked("event"),
        vendors=await vendors(visit.engine, organizer="" if visit.everywhere else visit.actor.address),
        button=BUTTON,
        budget=BUDGET,
    )


async def _offered(visit: Visit, chosen: Sequence[Event]) -> list[Event]:
    """What may be ticked besides: of the organizer of what is ticked already, by the words that are asked for."""
    words = visit.asked("q")
    query = EventQuery(
        query=words,
        limit=_OFFERED,
        organizer=chosen[0].organizer if chosen else None,
        after=None if words else visit.engine.clock(),
    )
    found = await visit.engine.search(query, visit.actor)
    return [event for event in found.events if event.uid not in {one.uid for one in chosen}]


async def make(visit: Visit) -> Response:
    """POST /console/links."""
    events = [name.removeprefix(_TICK) for name in visit.form if name.startswith(_TICK)]
    if not events:
        raise Refused(Code.INVALID_ARGUMENT, "No event is ticked.", "Go back, and tick at least one.")
    fields = LinkFields(
        name=visit.given("name"),
        events=events,
        vendor=visit.given("vendor"),
        button=visit.given("says") or BUTTON,
        landing=visit.given("landing"),
        budget=number(visit.given("budget"), BUDGET),
        signed=bool(visit.given("signed")),
    )
    command = await fields.command(visit.engine)
    return await once.made(visit, command, lambda done: f"{_HUB}/{done.link.id}", "made")


async def link(visit: Visit) -> Response:
    """GET /console/links/{id}?vendor=: its code to copy, for its own mail service or another."""
    found = await visit.engine.link(visit.path("id"), visit.actor)
    narrowed = bool(visit.caller and visit.caller.read_only)
    code = await views.code_to_copy(
        visit.engine, found, visit.actor, visit.asked("vendor"), narrowed=narrowed
    )
    return visit.show(
        "link.html",
        title=found.name,
        link=await views.link_info(visit.engine, found),
        events=await visit.engine.link_events(found),
        code=code,
        vendors=await vendors(visit.engine, organizer="" if visit.everywhere else visit.actor.address),
    )


async def change(visit: Visit) -> Response:
    """POST /console/links/{id}: other words or another landing; end it, or put it back."""
    match visit.given("do"):
        case "end":
            changed, said = LinkChange(active=False), "ended"
        case "back":
            changed, said = LinkChange(active=True), "restored"
        case "save":
            changed, said = _changed(visit), "saved"
        case _:
            raise Refused(Code.INVALID_ARGUMENT, "The form does nothing.", "Press one of its buttons.")
    done = await visit.apply(changed.command(visit.path("id")))
    return visit.go(f"{_HUB}/{done.link.id}", said)


def _changed(visit: Visit) -> LinkChange:
    return LinkChange(
        name=visit.given("name"),
        button=visit.given("says") or BUTTON,
        landing=visit.given("landing"),
        budget=number(visit.given("budget"), BUDGET),
    )


async def qr(visit: Visit) -> Response:
    """GET /console/links/{id}/qr.svg and .png: its address as a code for paper, without anybody's in it."""
    found = await visit.engine.link(visit.path("id"), visit.actor)
    return code_of(views.url(visit.engine.settings, found), visit.path("ending"), found.id)


SCREENS = (
    Screen("GET", _HUB, show, of_one=True),
    Screen("POST", _HUB, make, Verb.PUBLISH),
    Screen("GET", f"{_HUB}/new", new, Verb.PUBLISH),
    Screen("GET", f"{_HUB}/{{id:str}}", link),
    Screen("POST", f"{_HUB}/{{id:str}}", change, Verb.PUBLISH),
    Screen("GET", f"{_HUB}/{{id:str}}/qr.{{ending:str}}", qr),
)
