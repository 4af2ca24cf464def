"""Proposals of another time: kept, told, declined, agreed to, and answered by a change of the event."""

from __future__ import annotations

from datetime import timedelta

import pytest

from engine.commands.answers.proposals import PROPOSALS_MAX, DeclineProposal
from engine.commands.events.accepting import AcceptProposal
from engine.commands.events.events import CancelEvent, UpdateEvent
from engine.engine import Engine
from engine.model.actors import Actor
from engine.model.answers import Proposal, ProposalState
from engine.model.claims import Claim
from engine.model.events import Event
from engine.model.messages import Kind, Message, Method
from engine.model.people import Attendee, Partstat
from engine.model.queries import EventQuery
from engine.outbox.render import Renderer
from engine.refusals import Code
from tests.judges import shape
from tests.support import mails
from tests.support.engines import attendee, created, deliver, do, invite, refusal
from tests.support.inboxes import Post

ANN = "ann@example.com"
HOUR = timedelta(hours=1)
OLGA = Actor(kind="organizer", address="olga@cis.test")


@pytest.fixture
async def event(engine: Engine) -> Event:
    return await created(engine)


@pytest.fixture
async def series(engine: Engine) -> Event:
    return await created(engine, recurrence="FREQ=WEEKLY;COUNT=4")


async def invited(engine: Engine, event: Event) -> Attendee:
    done = await invite(engine, event, ANN)
    await deliver(engine)
    return done.attendee


async def proposed(post: Post, event: Event, ann: Attendee, later: timedelta = HOUR, **values: object) -> str:
    """Ann proposes to begin so much later; the code with which that is taken in."""
    start = event.span.start_utc + later
    told = {"start": start, "end": start + HOUR, "comment": "Traffic", **values}
    to = f"rsvp+{ann.token}@cis.test"
    intake = await post(mails.reply(event.uid, ANN, "TENTATIVE", to=to, method="COUNTER", **told))  # type: ignore[arg-type]
    assert intake.action == "counter"
    return intake.code


async def states(engine: Engine, event: Event) -> list[ProposalState]:
    return [p.state for p in await engine.proposals(event.uid, engine.local, settled=True)]


async def the_open_one(engine: Engine, event: Event) -> Proposal:
    (one,) = await engine.proposals(event.uid, engine.local)
    return one


async def calendar_messages(engine: Engine) -> list[Message]:
    return [m for m in await deliver(engine) if m.kind.calendar]


async def test_a_proposal_is_kept_with_its_time_and_words(post: Post, event: Event) -> None:
    ann = await invited(post.engine, event)
    assert await proposed(post, event, ann, location="Café Central") == ""
    kept = await the_open_one(post.engine, event)
    assert kept.span is not None
    assert (kept.email, kept.span.start_utc, kept.comment) == (ANN, event.span.start_utc + HOUR, "Traffic")
    assert kept.location == "Café Central"
    assert (await attendee(post.engine, event, ANN)).partstat is Partstat.TENTATIVE
    assert (await post.engine.explain(event.uid, ANN, post.engine.local)).proposals == (kept,)
    assert (await post.notice()).email == event.organizer


async def test_google_says_reply_on_the_part_and_counter_inside(post: Post, event: Event) -> None:
    ann = await invited(post.engine, event)
    to = f"rsvp+{ann.token}@cis.test"
    start = event.span.start_utc + HOUR
    content = mails.calendar(
        "COUNTER", mails.vevent(event.uid, start=start, end=start + HOUR, attendees=[(ANN, "TENTATIVE")])
    )
    google = {"Sender": "calendar-notification@google.com", "Auto-Submitted": "auto-generated"}
    intake = await post(mails.mail(ANN, to, content=content, method="REPLY", headers=google))
    assert (intake.action, intake.uid) == ("counter", event.uid)
    assert await states(post.engine, event) == [ProposalState.OPEN]


