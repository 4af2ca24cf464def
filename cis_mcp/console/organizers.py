"""Organizers: of whoever owns a domain the one whose pages are shown; of the operator what is settled for each."""

from __future__ import annotations

from starlette.responses import Response

from cis_mcp.auth.sessions import secret_in
from cis_mcp.console.guard import NOBODY, Screen, Visit, inside
from cis_mcp.console.reading import found_at, sought
from cis_mcp.console.sealing import Purpose
from engine.commands.invites.addresses import AddressList
from engine.commands.operators.organizers import SettleOrganizer
from engine.commands.signing_in import ChooseOrganizer, digest
from engine.model.verbs import Verb
from engine.refusals import Code, Refused

_HUB = "/console/organizers"
_SHOWN = 50


async def show(visit: Visit) -> Response:
    """GET, and POST with addresses in full, which is a row in the record."""
    shown = visit.rows(_SHOWN)
    full = await visit.shows(AddressList.ORGANIZERS)
    given = visit.given if full else visit.asked
    words, after = visit.unseal(given("q"), Purpose.WORDS), given("after")
    found = await visit.engine.organizers(
        visit.actor, limit=shown + 1, after=visit.unseal(after, Purpose.AFTER), **sought(words)
    )
    return visit.show(
        "organizers.html",
        title=visit.say("Organizers at {domain}", domain=visit.actor.domain)
        if visit.actor.domain
        else visit.say("Organizers"),
        organizers=[(one, await _drafts(visit, one.address)) for one in found[:shown]],
        words=words,
        q=given("q"),
        to=inside(given("to")),
        after=after,
        more=visit.seal(found[shown - 1].address, Purpose.AFTER) if len(found) > shown else "",
        full=full,
    )


async def _drafts(visit: Visit, organizer: str) -> bool:
    """True if lists that the organizer mails wait as drafts; only the operator, who settles it, is shown it."""
    return visit.everywhere and (await visit.engine.profile(organizer, visit.actor)).drafts


async def find(visit: Visit) -> Response:
    """POST /console/organizers/find: look for organizers by a whole address or a domain."""
    return found_at(visit, _HUB, to=inside(visit.given("to")))


async def choose(visit: Visit) -> Response:
    """POST: see the pages of one organizer of the domain from now on, or of none."""
    secret = secret_in(visit.engine.settings, visit.request.headers)
    organizer = visit.unseal(visit.given("organizer"), Purpose.ORGANIZER)
    # Like signing out, it changes the session alone, and so is open to a key that only reads or was stopped.
    await visit.apply(ChooseOrganizer(digest=digest(secret), organizer=organizer), NOBODY)
    return visit.go(inside(visit.given("to")), "chosen" if organizer else "")


async def settle(visit: Visit) -> Response:
    """POST /console/organizers/settle: whether lists that an organizer mails to bulk@ wait as drafts; suspend it."""
    organizer = visit.unseal(visit.given("organizer"), Purpose.ORGANIZER)
    match visit.given("do"):
        case "drafts" | "no-drafts":
            await visit.apply(SettleOrganizer(address=organizer, drafts=visit.given("do") == "drafts"))
        case _:
            raise Refused(Code.INVALID_ARGUMENT, "The form does nothing.", "Press one of its buttons.")
    return visit.go(_HUB, "switched")


SCREENS = (
    Screen("GET", _HUB, show),
    Screen("POST", _HUB, show, Verb.REPORT),
    Screen("POST", f"{_HUB}/find", find, asks=True),
    Screen("POST", f"{_HUB}/choose", choose, asks=True),
    Screen("POST", f"{_HUB}/settle", settle, Verb.ADMIN),
)
