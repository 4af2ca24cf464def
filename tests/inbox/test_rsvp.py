"""Mail to rsvp@ and unsubscribe@: answers, proposals, bounces, and the wish to hear no more."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest

from engine.commands.answers.automatic import KEPT_MAX
from engine.engine import Engine
from engine.model.events import Event
from engine.model.people import Attendee, Partstat
from tests.support import mails
from tests.support.clock import START
from tests.support.engines import (
    attendee,
    attendee_count,
    created,
    deliver,
    invite,
)
from tests.support.inboxes import Post

ANN = "ann@example.com"


@pytest.fixture
async def event(engine: Engine) -> Event:
    return await created(engine)


@pytest.fixture
async def ann(engine: Engine, event: Event) -> Attendee:
    done = await invite(engine, event, ANN, name="Ann")
    await deliver(engine)
    return done.attendee


def address(ann: Attendee) -> str:
    return f"rsvp+{ann.token}@cis.test"


async def partstat(post: Post, event: Event, email: str = ANN) -> Partstat:
    return (await attendee(post.engine, event, email)).partstat


@pytest.mark.parametrize(
    ("word", "expected"),
    [
        ("ACCEPTED", Partstat.ACCEPTED),
        ("DECLINED", Partstat.DECLINED),
        ("TENTATIVE", Partstat.TENTATIVE),
        ("DELEGATED", Partstat.DELEGATED),
        ("NEEDS-ACTION", Partstat.NEEDS_ACTION),
    ],
)
async def test_an_answer_at_the_token_counts_whoever_sends_it(
    post: Post, event: Event, ann: Attendee, word: str, expected: Partstat
) -> None:
    answer = mails.reply(event.uid, "alias@example.net", word, to=address(ann), proven=False)
    intake = await post(answer)
    assert (intake.action, intake.code, intake.uid) == ("receipt", "", event.uid)
    assert await partstat(post, event) is expected
    assert await attendee_count(post.engine, event) == 1


async def test_an_answer_at_plain_rsvp_is_matched_by_uid_and_address(
    post: Post, event: Event, ann: Attendee
) -> None:
    intake = await post(mails.reply(event.uid, f"Ann <{ann.email.upper()}>", "DECLINED"))
    assert (intake.action, intake.code) == ("receipt", "")
    assert await partstat(post, event) is Partstat.DECLINED


async def test_an_answer_at_plain_rsvp_needs_a_sender_who_is_vouched_for(
    post: Post, event: Event, ann: Attendee
) -> None:
    forged = [
        mails.reply(event.uid, ann.email, "ACCEPTED", proven=False),
        mails.reply(event.uid, "mallory@example.net", "ACCEPTED", attendee=ann.email),
    ]
    for answer in forged:
        intake = await post(answer)
        assert (intake.action, intake.code) == ("receipt", "sender_unauthenticated")
    assert await partstat(post, event) is Partstat.NEEDS_ACTION


async def test_one_who_came_by_a_forwarded_invite_is_counted_as_shared(post: Post, event: Event) -> None:
    await post(mails.reply(event.uid, "Bob <bob@example.com>", "ACCEPTED"))
    bob = await attendee(post.engine, event, "bob@example.com")
    assert (bob.origin, bob.name, bob.partstat) == ("shared", "Bob", Partstat.ACCEPTED)


async def test_google_names_the_organizer_beside_the_one_who_answers(
    post: Post, event: Event, ann: Attendee
) -> None:
    answer = mails.vevent(
        event.uid,
        organizer=address(ann),
        attendees=[(address(ann), "ACCEPTED"), (ANN, "DECLINED")],
    )
    content = mails.calendar("REPLY", answer)
    google = {"Sender": "calendar-notification@google.com", "Auto-Submitted": "auto-generated"}
    await post(mails.mail(ANN, address(ann), content=content, method="REPLY", headers=google))
    assert await partstat(post, event) is Partstat.DECLINED


async def test_an_answer_without_an_attendee_is_understood_by_its_subject(
    post: Post, event: Event, ann: Attendee
) -> None:
    content = mails.calendar("REPLY", mails.vevent(event.uid, organizer=""))
    mail = mails.mail(ANN, address(ann), subject="Accepted: Season opener", content=content, method="REPLY")
    await post(mail)
    assert await partstat(post, event) is Partstat.ACCEPTED


async def test_an_older_answer_that_comes_late_does_not_count(
    post: Post, event: Event, ann: Attendee
) -> None:
    await post(mails.reply(event.uid, ANN, "ACCEPTED", to=address(ann), dtstamp=START))
    early = START - timedelta(days=1)
    intake = await post(mails.reply(event.uid, ANN, "DECLINED", to=address(ann), dtstamp=early))
    assert (intake.action, intake.code) == ("receipt", "stale")
    assert await partstat(post, event) is Partstat.ACCEPTED


@pytest.mark.parametrize(
    ("subject", "expected"),
    [
        ("Yes: Season opener", Partstat.ACCEPTED),
        ("NO", Partstat.DECLINED),
        ("Re: maybe, we shall see", Partstat.TENTATIVE),
        ("=?utf-8?q?Yes=3A_S=C3=A9ance?=", Partstat.ACCEPTED),
        ("No - the train is late", Partstat.DECLINED),
        ("Oui !", Partstat.ACCEPTED),
    ],
)
async def test_yes_no_and_maybe_by_plain_mail_are_answers(
    post: Post, event: Event, ann: Attendee, subject: str, expected: Partstat
) -> None:
    await post(mails.mail("phone@example.net", address(ann), subject=subject, text="sent by thumb"))
    now = await attendee(post.engine, event, ANN)
    assert (now.partstat, now.prodid) == (expected, "mail")


@pytest.mark.parametrize(
    "subject",
    [
        "Yesterday",
        "Nobody comes",
        "Where is it?",
        "",
        "Re: Non-profit board meeting",
        "No-Code Meetup",
        "No.9",
    ],
)
async def test_words_that_are_no_answer_wait_for_a_person(
    post: Post, event: Event, ann: Attendee, subject: str
) -> None:
    intake = await post(mails.mail(ANN, address(ann), subject=subject))
    assert (intake.action, intake.code) == ("quarantined", "no_calendar")
    assert len(post.files("quarantine")) == 1
    assert await partstat(post, event) is Partstat.NEEDS_ACTION


@pytest.mark.parametrize("title", ["No. 9 reunion", "Yes! Festival", "Maybe", "No"])
async def test_a_reply_that_repeats_the_events_title_is_no_answer_and_our_links_with_it_are(
    post: Post, title: str
) -> None:
    event = await created(post.engine, summary=title)
    guest = (await invite(post.engine, event, ANN)).attendee
    intake = await post(mails.mail(ANN, address(guest), subject=f"RE: {title}", text="Looking forward!"))
    assert (intake.action, intake.code) == ("quarantined", "no_calendar")
    for word, expected in (("No", Partstat.DECLINED), ("Yes", Partstat.ACCEPTED)):
        await post(mails.mail(ANN, address(guest), subject=f"{word}: {title}"))
        assert await partstat(post, event) is expected


async def test_an_absence_note_is_ignored(post: Post, event: Event, ann: Attendee) -> None:
    away = {"Auto-Submitted": "auto-replied", "X-Auto-Response-Suppress": "All"}
    intake = await post(mails.mail(ANN, address(ann), subject="No longer here: Yes", headers=away))
    assert (intake.action, intake.code) == ("ignored", "automatic_mail")
    assert await partstat(post, event) is Partstat.NEEDS_ACTION


async def test_an_absence_note_is_kept_with_its_attendee_and_a_flood_of_them_is_not(
    post: Post, event: Event, ann: Attendee
) -> None:
    away = {"Auto-Submitted": "auto-replied"}
    note = {"subject": "Out of office", "text": "Back in May.\n\nCall Bob.", "headers": away}
    await post(mails.mail("server@example.net", address(ann), **note))
    story = await post.engine.explain(event.uid, ANN, post.engine.local)
    assert [reply.words for reply in story.automatic] == ["Out of office. Back in May. Call Bob."]
    assert (await attendee(post.engine, event, ANN)).partstat is Partstat.NEEDS_ACTION
    for n in range(KEPT_MAX + 5):
        await post(mails.mail(ANN, address(ann), subject=f"Away {n}", text="x" * 5_000, headers=away))
    story = await post.engine.explain(event.uid, ANN, post.engine.local)
    assert len(story.automatic) == KEPT_MAX
    assert all(len(reply.words) <= 500 for reply in story.automatic)


async def test_an_answer_for_an_event_that_is_not_ours_waits_for_a_person(post: Post) -> None:
    intake = await post(mails.reply("someone-elses-uid", ANN))
    assert (intake.action, intake.code) == ("quarantined", "unknown_event")


async def test_an_invitation_at_rsvp_is_no_answer(post: Post, ann: Attendee) -> None:
    content = mails.calendar("REQUEST", mails.vevent())
    intake = await post(mails.mail(ANN, address(ann), content=content))
    assert (intake.action, intake.code) == ("quarantined", "unsupported_method")


async def test_answers_for_single_instances_are_kept_and_do_not_speak_for_the_series(
    post: Post, engine: Engine
) -> None:
    series = await created(engine, recurrence="FREQ=WEEKLY;COUNT=4")
    done = await invite(engine, series, ANN)
    start = series.span.start
    assert isinstance(start, datetime)
    answer = mails.reply(series.uid, ANN, "DECLINED", to=address(done.attendee), recurrence_id=start)
    intake = await post(answer)
    assert (intake.action, intake.code) == ("receipt", "")
    assert await partstat(post, series) is Partstat.NEEDS_ACTION
    (kept,) = await engine.store.instance_answers(series.uid, ANN)
    assert (kept.recurrence_id, kept.partstat) == (start, Partstat.DECLINED)


async def test_a_proposal_of_another_time_reaches_the_organizer(
    post: Post, event: Event, ann: Attendee
) -> None:
    counter = mails.reply(
        event.uid, ANN, "TENTATIVE", to=address(ann), method="COUNTER", comment="An hour later?"
    )
    intake = await post(counter)
    assert intake.action == "counter"
    notice = await post.notice()
    assert notice.email == event.organizer
    assert notice.notice is not None
    assert "> An hour later?" in notice.notice.text
    assert await partstat(post, event) is Partstat.TENTATIVE
