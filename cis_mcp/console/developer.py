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

    async def show(visit: Visit) -> Response:
        engine = visit.engine
        every = await asking.triggers(engine, visit.actor) if visit.may(Verb.TRIGGER) else []
        url = engine.settings.public_url.rstrip("/")
        return visit.show(
            "developer.html",
            title="Developers",
            url=url,
            create=engine.settings.mailbox("create"),
            version=version(),
            problems=await health.problems(engine) if visit.everywhere else (),
            settings=list(lines(engine.settings)) if visit.everywhere else [],
            triggers=[
                (one, views.state(one), views.hook(url, one), unproven, list(views.warnings(one)))
                for one, unproven in every[:_SHOWN]
            ],
        )

    return show


async def trigger(visit: Visit) -> Response:
    """GET /console/triggers/{name}: what was delivered, newest first."""
    found = await asking.trigger(visit.engine, visit.path("name"), visit.actor)
    delivered = await asking.deliveries(
        visit.engine, found.name, visit.actor, limit=_SHOWN, before=visit.asked("before")[:40]
    )
    return visit.show(
        "trigger.html",
        title=f"Trigger {found.name}",
        trigger=found,
        state=views.state(found),
        warnings=list(views.warnings(found)),
        deliveries=delivered,
        before=delivered[-1].id if len(delivered) == _SHOWN else "",
    )


def screens(health: Health) -> tuple[Screen, ...]:
    """The hub, and each trigger."""
    return (
        Screen("GET", _HUB, showing(health)),
        Screen("GET", "/console/triggers/{name:str}", trigger, Verb.TRIGGER),
    )
