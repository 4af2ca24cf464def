"""Mail to create@: an organizer's calendar client makes, changes and cancels events."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from engine.commands.pages.pages import CreatePage
from engine.engine import Engine
from engine.model.actors import Actor
from engine.model.events import Event, EventStatus
from engine.model.messages import Audience
from engine.model.queries import EventQuery
from tests.support import mails
from tests.support.clock import Clock
from tests.support.engines import deliver, do, engine_in, invite_all_answers
from tests.support.inboxes import Post, receiving
from tests.support.mails import END, STAMP, START, vevent

PARIS = ZoneInfo("Europe/Paris")


async def events(post: Post) -> list[Event]:
    return list((await post.engine.search(EventQuery(limit=100), post.engine.local)).events)


async def test_an_invitation_makes_an_event_of_its_sender_and_says_so(post: Post) -> None:
    intake = await post(mails.request(vevent(location="Hall 3", description="Bring a hat")))
    (event,) = await events(post)
    assert (intake.action, intake.uid) == ("created", event.uid)
    assert (event.organizer, event.organizer_name) == ("olga@cis.test", "Olga Organizer")
    assert (event.summary, event.location, event.description) == ("Season opener", "Hall 3", "Bring a hat")
    assert (event.span.start, event.span.end) == (START, END)
    assert event.source_uid == "client-uid-1"
    notice = await post.notice()
    assert notice.email == "olga@cis.test"
    assert notice.notice is not None
    assert notice.notice.subject == "Created: Season opener"
    assert event.uid in notice.notice.text
    assert len(post.files("done")) == 1


async def test_a_published_event_is_an_event_too(post: Post) -> None:
    content = mails.calendar("PUBLISH", vevent())
    intake = await post(mails.mail("olga@cis.test", "create@cis.test", content=content, method="PUBLISH"))
    assert intake.action == "created"


async def test_the_same_invitation_again_is_one_event_and_no_change(post: Post) -> None:
    await post(mails.request())
    intake = await post(mails.request())
    assert (intake.action, intake.code) == ("ignored", "no_change")
    assert len(await events(post)) == 1


async def test_a_newer_invitation_updates_the_event(post: Post) -> None:
    await post(mails.request())
    (event,) = await events(post)
    await invite_all_answers(post.engine, event)
    hour = timedelta(hours=1)
    later = vevent(start=START + hour, end=END + hour, sequence=1, dtstamp=STAMP + hour)
    intake = await post(mails.request(later))
    assert (intake.action, intake.uid) == ("updated", event.uid)
    (now,) = await events(post)
    assert (now.span.start, now.sequence) == (START + hour, 1)
    (notice,) = await post.notices()
    assert notice.notice is not None
    assert "People notified: 3" in notice.notice.text


async def test_an_older_mail_that_comes_late_changes_nothing(post: Post) -> None:
    await post(mails.request(vevent(sequence=0)))
    await post(mails.request(vevent(summary="Third", sequence=3, dtstamp=STAMP + timedelta(hours=3))))
    await deliver(post.engine)
    late = vevent(summary="Second", sequence=2, dtstamp=STAMP + timedelta(hours=2))
    intake = await post(mails.request(late))
    assert (intake.action, intake.code) == ("ignored", "stale")
    intake = await post(mails.cancel(vevent(sequence=2)))
    assert (intake.action, intake.code) == ("ignored", "stale")
    assert await post.notices() == []
    (event,) = await events(post)
    assert (event.summary, event.status) == ("Third", EventStatus.CONFIRMED)


async def test_a_cancellation_cancels_and_says_whom_it_told(post: Post) -> None:
    await post(mails.request())
    (event,) = await events(post)
    await invite_all_answers(post.engine, event)
    intake = await post(mails.cancel())
    assert (intake.action, intake.uid) == ("cancelled", event.uid)
    (notice,) = await post.notices()
    assert notice.notice is not None
    assert notice.notice.subject == "Cancelled: Season opener"
    assert "People notified: 3" in notice.notice.text
    assert (await events(post))[0].cancelled


async def test_a_mail_does_not_bring_a_cancelled_event_back(post: Post) -> None:
    await post(mails.request())
    await post(mails.cancel())
    again = vevent(summary="Risen", sequence=2, dtstamp=STAMP + timedelta(days=1))
    intake = await post(mails.request(again))
    assert (intake.action, intake.code) == ("refused", "event_cancelled")
    assert (await events(post))[0].cancelled


async def test_knowing_the_uid_does_not_make_one_the_organizer(post: Post) -> None:
    await post(mails.request())
    thief = "Mallory <mallory@cis.test>"
    intake = await post(mails.cancel(vevent(sequence=9), sender=thief))
    assert (intake.action, intake.code) == ("refused", "unknown_event")
    await post(mails.request(vevent(summary="Stolen", sequence=9), sender=thief))
    found = {e.organizer: e for e in await events(post)}
    assert found["olga@cis.test"].summary == "Season opener"
    assert not found["olga@cis.test"].cancelled
    assert found["mallory@cis.test"].summary == "Stolen"


async def test_a_sender_whom_nobody_vouches_for_changes_nothing(post: Post) -> None:
    await post(mails.request())
    await deliver(post.engine)
    for forged in (
        mails.cancel(proven=False),
        mails.cancel(proven=False, subject="x envelope-from=olga@cis.test;"),
        mails.cancel(
            proven=False,
            headers={"Authentication-Results": "mx.evil.example; dmarc=pass header.from=cis.test"},
        ),
    ):
        intake = await post(forged)
        assert (intake.action, intake.code) == ("quarantined", "sender_unauthenticated")
    assert not (await events(post))[0].cancelled
    (asked,) = await post.notices()
    assert asked.notice
    assert asked.notice.subject.startswith("Did you send this?")
    assert len(post.files("quarantine")) == 3


async def test_only_the_topmost_result_of_our_own_server_counts(post: Post) -> None:
    forged = mails.request(proven=False).as_bytes()
    lower = b"Authentication-Results: mx.cis.test; dmarc=pass header.from=cis.test\r\n"
    upper = b"Authentication-Results: mx.cis.test; dmarc=fail header.from=cis.test\r\n"
    intake = await post(upper + lower + forged, "create@cis.test")
    assert intake.code == "sender_unauthenticated"


@pytest.mark.parametrize("mode", ["flag", "off"])
async def test_an_operator_may_take_mail_from_anybody(tmp_path: Path, clock: Clock, mode: str) -> None:
    async with engine_in(tmp_path, clock, sender_auth=mode) as engine, receiving(engine) as post:
        assert (await post(mails.request(proven=False))).action == "created"


async def test_who_may_organize_is_for_the_operator_to_say(tmp_path: Path, clock: Clock) -> None:
    settings = {"authserv_ids": mails.OPERATOR_SERVER, "organizers": "*@partner.example, boss@x.example"}
    async with engine_in(tmp_path, clock, **settings) as engine, receiving(engine) as post:
        for sender in ("ann@partner.example", "Boss@X.example"):
            assert (await post(mails.request(vevent(f"u-{sender}"), sender=sender))).action == "created"
        await deliver(engine)
        intake = await post(mails.request(vevent("u3"), sender="eve@elsewhere.example"))
        assert (intake.action, intake.code) == ("quarantined", "organizer_not_allowed")
        assert (await post.notice()).email == "eve@elsewhere.example"


async def test_by_default_only_our_own_domain_organizes(post: Post) -> None:
    intake = await post(mails.request(sender="ann@example.com"))
    assert intake.code == "organizer_not_allowed"
    assert await events(post) == []


# the bad input


def todo() -> bytes:
    import icalendar

    task = icalendar.Todo()
    task.add("uid", "t1")
    task.add("dtstamp", STAMP)
    task.add("summary", "Wash up")
    return mails.calendar("REQUEST", task)


OLGA, CREATE = "olga@cis.test", "create@cis.test"
GOOD = mails.calendar("REQUEST", vevent())
BAD = {
    "a mail without a calendar": (mails.mail(OLGA, CREATE, text="Hello?"), "no_calendar"),
    "a calendar that is no event": (mails.mail(OLGA, CREATE, content=todo()), "not_an_event"),
    "a calendar that is cut off": (mails.mail(OLGA, CREATE, content=GOOD[:60]), "not_an_event"),
    "a calendar of nonsense": (mails.mail(OLGA, CREATE, content=b"\x00\xff" * 99), "invalid_calendar"),
    "an event without a uid and a title": (
        mails.mail(OLGA, CREATE, content=GOOD.replace(b"UID:client", b"X-A:").replace(b"SUMMARY:", b"X-B:")),
        "missing_uid_in_calendar",
    ),
    "an event without a start": (mails.request(vevent(start=None, end=None)), "invalid_calendar"),
    "an event that is over": (
        mails.request(vevent(start=datetime(2020, 1, 1, tzinfo=UTC), end=datetime(2020, 1, 2, tzinfo=UTC))),
        "event_in_past",
    ),
    "a zone that nobody knows": (
        mails.mail(
            OLGA,
            CREATE,
            content=GOOD.replace(b"DTSTART:20270502T230000Z", b"DTSTART;TZID=Nowhere/City:20270502T230000"),
        ),
        "unknown_timezone",
    ),
    "a rule that never happens": (
        mails.request(vevent(rrule={"freq": "monthly", "bymonthday": 31, "bymonth": 2})),
        "invalid_recurrence",
    ),
    "a rule of every second": (mails.request(vevent(rrule={"freq": "secondly"})), "invalid_recurrence"),
    "another method": (
        mails.mail(OLGA, CREATE, content=mails.calendar("POLLSTATUS", vevent()), method="POLLSTATUS"),
        "unsupported_method",
    ),
    "the end of an instance of nothing": (
        mails.cancel(vevent(recurrence_id=START, sequence=1)),
        "unknown_event",
    ),
}


@pytest.mark.parametrize("what", BAD)
async def test_a_mail_that_is_not_understood_is_answered_with_the_reason(post: Post, what: str) -> None:
    mail, code = BAD[what]
    intake = await post(mail)
    assert (intake.action, intake.code) == ("refused", code)
    notice = await post.notice()
    assert notice.email == OLGA
    assert notice.notice is not None
    assert code in notice.notice.text
    assert await events(post) == []


UNREADABLE = {
    "nobody": b"To: create@cis.test\r\nSubject: x\r\n\r\nbody\r\n",
    "two at once": b"From: a@cis.test, b@cis.test\r\nTo: create@cis.test\r\n\r\nbody\r\n",
    "nothing at all": b"",
    "bytes": bytes(range(256)) * 20,
    "headers alone": b"From: \xff\xfe\r\nContent-Type: multipart/mixed\r\n\r\n",
}


@pytest.mark.parametrize("what", UNREADABLE)
async def test_a_mail_from_nobody_is_set_aside_and_answered_to_nobody(post: Post, what: str) -> None:
    intake = await post(UNREADABLE[what], "create@cis.test")
    assert intake.action == "quarantined"
    assert len(post.files("quarantine")) == 1
    assert await post.notices() == []


async def test_broken_mime_is_read_as_far_as_it_goes(post: Post) -> None:
    raw = mails.request().as_bytes()
    cut = raw[: raw.rindex(b"\n--")]
    assert (await post(cut, "create@cis.test")).action == "created"
    loose = raw.replace(b"Content-Transfer-Encoding", b"X-Gone", 1)
    assert (await post(loose, "create@cis.test")).action in {"ignored", "refused"}


# whom a notice never goes to


@pytest.mark.parametrize(
    ("headers", "sender"),
    [
        ({"Auto-Submitted": "auto-replied"}, None),
        ({"Precedence": "bulk"}, None),
        ({"List-Id": "<list.example>"}, None),
        ({}, ""),
    ],
)
async def test_an_automatic_mail_is_never_answered(
    post: Post, headers: dict[str, str], sender: str | None
) -> None:
    mail = mails.mail(OLGA, CREATE, text="I am away", headers=headers)
    await post(mail, sender=sender)
    assert await post.notices() == []


@pytest.mark.parametrize("own", ["create", "rsvp", "bulk", "notification", "unsubscribe", "postmaster"])
async def test_our_own_mailboxes_are_never_answered(post: Post, own: str) -> None:
    await post(mails.mail(f"{own}@cis.test", CREATE))
    await post(mails.request(vevent(f"from-{own}"), sender=f"{own}@cis.test"))
    assert await post.notices() == []


async def test_a_calendar_program_that_marks_its_mails_automatic_is_answered(post: Post) -> None:
    await post(mails.request(headers={"Auto-Submitted": "auto-generated"}))
    assert (await post.notice()).email == OLGA


# what a calendar may hold


async def test_what_is_not_said_stays_empty(post: Post) -> None:
    await post(mails.request(vevent(summary=None), subject="From the subject"))
    (event,) = await events(post)
    assert (event.summary, event.location, event.description, event.url) == ("From the subject", "", "", "")
    await post(mails.request(vevent(summary=None, sequence=1, location="Hall")))
    (event,) = await events(post)
    assert (event.summary, event.location, event.description) == ("From the subject", "Hall", "")


@pytest.mark.parametrize("name", ["Jane Doe", 'Doe, "Jane"', "Zoë Ångström; CEO: X"])
async def test_the_organizers_name_is_kept(post: Post, name: str) -> None:
    from email.headerregistry import Address

    sender = str(Address(name, "olga", "cis.test"))
    await post(mails.request(sender=sender))
    (event,) = await events(post)
    assert event.organizer_name == name


async def test_a_zone_of_the_organizer_is_kept_and_dtstamp_is_ours(post: Post, clock: Clock) -> None:
    start = datetime(2027, 7, 5, 19, 0, tzinfo=PARIS)
    await post(mails.request(vevent(start=start, end=start + timedelta(hours=1))))
    (event,) = await events(post)
    assert event.span.timezone == "Europe/Paris"
    assert event.span.start == datetime(2027, 7, 5, 17, 0, tzinfo=UTC)
    assert event.dtstamp == clock()


async def test_an_all_day_event_stays_in_days(post: Post) -> None:
    await post(mails.request(vevent(start=date(2027, 7, 5), end=date(2027, 7, 6))))
    (event,) = await events(post)
    assert event.span.all_day
    assert (event.span.start, event.span.end) == (date(2027, 7, 5), date(2027, 7, 6))


async def test_a_series_is_kept_with_its_exceptions(post: Post) -> None:
    start = datetime(2027, 7, 5, 19, 0, tzinfo=PARIS)
    week, hour = timedelta(weeks=1), timedelta(hours=1)
    master = vevent(
        start=start, end=start + hour, rrule={"freq": "weekly", "count": 5}, exdate=[start + 2 * week]
    )
    moved = vevent(
        start=start + week + hour, end=start + week + 2 * hour, recurrence_id=start + week, summary="Moved"
    )
    await post(mails.request(moved, master))
    (event,) = await events(post)
    assert event.span.start == start
    assert event.recurrence == "FREQ=WEEKLY;COUNT=5"
    assert event.exdates == (start + 2 * week,)
    (override,) = event.overrides
    assert (override.recurrence_id, override.summary) == (start + week, "Moved")


async def test_a_cancelled_instance_leaves_the_series(post: Post) -> None:
    start = datetime(2027, 7, 5, 19, 0, tzinfo=PARIS)
    times = {"start": start, "end": start + timedelta(hours=1)}
    await post(mails.request(vevent(**times, rrule={"freq": "weekly", "count": 5})))
    gone = start + timedelta(weeks=1)
    intake = await post(mails.cancel(vevent(start=gone, end=None, recurrence_id=gone, sequence=1)))
    assert intake.action == "cancelled"
    (event,) = await events(post)
    assert (event.status, event.exdates) == (EventStatus.CONFIRMED, (gone,))


async def test_an_instance_is_moved_by_a_mail_of_its_own(post: Post) -> None:
    start = datetime(2027, 7, 5, 19, 0, tzinfo=PARIS)
    hour = timedelta(hours=1)
    await post(mails.request(vevent(start=start, end=start + hour, rrule={"freq": "weekly", "count": 5})))
    second = (start + timedelta(weeks=1)).astimezone(UTC)
    mail = mails.request(vevent(start=second + hour, end=second + 2 * hour, recurrence_id=second, sequence=1))
    assert (await post(mail)).action == "updated"
    (event,) = await events(post)
    assert event.overrides[0].span.start == second + hour


async def test_a_date_that_was_mailed_before_its_series_is_changed_and_cancelled_with_it(post: Post) -> None:
    hour, week = timedelta(hours=1), timedelta(weeks=1)
    date = START + week
    told = {"start": date, "end": date + hour, "recurrence_id": date}
    await post(mails.request(vevent(**told)))
    (alone,) = await events(post)
    await invite_all_answers(post.engine, alone)
    rule = {"freq": "weekly", "count": 5}
    await post(mails.request(vevent(end=START + hour, rrule=rule)))
    (series,) = [event for event in await events(post) if event.recurring]
    await deliver(post.engine)
    moved = {**told, "start": date + hour, "end": date + 2 * hour}
    later = {"sequence": 1, "dtstamp": STAMP + hour}
    assert (await post(mails.request(vevent(**moved, **later)))).action == "updated"
    first, second = [await post.engine.event(one.uid, post.engine.local) for one in (alone, series)]
    assert [first.span.start, second.overrides[0].span.start] == [date + hour, date + hour]
    assert len([m for m in await deliver(post.engine) if m.kind == "update"]) == 3
    last = {"sequence": 2, "dtstamp": STAMP + 2 * hour}
    await post(mails.request(vevent(end=START + hour, rrule=rule, **last), vevent(**told, **last)))
    assert (await post.engine.event(alone.uid, post.engine.local)).span.start == date
    gone = {"sequence": 3, "dtstamp": STAMP + 3 * hour}
    await post(mails.cancel(vevent(**told, **gone)))
    first, second = [await post.engine.event(one.uid, post.engine.local) for one in (alone, series)]
    assert (first.cancelled, second.cancelled, second.exdates) == (True, False, (date,))


async def test_an_event_that_says_it_is_cancelled_is(post: Post) -> None:
    await post(mails.request())
    assert (await post(mails.request(vevent(status="CANCELLED", sequence=1)))).action == "cancelled"


async def test_several_events_in_one_mail_are_all_made(post: Post) -> None:
    await post(mails.request(*(vevent(f"u{n}", summary=f"Game {n}") for n in range(3))))
    assert {e.summary for e in await events(post)} == {"Game 0", "Game 1", "Game 2"}
    notice = await post.notice()
    assert notice.notice is not None
    assert "3 events: 3 created." in notice.notice.text


async def test_an_answer_that_went_to_create_is_an_answer(post: Post, engine: Engine) -> None:
    await post(mails.request())
    (event,) = await events(post)
    await invite_all_answers(engine, event)
    answer = mails.reply(event.uid, "silent@example.com", "DECLINED", to=CREATE)
    assert (await post(answer)).action == "receipt"
    found = await engine.statistics("event", event.uid, engine.local)
    assert found.rsvp["declined"] == 2


async def test_who_hears_of_an_update_by_mail_is_the_operators_choice(tmp_path: Path, clock: Clock) -> None:
    values = {"authserv_ids": mails.OPERATOR_SERVER, "update_audience": Audience.ACCEPTED_OR_TENTATIVE}
    async with engine_in(tmp_path, clock, **values) as engine, receiving(engine) as post:
        await post(mails.request())
        (event,) = await events(post)
        await invite_all_answers(engine, event)
        await deliver(engine)
        hour = timedelta(hours=1)
        await post(mails.request(vevent(start=START + hour, end=END + hour, sequence=1)))
        told = {m.email for m in await deliver(engine) if m.kind == "update"}
        assert told == {"yes@example.com", "maybe@example.com"}


async def test_the_notice_of_a_new_event_leads_to_the_pages_that_have_it(tmp_path: Path) -> None:
    async with (
        engine_in(tmp_path, Clock(), public_url="https://cis.example", sender_auth="off") as engine,
        receiving(engine) as post,
    ):
        await post(mails.request(vevent()))
        notice = await post.notice()
        assert notice.notice
        assert "on the web" not in notice.notice.text
        owner = Actor(kind="organizer", address="olga@cis.test")
        for page in (
            {"title": "Season"},
            {"title": "Other", "month": "2031-01"},
            {"title": "c", "query": "zebra"},
        ):
            await do(engine, CreatePage.model_validate(page), owner)
        await post(mails.request(vevent(uid="second")))
        newest = await post.notice()
        assert newest.notice
        listed = [line for line in newest.notice.text.splitlines() if "https://cis.example" in line]
        event = await engine.event(newest.event_uid or "", owner)
        assert listed == [f"- https://cis.example/e/{event.id}", "- https://cis.example/s/season"]
