"""Where a visitor goes on: from a page that is not there, from what is over, from what was sent."""

from __future__ import annotations

from collections.abc import Sequence

from starlette.requests import Request
from starlette.responses import Response

from cis_mcp.pages.web import PRIVATE, Body, answer, render
from cis_mcp.views import pages as views
from engine.model.pages import Page
from engine.refusals import Code, Refused

Ways = Sequence[tuple[str, str]]


def ways(pages: Sequence[Page]) -> Ways:
    """Links to pages."""
    return [(page.title, views.path(page)) for page in pages if views.path(page)]


def message(
    request: Request,
    title: str,
    *texts: str,
    games: Sequence[str] = (),
    more: int = 0,
    button: str = "",
    links: Ways = (),
    status: int = 200,
    framed: bool = False,
) -> Response:
    """A page of a few words."""
    body = render(
        "message.html",
        title=title,
        texts=[text for text in texts if text],
        games=games,
        more=more,
        button=button,
        links=links,
        colour="",
    )
    return answer(request, Body.of(body), cache_control=PRIVATE, status=status, framed=framed)


def not_found(request: Request) -> Response:
    """A page that never was looks like one that was taken off the web."""
    return message(
        request,
        "This page is not here",
        "The address may be mistyped, or the page was taken down.",
        "Ask the person who gave you the address for the new one. Invites in your calendar stay valid.",
        status=404,
    )


def unreadable(request: Request, refused: Refused) -> Response:
    """The answer to a form that no page of ours sends."""
    status = 413 if refused.code is Code.TOO_LARGE else 400
    return message(request, "Nothing was sent", refused.message, refused.hint, status=status)
