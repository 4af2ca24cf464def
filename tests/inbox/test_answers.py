"""Who answers, for which instance, in whose place, to which revision: answers by mail as real clients send them."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from engine.commands.events.events import UpdateEvent
from engine.commands.events.instances import CancelInstance, ChangeInstance
from engine.engine import Engine
from engine.model.events import Event, Override
from engine.model.messages import Kind, Method
from engine.model.people import Attendee, Origin, Partstat
from engine.refusals import Code
from tests.support import mails
from tests.support.clock import Clock
from tests.support.engines import attendee, attendee_count, created, deliver, do, invite
from tests.support.inboxes import Post

ANN, BOB = "ann@example.com", "bob@example.com"
ACCEPTED, DECLINED, TENTATIVE = Partstat.ACCEPTED, Partstat.DECLINED, Partstat.TENTATIVE
STAMP = datetime(2027, 3, 1, 9, tzinfo=UTC)
SAIGON = ZoneInfo("Asia/Ho_Chi_Minh")


@pytest.fixture
async def event(engine: Engine) -> Event:
    return await created(engine)


@pytest.fixture
async def series(engine: Engine) -> Event:
    return await created(engine, recurrence="FREQ=WEEKLY;COUNT=4")


async def invited(engine: Engine, event: Event, email: str = ANN) -> Attendee:
    done = await invite(engine, event, email)
    await deliver(engine)
    return done.attendee


def address(person: Attendee) -> str:
    return f"rsvp+{person.token}@cis.test"


async def partstat(post: Post, event: Event, email: str = ANN) -> Partstat:
    return (await attendee(post.engine, event, email)).partstat


def second(event: Event) -> datetime:
    return event.span.start_utc + timedelta(weeks=1)


def written(event: Event, to: str, *lines: str, method: str = "REPLY", sender: str = ANN) -> bytes:
    """An answer whose lines are written by hand, as a client might have written them."""
    body = [
        "BEGIN:VCALENDAR",
        f"METHOD:{method}",
        "BEGIN:VEVENT",
        f"UID:{event.uid}",
        *lines,
        "END:VEVENT",
        "END:VCALENDAR",
        "",
    ]
    return mails.mail(sender, to, content="\r\n".join(body).encode(), method=method).as_bytes()


# revisions


@pytest.mark.parametrize("change", [{"location": "Elsewhere"}, {"recurrence": "FREQ=DAILY;COUNT=3"}], ids=str)
async def test_an_answer_to_a_revision_before_the_event_moved_does_not_count(
    post: Post, event: Event, change: dict[str, str]
) -> None:
    ann = await invited(post.engine, event)
    await do(post.engine, UpdateEvent(uid=event.uid, **change))
    intake = await post(mails.reply(event.uid, ANN, to=address(ann), sequence=0))
    assert (intake.action, intake.code) == ("receipt", "stale")
    assert await partstat(post, event) is Partstat.NEEDS_ACTION
    (kept,) = await post.engine.store.receipts(event.uid, ANN)
    assert (kept.counted, kept.partstat) == (False, ACCEPTED)
    assert (await post(mails.reply(event.uid, ANN, to=address(ann), sequence=1))).code == ""
    assert await partstat(post, event) is ACCEPTED


async def test_an_answer_to_an_older_wording_counts(post: Post, event: Event) -> None:
    ann = await invited(post.engine, event)
    await do(post.engine, UpdateEvent(uid=event.uid, summary="Season opener!", description="More words"))
    assert (await post(mails.reply(event.uid, ANN, to=address(ann), sequence=0))).code == ""
    assert await partstat(post, event) is ACCEPTED


async def test_without_a_sequence_the_stamp_tells_which_revision_is_answered(
    post: Post, event: Event, clock: Clock
) -> None:
    ann = await invited(post.engine, event)
    clock.move(hours=2)
    await do(post.engine, UpdateEvent(uid=event.uid, location="Elsewhere"))
    line = f"ATTENDEE;PARTSTAT=ACCEPTED:mailto:{ANN}"
    old = written(event, address(ann), line, "DTSTAMP:20270301T093000Z")
    assert (await post(old, address(ann))).code == "stale"
    new = written(event, address(ann), line, "DTSTAMP:20270301T105800Z")
    assert (await post(new, address(ann))).code == "", "a client's clock may be some minutes slow"


@pytest.mark.parametrize("name", ["X-MICROSOFT-CDO-REPLYTIME", "DTSTAMP"])
async def test_the_later_of_two_answers_counts_by_the_stamp_that_the_client_gives(
    post: Post, event: Event, name: str, clock: Clock
) -> None:
    ann = await invited(post.engine, event)
    clock.move(hours=5)
    for stamp, said in (("20270301T110000Z", "ACCEPTED"), ("20270301T100000Z", "DECLINED")):
        lines = [
            f"ATTENDEE;PARTSTAT={said}:mailto:{ANN}",
            f"{name}:{stamp}",
            "X-MICROSOFT-CDO-APPT-SEQUENCE:0",
        ]
        await post(written(event, address(ann), *lines), address(ann))
    assert await partstat(post, event) is ACCEPTED


async def test_a_changed_answer_with_the_same_stamp_counts(post: Post, event: Event) -> None:
    ann = await invited(post.engine, event)
    for said in ("ACCEPTED", "DECLINED"):
        await post(mails.reply(event.uid, ANN, said, to=address(ann)))
    assert await partstat(post, event) is DECLINED


# instances


def instance_ids(event: Event) -> dict[str, date | datetime]:
    at = second(event)
    return {
        "UTC": at,
        "its zone": at.astimezone(event.span.zone),
        "another zone": at.astimezone(SAIGON),
        "only the day": at.astimezone(event.span.zone).date(),
    }


@pytest.mark.parametrize("way", ["UTC", "its zone", "another zone", "only the day"])
async def test_an_instance_is_the_same_however_a_client_writes_it(
    post: Post, series: Event, way: str
) -> None:
    ann = await invited(post.engine, series)
    answer = mails.reply(
        series.uid, ANN, "DECLINED", to=address(ann), recurrence_id=instance_ids(series)[way]
    )
    intake = await post(answer)
    assert (intake.action, intake.code) == ("receipt", "")
    (kept,) = await post.engine.instance_answers(series.uid, post.engine.local, second(series))
    assert (kept.email, kept.recurrence_id, kept.partstat) == (ANN, second(series), DECLINED)
    assert await partstat(post, series) is Partstat.NEEDS_ACTION
    explained = await post.engine.explain(series.uid, ANN, post.engine.local)
    assert explained.instances == (kept,)


async def test_answers_for_each_instance_have_an_order_of_their_own(
    post: Post, series: Event, clock: Clock
) -> None:
    ann = await invited(post.engine, series)
    clock.move(days=1)
    first = series.span.start_utc
    said = [
        (first, 2, "ACCEPTED"),
        (second(series), 1, "DECLINED"),
        (first, 0, "DECLINED"),
        (None, 1, "TENTATIVE"),
    ]
    codes = []
    for instance, hours, word in said:
        stamp = STAMP + timedelta(hours=hours)
        answer = mails.reply(series.uid, ANN, word, to=address(ann), recurrence_id=instance, dtstamp=stamp)
        codes.append((await post(answer)).code)
    assert codes == ["", "", "stale", ""]
    found = await post.engine.instance_answers(series.uid, post.engine.local)
    assert {(a.recurrence_id, a.partstat) for a in found} == {(first, ACCEPTED), (second(series), DECLINED)}
    assert await partstat(post, series) is TENTATIVE


async def test_one_mail_may_answer_the_series_and_some_of_its_instances(post: Post, series: Event) -> None:
    ann = await invited(post.engine, series)
    parts = [
        mails.vevent(series.uid, organizer=address(ann), attendees=[(ANN, "ACCEPTED")]),
        mails.vevent(
            series.uid, organizer=address(ann), attendees=[(ANN, "DECLINED")], recurrence_id=second(series)
        ),
    ]
    mail = mails.mail(ANN, address(ann), content=mails.calendar("REPLY", *parts), method="REPLY")
    assert (await post(mail)).action == "receipt"
    assert await partstat(post, series) is ACCEPTED
    (answer,) = await post.engine.instance_answers(series.uid, post.engine.local)
    assert answer.partstat is DECLINED


async def test_an_answer_for_an_instance_that_moved_since_is_stale(post: Post, series: Event) -> None:
    ann = await invited(post.engine, series)
    span = series.span.model_copy(
        update={"start": second(series) + timedelta(hours=3), "end": second(series) + timedelta(hours=4)}
    )
    override = Override(recurrence_id=second(series), span=span, summary="Later")
    await do(post.engine, ChangeInstance(uid=series.uid, override=override))
    answers = {
        instance: (await post(mails.reply(series.uid, ANN, to=address(ann), recurrence_id=instance))).code
        for instance in (second(series), series.span.start_utc, None)
    }
    assert list(answers.values()) == ["stale", "", ""]


@pytest.mark.parametrize("when", [timedelta(hours=1), timedelta(weeks=50)], ids=str)
async def test_an_answer_for_no_instance_of_the_series_is_recorded_and_does_not_count(
    post: Post, series: Event, when: timedelta
) -> None:
    ann = await invited(post.engine, series)
    answer = mails.reply(series.uid, ANN, to=address(ann), recurrence_id=second(series) + when)
    assert (await post(answer)).code == "unknown_instance"
    assert await post.engine.instance_answers(series.uid, post.engine.local) == []


async def test_an_answer_for_a_cancelled_instance_does_not_count(post: Post, series: Event) -> None:
    ann = await invited(post.engine, series)
    await do(post.engine, CancelInstance(uid=series.uid, recurrence_id=second(series)))
    answer = mails.reply(series.uid, ANN, to=address(ann), recurrence_id=second(series), sequence=1)
    assert (await post(answer)).code == "unknown_instance"


async def test_the_only_instance_of_a_single_event_is_the_event(post: Post, event: Event) -> None:
    ann = await invited(post.engine, event)
    await post(mails.reply(event.uid, ANN, to=address(ann), recurrence_id=event.span.start_utc))
    assert await partstat(post, event) is ACCEPTED


# who answers


async def test_one_who_answers_for_another_is_noted(post: Post, event: Event) -> None:
    ann = await invited(post.engine, event)
    line = f'ATTENDEE;PARTSTAT=ACCEPTED;SENT-BY="mailto:{BOB}":mailto:{ANN}'
    await post(written(event, address(ann), line, sender=BOB), address(ann))
    assert await partstat(post, event) is ACCEPTED
    assert await attendee_count(post.engine, event) == 1
    (kept,) = await post.engine.store.receipts(event.uid, ANN)
    assert kept.sent_by == BOB


async def test_anybody_may_write_sent_by_so_it_proves_nothing(post: Post, event: Event) -> None:
    await invited(post.engine, event)
    line = f'ATTENDEE;PARTSTAT=ACCEPTED;SENT-BY="mailto:{BOB}":mailto:{ANN}'
    intake = await post(written(event, "rsvp@cis.test", line, sender=BOB), "rsvp@cis.test")
    assert (intake.action, intake.code) == ("receipt", "sender_unauthenticated")
    assert await partstat(post, event) is Partstat.NEEDS_ACTION


async def test_an_alias_that_the_sender_answers_as_is_the_sender(post: Post, event: Event) -> None:
    await invited(post.engine, event)
    answer = mails.reply(event.uid, ANN, "DECLINED", attendee="ann.alias@example.net")
    assert (await post(answer)).code == ""
    assert await partstat(post, event) is DECLINED
    assert await attendee_count(post.engine, event) == 1


async def test_a_guest_who_names_the_invited_beside_himself_answers_for_himself(
    post: Post, event: Event
) -> None:
    ann = await invited(post.engine, event)
    lines = [
        f"ATTENDEE;PARTSTAT=NEEDS-ACTION:mailto:{ANN}",
        f"ATTENDEE;PARTSTAT=ACCEPTED;CN=Bob:mailto:{BOB}",
    ]
    await post(written(event, address(ann), *lines, sender=BOB), address(ann))
    bob = await attendee(post.engine, event, BOB)
    assert (bob.origin, bob.partstat, bob.name) == (Origin.SHARED, ACCEPTED, "Bob")
    assert await partstat(post, event) is Partstat.NEEDS_ACTION


async def test_spark_names_nobody_so_the_token_and_the_subject_tell(post: Post, event: Event) -> None:
    ann = await invited(post.engine, event)
    raw = written(event, address(ann), "ORGANIZER;CN=Doe, Jane:mailto:x@example.com")
    raw = raw.replace(b"Subject: Invitation", b"Subject: Event accepted: Season opener")
    assert (await post(raw, address(ann))).code == ""
    assert await partstat(post, event) is ACCEPTED


async def test_an_answer_without_a_uid_counts_at_its_token_alone(post: Post, event: Event) -> None:
    ann = await invited(post.engine, event)
    nameless = event.model_copy(update={"uid": ""})
    line = f"ATTENDEE;PARTSTAT=DECLINED:mailto:{ANN}"
    assert (await post(written(nameless, address(ann), line), address(ann))).code == ""
    assert await partstat(post, event) is DECLINED
    raw = written(nameless, "rsvp@cis.test", line)
    assert (await post(raw, "rsvp@cis.test")).code == Code.MISSING_UID_IN_CALENDAR


# delegates


DELEGATED = f'ATTENDEE;PARTSTAT=DELEGATED;DELEGATED-TO="mailto:{BOB}":mailto:{ANN}'
DELEGATE = f'ATTENDEE;PARTSTAT=ACCEPTED;DELEGATED-FROM="mailto:{ANN}";CN=Bob:mailto:{BOB}'


async def test_a_delegate_becomes_an_attendee_and_is_invited(post: Post, event: Event) -> None:
    ann = await invited(post.engine, event)
    intake = await post(written(event, address(ann), DELEGATED), address(ann))
    assert (intake.action, intake.code) == ("receipt", "")
    assert await partstat(post, event) is Partstat.DELEGATED
    bob = await attendee(post.engine, event, BOB)
    assert (bob.origin, bob.partstat) == (Origin.SHARED, Partstat.NEEDS_ACTION)
    (message,) = await deliver(post.engine)
    assert (message.kind, message.email) == (Kind.INVITE, BOB)
    await post(mails.reply(event.uid, BOB, "TENTATIVE", to=address(bob)))
    assert await partstat(post, event, BOB) is TENTATIVE
    explained = await post.engine.explain(event.uid, BOB, post.engine.local)
    assert [(d.delegator, d.delegate) for d in explained.delegations] == [(ANN, BOB)]


async def test_a_delegate_may_answer_at_the_delegators_address(post: Post, event: Event) -> None:
    ann = await invited(post.engine, event)
    await post(written(event, address(ann), DELEGATED), address(ann))
    await post(written(event, address(ann), DELEGATED, DELEGATE, sender=BOB), address(ann))
    assert await partstat(post, event) is Partstat.DELEGATED
    assert await partstat(post, event, BOB) is ACCEPTED


async def test_a_delegate_is_asked_once_and_nobody_delegates_without_end(post: Post, event: Event) -> None:
    ann = await invited(post.engine, event)
    for n in (0, 0, 1, 2, 3, 4):
        to = f'ATTENDEE;PARTSTAT=DELEGATED;DELEGATED-TO="mailto:d{n}@example.com":mailto:{ANN}'
        await post(written(event, address(ann), to), address(ann))
    assert [m.email for m in await deliver(post.engine)] == [f"d{n}@example.com" for n in range(3)]


@pytest.mark.parametrize("whom", [ANN, "rsvp@cis.test", "not an address", "create@cis.test"])
async def test_nobody_delegates_to_themselves_or_to_us(post: Post, event: Event, whom: str) -> None:
    ann = await invited(post.engine, event)
    line = f'ATTENDEE;PARTSTAT=DELEGATED;DELEGATED-TO="mailto:{whom}":mailto:{ANN}'
    await post(written(event, address(ann), line), address(ann))
    assert await partstat(post, event) is Partstat.DELEGATED
    assert await attendee_count(post.engine, event) == 1


# asked to send again


async def test_a_refresh_sends_the_event_again_at_most_once_an_hour(
    post: Post, event: Event, clock: Clock
) -> None:
    ann = await invited(post.engine, event)
    ask = written(event, address(ann), f"ATTENDEE:mailto:{ANN}", method="REFRESH")
    assert (await post(ask, address(ann))).code == "too_soon"
    clock.move(minutes=61)
    intake = await post(ask, address(ann))
    assert (intake.action, intake.uid) == ("refreshed", event.uid)
    assert (await post(ask, address(ann))).code == "no_change", "one is on its way"
    (message,) = await deliver(post.engine)
    assert (message.email, message.method, message.sequence) == (ANN, Method.REQUEST, 0)
    assert (await post(ask, address(ann))).code == "too_soon"


async def test_a_refresh_of_a_stranger_sends_nothing(post: Post, event: Event, clock: Clock) -> None:
    await invited(post.engine, event)
    clock.move(minutes=10)
    for sender, proven in ((BOB, True), (ANN, False)):
        content = mails.calendar("REFRESH", mails.vevent(event.uid, attendees=[(sender, "NEEDS-ACTION")]))
        mail = mails.mail(sender, "rsvp@cis.test", content=content, method="REFRESH", proven=proven)
        intake = await post(mail)
        assert intake.action == "quarantined"
    assert [m for m in await deliver(post.engine) if m.kind.calendar] == []