async def test_an_exchange_counter_that_lost_its_beginning_is_kept_with_its_words(
    post: Post, event: Event
) -> None:
    ann = await invited(post.engine, event)
    torn = (
        b"BEGIN:VCALENDAR\r\nMETHOD:COUNTER\r\nBEGIN:VTIMEZONE\r\nTZID:Europe/Paris\r\nBEGIN:DAYLIGHT\r\n"
        b"DTSEQUENCE:0\r\nCOMMENT;LANGUAGE=en-US:An hour later\\, please\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n"
    )
    mail = mails.mail(ANN, f"rsvp+{ann.token}@cis.test", content=torn, method="COUNTER")
    intake = await post(mail)
    assert intake.action == "counter"
    assert "VEVENT without its BEGIN" in intake.detail
    assert (await the_open_one(post.engine, event)).comment == "An hour later, please"


async def test_the_newest_proposal_stands_and_the_same_one_is_told_once(post: Post, event: Event) -> None:
    ann = await invited(post.engine, event)
    for later in (HOUR, HOUR, 2 * HOUR):
        await proposed(post, event, ann, later)
    assert await states(post.engine, event) == [ProposalState.REPLACED, ProposalState.OPEN]
    assert len(await post.notices()) == 2


async def test_nobody_proposes_without_end(post: Post, event: Event) -> None:
    ann = await invited(post.engine, event)
    to = f"rsvp+{ann.token}@cis.test"
    for n in range(PROPOSALS_MAX + 1):
        intake = await post(mails.reply(event.uid, ANN, to=to, method="COUNTER", comment=f"No. {n}"))
    assert (intake.action, intake.code) == ("quarantined", Code.TOO_MANY)
    assert len(await post.notices()) == PROPOSALS_MAX


@pytest.mark.parametrize("change", [{"location": "Elsewhere"}, {"recurrence": "FREQ=DAILY;COUNT=2"}], ids=str)
async def test_an_update_answers_the_proposals(post: Post, event: Event, change: dict[str, str]) -> None:
    ann = await invited(post.engine, event)
    await proposed(post, event, ann)
    await do(post.engine, UpdateEvent(uid=event.uid, summary="Another name"))
    assert await states(post.engine, event) == [ProposalState.OPEN], "a new name answers no question of time"
    await do(post.engine, UpdateEvent(uid=event.uid, **change))
    assert await states(post.engine, event) == [ProposalState.ANSWERED]
    assert await proposed(post, event, ann, 3 * HOUR) == "stale", "it answers the revision before"
    assert await states(post.engine, event) == [ProposalState.ANSWERED, ProposalState.OUTDATED]


async def test_a_cancellation_answers_the_proposals(post: Post, event: Event) -> None:
    ann = await invited(post.engine, event)
    await proposed(post, event, ann)
    await do(post.engine, CancelEvent(uid=event.uid))
    assert await states(post.engine, event) == [ProposalState.ANSWERED]


async def test_an_organizer_declines_and_the_attendee_hears_it(post: Post, event: Event) -> None:
    ann = await invited(post.engine, event)
    await proposed(post, event, ann)
    await deliver(post.engine)
    done = await do(post.engine, DeclineProposal(uid=event.uid, email=ANN.upper()))
    assert done.proposal.state is ProposalState.DECLINED
    (message,) = await calendar_messages(post.engine)
    assert (message.kind, message.method, message.email) == (
        Kind.DECLINED_PROPOSAL,
        Method.DECLINECOUNTER,
        ANN,
    )
    envelope = await Renderer(post.engine.settings, post.engine.store).render(
        Claim(message, event, ann), post.engine.clock()
    )
    assert shape.invitation_faults(envelope.content) == []
    assert b"method=DECLINECOUNTER" in envelope.content
    assert b"Subject: Proposal Declined: Season opener" in envelope.content
    assert await refusal(post.engine, DeclineProposal(uid=event.uid, email=ANN)) is Code.UNKNOWN_PROPOSAL
    await proposed(post, event, ann, 2 * HOUR)
    await do(post.engine, DeclineProposal(uid=event.uid, email=ANN))
    assert len(await calendar_messages(post.engine)) == 1, "each proposal is declined by a mail of its own"


