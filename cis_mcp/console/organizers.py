"""Organizers: of whoever owns a domain the one whose pages are shown; of the operator what is settled for each."""

from __future__ import annotations

from starlette.responses import Response

from cis_mcp.auth.sessions import secret_in
from cis_mcp.console.guard import Screen, Visit, inside
from cis_mcp.console.reading import sought
from engine.commands.invites.addresses import AddressList
from engine.commands.signing_in import ChooseOrganizer, digest
from engine.model.verbs import Verb

_HUB = "/console/organizers"
_SHOWN = 50


async def show(visit: Visit) -> Response:
    """GET, and POST with addresses in full, which is a row in the record."""
    full = await visit.shows(AddressList.ORGANIZERS)
    given = visit.given if full else visit.asked
    words, after = given("q"), given("after")
    found = await visit.engine.organizers(
        visit.actor, limit=_SHOWN + 1, after=visit.unseal(after), **sought(words)
    )
    return visit.show(
        "organizers.html",
        title=f"Organizers at {visit.actor.domain}" if visit.actor.domain else "Organizers",
        organizers=found[:_SHOWN],
        q=words,
        to=inside(given("to")),
        after=after,
        more=visit.seal(found[_SHOWN - 1].address) if len(found) > _SHOWN else "",
        full=full,
    )


async def choose(visit: Visit) -> Response:
    """POST: see the pages of one organizer of the domain from now on, or of none."""
    secret = secret_in(visit.engine.settings, visit.request.headers)
    organizer = visit.unseal(visit.given("organizer"))
    await visit.apply(ChooseOrganizer(digest=digest(secret), organizer=organizer))
    return visit.go(inside(visit.given("to")), "chosen" if organizer else "")


SCREENS = (
    Screen("GET", _HUB, show),
    Screen("POST", _HUB, show, Verb.REPORT),
    Screen("POST", f"{_HUB}/choose", choose),
)
