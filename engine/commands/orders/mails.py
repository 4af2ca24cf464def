"""The mails about plans: that one began, and that one has ended."""

from __future__ import annotations

from engine.mail.outgoing import words
from engine.model.messages import Notice
from engine.model.plans import FREE, Enrolment, Plan
from engine.settings import Settings


def begun(enrolment: Enrolment, plan: Plan, settings: Settings) -> Notice:
    """The confirmation that an organizer is on a plan."""
    until = f" until {words.day(enrolment.until)}" if enrolment.until else ""
    text = (
        f"{enrolment.organizer} is on the plan “{plan.name}”{until}: {_allows(plan)}.\n\n"
        f"To create an event, invite {settings.mailbox('create')} to it in your calendar. To invite people, mail a "
        f"list to {settings.mailbox('bulk')}.\n"
    )
    return Notice(subject="Subscription Confirmation", text=text, reply_to=settings.mailbox("create"))


def ended(enrolment: Enrolment, free: Plan | None) -> Notice:
    """A plan has ended, and what is allowed from now on."""
    assert enrolment.until is not None, "a plan without an end does not end"
    now = f"From now on: {_allows(free)}." if free else "Nothing is limited by a plan from now on."
    text = (
        f"The plan “{enrolment.plan}” of {enrolment.organizer} ended on {words.day(enrolment.until)}. {now}\n\n"
        "Your events stand: they can be changed and cancelled, and answers are counted as before.\n"
    )
    return Notice(subject=_ended(enrolment.plan), text=text)


def _ended(plan: str) -> str:
    return "Your free trial has ended" if "trial" in plan or plan == FREE else f"Your plan “{plan}” has ended"


def _allows(plan: Plan) -> str:
    events = f"{plan.events} events" if plan.events else "any number of events"
    invites = f"{plan.invites} bulk invites for each" if plan.invites else "any number of bulk invites"
    return f"{events}, {invites}"
