"""Create, update and cancel events."""

from __future__ import annotations

import asyncio
from datetime import UTC, date, datetime, timedelta

import pytest

from engine.commands.events.events import CancelEvent, UpdateEvent
from engine.commands.events.timing import Timing
from engine.commands.operators.operators import SuspendOrganizer
from engine.commands.revisions import RevisionSource
from engine.engine import Engine
from engine.model.actors import Actor
from engine.model.events import EventStatus, Override
from engine.model.messages import Audience, Kind, MessageState
from engine.model.times import Span
from engine.refusals import Code
from tests.support.clock import START, Clock
from tests.support.engines import (
    attendee_count,
    claim,
    created,
    deliver,
    do,
    invite,
    invite_all_answers,
    ledger,
    meeting,
    refusal,
)

EVERYBODY = {"yes@example.com", "maybe@example.com", "no@example.com", "silent@example.com"}
LATER = Timing(start="2027-05-02T20:00")


async def test_an_event_is_created_with_its_zone_and_nobody_is_told(engine: Engine) -> None:
    event = await created(engine, location="Stadium", url="https://example.com/x", description="Bring a hat")
    assert event.span.start == datetime(2027, 5, 2, 23, 0, tzinfo=UTC)
    assert event.span.timezone == "America/New_York"
    assert event.ends_at == datetime(2027, 5, 3, 1, 0, tzinfo=UTC)
    assert (event.sequence, event.status, event.organizer) == (0, "confirmed", "agent@cis.test")
    assert (event.created, event.dtstamp) == (START, START)
    assert len(event.uid) == 40
    assert await engine.event(event.uid, engine.local) == event
    assert await claim(engine) == []


@pytest.mark.parametrize(
    ("values", "code"),
    [
        ({"summary": "   "}, Code.INVALID_ARGUMENT),
        ({"summary": "x" * 501}, Code.TOO_LARGE),
        ({"location": "x" * 1_001}, Code.TOO_LARGE),
        ({"description": "x" * 20_001}, Code.TOO_LARGE),
        ({"organizer_name": "x" * 201}, Code.TOO_LARGE),
        ({"url": "javascript:alert(1)"}, Code.INVALID_ARGUMENT),
        ({"url": "https://exa mple.com"}, Code.INVALID_ARGUMENT),
        ({"url": "https://" + "x" * 2_000}, Code.TOO_LARGE),
        ({"when": Timing(start="2027-02-01T10:00Z", duration="PT1H")}, Code.EVENT_IN_PAST),
        ({"when": Timing(start="2027-05-01T10:00", duration="PT1H")}, Code.UNKNOWN_TIMEZONE),
        ({"when": Timing(start="x", duration="PT1H", timezone="UTC")}, Code.INVALID_TIME),
        ({"when": Timing(start="2027-05-01T10:00Z", end="2027-05-01T09:00Z")}, Code.END_BEFORE_START),
        ({"recurrence": "FREQ=SOMETIMES"}, Code.INVALID_RECURRENCE),
        ({"rdates": (date(2027, 5, 9),)}, Code.INVALID_RECURRENCE),
        ({"exdates": (date(2027, 5, 9),)}, Code.INVALID_RECURRENCE),
        ({"exdates": tuple(START + timedelta(days=n) for n in range(5_001))}, Code.TOO_LARGE),
        ({"summary": "Hello {{ name | upper }}"}, Code.INVALID_TEMPLATE),
        ({"description": "Dear {{ first name }}"}, Code.INVALID_TEMPLATE),
        ({"organizer": "not an address"}, Code.INVALID_ADDRESS),
    ],
)
async def test_an_event_that_makes_no_sense_is_refused(
    engine: Engine, values: dict[str, object], code: Code
) -> None:
    assert await refusal(engine, meeting(**values)) is code
    assert (await engine.statistics("system", None, engine.local)).attendees == 0


def _override(**values: object) -> Override:
    start = datetime(2027, 5, 9, 23, tzinfo=UTC)
    span = Span(start=start, end=start + timedelta(hours=1), timezone="America/New_York")
    return Override(**{"recurrence_id": start, "span": span, "summary": "Moved", **values})  # type: ignore[arg-type]


@pytest.mark.parametrize("values", [{"summary": "x" * 501}, {"description": "x" * 20_001}])
async def test_the_words_of_an_override_are_bounded_like_those_of_the_event(
    engine: Engine, values: dict[str, object]
) -> None:
    command = meeting(recurrence="FREQ=WEEKLY;COUNT=5", overrides=(_override(**values),))
    assert await refusal(engine, command) is Code.TOO_LARGE
    series = await created(engine, recurrence="FREQ=WEEKLY;COUNT=5")
    assert (
        await refusal(engine, UpdateEvent(uid=series.uid, overrides=(_override(**values),))) is Code.TOO_LARGE
    )


