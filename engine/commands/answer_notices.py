"""Notices to organizers of what attendees answer: proposals, delegates, and several people at one address."""

from __future__ import annotations

from engine.commands import notices
from engine.mail.locale.language import ENGLISH, Language
from engine.model.events import Event
from engine.model.messages import Notice
from engine.model.people import Attendee
from engine.model.times import Instant, Span


def declined(event: Event, attendee: Attendee, language: Language = ENGLISH) -> Notice:
    """To the organizer: an attendee's proposal is declined."""
    say = language.say
    told = say("{email} is told that the time stays the same.", email=attendee.email)
    return notices.about_event(say("Proposal declined: {title}", title=event.summary), event, told, language)


def several_answer(event: Event, holder: Attendee, language: Language = ENGLISH) -> Notice:
    """Several people answer what one address was invited to."""
    told = language.say(
        "You invited {email}, and more than one other address answers there: it seems to be a mailing list. The "
        "answer of that address itself counts as before. Anyone else who answers counts as a separate person, once "
        "their mail is verified. To know who comes, invite each person at their own address.",
        email=holder.email,
    )
    subject = language.say("Several people answer for {email}", email=holder.email)
    return notices.about_event(subject, event, told, language)


def proposal(
    event: Event,
    attendee: Attendee,
    span: Span | None,
    comment: str,
    instance: Instant | None = None,
    language: Language = ENGLISH,
) -> Notice:
    """An attendee would rather come at another time; their words are marked as theirs (promise 14)."""
    say = language.say
    at = say("they did not say when")
    if span:
        at = notices.when(span.model_copy(update={"timezone": event.span.timezone}), language)
    proposed = say(
        "{person} proposes another time for “{title}”: {time}.",
        person=_person(attendee),
        title=event.summary,
        time=at,
    )
    now = say(
        "It is now {time}. Nothing was changed.",
        time=notices.when(notices.span_of(event, instance), language),
    )
    advice = say(
        "To accept, move the event in your calendar and send the update, or have your agent do it. To keep the time, "
        "do nothing, or decline the proposal in your calendar."
    )
    flat = " ".join(comment.split())[:500]
    theirs = say("They wrote: > {comment}", comment=flat) + "\n" if flat else ""
    return Notice(
        subject=say("New time proposed: {title}", title=event.summary)[:200],
        text=f"{proposed}\n{now}\n\n{advice}\n\n{theirs}uid: {event.uid}\n",
    )


def delegate_outside(event: Event, delegator: Attendee, language: Language = ENGLISH) -> Notice:
    """An attendee named a delegate whom the bounds of the event's key do not let it mail."""
    told = language.say(
        "{email} sends someone in their place whom this event's key may not mail. That person is not invited; the "
        "event's answers show who it is.",
        email=delegator.email,
    )
    subject = language.say("Not invited: a delegate for {title}", title=event.summary)
    return notices.about_event(subject, event, told, language)


def _person(attendee: Attendee) -> str:
    """Name and address: whoever proves an address may call themselves what they like."""
    return f"{attendee.name} ({attendee.email})" if attendee.name else attendee.email
