"""The developer hub: health, settings in force, triggers with their deliveries, and where programs read on."""

from __future__ import annotations

from starlette.responses import Response

from cis_mcp.console.guard import Handler, Screen, Visit
from cis_mcp.views import triggers as views
from cis_mcp.views.settings import lines
from cis_mcp.views.version import version
from cis_mcp.watch.health import Health
from engine.model.verbs import Verb
from engine.triggers import asking

_SHOWN = 50
_HUB = "/console/developer"


def showing(health: Health) -> Handler:
    """GET /console/developer; settings and health are the operator's to see."""

    settled: list[str] = []

    async def show(visit: Visit) -> Response:
        engine = visit.engine
        every = await asking.triggers(engine, visit.actor) if visit.may(Verb.TRIGGER) else []
        # They are the same as long as the process runs.
        settled[:] = settled or lines(engine.settings)
        url = engine.settings.public_url.rstrip("/")
        return visit.show(
            "developer.html",
            title=visit.say("Developers"),
            url=url,
            create=engine.settings.mailbox("create"),
            version=version(),
            problems=await health.problems(engine) if visit.everywhere else (),
            settings=settled if visit.everywhere else [],
            triggers=[
                (
                    one,
                    views.state(one),
                    views.hook(url, one),
                    unproven,
                    list(views.warnings(one, visit.language)),
                )
                for one, unproven in every[:_SHOWN]
            ],
        )

    return show


def screens(health: Health) -> tuple[Screen, ...]:
    """The hub."""
    return (Screen("GET", _HUB, showing(health)),)
