"""Mail to create@: organizers make, change and cancel their events from their own calendar client."""

from __future__ import annotations

from collections import Counter
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from functools import partial

from engine.commands import answer_notices, notices
from engine.commands.answers.proposals import DeclineProposal
from engine.commands.base import Command
from engine.commands.events import calendars
from engine.commands.events.events import CancelEvent, EventDone
from engine.commands.events.instances import CancelInstance, ChangeInstance
from engine.commands.intake import NoChange
from engine.engine import SYSTEM, Engine
from engine.inbox.handling.once import ALREADY_RECEIVED, apply_once
from engine.inbox.handling.reading import calendar_of, tables_of
from engine.inbox.handling.received import (
    MailAction,
    Outcome,
    ReceivedMail,
    ignored,
    named,
    quarantined,
    refused,
    turned_down,
    unregistered,
)
from engine.inbox.routes import batch, organizer_commands, rsvp, succession
from engine.inbox.routes.addressed import by_google, objection, quoted
from engine.inbox.routes.planning import MailPlan, alone, known_event, planned
from engine.inbox.routes.reach import weighed
from engine.itip.message import ItipEvent, ItipMessage
from engine.mail.locale.language import Language
from engine.model.events import Event
from engine.model.messages import Notice
from engine.model.times import Instant
from engine.refusals import Code, Refused
from engine.settings import Settings

_ORGANIZING = frozenset({"REQUEST", "PUBLISH", "ADD", "CANCEL", "DECLINECOUNTER"})
_DECLINED_MAX = 20
_SERIES_MAX = 100
"""Recurring events in one mail: a rule may take a tenth of a second to work out, and all others wait meanwhile."""


async def handle(engine: Engine, received: ReceivedMail) -> Outcome:
    """Create, update or cancel what the mail's calendar says. Raises Refused if it cannot be read."""
    mail = received.mail
    if not mail.calendars:
        return await _without_calendar(engine, received)
    received, message = calendar_of(received)
    return received.reported(await _handle_calendar(engine, received, message.arrived(engine.clock())))


async def _handle_calendar(engine: Engine, received: ReceivedMail, message: ItipMessage) -> Outcome:
    if message.method in rsvp.ANSWERING:
        return await rsvp.handle_answers(engine, received, message)
    if message.method not in _ORGANIZING:
        why = f"A calendar with METHOD:{message.method} is not understood; send an invitation or a cancellation."
        return refused(Code.UNSUPPORTED_METHOD, why)
    stop = await stopped(engine, received, message) or objection(received, engine.settings.commanded, message)
    if stop or (stop := await _quoted(engine, received, message)):
        return stop
    if message.method == "DECLINECOUNTER":
        return await _declined(engine, received, message)
    others = [other.arrived(engine.clock()) for other in received.content.others] if received.content else []
    for other in others:
        if stop := objection(received, engine.settings.commanded, other):
            return stop
    return await _apply_events(engine, received, [message, *others])


async def _quoted(engine: Engine, received: ReceivedMail, message: ItipMessage) -> Outcome | None:
    """Why a calendar that was found among words waits, if so: it may make events, and changes none."""
    makes = message.method in {"REQUEST", "PUBLISH"} and not any(map(organizer_commands.gone, message.events))
    if makes and not [
        e
        for e in message.events
        if await known_event(engine, received, e) or await alone(engine, received, e)
    ]:
        return None
    return quoted(received)


async def stopped(
    engine: Engine, received: ReceivedMail, message: ItipMessage | None = None
) -> Outcome | None:
    """Why this sender may not act as an organizer, if so (promise 9)."""
    if stop := unproven(received, message):
        return stop
    if received.verdict.released:
        return None
    sender = received.mail.from_address
    if engine.settings.may_organize(sender) or await engine.store.registered(sender):
        return None
    return unregistered(received, engine.settings.registration)


