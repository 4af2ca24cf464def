"""The one table of the console's screens, and the routes that are made of it."""

from __future__ import annotations

from itertools import groupby

from starlette.routing import Route

from cis_mcp.console import agents, command_centre, entering, events, home, lists, reports, web
from cis_mcp.console.guard import Screen, route
from engine.engine import Engine


def screens() -> tuple[Screen, ...]:
    """Every page and every form."""
    return (
        *home.SCREENS,
        *entering.screens(),
        *events.SCREENS,
        *command_centre.SCREENS,
        *lists.SCREENS,
        *reports.SCREENS,
        *agents.SCREENS,
    )


def routes(engine: Engine) -> list[Route]:
    """The routes of the console."""
    found = sorted(screens(), key=lambda screen: ("{" in screen.path, screen.path))
    by_path = [tuple(group) for _, group in groupby(found, key=lambda screen: screen.path)]
    return [Route("/console/assets/{name:str}", web.assets), *(route(engine, group) for group in by_path)]