async def test_an_agent_makes_events_for_itself_alone(engine: Engine) -> None:
    agent = Actor(kind="agent", address="bot@example.com", scopes=frozenset({"events", "read"}))
    event = await created(engine, agent)
    assert event.organizer == "bot@example.com"
    assert await refusal(engine, meeting(organizer="ceo@example.com"), agent) is Code.NOT_ALLOWED
    other = Actor(kind="agent", address="other@example.com", scopes=frozenset({"events", "read"}))
    for command in (UpdateEvent(uid=event.uid, summary="Mine"), CancelEvent(uid=event.uid)):
        assert await refusal(engine, command, other) is Code.UNKNOWN_EVENT


async def test_a_key_without_the_scope_changes_nothing(engine: Engine) -> None:
    reader = Actor(kind="agent", address="agent@cis.test", scopes=frozenset({"read"}))
    event = await created(engine)
    for command in (meeting(), UpdateEvent(uid=event.uid, summary="x"), CancelEvent(uid=event.uid)):
        assert await refusal(engine, command, reader) is Code.NOT_ALLOWED


async def test_a_suspended_organizer_makes_no_events(engine: Engine) -> None:
    event = await created(engine)
    await do(engine, SuspendOrganizer(address="agent@cis.test"))
    assert await refusal(engine, meeting()) is Code.ORGANIZER_SUSPENDED
    assert await refusal(engine, UpdateEvent(uid=event.uid, summary="x")) is Code.ORGANIZER_SUSPENDED
    await do(engine, SuspendOrganizer(address="agent@cis.test", suspended=False))
    await created(engine)


async def test_the_same_idempotency_key_gives_the_same_event(engine: Engine) -> None:
    first = await do(engine, meeting(idempotency_key="k"))
    again = await do(engine, meeting(idempotency_key="k"))
    assert first.created
    assert not again.created
    assert again.event == first.event
    assert (await created(engine, idempotency_key="k2")).uid != first.event.uid


async def test_an_idempotency_key_for_another_request_is_refused(engine: Engine) -> None:
    await created(engine, idempotency_key="k")
    assert await refusal(engine, meeting(idempotency_key="k", summary="x")) is Code.IDEMPOTENCY_CONFLICT


async def test_an_idempotency_key_belongs_to_who_used_it(engine: Engine) -> None:
    first = await created(engine, idempotency_key="k")
    agent = Actor(kind="agent", address="bot@example.com", scopes=frozenset({"events"}))
    assert (await created(engine, agent, idempotency_key="k")).uid != first.uid


async def test_the_same_client_uid_is_one_event(engine: Engine) -> None:
    await created(engine, source=RevisionSource(uid="client-uid"))
    assert await refusal(engine, meeting(source=RevisionSource(uid="client-uid"))) is Code.EVENT_EXISTS
    await created(engine, source=RevisionSource(uid="client-uid-2"))


# updates


async def test_an_update_raises_sequence_and_dtstamp_and_keeps_the_rest(engine: Engine, clock: Clock) -> None:
    old = await created(engine, location="Stadium")
    clock.move(minutes=5)
    done = await do(engine, UpdateEvent(uid=old.uid, when=LATER))
    new = done.event
    assert done.changed == ("start", "end")
    assert (new.sequence, new.dtstamp) == (1, START + timedelta(minutes=5))
    assert new.span.start == old.span.start + timedelta(hours=1)
    assert new.span.length == old.span.length
    assert (new.location, new.created, new.uid) == (old.location, old.created, old.uid)


async def test_sequence_and_dtstamp_grow_even_if_the_clock_goes_back(engine: Engine, clock: Clock) -> None:
    event = await created(engine)
    for n in range(1, 4):
        clock.move(minutes=-10)
        done = await do(engine, UpdateEvent(uid=event.uid, summary=f"Take {n}"))
        assert done.event.sequence == event.sequence + 1
        assert done.event.dtstamp > event.dtstamp
        event = done.event
    cancelled = await do(engine, CancelEvent(uid=event.uid))
    assert cancelled.event.dtstamp > event.dtstamp


async def test_an_update_that_changes_nothing_tells_nobody(engine: Engine) -> None:
    event = await created(engine)
    await invite_all_answers(engine, event)
    done = await do(engine, UpdateEvent(uid=event.uid, summary=event.summary, audience=Audience.ALL))
    assert (done.changed, done.notified) == ((), 0)
    assert done.event == event
    assert await deliver(engine) == []


