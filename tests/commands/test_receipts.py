"""Receipts, bounces, proposals and the wish to hear no more."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import permutations

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from engine.commands.answers.deliveries import RecordBounce, Unsubscribe
from engine.commands.answers.proposals import RecordProposal
from engine.commands.answers.receipts import RecordReceipt
from engine.commands.events.events import CancelEvent, UpdateEvent
from engine.commands.invites.invites import SendInvite
from engine.engine import SYSTEM, Engine
from engine.model.events import Event
from engine.model.messages import Kind, MessageState
from engine.model.people import Attendee, Origin, Partstat
from engine.model.times import Span
from engine.refusals import Code
from tests.support.clock import START, Clock
from tests.support.engines import (
    attendee,
    created,
    deliver,
    do,
    engine_in,
    invite,
    ledger,
    refusal,
)

ANN = "ann@example.com"
ACCEPTED, DECLINED, TENTATIVE = Partstat.ACCEPTED, Partstat.DECLINED, Partstat.TENTATIVE


async def invited(engine: Engine, **values: object) -> tuple[Event, Attendee]:
    event = await created(engine, **values)
    done = await invite(engine, event, ANN)
    await deliver(engine)
    return event, done.attendee


@pytest.mark.parametrize("partstat", Partstat)
async def test_every_answer_there_is_counts(engine: Engine, partstat: Partstat) -> None:
    event, ann = await invited(engine)
    done = await do(engine, RecordReceipt(token=ann.token, partstat=partstat, prodid="-//X//EN"), SYSTEM)
    assert done.receipt.counted
    assert done.attendee.partstat is partstat
    found = await engine.statistics("event", event.uid, engine.local)
    assert found.rsvp[partstat.label] == 1
    assert sum(found.rsvp.values()) == 1
    assert found.prodid == {"-//X//EN": 1}


async def test_a_token_is_believed_whatever_the_answer_says_of_its_sender(engine: Engine) -> None:
    _, ann = await invited(engine)
    command = RecordReceipt(token=ann.token, uid="other", email="alias@example.net", partstat=ACCEPTED)
    done = await do(engine, command, SYSTEM)
    assert (done.receipt.email, done.receipt.counted) == (ANN, True)


async def test_an_unknown_token_or_event_is_refused(engine: Engine) -> None:
    event, _ = await invited(engine)
    assert await refusal(engine, RecordReceipt(token="x", partstat=ACCEPTED), SYSTEM) is Code.UNKNOWN_TOKEN
    lost = RecordReceipt(uid="x", email=ANN, partstat=ACCEPTED)
    assert await refusal(engine, lost, SYSTEM) is Code.UNKNOWN_EVENT
    nobody = RecordReceipt(uid=event.uid, partstat=ACCEPTED)
    assert await refusal(engine, nobody, SYSTEM) is Code.NO_SENDER


async def test_an_answer_that_nobody_vouches_for_is_recorded_and_does_not_count(engine: Engine) -> None:
    event, _ = await invited(engine)
    done = await do(engine, RecordReceipt(uid=event.uid, email=ANN, partstat=ACCEPTED), SYSTEM)
    assert (done.receipt.counted, done.receipt.code) == (False, Code.SENDER_UNAUTHENTICATED)
    assert (await attendee(engine, event, ANN)).partstat is Partstat.NEEDS_ACTION


async def test_forged_answers_of_strangers_are_no_attendees(engine: Engine) -> None:
    event, _ = await invited(engine)
    for n in range(5):
        forged = RecordReceipt(uid=event.uid, email=f"bot{n}@example.net", partstat=ACCEPTED)
        await do(engine, forged, SYSTEM)
    found = await engine.statistics("event", event.uid, engine.local)
    assert (found.attendees, found.rsvp["accepted"]) == (1, 0)


@pytest.mark.parametrize("mode", ["flag", "off"])
async def test_an_operator_may_believe_everybody(tmp_path: object, clock: Clock, mode: str) -> None:
    async with engine_in(tmp_path, clock, sender_auth=mode) as engine:  # type: ignore[arg-type]
        event, _ = await invited(engine)
        done = await do(engine, RecordReceipt(uid=event.uid, email=ANN, partstat=ACCEPTED), SYSTEM)
        assert done.receipt.counted


async def test_one_who_was_never_invited_becomes_an_attendee_of_origin_shared(engine: Engine) -> None:
    event, _ = await invited(engine)
    crash = RecordReceipt(
        uid=event.uid, email="Bob@Example.com", name=" Bob  B ", partstat=ACCEPTED, authenticated=True
    )
    await do(engine, crash, SYSTEM)
    bob = await attendee(engine, event, "bob@example.com")
    assert (bob.origin, bob.partstat, bob.name) == (Origin.SHARED, ACCEPTED, "Bob B")
    assert (await engine.statistics("event", event.uid, engine.local)).origin == {"api": 1, "shared": 1}


STAMPS = [(0, 0, ACCEPTED), (0, 60, DECLINED), (1, 30, TENTATIVE)]


@pytest.mark.parametrize("order", list(permutations(range(3))))
async def test_answers_in_any_order_leave_the_newest(
    engine: Engine, clock: Clock, order: tuple[int, ...]
) -> None:
    event, ann = await invited(engine)
    await do(engine, UpdateEvent(uid=event.uid, location="Elsewhere"))
    clock.move(hours=1)
    for n in order:
        sequence, seconds, partstat = STAMPS[n]
        dtstamp = START + timedelta(seconds=seconds)
        command = RecordReceipt(token=ann.token, partstat=partstat, sequence=sequence, dtstamp=dtstamp)
        done = await do(engine, command, SYSTEM)
        assert done.receipt.counted or done.receipt.code == Code.STALE
    now = await attendee(engine, event, ANN)
    assert now.partstat is TENTATIVE
    assert now.created == ann.created


async def test_of_answers_with_equal_stamps_the_one_that_arrived_last_counts(engine: Engine) -> None:
    event, ann = await invited(engine)
    for partstat in (ACCEPTED, DECLINED):
        command = RecordReceipt(token=ann.token, partstat=partstat, sequence=0, dtstamp=START)
        await do(engine, command, SYSTEM)
    assert (await attendee(engine, event, ANN)).partstat is DECLINED


async def test_a_clock_that_is_ahead_does_not_lock_out_later_answers(engine: Engine, clock: Clock) -> None:
    event, ann = await invited(engine)
    ahead = RecordReceipt(token=ann.token, partstat=ACCEPTED, dtstamp=START + timedelta(days=900))
    await do(engine, ahead, SYSTEM)
    clock.move(minutes=1)
    await do(engine, RecordReceipt(token=ann.token, partstat=DECLINED, dtstamp=clock()), SYSTEM)
    assert (await attendee(engine, event, ANN)).partstat is DECLINED


@pytest.mark.parametrize("sequence", [7, 2**31, 10**30])
async def test_a_sequence_that_is_ahead_does_not_lock_out_later_answers(
    engine: Engine, clock: Clock, sequence: int
) -> None:
    event, ann = await invited(engine)
    await do(engine, RecordReceipt(token=ann.token, partstat=ACCEPTED, sequence=sequence), SYSTEM)
    clock.move(minutes=1)
    await do(engine, RecordReceipt(token=ann.token, partstat=DECLINED, sequence=0), SYSTEM)
    assert (await attendee(engine, event, ANN)).partstat is DECLINED


async def test_an_answer_without_a_sequence_speaks_of_the_newest_revision(
    engine: Engine, clock: Clock
) -> None:
    event, ann = await invited(engine)
    await do(engine, UpdateEvent(uid=event.uid, location="Elsewhere"))
    await do(engine, RecordReceipt(token=ann.token, partstat=ACCEPTED, sequence=1), SYSTEM)
    clock.move(minutes=1)
    await do(engine, RecordReceipt(token=ann.token, partstat=DECLINED), SYSTEM)
    assert (await attendee(engine, event, ANN)).partstat is DECLINED


async def test_an_answer_for_one_instance_does_not_speak_for_the_series(engine: Engine) -> None:
    event, ann = await invited(engine, recurrence="FREQ=WEEKLY;COUNT=4")
    command = RecordReceipt(token=ann.token, partstat=DECLINED, recurrence_id=event.span.start)
    done = await do(engine, command, SYSTEM)
    assert done.receipt.counted
    (answer,) = await engine.store.instance_answers(event.uid, ANN)
    assert (answer.recurrence_id, answer.partstat) == (event.span.start, DECLINED)
    assert (await attendee(engine, event, ANN)).partstat is Partstat.NEEDS_ACTION


async def test_receipts_are_still_collected_for_a_cancelled_or_finished_event(
    engine: Engine, clock: Clock
) -> None:
    event, ann = await invited(engine)
    await do(engine, CancelEvent(uid=event.uid))
    clock.move(days=90)
    await do(engine, RecordReceipt(token=ann.token, partstat=ACCEPTED), SYSTEM)
    assert (await attendee(engine, event, ANN)).partstat is ACCEPTED


async def test_what_an_answer_says_is_bounded(engine: Engine) -> None:
    _, ann = await invited(engine)
    long = RecordReceipt(token=ann.token, partstat=ACCEPTED, prodid="p" * 9_999, comment="c" * 99_999)
    done = await do(engine, long, SYSTEM)
    assert (len(done.receipt.prodid), len(done.receipt.comment)) == (200, 2_000)


async def test_the_breakdown_of_clients_is_of_those_that_answered(engine: Engine) -> None:
    event, ann = await invited(engine)
    await invite(engine, event, "bob@example.com")
    await do(engine, RecordReceipt(token=ann.token, partstat=ACCEPTED, prodid="-//Phone//EN"), SYSTEM)
    await do(engine, RecordReceipt(token=ann.token, partstat=DECLINED, prodid="-//Desk//EN"), SYSTEM)
    for scope in ("event", "organizer", "system"):
        key = event.uid if scope == "event" else None
        found = await engine.statistics(scope, key, engine.local)
        assert found.prodid == {"-//Desk//EN": 1}


# bounces


async def test_a_permanent_bounce_fails_the_message_and_suppresses_the_address(engine: Engine) -> None:
    event, ann = await invited(engine)
    bounce = RecordBounce(token=ann.token, permanent=True, status="5.1.1", detail="no such user")
    await do(engine, bounce, SYSTEM)
    await do(engine, bounce, SYSTEM)
    message = await ledger(engine, event, ANN)
    assert (message.state, message.code, message.answer) == (
        MessageState.FAILED,
        Code.BOUNCED,
        "5.1.1 no such user",
    )
    await do(engine, UpdateEvent(uid=event.uid, location="Elsewhere"))
    assert await deliver(engine) == []


async def test_a_bounce_of_a_good_address_fails_the_message_alone(engine: Engine) -> None:
    event, ann = await invited(engine)
    await do(engine, RecordBounce(token=ann.token, permanent=False, status="4.2.2"), SYSTEM)
    assert (await ledger(engine, event, ANN)).state is MessageState.FAILED
    await do(engine, SendInvite(uid=event.uid, email=ANN))
    assert [m.email for m in await deliver(engine)] == [ANN]
    assert await refusal(engine, RecordBounce(token="x", permanent=True), SYSTEM) is Code.UNKNOWN_TOKEN


# unsubscribing


async def test_who_unsubscribes_hears_no_more_of_that_organizer(engine: Engine) -> None:
    event, ann = await invited(engine)
    done = await do(engine, Unsubscribe(token=ann.token), SYSTEM)
    assert (done.email, done.organizer) == (ANN, event.organizer)
    await do(engine, Unsubscribe(token=ann.token), SYSTEM)
    await do(engine, UpdateEvent(uid=event.uid, location="Elsewhere"))
    assert await deliver(engine) == []
    assert await refusal(engine, Unsubscribe(token="x"), SYSTEM) is Code.UNKNOWN_TOKEN


# proposals


def proposal(event: Event, **values: object) -> RecordProposal:
    start = datetime(2027, 5, 3, 18, tzinfo=UTC)
    span = Span(start=start, end=start + timedelta(hours=2), timezone="UTC")
    return RecordProposal(**{"uid": event.uid, "email": ANN, "span": span, **values})


async def test_a_proposal_is_told_to_the_organizer_and_changes_nothing(engine: Engine) -> None:
    event, ann = await invited(engine)
    words = "Could we?\r\nBcc: all@example.com " + "x" * 5_000
    await do(engine, proposal(event, token=ann.token, comment=words), SYSTEM)
    (notice,) = await deliver(engine)
    assert (notice.kind, notice.email) == (Kind.NOTICE, event.organizer)
    assert notice.notice is not None
    assert "Monday, 3 May 2027, 14:00 – 16:00 (America/New_York, UTC-04:00)" in notice.notice.text
    assert "> Could we? Bcc: all@example.com" in notice.notice.text
    assert len(notice.notice.text) < 1_500
    assert await engine.event(event.uid, engine.local) == event


async def test_a_proposal_of_a_stranger_is_refused(engine: Engine) -> None:
    event, _ = await invited(engine)
    assert await refusal(engine, proposal(event, email="x@example.com"), SYSTEM) is Code.UNKNOWN_ATTENDEE
    assert await refusal(engine, proposal(event), SYSTEM) is Code.SENDER_UNAUTHENTICATED
    assert await refusal(engine, proposal(event, token="x"), SYSTEM) is Code.UNKNOWN_TOKEN
    await do(engine, proposal(event, authenticated=True, span=None), SYSTEM)


# single instances


async def test_instance_answers_are_recounted(engine: Engine) -> None:
    event, ann = await invited(engine, recurrence="FREQ=WEEKLY;COUNT=4")
    for partstat in (ACCEPTED, DECLINED):
        await do(
            engine, RecordReceipt(token=ann.token, partstat=partstat, recurrence_id=event.span.start), SYSTEM
        )
    assert await engine.check() == []
    async with engine.store.unit() as unit:
        (answer,) = await engine.store.instance_answers(event.uid)
        await unit.save_instance_answer(answer.model_copy(update={"partstat": TENTATIVE}))
    assert len(await engine.check()) == 1
    async with engine.store.unit() as unit:
        await unit.save_instance_answer(answer)


async def test_an_answer_for_an_instance_lasts_until_the_series_moves(engine: Engine) -> None:
    event, ann = await invited(engine, recurrence="FREQ=WEEKLY;COUNT=4")
    first = event.span.start
    await do(engine, RecordReceipt(token=ann.token, partstat=DECLINED, recurrence_id=first), SYSTEM)
    await do(engine, UpdateEvent(uid=event.uid, summary="Another name"))
    assert len(await engine.instance_answers(event.uid, engine.local)) == 1
    await do(engine, UpdateEvent(uid=event.uid, location="Elsewhere"))
    assert await engine.instance_answers(event.uid, engine.local) == []
    assert (await engine.explain(event.uid, ANN, engine.local)).instances == ()
    assert len(await engine.store.receipts(event.uid, ANN)) == 1


SAID = st.lists(
    st.tuples(
        st.sampled_from([None, 0, 1]),
        st.integers(0, 2),
        st.integers(0, 3),
        st.sampled_from([ACCEPTED, DECLINED, TENTATIVE]),
    ),
    min_size=1,
    max_size=8,
)


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(SAID)
async def test_whatever_the_order_the_newest_answer_stands_for_each_instance(
    engine: Engine, clock: Clock, said: list[tuple[int | None, int, int, Partstat]]
) -> None:
    event, ann = await invited(engine, recurrence="FREQ=WEEKLY;COUNT=4")
    for _ in range(2):
        await do(engine, UpdateEvent(uid=event.uid, description=f"Words {event.sequence} {_}"))
    clock.move(hours=1)
    newest: dict[int | None, tuple[tuple[int, int], Partstat]] = {}
    for week, sequence, minutes, partstat in said:
        order = (sequence, minutes)
        if week not in newest or order >= newest[week][0]:
            newest[week] = (order, partstat)
        instance = None if week is None else event.span.start_utc + timedelta(weeks=week)
        command = RecordReceipt(
            token=ann.token,
            partstat=partstat,
            sequence=sequence,
            dtstamp=clock() - timedelta(hours=1) + timedelta(minutes=minutes),
            recurrence_id=instance,
        )
        await do(engine, command, SYSTEM)
    answers = {a.recurrence_id: a.partstat for a in await engine.instance_answers(event.uid, engine.local)}
    expected = {
        event.span.start_utc + timedelta(weeks=week): partstat
        for week, (_, partstat) in newest.items()
        if week is not None
    }
    assert answers == expected
    whole = newest.get(None, (None, Partstat.NEEDS_ACTION))[1]
    assert (await attendee(engine, event, ANN)).partstat is whole
