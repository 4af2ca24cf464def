"""Plans of organizers: what they allow is checked in the unit of work that makes the event or owes the invite."""

from __future__ import annotations

from datetime import datetime, timedelta

from engine.commands.base import Work
from engine.model.plans import FREE, GRANTED, Enrolment, Plan
from engine.refusals import Code, Refused


async def plan_of(work: Work, organizer: str) -> tuple[Plan | None, Enrolment | None]:
    """The plan that limits an organizer, None for no limit of a plan; with the enrolment that is in force.

    Whoever is on none is on the free plan, if there is one, but for the organizer of the local agent.
    """
    if not work.settings.plans_by_name:
        return None, None
    known = await work.unit.enrolment(organizer)
    if known and known.in_force(work.now):
        return work.settings.plans_by_name.get(known.plan), known
    if organizer == work.settings.local_organizer:
        return None, None
    return work.settings.plans_by_name.get(FREE), None


async def refuse_events(work: Work, organizer: str) -> None:
    """Refuse one more event than the organizer's plan allows; the operator may make any.

    Raises Refused: EVENT_LIMIT_REACHED, FREE_TRIAL_ENDED.
    """
    if work.actor.everywhere:
        return
    plan, enrolment = await plan_of(work, organizer)
    if plan is None or not plan.events:
        return
    if await work.unit.events_made(organizer, enrolment.since if enrolment else None) >= plan.events:
        raise Refused(
            Code.FREE_TRIAL_ENDED if plan.name == FREE else Code.EVENT_LIMIT_REACHED,
            f"The plan “{plan.name}” of this organizer allows {plan.events} events, and all of them have been created.",
            "Existing events can still be changed and cancelled. For more events, a larger plan is needed.",
        )


def enrolled(known: Enrolment | None, organizer: str, plan: Plan, now: datetime) -> Enrolment:
    """The organizer on `plan` from now on; a plan that is bought again before it ends is prolonged."""
    renewed = known if known and known.plan == plan.name and known.in_force(now) else None
    begins = renewed.until if renewed and renewed.until else now
    return Enrolment(
        organizer=organizer,
        plan=plan.name,
        since=renewed.since if renewed else now,
        until=begins + timedelta(days=plan.days) if plan.days else None,
        # The operator's is one of its own, so that it goes on when the orders are given back.
        orders=(renewed.orders or (GRANTED,)) if renewed else (),
    )