@pytest.mark.parametrize(
    ("change", "audience", "told"),
    [
        ({"summary": "New words"}, None, {"yes", "maybe"}),
        ({"description": "More"}, None, {"yes", "maybe"}),
        ({"url": "https://example.com"}, None, {"yes", "maybe"}),
        ({"when": LATER}, None, {"yes", "maybe", "silent"}),
        ({"when": Timing(duration="PT3H")}, None, {"yes", "maybe", "silent"}),
        ({"when": Timing(timezone="Europe/Paris")}, None, {"yes", "maybe", "silent"}),
        ({"location": "Elsewhere"}, None, {"yes", "maybe", "silent"}),
        ({"recurrence": "FREQ=DAILY;COUNT=3"}, None, {"yes", "maybe", "silent"}),
        ({"when": LATER}, Audience.ACCEPTED_OR_TENTATIVE, {"yes", "maybe"}),
        ({"summary": "New words"}, Audience.NOT_DECLINED, {"yes", "maybe", "silent"}),
        ({"summary": "New words"}, Audience.ALL, {"yes", "maybe", "silent", "no"}),
        ({"when": LATER}, Audience.NONE, set()),
    ],
)
async def test_who_hears_of_a_change_depends_on_what_changed(
    engine: Engine, change: dict[str, object], audience: Audience | None, told: set[str]
) -> None:
    event = await created(engine)
    await invite_all_answers(engine, event)
    done = await do(engine, UpdateEvent(uid=event.uid, audience=audience, **change))  # type: ignore[arg-type]
    gone = await deliver(engine)
    assert {m.email for m in gone} == {f"{name}@example.com" for name in told}
    assert {(m.kind, m.sequence) for m in gone} <= {(Kind.UPDATE, 1)}
    assert done.notified == len(told)


async def test_a_dry_run_says_who_would_hear_and_changes_nothing(engine: Engine) -> None:
    event = await created(engine)
    await invite_all_answers(engine, event)
    before = await engine.statistics("system", None, engine.local)
    planned = await do(engine, UpdateEvent(uid=event.uid, when=LATER, dry_run=True))
    cancelled = await do(engine, CancelEvent(uid=event.uid, dry_run=True))
    assert (planned.notified, planned.event.sequence) == (3, 1)
    assert (cancelled.notified, cancelled.event.status) == (3, EventStatus.CANCELLED)
    assert await engine.event(event.uid, engine.local) == event
    assert await deliver(engine) == []
    assert await engine.statistics("system", None, engine.local) == before


async def test_an_update_of_another_revision_than_expected_is_refused(engine: Engine) -> None:
    event = await created(engine)
    await do(engine, UpdateEvent(uid=event.uid, summary="One", expected_sequence=0))
    stale = UpdateEvent(uid=event.uid, summary="Two", expected_sequence=0)
    assert await refusal(engine, stale) is Code.SEQUENCE_MISMATCH
    await do(engine, UpdateEvent(uid=event.uid, summary="Two", expected_sequence=1))


async def test_an_event_that_is_cancelled_over_or_unknown_is_not_changed(
    engine: Engine, clock: Clock
) -> None:
    event, other = await created(engine), await created(engine)
    await do(engine, CancelEvent(uid=event.uid))
    assert await refusal(engine, UpdateEvent(uid=event.uid, summary="x")) is Code.EVENT_CANCELLED
    assert (await do(engine, CancelEvent(uid=event.uid))).repeated
    clock.move(days=90)
    assert await refusal(engine, UpdateEvent(uid=other.uid, summary="x")) is Code.EVENT_FINISHED
    assert await refusal(engine, CancelEvent(uid=other.uid)) is Code.EVENT_FINISHED
    assert await refusal(engine, UpdateEvent(uid="nowhere", summary="x")) is Code.UNKNOWN_EVENT


async def test_an_update_into_the_past_is_refused(engine: Engine) -> None:
    event = await created(engine)
    back = UpdateEvent(uid=event.uid, when=Timing(start="2027-02-02T19:00"))
    assert await refusal(engine, back) is Code.EVENT_IN_PAST


async def test_a_placeholder_for_which_the_invited_have_no_value_is_refused(engine: Engine) -> None:
    event = await created(engine)
    await invite(engine, event, "ann@example.com", name="Ann")
    await do(engine, UpdateEvent(uid=event.uid, description="Dear {{name}}"))
    lacking = UpdateEvent(uid=event.uid, description="Dear {{company}}")
    assert await refusal(engine, lacking) is Code.MISSING_FIELD


