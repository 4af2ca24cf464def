"""One event at a glance: its counters, a form for one invite, its report, its attendees, and one person's history."""

from __future__ import annotations

from typing import Any

from starlette.responses import Response

from cis_mcp.console import gathering
from cis_mcp.console.guard import Screen, Visit
from cis_mcp.console.reading import found_at
from cis_mcp.console.sealing import Purpose
from cis_mcp.views.events import counters, places_free
from engine.commands.campaigns.reports import SendReport
from engine.commands.invites.addresses import ShowAddresses
from engine.commands.invites.invites import SendInvite
from engine.mail.locale.language import noop
from engine.model.events import Event
from engine.model.people import Origin, Partstat
from engine.model.queries import AttendeeQuery
from engine.model.verbs import Verb
from engine.refusals import Code, Refused

_EVENT = "/console/events/{uid:str}"
_FEW, _SHOWN = 10, 50
_LOOKED_AT = 200
"""Campaigns of an organizer among which those of an event are looked for."""
ANSWERS = (
    ("accepted", noop("Yes")),
    ("declined", noop("No")),
    ("tentative", noop("Maybe")),
    ("delegated", noop("Delegated")),
    ("noaction", noop("No answer yet")),
)


async def show(visit: Visit) -> Response:
    """GET /console/events/{uid}."""
    event, counted = await visit.engine.event_with_statistics(visit.path("uid"), visit.actor)
    page = await visit.engine.attendees(AttendeeQuery(uid=event.uid, limit=_FEW), visit.actor)
    over = event.cancelled or event.finished(visit.engine.clock())
    return visit.show(
        "event.html",
        title=event.summary,
        event=event,
        numbers=counters(counted),
        answers=ANSWERS,
        free=places_free(event, counted),
        over=over,
        people=[(visit.seal(one.email, Purpose.PERSON), one) for one in page.attendees],
        more=page.next_cursor is not None,
        **await _around(visit, event),
    )


async def _around(visit: Visit, event: Event) -> dict[str, Any]:
    """What belongs to an event: its lists and changes, its links, and the pages that show it; the newest of each."""
    engine, actor = visit.engine, visit.actor
    campaigns = await engine.newest_campaigns(actor, _LOOKED_AT, organizer=event.organizer)
    links = [link for link in await engine.links(actor, organizer=event.organizer) if event.uid in link.uids]
    pages = (await engine.pages(actor, organizer=event.organizer))[:_FEW]
    return {
        "campaigns": [one for one in campaigns if one.event_uid == event.uid][:_FEW],
        "links": [(link, await engine.link_counts(link)) for link in links[:_FEW]],
        "pages": [page for page in pages if await engine.on_page(page, event)],
    }


async def send(visit: Visit) -> Response:
    """POST: invite one person, and follow the outcome."""
    command = SendInvite(
        uid=visit.path("uid"),
        email=visit.given("email"),
        name=visit.given("name"),
        note=visit.given("note"),
        origin=Origin.SINGLESEND,
    )
    done = await visit.apply(command)
    person = visit.seal(done.attendee.email, Purpose.PERSON)
    path = f"/console/events/{done.attendee.event_uid}/people/{person}"
    return visit.go(path, "already" if done.already else "invited", done.undo)


async def report(visit: Visit) -> Response:
    """POST: mail the organizer the report."""
    done = await visit.apply(SendReport(uid=visit.path("uid")))
    return visit.go(f"/console/events/{done.event.id}", "report")


def on_screen(visit: Visit) -> None:
    """Refuse to show addresses where the installation leaves reports to the mail. Raises Refused: NOT_ALLOWED."""
    if not visit.engine.settings.report_on_screen:
        why = "This installation shows no addresses on the screen: CIS_REPORT_ON_SCREEN is off."
        raise Refused(Code.NOT_ALLOWED, why, "Have the report mailed to you.")


async def find(visit: Visit) -> Response:
    """POST: look for people by a whole address, a domain or a name; the words go on sealed.

    Beginnings of addresses would tell, one letter after another, what is masked. Raises Refused: INVALID_ARGUMENT.
    """
    return found_at(visit, f"/console/events/{visit.path('uid')}/people", status=visit.given("status"))


async def people(visit: Visit) -> Response:
    """GET, and POST with addresses in full: who is invited. Looking at addresses is a row in the record."""
    full = visit.request.method == "POST"
    if full:
        on_screen(visit)
        await visit.apply(ShowAddresses(uid=visit.path("uid")))
    event = await visit.engine.event(visit.path("uid"), visit.actor)
    given = visit.given if full else visit.asked
    status = next((p for p in Partstat if p.label == given("status")), None)
    words = visit.unseal(given("q"), Purpose.WORDS)
    query = AttendeeQuery(
        uid=event.uid, status=status, words=words, limit=_SHOWN, cursor=given("cursor") or None
    )
    found, following = await gathering.people(visit, query, ANSWERS)
    return visit.show(
        "people.html",
        title=visit.say("Invited to “{title}”", title=event.summary),
        event=event,
        people=[(visit.seal(one.email, Purpose.PERSON), one) for one in found],
        full=full,
        chosen=status.label if status else "",
        words=words,
        kept={"status": status.label if status else "", "q": given("q")},
        on_screen=visit.engine.settings.report_on_screen,
        cursor=given("cursor"),
        next_cursor=following,
        answers=ANSWERS,
    )


async def person(visit: Visit) -> Response:
    """GET: everything that was sent to one person, and came back."""
    event = await visit.engine.event(visit.path("uid"), visit.actor)
    address = visit.unseal(visit.path("person"), Purpose.PERSON)
    found = await visit.engine.explain(event.uid, address, visit.actor)
    moving = any(one.message.state.pending for one in found.history)
    return visit.show(
        "person.html",
        title=visit.say("One person"),
        event=event,
        found=found,
        moving=moving,
        answers=dict(ANSWERS),
    )


SCREENS = (
    Screen("GET", _EVENT, show),
    Screen("POST", f"{_EVENT}/send", send, Verb.SEND),
    Screen("POST", f"{_EVENT}/report", report, Verb.REPORT),
    Screen("GET", f"{_EVENT}/people", people),
    Screen("POST", f"{_EVENT}/people", people, Verb.REPORT),
    Screen("POST", f"{_EVENT}/people/find", find, asks=True),
    Screen("GET", f"{_EVENT}/people/{{person:str}}", person),
)
