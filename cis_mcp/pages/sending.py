"""What a visitor's Send does: the command, the answer, and the page behind the button of the mail that asks."""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import urlencode

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from cis_mcp.pages.forms import address_in
from cis_mcp.pages.links import Handler
from cis_mcp.pages.problems import problem
from cis_mcp.pages.showing import PublishedPages
from cis_mcp.pages.speaking import Speech, speech
from cis_mcp.pages.ways import Ways, message, not_found, ways
from cis_mcp.views import links as link_views
from cis_mcp.views import pages as views
from engine.commands.pages.sending import ConfirmPageRequest, SendFromPage
from engine.commands.pages.visitors import PageOutcome, PageSendDone
from engine.commands.pages.wording import LISTED, line
from engine.engine import Engine
from engine.mail.locale.language import Language
from engine.model.actors import Actor
from engine.model.events import Event
from engine.model.pages import Page, PageRequest, Show
from engine.refusals import Refused

_VISITOR = Actor(kind="attendee", address="")


async def send(
    room: PublishedPages,
    page: Page,
    uids: tuple[str, ...],
    form: Mapping[str, str],
    *,
    client: str,
    spoken: Speech,
    single: bool = False,
) -> PageSendDone:
    """Send what was chosen; `client` is who asks, an address. Raises Refused: as SendFromPage, and TOO_MANY."""
    with room.hourly.counting(page.slug, client, address_in(form)) as busy:
        command = SendFromPage(
            slug=page.slug,
            uids=uids,
            email=form.get("email", ""),
            by_person=form.get("h") == "1" and not busy,
            single=single,
            consent=form.get("consent") == "yes",
            language=spoken.language.tag,
        )
        return await room.engine.apply(command, _VISITOR)


def result_path(done: PageSendDone, path: str, spoken: Speech, *, embedded: bool = False) -> str:
    """The address of the page that says what happened; loading it again sends nothing."""
    values = {"n": done.count, **({"x": done.failed} if done.failed else {}), "to": path}
    frame = "/embed" if embedded else ""
    return spoken.here(f"{frame}/sent/{done.outcome.value}?{urlencode(values)}")


def sent_page(room: PublishedPages, *, embedded: bool = False) -> Handler:
    """GET /sent/{outcome} shows the outcome of a Send."""

    async def show(request: Request) -> Response:
        outcome = request.path_params["outcome"]
        if outcome not in set(PageOutcome):
            return not_found(request)
        count, failed = (_number(request.query_params.get(name, "")) for name in ("n", "x"))
        page, title, path = await _back(room, request.query_params.get("to", ""))
        spoken = speech(request, await room.engine.organizer_language(page.organizer) if page else "")
        framed = bool(page and embedded and Show.EMBED in page.shows)
        way = [(title, spoken.here(("/embed" if framed else "") + path))] if page else ()
        if outcome == PageOutcome.ASKED:
            title, texts = spoken.language.say("Check your mail"), _asked(count, spoken.language)
        else:
            title, texts = _sent_title(count, failed, spoken.language), _sent(count, failed, spoken.language)
        return message(request, spoken, title, *texts, links=way, framed=framed)

    return show


def _number(text: str) -> int:
    return int(text) if text.isascii() and text.isdigit() and len(text) <= 4 else 0


def _asked(count: int, language: Language) -> tuple[str, ...]:
    if count:
        first = language.some(
            "One mail is on its way to you. Press its button, and the invite follows.",
            "One mail is on its way to you. Press its button, and the {n} invites follow.",
            count,
        )
    else:
        first = language.say("One mail is on its way to you. Press its button, and the invites follow.")
    return first, language.say("We ask first so that no one can flood your mailbox.")


def _sent_title(count: int, failed: int, language: Language) -> str:
    return language.say("Nothing was sent") if count == failed else language.say("On its way")


def _sent(count: int, failed: int, language: Language) -> tuple[str, ...]:
    if count == failed:
        nothing = language.say("Nothing could be sent: what you chose is taken or over by now.")
        return nothing, language.say("Choose again on the page.")
    left = language.some(
        "{n} could not be sent from this page; ask the organizer.",
        "{n} could not be sent from this page; ask the organizer.",
        failed,
    )
    return (
        language.some(
            "Your invite is on the way to your mailbox. Check your junk mail if nothing arrives within a few minutes.",
            "Your {n} invites are on the way to your mailbox. Check your junk mail if nothing arrives within a few "
            "minutes.",
            count - failed,
        ),
        language.say(
            "Answer Yes, No or Maybe in your calendar. Invites that you already have are not sent again."
        ),
        left if failed else "",
    )


