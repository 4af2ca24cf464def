"""All public pages of organizers, over one `PublishedPages`."""

from __future__ import annotations

from starlette.routing import Route

from cis_mcp.pages import event, explorer, feed, link, pictures, schedule, sending
from cis_mcp.pages.showing import PublishedPages
from cis_mcp.pages.web import brand
from engine.engine import Engine


def routes(engine: Engine, room: PublishedPages | None = None) -> list[Route]:
    """The routes of schedule, upcoming and event pages, of what was sent, and of stylesheets and scripts."""
    room = room or PublishedPages(engine)
    return [
        *schedule.routes(room),
        *event.routes(room),
        *sending.routes(room),
        *feed.routes(room),
        *explorer.routes(),
        *link.routes(room),
        *pictures.routes(engine),
        Route("/brand/{name:str}", brand, methods=["GET"]),
    ]