def unproven(received: ReceivedMail, message: ItipMessage | None = None) -> Outcome | None:
    """Why the mail is no one's whom we could listen to, if so."""
    if received.mail.from_address in received.own:
        return ignored(Code.NOT_ALLOWED, "The mail is from an address of this server, which owns no events.")
    if not received.trusted and not (message and by_google(received, message)):
        return quarantined(
            Code.SENDER_UNAUTHENTICATED,
            f"The sender is not authenticated: {received.verdict.reason}.",
            received.waiting(
                "organizer", received.mail.from_address, message=message, further=_further(received)
            ),
        )
    return None


def _further(received: ReceivedMail) -> tuple[str, ...]:
    """The other mailbox of organizers, if an unproven mail waits there too; what Google's calendar sends may not."""
    return (
        () if received.verdict.google_calendar else tuple(sorted(received.other_boxes & {"create", "bulk"}))
    )


async def _without_calendar(engine: Engine, received: ReceivedMail) -> Outcome:
    if tables_of(received):
        stop = await stopped(engine, received) or objection(received, engine.settings.commanded)
        return stop or await batch.handle(engine, received)
    if received.mail.report or received.mail.automatic:
        return ignored(Code.AUTOMATIC_MAIL, "An automatic mail without a calendar.")
    if received.mail.obstacle:
        return refused(Code(received.mail.obstacle.code), received.mail.obstacle.detail)
    return refused(Code.NO_CALENDAR, "The mail has no calendar. Invite this address to your event instead.")


async def _apply_events(engine: Engine, received: ReceivedMail, messages: Sequence[ItipMessage]) -> Outcome:
    """Every event of the calendars; one outcome stands for them all."""
    if sum(1 for message in messages for event in message.events if event.recurrence) > _SERIES_MAX:
        return refused(
            Code.TOO_LARGE,
            f"The calendar has more than {_SERIES_MAX} recurring events. Send it in parts, or import it.",
        )
    plans = [await planned(engine, received, message) for message in messages]
    left = [turned_down(refused) for refused in received.content.left] if received.content else []
    quiet = sum(len(plan.events) for plan in plans) + len(left) > 1

    async def each(mail: ReceivedMail) -> list[Outcome]:
        outcomes: list[Outcome] = []
        for plan in plans:
            outcomes += [
                await _one(_applied(engine, mail, plan, event, quiet=quiet)) for event in plan.events
            ]
        return outcomes + left

    if not quiet:
        return (await each(received))[0]
    received = await weighed(engine, received, each)
    return await _summed(engine, received, await each(received))


def _applied(
    engine: Engine, received: ReceivedMail, plan: MailPlan, event: ItipEvent, *, quiet: bool
) -> Coroutine[object, object, Outcome]:
    if event.recurrence_id is None:
        instances = plan.own.get(event.uid, [])
        return _series(engine, received, plan.method, event, instances, quiet=quiet)
    return _instance(engine, received, plan.method, event, quiet=quiet)


async def _one(taking: Awaitable[Outcome]) -> Outcome:
    """What became of one event of several: a refusal of one stops no other."""
    try:
        return await taking
    except Refused as refusal:
        return refused(refusal.code, str(refusal))


async def _summed(engine: Engine, received: ReceivedMail, outcomes: list[Outcome]) -> Outcome:
    """One outcome, and one notice, for several events: the first that changed something stands for them all."""
    counts = Counter(f"{o.action.value} ({o.code})" if o.code else o.action.value for o in outcomes)
    note = ", ".join(f"{n} {what}" for what, n in counts.items())
    done = {MailAction.CREATED, MailAction.UPDATED, MailAction.CANCELLED}
    found = next((o for o in outcomes if o.action in done), outcomes[-1])
    if found.action not in done:
        return found
    summed = found.model_copy(update={"detail": f"{len(outcomes)} events: {note}."})
    why = [f"{o.code}: {o.detail}" for o in outcomes if o.action is MailAction.REFUSED]
    why += [f"{o.action.value}: uid {o.uid}" for o in outcomes if o.action in done and not o.detail]
    why += [f"{o.uid}: {o.detail}" for o in outcomes if o.action in done and o.detail]
    language = notices.spoken(await engine.organizer_language(received.actor.address))
    notice = notices.several(received.mail.subject, summed.detail, why, language)
    became = await apply_once(
        engine, received, NoChange(), SYSTEM, outcome=lambda _: summed, notice=lambda _: notice, part="all"
    )
    return became if became.action in done else summed


