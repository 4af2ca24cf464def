"""What a visitor's Send does: the command, the answer, and the page behind the button of the mail that asks."""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import urlencode

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from cis_mcp.pages.links import Handler
from cis_mcp.pages.showing import Showroom
from cis_mcp.pages.ways import Ways, message, not_found, ways
from cis_mcp.views import links as link_views
from cis_mcp.views import pages as views
from engine.commands.pages.sending import ConfirmPageRequest, SendFromPage
from engine.commands.pages.visitors import PageOutcome, PageSendDone
from engine.commands.pages.wording import LISTED, line
from engine.engine import Engine
from engine.model.actors import Actor
from engine.model.events import Event
from engine.model.pages import Page, PageRequest, Show
from engine.refusals import Refused

_VISITOR = Actor(kind="attendee", address="")


async def send(
    room: Showroom,
    page: Page,
    uids: tuple[str, ...],
    form: Mapping[str, str],
    *,
    client: str,
    single: bool = False,
) -> PageSendDone:
    """Send what was chosen; `client` is who asks, an address. Raises Refused: as SendFromPage, and TOO_MANY."""
    room.hourly.count(page.slug, client)
    command = SendFromPage(
        slug=page.slug,
        uids=uids,
        email=form.get("email", ""),
        by_person=form.get("h") == "1",
        single=single,
        consent=form.get("consent") == "yes",
    )
    return await room.engine.apply(command, _VISITOR)


def result_path(done: PageSendDone, path: str, *, embedded: bool = False) -> str:
    """The address of the page that says what happened; loading it again sends nothing."""
    values = {"n": done.count, **({"x": done.failed} if done.failed else {}), "to": path}
    frame = "/embed" if embedded else ""
    return f"{frame}/sent/{done.outcome.value}?{urlencode(values)}"


def sent_page(room: Showroom, *, embedded: bool = False) -> Handler:
    """GET /sent/{outcome} says what a Send came to."""

    async def show(request: Request) -> Response:
        outcome = request.path_params["outcome"]
        if outcome not in set(PageOutcome):
            return not_found(request)
        count, failed = (_number(request.query_params.get(name, "")) for name in ("n", "x"))
        way, framed = await _back(room, request.query_params.get("to", ""), embedded=embedded)
        if outcome == PageOutcome.ASKED:
            return message(request, "Look into your mail", *_asked(count), links=way, framed=framed)
        return message(request, _sent_title(count, failed), *_sent(count, failed), links=way, framed=framed)

    return show


def _number(text: str) -> int:
    return int(text) if text.isascii() and text.isdigit() and len(text) <= 4 else 0


def _asked(count: int) -> tuple[str, ...]:
    what = "the invite" if count == 1 else f"the {count} invites" if count else "the invites"
    return (
        f"One mail is on its way to you. Press its button, and {what} follow.".replace(
            "the invite follow", "the invite follows"
        ),
        "We ask first so that no one can flood your mailbox.",
    )


def _sent_title(count: int, failed: int) -> str:
    return "Nothing was sent" if count == failed else "On its way"


def _sent(count: int, failed: int) -> tuple[str, ...]:
    if count == failed:
        return ("Nothing could be sent: what you chose is taken or over by now.", "Choose again on the page.")
    what = "Your invite is" if count - failed == 1 else f"Your {count - failed} invites are"
    left = f"{failed} could not be sent from this page; ask the organizer." if failed else ""
    return (
        f"{what} on the way to your mailbox. Look among junk mail if nothing comes within a few minutes.",
        "Answer Yes, No or Maybe in your calendar. What you had already is not sent twice.",
        left,
    )


async def _back(room: Showroom, path: str, *, embedded: bool) -> tuple[Ways, bool]:
    """The way back to a page of ours, by its path; nothing else is ever linked."""
    kind, _, slug = path.strip("/").partition("/")
    if kind == "e" and (found := await room.showing(slug)):
        page, title, way = found[0].page, found[1].title, f"/e/{slug}"
    elif kind in {"s", "u"} and (listed := await room.engine.published(slug)):
        page, title, way = listed, listed.title, views.path(listed)
    else:
        return (), False
    framed = embedded and Show.EMBED in page.shows
    return [(title, ("/embed" if framed else "") + way)], framed


def confirm_page(room: Showroom) -> Handler:
    """GET /confirm/send/{code} lists what waits; POST sends it."""

    async def show(request: Request) -> Response:
        code = request.path_params["code"]
        found = await room.engine.page_request(code)
        if found is None:
            return not_found(request)
        if request.method == "POST":
            try:
                await _confirmed(room.engine, code)
            except Refused as refused:
                return message(request, "Nothing was sent", refused.message, refused.hint, status=409)
            return RedirectResponse(request.url.path, 303)
        return await _waiting(room, request, found)

    return show


async def _confirmed(engine: Engine, code: str) -> None:
    """Send all of a request, some at a time; what is left after a crash goes out when the button is pressed again."""
    before = -1
    while True:
        done = await engine.apply(ConfirmPageRequest(code=code), _VISITOR)
        if done.request.used or done.limited or done.request.cursor == before:
            return
        before = done.request.cursor


async def _waiting(room: Showroom, request: Request, found: PageRequest) -> Response:
    asked = await _where_asked(room, found)
    if asked is None:
        return not_found(request)
    place, way = asked
    if found.used:
        title = _sent_title(found.cursor, found.cursor - found.sent)
        return message(request, title, *_sent(found.cursor, found.cursor - found.sent), links=way)
    if found.expires <= room.engine.clock():
        return message(request, "This link has expired", "Choose again on the page.", links=way)
    events = await _listed(room.engine, found)
    left = len(found.uids) - found.cursor
    partly = _partly(found) if found.cursor else ""
    return message(
        request,
        f"Send {left} invites?" if left > 1 else "Send this invite?",
        f"To {found.email}, as asked for {place}.",
        partly,
        games=[line(event) for event in events],
        more=max(0, left - len(events)),
        button=f"Send me these {left} invites" if left > 1 else "Send me this invite",
        links=way,
    )


def _partly(found: PageRequest) -> str:
    """What is said of a request of which the rest was cut short: by a crash, or by what a person gets in a day."""
    done = f"{found.cursor} of {len(found.uids)} are sent."
    return f"{done} Press for the rest. If it does not follow, you had what a person gets in a day: try tomorrow."


async def _where_asked(room: Showroom, found: PageRequest) -> tuple[str, Ways] | None:
    """Where a request was made, in words, and the way back there; None once that is gone."""
    if found.link:
        link = await room.engine.asked_by_link(found.link)
        return ("by a link in a newsletter", [("Back to the event", link_views.path(link))]) if link else None
    page = await room.engine.published(found.slug)
    return (f"on “{page.title}”", ways([page])) if page else None


async def _listed(engine: Engine, found: PageRequest) -> list[Event]:
    owner = Actor(kind="organizer", address=found.organizer)
    uids = found.uids[found.cursor : found.cursor + LISTED]
    return [await engine.event(uid, owner) for uid in uids]


def routes(room: Showroom) -> list[Route]:
    """What was sent, and what waits for its owner."""
    return [
        Route("/sent/{outcome:str}", sent_page(room), methods=["GET"]),
        Route("/embed/sent/{outcome:str}", sent_page(room, embedded=True), methods=["GET"]),
        Route("/confirm/send/{code:str}", confirm_page(room), methods=["GET", "POST"]),
    ]