async def test_two_updates_at_once_each_get_a_sequence_of_their_own(engine: Engine) -> None:
    event = await created(engine)
    commands = [UpdateEvent(uid=event.uid, summary=f"Take {n}") for n in range(10)]
    dones = await asyncio.gather(*(do(engine, command) for command in commands))
    assert sorted(d.event.sequence for d in dones) == list(range(1, 11))


async def test_people_who_are_owed_two_updates_get_the_newest_once(engine: Engine) -> None:
    event = await created(engine)
    await invite_all_answers(engine, event)
    await do(engine, UpdateEvent(uid=event.uid, location="One"))
    await do(engine, UpdateEvent(uid=event.uid, location="Two"))
    gone = await deliver(engine)
    assert sorted(m.email for m in gone) == ["maybe@example.com", "silent@example.com", "yes@example.com"]
    assert {m.sequence for m in gone} == {2}


async def test_moving_a_series_moves_its_exceptions_with_it(engine: Engine) -> None:
    first = datetime(2027, 5, 2, 23, tzinfo=UTC)
    event = await created(
        engine,
        recurrence="FREQ=WEEKLY;COUNT=5",
        exdates=(first + timedelta(weeks=2),),
        overrides=(_override(),),
    )
    done = await do(engine, UpdateEvent(uid=event.uid, when=LATER))
    hour = timedelta(hours=1)
    assert done.event.exdates == (first + timedelta(weeks=2) + hour,)
    (moved,) = done.event.overrides
    assert moved.recurrence_id == first + timedelta(weeks=1) + hour
    assert moved.span == _override().span


# cancellations


async def test_a_cancellation_tells_those_who_have_the_event(engine: Engine) -> None:
    event = await created(engine)
    await invite_all_answers(engine, event)
    await invite(engine, event, "waiting@example.com")
    done = await do(engine, CancelEvent(uid=event.uid, reason="Rain"))
    assert (done.event.status, done.event.sequence, done.event.cancel_reason) == ("cancelled", 1, "Rain")
    gone = await deliver(engine)
    assert {m.email for m in gone} == EVERYBODY - {"no@example.com"}
    assert {(m.kind, m.method) for m in gone} == {(Kind.CANCELLATION, "CANCEL")}
    waiting = await ledger(engine, event, "waiting@example.com")
    assert (waiting.state, waiting.code) == (MessageState.WITHDRAWN, Code.EVENT_CANCELLED)
    assert done.notified == len(gone)


async def test_a_cancellation_keeps_the_attendees_and_their_answers(engine: Engine) -> None:
    event = await created(engine)
    await invite_all_answers(engine, event)
    await do(engine, CancelEvent(uid=event.uid, audience=Audience.NONE))
    assert await attendee_count(engine, event) == 4
    found = await engine.statistics("event", event.uid, engine.local)
    assert (found.rsvp["accepted"], found.rsvp["declined"]) == (1, 1)
    assert await deliver(engine) == []


async def test_what_is_owed_when_an_event_is_cancelled_never_leaves(engine: Engine) -> None:
    event = await created(engine)
    await invite_all_answers(engine, event)
    await do(engine, UpdateEvent(uid=event.uid, when=LATER))
    await do(engine, CancelEvent(uid=event.uid))
    assert {m.kind for m in await deliver(engine)} == {Kind.CANCELLATION}


# times that a client sends out of order


async def test_an_older_revision_of_the_clients_event_is_refused(engine: Engine) -> None:
    event = await created(engine, source=RevisionSource(uid="c", sequence=3, dtstamp=START))
    older = [
        RevisionSource(uid="c", sequence=2),
        RevisionSource(uid="c", sequence=3, dtstamp=START - timedelta(hours=1)),
    ]
    for source in older:
        late = UpdateEvent(uid=event.uid, summary="Old", source=source)
        assert await refusal(engine, late) is Code.STALE
    assert await refusal(engine, CancelEvent(uid=event.uid, source=older[0])) is Code.STALE
    newer = RevisionSource(uid="c", sequence=3, dtstamp=START + timedelta(hours=1))
    done = await do(engine, UpdateEvent(uid=event.uid, summary="New", source=newer))
    assert done.event.source_dtstamp == START + timedelta(hours=1)


async def test_a_clients_revision_that_changes_nothing_is_remembered(engine: Engine) -> None:
    event = await created(engine, source=RevisionSource(uid="c", sequence=0))
    await do(engine, UpdateEvent(uid=event.uid, source=RevisionSource(uid="c", sequence=7)))
    late = UpdateEvent(uid=event.uid, summary="Old", source=RevisionSource(uid="c", sequence=6))
    assert await refusal(engine, late) is Code.STALE