async def _series(
    engine: Engine,
    received: ReceivedMail,
    method: str,
    event: ItipEvent,
    instances: list[ItipEvent],
    *,
    quiet: bool,
) -> Outcome:
    known = await known_event(engine, received, event)
    command: Command[EventDone]
    if method == "CANCEL" or organizer_commands.gone(event):
        if known is None:
            return _unknown()
        if stray := _stray(received, known, event):
            return stray
        command = CancelEvent(
            uid=known.uid,
            reason=organizer_commands.reason(event),
            source=organizer_commands.source(received, event),
        )
        action = MailAction.CANCELLED
    elif method == "ADD":
        if known is None:
            return _unknown()
        command, action = organizer_commands.addition(received, known, event), MailAction.UPDATED
    elif known is None:
        command, action = organizer_commands.creation(received, event, instances), MailAction.CREATED
    else:
        command, action = organizer_commands.change(received, known, event, instances), MailAction.UPDATED
    outcome = await _apply(engine, received, command, action, event, quiet=quiet, instances=instances)
    return await _continued(engine, received, event, outcome) if event.recurrence else outcome


async def _continued(engine: Engine, received: ReceivedMail, event: ItipEvent, outcome: Outcome) -> Outcome:
    """The outcome of a new series, whose people are those of the series that it goes on with.

    A mail that was carried out before may have been killed between the two.
    """
    again = outcome == ALREADY_RECEIVED
    if received.rehearsed or not (outcome.action in {MailAction.CREATED, MailAction.UPDATED} or again):
        return outcome
    made = await known_event(engine, received, event)
    note = ""
    if made and made.sequence:
        note = await succession.continued_before(engine, received, made)
    elif made:
        note = await succession.continue_series(engine, received, made)
    if again or not note:
        return outcome
    return outcome.model_copy(update={"detail": f"{outcome.detail} {note}".strip()})


async def _instance(
    engine: Engine, received: ReceivedMail, method: str, event: ItipEvent, *, quiet: bool
) -> Outcome:
    """One instance alone: changed or cancelled, while its series stands."""
    known = await known_event(engine, received, event)
    assert event.recurrence_id is not None
    if known is None:
        alone = event.model_copy(update={"uid": event.occurrence_uid, "recurrence_id": None})
        return await _series(engine, received, method, alone, [], quiet=quiet)
    if event.following:
        return await _following(engine, received, method, event, known, quiet=quiet)
    source = organizer_commands.source(received, event)
    if method == "CANCEL" or organizer_commands.gone(event):
        if stray := _stray(received, known, event):
            return stray
        gone = CancelInstance(uid=known.uid, recurrence_id=event.recurrence_id, source=source)
        return await _apply(engine, received, gone, MailAction.CANCELLED, event, quiet=quiet)
    override = organizer_commands.override(event, known.summary)
    if override is None:
        return refused(Code.INVALID_TIME, "The instance has no readable time.", known.uid)
    change = ChangeInstance(uid=known.uid, override=override, source=source)
    return await _apply(engine, received, change, MailAction.UPDATED, event, quiet=quiet)


async def _following(
    engine: Engine, received: ReceivedMail, method: str, event: ItipEvent, known: Event, *, quiet: bool
) -> Outcome:
    """One instance and all that follow: changed or cancelled, while what is before them stands."""
    if method == "CANCEL" or organizer_commands.gone(event):
        if stray := _stray(received, known, event):
            return stray
        command = organizer_commands.ending(received, known, event)
    else:
        command = organizer_commands.following(received, known, event)
    action = MailAction.CANCELLED if isinstance(command, CancelEvent) else MailAction.UPDATED
    return await _apply(engine, received, command, action, event, quiet=quiet)


