"""The first page: what waits, what is stopped, what is running."""

from __future__ import annotations

from starlette.responses import Response

from cis_mcp.console.agents import stops_of, waiting_for
from cis_mcp.console.guard import Screen, Visit

_SHOWN = 8


async def show(visit: Visit) -> Response:
    """GET /console."""
    return visit.show(
        "home.html",
        title=visit.say("Overview"),
        held=await waiting_for(visit, _SHOWN),
        stops=await stops_of(visit),
        campaigns=await visit.engine.newest_campaigns(visit.actor, _SHOWN),
    )


SCREENS = (Screen("GET", "/console", show, of_one=True),)
