"""One instance of a recurring event is changed or cancelled while its series stands."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest

from engine.commands.answers.receipts import RecordReceipt
from engine.commands.events.events import CancelEvent, UpdateEvent
from engine.commands.events.instances import AddInstance, CancelInstance, ChangeInstance, UpdateInstance
from engine.commands.events.timing import Timing
from engine.commands.revisions import RevisionSource
from engine.engine import SYSTEM, Engine
from engine.model.events import Event, EventStatus, Override
from engine.model.messages import Audience, Kind, Method
from engine.model.people import Partstat
from engine.model.times import Span
from engine.refusals import Code
from tests.support.engines import created, deliver, do, invite, invite_all_answers, meeting, refusal

FIRST = datetime(2027, 5, 2, 23, tzinfo=UTC)
SECOND = FIRST + timedelta(weeks=1)


def moved(recurrence_id: datetime | date = SECOND, **values: object) -> Override:
    start = SECOND + timedelta(hours=2)
    span = Span(start=start, end=start + timedelta(hours=2), timezone="America/New_York")
    known = {"recurrence_id": recurrence_id, "span": span, "summary": "Later this once"}
    return Override(**{**known, **values})  # type: ignore[arg-type]


@pytest.fixture
async def series(engine: Engine) -> Event:
    return await created(engine, recurrence="FREQ=WEEKLY;COUNT=4")


async def test_cancelling_one_instance_keeps_the_series(engine: Engine, series: Event) -> None:
    await invite_all_answers(engine, series)
    done = await do(engine, CancelInstance(uid=series.uid, recurrence_id=SECOND))
    assert done.event.status is EventStatus.CONFIRMED
    assert done.event.exdates == (SECOND,)
    assert (done.event.sequence, done.event.span, done.notified) == (1, series.span, 3)
    gone = await deliver(engine)
    assert {(m.kind, m.method, m.recurrence_id) for m in gone} == {(Kind.CANCELLATION, Method.CANCEL, SECOND)}
    assert {m.email for m in gone} == {"yes@example.com", "maybe@example.com", "silent@example.com"}


async def test_moving_one_instance_keeps_the_times_of_the_others(engine: Engine, series: Event) -> None:
    await invite_all_answers(engine, series)
    done = await do(engine, ChangeInstance(uid=series.uid, override=moved()))
    assert done.event.span == series.span
    assert done.event.override(SECOND) == moved(moved_sequence=1)
    gone = await deliver(engine)
    assert {(m.kind, m.method, m.recurrence_id) for m in gone} == {(Kind.UPDATE, Method.REQUEST, SECOND)}


async def test_an_instance_that_is_changed_the_same_way_again_tells_nobody(
    engine: Engine, series: Event
) -> None:
    await do(engine, ChangeInstance(uid=series.uid, override=moved()))
    again = await do(engine, ChangeInstance(uid=series.uid, override=moved()))
    assert again.changed == ()
    await do(engine, CancelInstance(uid=series.uid, recurrence_id=SECOND))
    again = await do(engine, CancelInstance(uid=series.uid, recurrence_id=SECOND))
    assert (again.changed, again.event.sequence) == ((), 2)


async def test_cancelling_a_moved_instance_drops_what_it_was_moved_to(engine: Engine, series: Event) -> None:
    await do(engine, ChangeInstance(uid=series.uid, override=moved()))
    done = await do(engine, CancelInstance(uid=series.uid, recurrence_id=SECOND))
    assert done.event.overrides == ()


async def test_moving_the_last_instance_moves_the_end_of_the_series(engine: Engine, series: Event) -> None:
    last = FIRST + timedelta(weeks=3)
    start = last + timedelta(days=10)
    span = Span(start=start, end=start + timedelta(hours=2), timezone="America/New_York")
    done = await do(engine, ChangeInstance(uid=series.uid, override=moved(last, span=span)))
    assert done.event.ends_at == span.end
    done = await do(engine, CancelInstance(uid=series.uid, recurrence_id=last))
    assert done.event.ends_at == FIRST + timedelta(weeks=2, hours=2)


@pytest.mark.parametrize(
    "wrong", [SECOND + timedelta(hours=1), FIRST + timedelta(weeks=9), date(2027, 5, 10)], ids=str
)
async def test_an_instance_that_the_series_does_not_have_is_refused(
    engine: Engine, series: Event, wrong: datetime | date
) -> None:
    assert (
        await refusal(engine, CancelInstance(uid=series.uid, recurrence_id=wrong)) is Code.INVALID_RECURRENCE
    )
    change = ChangeInstance(uid=series.uid, override=moved(wrong))
    assert await refusal(engine, change) is Code.INVALID_RECURRENCE


async def test_an_instance_that_was_cancelled_cannot_be_moved(engine: Engine, series: Event) -> None:
    await do(engine, CancelInstance(uid=series.uid, recurrence_id=SECOND))
    assert await refusal(engine, ChangeInstance(uid=series.uid, override=moved())) is Code.INVALID_RECURRENCE


async def test_an_event_that_does_not_recur_has_no_instances(engine: Engine) -> None:
    event = await created(engine)
    assert (
        await refusal(engine, CancelInstance(uid=event.uid, recurrence_id=FIRST)) is Code.INVALID_RECURRENCE
    )


@pytest.mark.parametrize(
    ("values", "code"),
    [
        ({"summary": ""}, Code.INVALID_ARGUMENT),
        ({"description": "x" * 20_001}, Code.TOO_LARGE),
        ({"location": "{{ 1 + 1 }}"}, Code.INVALID_TEMPLATE),
    ],
)
async def test_the_words_of_an_instance_are_judged_like_those_of_an_event(
    engine: Engine, series: Event, values: dict[str, object], code: Code
) -> None:
    assert await refusal(engine, ChangeInstance(uid=series.uid, override=moved(**values))) is code


async def test_an_older_mail_about_an_instance_is_refused(engine: Engine) -> None:
    series = await created(
        engine, recurrence="FREQ=WEEKLY;COUNT=4", source=RevisionSource(uid="client", sequence=5)
    )
    stale = CancelInstance(
        uid=series.uid, recurrence_id=SECOND, source=RevisionSource(uid="client", sequence=4)
    )
    assert await refusal(engine, stale) is Code.STALE


async def test_an_instance_can_be_changed_without_telling_anybody(engine: Engine, series: Event) -> None:
    await invite_all_answers(engine, series)
    done = await do(engine, CancelInstance(uid=series.uid, recurrence_id=SECOND, audience=Audience.NONE))
    assert done.notified == 0
    assert await deliver(engine) == []


async def test_who_comes_to_one_instance_of_a_series_they_declined_hears_of_that_one(
    engine: Engine, series: Event
) -> None:
    people = await invite_all_answers(engine, series)
    yes = RecordReceipt(token=people["no"].token, partstat=Partstat.ACCEPTED, recurrence_id=SECOND)
    await do(engine, yes, SYSTEM)
    third = SECOND + timedelta(weeks=1)
    done = await do(engine, CancelInstance(uid=series.uid, recurrence_id=third))
    assert done.notified == 3
    assert "no@example.com" not in {m.email for m in await deliver(engine)}
    done = await do(engine, ChangeInstance(uid=series.uid, override=moved()))
    assert done.notified == 4
    assert "no@example.com" in {m.email for m in await deliver(engine)}
    done = await do(engine, CancelEvent(uid=series.uid))
    assert done.notified == 4
    assert len(await deliver(engine)) == 4


async def test_a_placeholder_in_one_date_for_which_the_invited_have_no_value_is_refused(
    engine: Engine, series: Event
) -> None:
    await invite(engine, series, "ann@example.com", name="Ann")
    await do(engine, UpdateInstance(uid=series.uid, recurrence_id=SECOND, description="Dear {{name}}"))
    lacking = {"uid": series.uid, "description": "Dear {{company}}"}
    added = moved().span
    for command in (
        UpdateInstance(recurrence_id=SECOND, **lacking),
        UpdateInstance(recurrence_id=SECOND, **lacking, dry_run=True),
        AddInstance(span=added, **lacking),
    ):
        assert await refusal(engine, command) is Code.MISSING_FIELD
    await invite(engine, series, "bob@example.com", name="Bob")


async def test_one_instance_of_a_timed_series_is_not_made_one_of_whole_days(
    engine: Engine, series: Event
) -> None:
    for when in (Timing(start="2027-05-10"), Timing(start="2027-05-10", all_day=True)):
        change = UpdateInstance(uid=series.uid, recurrence_id=SECOND, when=when)
        assert await refusal(engine, change) is Code.INVALID_TIME
    days = Timing(start="2027-05-02", timezone="Europe/Paris")
    fair = await created(engine, when=days, recurrence="FREQ=WEEKLY;COUNT=4")
    timed = Timing(start="2027-05-10T19:00", duration="PT2H")
    change = UpdateInstance(uid=fair.uid, recurrence_id=date(2027, 5, 9), when=timed)
    assert await refusal(engine, change) is Code.INVALID_TIME


async def test_a_series_needs_the_zone_of_its_place_where_an_event_does_with_an_offset(
    engine: Engine,
) -> None:
    paris = Timing(start="2027-03-01T19:00+01:00", duration="PT2H")
    once = await created(engine, when=paris)
    assert once.span.start == datetime(2027, 3, 1, 18, tzinfo=UTC)
    weekly = {"recurrence": "FREQ=WEEKLY;COUNT=20"}
    assert await refusal(engine, meeting(when=paris, **weekly)) is Code.UNKNOWN_TIMEZONE
    zoned = paris.model_copy(update={"timezone": "Europe/Paris"})
    assert (await created(engine, when=zoned, **weekly)).span.timezone == "Europe/Paris"
    await created(engine, when=Timing(start="2027-03-01T18:00Z", duration="PT2H"), **weekly)
    london = Timing(start="2027-03-01T19:00:00+00:00", duration="PT2H")
    assert await refusal(engine, meeting(when=london, **weekly)) is Code.UNKNOWN_TIMEZONE


async def test_an_event_that_was_given_with_an_offset_becomes_a_series_in_the_zone_that_is_said(
    engine: Engine,
) -> None:
    once = await created(engine, when=Timing(start="2027-03-01T19:00+01:00", duration="PT2H"))
    weekly = {"uid": once.uid, "recurrence": "FREQ=WEEKLY;COUNT=20"}
    later = Timing(start="2027-03-02T19:00+01:00")
    for when in (None, later, Timing(start="2027-03-02T18:00"), Timing(start="2027-03-02T18:00+00:00")):
        assert await refusal(engine, UpdateEvent(**weekly, when=when)) is Code.UNKNOWN_TIMEZONE
    zoned = later.model_copy(update={"timezone": "Europe/Paris"})
    for when in (Timing(timezone="UTC"), Timing(start="2027-03-02T18:00Z"), zoned):
        done = await do(engine, UpdateEvent(**weekly, when=when))
        assert done.event.recurring
        assert done.event.span.timezone == ("Europe/Paris" if when is zoned else "UTC")
        await do(engine, UpdateEvent(uid=once.uid, recurrence=""))


async def test_days_that_repeat_need_no_zone_of_a_clock(engine: Engine) -> None:
    days = Timing(start="2027-05-01T00:00:00+02:00", all_day=True)
    fair = await created(engine, when=days, recurrence="FREQ=WEEKLY;COUNT=4")
    assert (fair.span.start, fair.span.all_day) == (date(2027, 5, 1), True)
    once = await created(engine, when=days)
    assert (await do(engine, UpdateEvent(uid=once.uid, recurrence="FREQ=DAILY;COUNT=2"))).event.recurring