def _stray(received: ReceivedMail, known: Event, event: ItipEvent) -> Outcome | None:
    """What becomes of a cancellation that was written to others: it takes a guest out, and may be replayed by them.

    Its signature holds all the same. Clients name our address among the attendees of what they send to it;
    where an alias of ours was invited, no mail names it, and nothing can be told.
    """
    elsewhere = (
        known.source_addressed
        and event.attendees
        and not organizer_commands.source(received, event).addressed
    )
    if not elsewhere or received.verdict.released or received.verdict.confirmed_by:
        return None
    return quarantined(
        Code.SENDER_UNAUTHENTICATED,
        "The cancellation was addressed to someone else, not to this server.",
        received.waiting("organizer", received.mail.from_address),
    )


async def _declined(engine: Engine, received: ReceivedMail, message: ItipMessage) -> Outcome:
    """The organizer keeps the time: each attendee that the mail names hears so (RFC 5546, 3.2.8)."""
    event = message.events[0]
    known = await known_event(engine, received, event)
    if known is None:
        return _unknown()
    people = [a.address for a in event.attendees if a.address != known.organizer][:_DECLINED_MAX]
    language = notices.spoken(await engine.organizer_language(known.organizer))
    outcome = refused(Code.UNKNOWN_ATTENDEE, "The mail does not say whose proposal it declines.")
    for email in people:
        of = event.recurrence_id
        # Without a RECURRENCE-ID it speaks of the whole event, whatever is proposed for one instance beside.
        command = DeclineProposal(uid=known.uid, email=email, recurrence_id=of, of_whole=of is None)
        outcome = await apply_once(
            engine,
            received,
            command,
            received.actor,
            outcome=lambda done: Outcome(action=MailAction.COUNTER, uid=done.event.uid, detail="declined"),
            notice=lambda done: answer_notices.declined(done.event, done.attendee, language),
            part=f"{named(event.uid)}:{email}",
        )
    return outcome


def _unknown() -> Outcome:
    why = "The server knows no event of yours that this mail speaks of. Was it made from another address?"
    return refused(Code.UNKNOWN_EVENT, why)


async def _apply(
    engine: Engine,
    received: ReceivedMail,
    command: Command[EventDone],
    action: MailAction,
    event: ItipEvent,
    *,
    quiet: bool,
    instances: Sequence[ItipEvent] = (),
) -> Outcome:
    left_out = calendars.left_out(event, instances) if action is not MailAction.CANCELLED else ()

    def outcome(done: EventDone) -> Outcome:
        if done.changed or done.created:
            return Outcome(action=action, uid=done.event.uid, detail=notices.left_out(left_out))
        return Outcome(action=MailAction.IGNORED, uid=done.event.uid, code=Code.NO_CHANGE.value)

    part = f"{named(event.uid)}:{event.recurrence_id or ''}"
    part += ":cancelled" if action is MailAction.CANCELLED else ""
    language = notices.spoken(await engine.organizer_language(received.actor.address))
    which = None if event.following else event.recurrence_id
    saying = partial(_NOTICES[action], engine.settings, language, which)

    pages = await engine.pages_of(received.actor.address) if action is MailAction.CREATED else []

    def notice(done: EventDone) -> Notice:
        told = notices.on_pages(saying(done), done.event, pages, engine.settings, language)
        return notices.without(told, left_out, language)

    def no(why: Refused) -> Outcome:
        if why.code is Code.STALE:
            # Mails overtake each other; an older revision that comes late is no one's mistake.
            return ignored(why.code, str(why))
        if why.code is Code.EVENT_CANCELLED and action is MailAction.CANCELLED:
            # Programs send a cancellation to each address that was invited, and again when asked to.
            return ignored(Code.NO_CHANGE, "The event is cancelled already.")
        return turned_down(why)

    return await apply_once(
        engine,
        received,
        command,
        received.actor,
        outcome=outcome,
        notice=None if quiet else notice,
        part=part,
        no=no,
        recall=quiet,
    )


_NOTICES: dict[MailAction, Callable[[Settings, Language, Instant | None, EventDone], Notice]] = {
    MailAction.CREATED: lambda settings, language, _, done: notices.created(done.event, settings, language),
    MailAction.UPDATED: lambda _, language, which, done: notices.updated(
        done.event, done.changed, done.notified, which, language
    ),
    MailAction.CANCELLED: lambda _, language, which, done: notices.cancelled(
        done.event, done.changed, done.notified, which, language
    ),
}