async def _back(room: PublishedPages, path: str) -> tuple[Page | None, str, str]:
    """The way back to a page of ours, by its path, with its title; nothing else is ever linked."""
    kind, _, slug = path.strip("/").partition("/")
    if kind == "e" and (found := await room.showing(slug)):
        return found[0].page, found[1].title, f"/e/{slug}"
    if kind in {"s", "u"} and (listed := await room.engine.published(slug)):
        return listed, listed.title, views.path(listed)
    return None, "", ""


def confirm_page(room: PublishedPages) -> Handler:
    """GET /confirm/send/{code} lists what waits; POST sends it."""

    async def show(request: Request) -> Response:
        code = request.path_params["code"]
        found = await room.engine.page_request(code)
        if found is None:
            return not_found(request)
        spoken = speech(request, await room.engine.organizer_language(found.organizer))
        if request.method == "POST":
            try:
                await _confirmed(room.engine, code)
            except Refused as refused:
                title = spoken.language.say("Nothing was sent")
                return message(request, spoken, title, problem(refused, spoken.language), status=409)
            return RedirectResponse(spoken.here(request.url.path), 303)
        return await _waiting(room, request, found, spoken)

    return show


async def _confirmed(engine: Engine, code: str) -> None:
    """Send all of a request, some at a time; what is left after a crash goes out when the button is pressed again."""
    before = -1
    while True:
        done = await engine.apply(ConfirmPageRequest(code=code), _VISITOR)
        if done.request.used or done.limited or done.request.cursor == before:
            return
        before = done.request.cursor


async def _waiting(room: PublishedPages, request: Request, found: PageRequest, spoken: Speech) -> Response:
    language = spoken.language
    asked = await _where_asked(room, found, spoken)
    if asked is None:
        return not_found(request)
    to_whom, way = asked
    if found.used:
        count, failed = found.cursor, found.cursor - found.sent
        title, texts = _sent_title(count, failed, language), _sent(count, failed, language)
        return message(request, spoken, title, *texts, links=way)
    if found.expires <= room.engine.clock():
        title = language.say("This link has expired")
        return message(request, spoken, title, language.say("Choose again on the page."), links=way)
    events = await _listed(room.engine, found)
    left = len(found.uids) - found.cursor
    return message(
        request,
        spoken,
        language.some("Send this invite?", "Send {n} invites?", left),
        to_whom,
        _partly(found, language) if found.cursor else "",
        games=[line(event, language) for event in events],
        more=max(0, left - len(events)),
        button=language.some("Send me this invite", "Send me these {n} invites", left),
        links=way,
    )


def _partly(found: PageRequest, language: Language) -> str:
    """What is said of a request of which the rest was cut short: by a crash, or by what a person gets in a day."""
    return language.some(
        "{done} of {n} is sent. Press for the rest. If it does not follow, you had what a person gets in a day: try "
        "tomorrow.",
        "{done} of {n} are sent. Press for the rest. If it does not follow, you had what a person gets in a day: try "
        "tomorrow.",
        len(found.uids),
        done=language.number(found.cursor),
    )


async def _where_asked(room: PublishedPages, found: PageRequest, spoken: Speech) -> tuple[str, Ways] | None:
    """To whom what was asked for goes, and where it was asked for, with the way back there; None once that is gone."""
    say = spoken.language.say
    if found.link:
        link = await room.engine.asked_by_link(found.link)
        if link is None:
            return None
        told = say("To {email}, as asked for by a link in a newsletter.", email=found.email)
        return told, [(say("Back to the event"), spoken.here(link_views.path(link)))]
    page = await room.engine.published(found.slug)
    if page is None:
        return None
    told = say("To {email}, as asked for on “{title}”.", email=found.email, title=page.title)
    return told, ways([page], spoken)


async def _listed(engine: Engine, found: PageRequest) -> list[Event]:
    owner = Actor(kind="organizer", address=found.organizer)
    uids = found.uids[found.cursor : found.cursor + LISTED]
    return [await engine.event(uid, owner) for uid in uids]


def routes(room: PublishedPages) -> list[Route]:
    """What was sent, and what waits for its owner."""
    return [
        Route("/sent/{outcome:str}", sent_page(room), methods=["GET"]),
        Route("/embed/sent/{outcome:str}", sent_page(room, embedded=True), methods=["GET"]),
        Route("/confirm/send/{code:str}", confirm_page(room), methods=["GET", "POST"]),
    ]
