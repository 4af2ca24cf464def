"""The table of the console's screens, and the routes made from it."""

from __future__ import annotations

from itertools import groupby

from starlette.routing import Route

from cis_mcp.console import (
    agents,
    branding,
    command_centre,
    dates,
    developer,
    entering,
    event_mail,
    events,
    exporting,
    follow_up,
    home,
    keys,
    links,
    lists,
    messages,
    organizers,
    pages,
    pictures,
    reports,
    settling,
    triggers,
    upkeep,
    verifier,
    web,
    webhooks,
)
from cis_mcp.console.guard import Screen, route
from cis_mcp.watch.health import Health
from engine.engine import Engine


def screens(health: Health | None = None) -> tuple[Screen, ...]:
    """Every page and every form."""
    return (
        *home.SCREENS,
        *entering.screens(),
        *events.SCREENS,
        *pictures.SCREENS,
        *command_centre.SCREENS,
        *dates.SCREENS,
        *follow_up.SCREENS,
        *event_mail.SCREENS,
        *lists.SCREENS,
        *links.SCREENS,
        *pages.SCREENS,
        *reports.SCREENS,
        *exporting.screens(),
        *organizers.SCREENS,
        *agents.SCREENS,
        *keys.SCREENS,
        *triggers.SCREENS,
        *webhooks.SCREENS,
        *messages.SCREENS,
        *upkeep.SCREENS,
        *settling.SCREENS,
        *developer.screens(health or Health()),
        *verifier.screens(),
        *branding.screens(),
    )


def routes(engine: Engine, health: Health | None = None) -> list[Route]:
    """The routes of the console."""
    found = sorted(screens(health), key=lambda screen: ("{" in screen.path, screen.path))
    by_path = [tuple(group) for _, group in groupby(found, key=lambda screen: screen.path)]
    return [Route("/console/assets/{name:str}", web.assets), *(route(engine, group) for group in by_path)]