async def test_an_organizer_declines_by_mail(post: Post) -> None:
    await post(mails.request())
    (event,) = (await post.engine.search(EventQuery(), post.engine.local)).events
    ann = await invited(post.engine, event)
    await proposed(post, event, ann)
    await deliver(post.engine)
    declined = mails.vevent("client-uid-1", attendees=[(ANN, "NEEDS-ACTION")])
    content = mails.calendar("DECLINECOUNTER", declined)
    mail = mails.mail("olga@cis.test", "create@cis.test", content=content, method="DECLINECOUNTER")
    intake = await post(mail)
    assert (intake.action, intake.uid) == ("counter", event.uid)
    assert await states(post.engine, event) == [ProposalState.DECLINED]
    assert {m.email for m in await deliver(post.engine)} == {ANN, "olga@cis.test"}
    assert (await post(mail)).code == "unknown_proposal"


async def test_a_mail_without_an_instance_declines_what_is_proposed_for_the_whole_series(post: Post) -> None:
    await post(mails.request(mails.vevent(rrule={"FREQ": "WEEKLY", "COUNT": 4})))
    (event,) = (await post.engine.search(EventQuery(), post.engine.local)).events
    ann = await invited(post.engine, event)
    second = event.span.start_utc + timedelta(weeks=1)
    await proposed(post, event, ann)
    await proposed(post, event, ann, recurrence_id=second, start=second + HOUR, end=second + 2 * HOUR)
    assert await states(post.engine, event) == [ProposalState.OPEN, ProposalState.OPEN]
    declined = mails.vevent("client-uid-1", attendees=[(ANN, "NEEDS-ACTION")])
    content = mails.calendar("DECLINECOUNTER", declined)
    for code in ("", "unknown_proposal"):
        mail = mails.mail("olga@cis.test", "create@cis.test", content=content, method="DECLINECOUNTER")
        assert (await post(mail)).code == code
    assert (await the_open_one(post.engine, event)).recurrence_id == second


async def test_nobody_else_declines_or_agrees(post: Post, event: Event) -> None:
    ann = await invited(post.engine, event)
    await proposed(post, event, ann)
    for command in (DeclineProposal(uid=event.uid, email=ANN), AcceptProposal(uid=event.uid, email=ANN)):
        assert await refusal(post.engine, command, OLGA) is Code.UNKNOWN_EVENT
    content = mails.calendar("DECLINECOUNTER", mails.vevent(event.uid, attendees=[(ANN, "NEEDS-ACTION")]))
    mail = mails.mail("olga@cis.test", "create@cis.test", content=content, method="DECLINECOUNTER")
    assert (await post(mail)).code == "unknown_event"
    assert await states(post.engine, event) == [ProposalState.OPEN]


async def test_agreeing_moves_the_event_and_tells_people(post: Post, event: Event) -> None:
    ann = await invited(post.engine, event)
    await proposed(post, event, ann)
    await deliver(post.engine)
    done = await do(post.engine, AcceptProposal(uid=event.uid, email=ANN))
    assert done.event.span.start_utc == event.span.start_utc + HOUR
    assert (done.event.span.timezone, done.event.sequence) == (event.span.timezone, 1)
    assert await states(post.engine, event) == [ProposalState.ANSWERED]
    assert [(m.kind, m.email) for m in await calendar_messages(post.engine)] == [(Kind.UPDATE, ANN)]


async def test_agreeing_about_one_instance_moves_that_one(post: Post, series: Event) -> None:
    ann = await invited(post.engine, series)
    instance = series.span.start_utc + timedelta(weeks=1)
    start = instance + HOUR
    await proposed(post, series, ann, recurrence_id=instance, start=start, end=start + HOUR)
    done = await do(post.engine, AcceptProposal(uid=series.uid, email=ANN, recurrence_id=instance))
    assert done.event.span == series.span
    (override,) = done.event.overrides
    assert (override.recurrence_id, override.span.start_utc) == (instance, start)
    assert await states(post.engine, series) == [ProposalState.ANSWERED]


async def test_a_proposal_without_a_time_cannot_be_agreed_to(post: Post, event: Event) -> None:
    ann = await invited(post.engine, event)
    await proposed(post, event, ann, start=None, end=None)
    assert await refusal(post.engine, AcceptProposal(uid=event.uid, email=ANN)) is Code.INVALID_TIME
    assert await states(post.engine, event) == [ProposalState.OPEN]
