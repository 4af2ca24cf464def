"""Where a visitor is redirected after an invite was sent: to an allowed host, else to our own page."""

from __future__ import annotations

from collections.abc import Sequence

from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from engine.commands.pages.landings import allowed_address
from engine.settings import Settings

STOCK_PAGE = "/event/acknowledged"
_PAGE = """\
<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>Invite sent</title></head>
<body><h1>Your invite is on its way</h1>
<p>It comes by mail. Answer Yes, No or Maybe in your calendar.</p></body></html>
"""
_HEADERS = {
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'; base-uri 'none'",
    "Cache-Control": "public, max-age=3600",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}


async def stock_page(_request: Request) -> Response:
    """GET /event/acknowledged: what comes next."""
    return HTMLResponse(_PAGE, headers=_HEADERS)


def landing(settings: Settings, given: str, own: Sequence[str] = ()) -> str:
    """The address to go to: `given`, with http:// where it has no scheme, if its host is allowed; else our page.

    `own`: the hosts of the event's organizer.
    """
    return allowed_address(settings, given, own) or STOCK_PAGE
