"""The mails about plans: that one began, and that one has ended."""

from __future__ import annotations

from engine.mail.locale.language import ENGLISH, Language
from engine.mail.outgoing import words
from engine.model.messages import Notice
from engine.model.plans import FREE, Enrolment, Plan
from engine.settings import Settings


def begun(enrolment: Enrolment, plan: Plan, settings: Settings, language: Language = ENGLISH) -> Notice:
    """The confirmation that an organizer is on a plan."""
    say = language.say
    told = {"organizer": enrolment.organizer, "plan": plan.name, "allowed": _allows(plan, language)}
    if enrolment.until:
        until = words.day(enrolment.until, language)
        first = say("{organizer} is on the plan “{plan}” until {day}: {allowed}.", day=until, **told)
    else:
        first = say("{organizer} is on the plan “{plan}”: {allowed}.", **told)
    how = say(
        "To create an event, invite {create} to it in your calendar. To invite people, mail a list to {bulk}.",
        create=settings.mailbox("create"),
        bulk=settings.mailbox("bulk"),
    )
    subject = say("Subscription Confirmation")
    return Notice(subject=subject, text=f"{first}\n\n{how}\n", reply_to=settings.mailbox("create"))


def ended(enrolment: Enrolment, free: Plan | None, language: Language = ENGLISH) -> Notice:
    """A plan has ended, and what is allowed from now on."""
    assert enrolment.until is not None, "a plan without an end does not end"
    say = language.say
    now = say("From now on no plan limits anything.")
    if free:
        now = say("From now on: {allowed}.", allowed=_allows(free, language))
    over = say(
        "The plan “{plan}” of {organizer} ended on {day}.",
        plan=enrolment.plan,
        organizer=enrolment.organizer,
        day=words.day(enrolment.until, language),
    )
    stand = say("Your events stand: they can be changed and cancelled, and answers are counted as before.")
    return Notice(subject=_ended(enrolment.plan, language), text=f"{over} {now}\n\n{stand}\n")


def data_requested(address: str) -> Notice:
    """A shop's customer asks what is kept of them, which the operator has to answer."""
    asks = f"The shop passes on that {address} asks for the data kept about them."
    how = "The command line exports everything kept about an address: send it to them within 30 days."
    return Notice(subject="A customer of the shop asks for their data", text=f"{asks}\n\n{how}\n")


def _ended(plan: str, language: Language) -> str:
    if "trial" in plan or plan == FREE:
        return language.say("Your free trial has ended")
    return language.say("Your plan “{plan}” has ended", plan=plan)


def _allows(plan: Plan, language: Language) -> str:
    events = language.say("any number of events")
    if plan.events:
        events = language.some("{n} event", "{n} events", plan.events)
    invites = language.say("any number of bulk invites")
    if plan.invites:
        invites = language.some("{n} bulk invite for each", "{n} bulk invites for each", plan.invites)
    return f"{events}, {invites}"
