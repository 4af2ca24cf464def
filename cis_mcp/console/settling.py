"""An organizer as the operator settles it: whether its mail leaves, its lists, its plan, its name and zone; orders."""

from __future__ import annotations

from starlette.responses import Response

from cis_mcp.console.guard import Screen, Visit
from cis_mcp.console.sealing import Purpose
from cis_mcp.views.events import moment
from engine.commands.operators.operators import SuspendOrganizer, may_administer
from engine.commands.operators.organizers import OrganizerSettled, SettleOrganizer
from engine.mail.locale.language import TAGS, language
from engine.model.addresses import masked_address
from engine.model.plans import Enrolment
from engine.model.verbs import Verb
from engine.refusals import Code, Refused

_PATH = "/console/organizers/{who:str}/settings"


async def orders(visit: Visit) -> Response:
    """GET /console/orders: what was ordered in the shop, and how many people it asks to forget."""
    may_administer(visit.actor)
    return visit.show(
        "orders.html",
        title=visit.say("Orders"),
        orders=await visit.engine.purchases(visit.actor),
        redactions=await visit.engine.redactions(visit.actor),
    )


async def organizer(visit: Visit) -> Response:
    """GET: what holds for one."""
    found = await _found(visit)
    return visit.show(
        "organizer.html",
        title=found.profile.name or masked_address(found.profile.address),
        profile=found.profile,
        enrolment=found.enrolment,
        plan=_plan(visit, found.enrolment),
        languages=[(tag, language(tag).name) for tag in TAGS],
        plans=sorted(visit.engine.settings.plans_by_name),
    )


def _plan(visit: Visit, enrolment: Enrolment | None) -> str:
    """The plan of an organizer, and when it ends or ended; empty without one."""
    if enrolment is None:
        return ""
    name, until = enrolment.plan, enrolment.until
    if until is None:
        return visit.say("It is on the plan {name}.", name=name)
    time = f"{until:%Y-%m-%d %H:%M} UTC"
    if enrolment.in_force(visit.engine.clock()):
        return visit.say("It is on the plan {name} until {time}.", name=name, time=time)
    return visit.say("Its plan {name} ended {time}.", name=name, time=time)


async def change(visit: Visit) -> Response:
    """POST: suspend it, let it send again, or set what holds for it."""
    address = (await _found(visit)).profile.address
    match visit.given("do"):
        case "suspend" | "resume" as do:
            await visit.apply(SuspendOrganizer(address=address, suspended=do == "suspend"))
        case "set":
            await visit.apply(_settled(visit, address))
        case _:
            raise Refused(Code.INVALID_ARGUMENT, "The form does nothing.", "Press one of its buttons.")
    return visit.go(visit.request.url.path, "settled")


async def _found(visit: Visit) -> OrganizerSettled:
    may_administer(visit.actor)
    address = visit.unseal(visit.path("who"), Purpose.ORGANIZER)
    found = await visit.engine.organizer_settled(address, visit.actor)
    if found is None:
        raise Refused(Code.INVALID_ADDRESS, "No organizer has this address.")
    return found


def _settled(visit: Visit, address: str) -> SettleOrganizer:
    """The form; a plan that stays as it is does not begin anew."""
    until = visit.given("plan_until")
    plan = visit.given("plan") if visit.given("plan") != visit.given("plan_before") or until else None
    return SettleOrganizer(
        address=address,
        name=visit.given("name"),
        timezone=visit.given("timezone"),
        language=visit.given("language"),
        lists=visit.given("lists") == "yes",
        plan=plan,
        plan_until=moment(until, "until") if until else None,
    )


SCREENS = (
    Screen("GET", "/console/orders", orders, Verb.ADMIN),
    Screen("GET", _PATH, organizer, Verb.ADMIN),
    Screen("POST", _PATH, change, Verb.ADMIN),
)
