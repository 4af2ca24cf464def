"""Where a visitor can go next: from a missing page, a past event, or what was sent."""

from __future__ import annotations

from collections.abc import Sequence

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response

from cis_mcp.pages.problems import problem
from cis_mcp.pages.speaking import Speech, speech
from cis_mcp.pages.web import PRIVATE, CompressedBody, answer, render
from cis_mcp.views import pages as views
from engine.model.pages import Page
from engine.refusals import Code, Refused

Ways = Sequence[tuple[str, str]]


def ways(pages: Sequence[Page], spoken: Speech) -> Ways:
    """Links to pages, where the visitor is answered in the same language."""
    return [(page.title, spoken.here(views.path(page))) for page in pages if views.path(page)]


def message(
    request: Request,
    spoken: Speech,
    title: str,
    *texts: str,
    games: Sequence[str] = (),
    more: int = 0,
    button: str = "",
    links: Ways = (),
    status: int = 200,
    framed: bool = False,
) -> Response:
    """A page with a short message."""
    body = render(
        "message.html",
        spoken,
        title=title,
        texts=[text for text in texts if text],
        games=games,
        more=more,
        button=button,
        links=links,
        colour="",
    )
    return answer(
        request, CompressedBody.of(body, spoken=spoken), cache_control=PRIVATE, status=status, framed=framed
    )


def not_found(request: Request) -> Response:
    """The answer for a missing page; it does not tell whether the page ever existed."""
    spoken = speech(request)
    say = spoken.language.say
    return message(
        request,
        spoken,
        say("This page does not exist"),
        say("The address may be mistyped, or the page was taken down."),
        say("Ask the person who gave you the address for the new one. Invites in your calendar stay valid."),
        links=[(say("Is this page yours? Sign in."), spoken.here("/console/signin"))],
        status=404,
    )


async def nowhere(request: Request, _error: Exception) -> Response:
    """The answer at a path that nothing has: a page for people, who come with a browser, and a word for programs."""
    if "text/html" in request.headers.get("accept", ""):
        return not_found(request)
    return PlainTextResponse("Not Found", 404)


def unreadable(request: Request, refused: Refused, spoken: Speech) -> Response:
    """The answer to a form that no page of ours sends."""
    status = 413 if refused.code is Code.TOO_LARGE else 400
    title = spoken.language.say("Nothing was sent")
    return message(request, spoken, title, problem(refused, spoken.language), status=status)
