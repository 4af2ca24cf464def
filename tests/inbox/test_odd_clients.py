"""Odd and hostile mails through the real listener: what each comes to, and what people are notified of it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from engine.commands.invites.invites import SendInvite
from engine.model.events import Event
from engine.model.people import Partstat
from engine.model.queries import EventQuery
from engine.refusals import Code
from tests.support import mails
from tests.support.clock import Clock
from tests.support.engines import attendee, created, deliver, drafted, invite, refusal
from tests.support.inboxes import Post
from tests.support.intakes import newest
from tests.support.mails import STAMP, vevent

ANN = "ann@example.com"
HOUR = timedelta(hours=1)
MONDAY = datetime(2027, 5, 3, 8, tzinfo=UTC)


async def the_event(post: Post) -> Event:
    (event,) = (await post.engine.search(EventQuery(limit=10), post.engine.local)).events
    return event


async def words(post: Post) -> str:
    """What the one notice says that is owed."""
    notice = (await post.notice()).notice
    assert notice is not None
    return notice.text


def text_of(*lines: str, method: str = "REQUEST") -> bytes:
    """A calendar written out by hand, as odd clients write theirs."""
    head = (
        "BEGIN:VCALENDAR",
        "VERSION:2.0",
        "PRODID:-//Example//Odd 1//EN",
        f"METHOD:{method}",
        "BEGIN:VEVENT",
    )
    times = ("DTSTAMP:20270201T120000Z", "DTSTART:20270502T190000Z", "DTEND:20270502T200000Z")
    return "\r\n".join((*head, "UID:odd-1", *times, *lines, "END:VEVENT", "END:VCALENDAR", "")).encode()


async def test_a_fold_inside_a_character_does_not_harm_it(post: Post) -> None:
    content = text_of("SUMMARY:Größe und Maß").replace(b"\xc3\xb6", b"\xc3\r\n \xb6")
    intake = await post(mails.mail("olga@cis.test", "create@cis.test", content=content))
    assert (intake.action, (await the_event(post)).summary) == ("created", "Größe und Maß")
    assert "folds had cut in two" in intake.detail


async def test_what_was_no_utf8_is_told_of(post: Post) -> None:
    content = text_of("SUMMARY:Größe").decode().encode("latin-1")
    intake = await post(mails.mail("olga@cis.test", "create@cis.test", content=content))
    assert (intake.action, (await the_event(post)).summary) == ("created", "Größe")
    assert "read as Windows-1252" in intake.detail


async def test_the_same_cancellation_again_is_no_change_and_nobody_hears_of_it(post: Post) -> None:
    await post(mails.request())
    await post(mails.cancel())
    await deliver(post.engine)
    intake = await post(mails.cancel())
    assert (intake.action, intake.code) == ("ignored", "no_change")
    assert await post.notices() == []


async def test_a_cancellation_that_took_a_guest_out_calls_nothing_off_when_the_guest_replays_it(
    post: Post,
) -> None:
    with_us = [("create@cis.test", "NEEDS-ACTION"), ("mallory@example.net", "NEEDS-ACTION")]
    await post(mails.request(vevent(attendees=with_us)))
    replayed = vevent(sequence=1, dtstamp=STAMP + HOUR, attendees=with_us[1:])
    intake = await post(mails.cancel(replayed))
    assert (intake.action, intake.code) == ("quarantined", "sender_unauthenticated")
    assert not (await the_event(post)).cancelled
    own = vevent(sequence=1, dtstamp=STAMP + 2 * HOUR, attendees=with_us)
    assert (await post(mails.cancel(own))).action == "cancelled"


async def test_nor_one_that_took_a_guest_out_of_one_instance(post: Post) -> None:
    with_us = [("create@cis.test", "NEEDS-ACTION"), ("mallory@example.net", "NEEDS-ACTION")]
    weekly = {"rrule": {"FREQ": "WEEKLY", "COUNT": 3}, "start": MONDAY, "end": MONDAY + HOUR}
    await post(mails.request(vevent(attendees=with_us, **weekly)))  # type: ignore[arg-type]
    second = MONDAY + timedelta(days=7)
    times = {"recurrence_id": second, "start": second, "end": second + HOUR, "sequence": 1}
    stray = vevent(attendees=with_us[1:], dtstamp=STAMP + HOUR, **times)  # type: ignore[arg-type]
    assert (await post(mails.cancel(stray))).action == "quarantined"
    assert (await the_event(post)).exdates == ()


async def test_where_an_alias_of_ours_was_invited_its_cancellation_counts(post: Post) -> None:
    alias = [("events@example.org", "NEEDS-ACTION")]
    await post(mails.request(vevent(attendees=alias)))
    cancelled = vevent(sequence=1, dtstamp=STAMP + HOUR, attendees=alias)
    assert (await post(mails.cancel(cancelled))).action == "cancelled"


async def test_the_notice_of_a_cancelled_instance_does_not_say_that_all_is_cancelled(post: Post) -> None:
    weekly = {"rrule": {"FREQ": "WEEKLY", "COUNT": 3}, "start": MONDAY, "end": MONDAY + HOUR}
    await post(mails.request(vevent(**weekly)))  # type: ignore[arg-type]
    assert "Repeats: every week, 3 times" in await words(post)
    second = MONDAY + timedelta(days=7)
    once = vevent(recurrence_id=second, start=second, end=second + HOUR, sequence=1, dtstamp=STAMP + HOUR)
    assert (await post(mails.cancel(once))).action == "cancelled"
    told = await words(post)
    assert "One date of your series was cancelled; the others stay as they are." in told
    assert "When: Monday, 10 May 2027, 08:00 – 09:00 (UTC)" in told
    assert (await post(mails.cancel(once))).code == "no_change"
    assert "nothing changed" in await words(post)


async def test_the_notice_of_an_update_names_fields_in_plain_words(post: Post) -> None:
    await post(mails.request())
    await deliver(post.engine)
    later = vevent(summary="Season closer", description="New", sequence=1, dtstamp=STAMP + HOUR)
    assert (await post(mails.request(later))).action == "updated"
    assert "Your event was updated (title, description)." in await words(post)


@pytest.mark.parametrize(
    "subject", ["No longer at Example Inc", "No subject", "Maybe you could tell me the time?", "Yesterday"]
)
async def test_a_sentence_that_begins_with_such_a_word_is_no_answer(post: Post, subject: str) -> None:
    event = await created(post.engine)
    token = (await invite(post.engine, event, ANN)).attendee.token
    intake = await post(mails.mail(ANN, f"rsvp+{token}@cis.test", subject=subject, proven=False))
    assert intake.action == "quarantined"
    assert (await attendee(post.engine, event, ANN)).partstat is Partstat.NEEDS_ACTION


@pytest.mark.parametrize(
    "subject",
    [
        "Automatic reply: Season opener",
        "Out of Office: Yes: Season opener",
        "Abwesenheitsnotiz: Season opener",
    ],
)
async def test_an_absence_note_with_no_other_mark_than_its_subject_is_one(post: Post, subject: str) -> None:
    event = await created(post.engine)
    token = (await invite(post.engine, event, ANN)).attendee.token
    intake = await post(mails.mail(ANN, f"rsvp+{token}@cis.test", subject=subject, proven=False))
    assert (intake.action, intake.code) == ("ignored", "automatic_mail")


async def test_where_an_answer_leaves_its_partstat_empty_its_subject_tells(post: Post) -> None:
    event = await created(post.engine)
    token = (await invite(post.engine, event, ANN)).attendee.token
    to = f"rsvp+{token}@cis.test"
    content = text_of(f"ATTENDEE;PARTSTAT=:mailto:{ANN}", method="REPLY").replace(
        b"odd-1", event.uid.encode()
    )
    answer = mails.mail(ANN, to, subject="Accepted: Season opener", content=content, method="REPLY")
    assert (await post(answer, sender=ANN)).action == "receipt"
    assert (await attendee(post.engine, event, ANN)).partstat is Partstat.ACCEPTED


@pytest.mark.parametrize(
    "name", ["create", "bulk", "rsvp+abc", "unsubscribe", "postmaster", "abuse", "notification"]
)
async def test_nobody_invites_the_servers_own_mailboxes(post: Post, name: str) -> None:
    event = await created(post.engine)
    own = f"{name}@cis.test"
    assert await refusal(post.engine, SendInvite(uid=event.uid, email=own)) is Code.INVALID_ADDRESS
    draft = await drafted(post.engine, event, [own, ANN])
    assert draft.campaign.valid == 1


async def test_nobody_delegates_to_the_servers_own_mailboxes(post: Post) -> None:
    event = await created(post.engine)
    token = (await invite(post.engine, event, ANN)).attendee.token
    to = f"rsvp+{token}@cis.test"
    line = f'ATTENDEE;PARTSTAT=DELEGATED;DELEGATED-TO="mailto:abuse@cis.test","mailto:bob@example.com":mailto:{ANN}'
    content = text_of(line, method="REPLY").replace(b"odd-1", event.uid.encode())
    assert (await post(mails.mail(ANN, to, content=content, method="REPLY"))).detail == "delegated"
    sent = {message.email for message in await deliver(post.engine)}
    assert sent == {ANN, "bob@example.com"}


async def test_an_invite_of_our_own_makes_no_event_and_is_not_answered(post: Post) -> None:
    ours = mails.request(sender="Olga Organizer <rsvp@cis.test>")
    intake = await post(ours, sender="rsvp+abc@cis.test")
    assert (intake.action, intake.code) == ("ignored", "not_allowed")
    assert await post.notices() == []
    listed = mails.listed("uid,email\nx,ann@example.com\n", sender="notification@cis.test")
    assert (await post(listed, sender="")).code == "not_allowed"
    assert await post.notices() == []


async def test_servers_that_invite_each_other_come_to_rest(post: Post) -> None:
    other = "rsvp@cis.example"
    content = mails.calendar("REQUEST", vevent(organizer="rsvp+abc@cis.example"))
    sent = mails.mail(f"Olga <{other}>", "create@cis.test", content=content)
    assert (await post(sent, sender="rsvp+abc@cis.example")).code == "organizer_not_allowed"
    (notice,) = await post.notices()
    assert notice.email == other
    # What the other server would send back: a notice about our notice, from nobody.
    headers = {"Auto-Submitted": "auto-replied"}
    back = mails.mail("notification@cis.example", "rsvp@cis.test", subject="Not done", headers=headers)
    assert (await post(back, sender="")).action == "ignored"
    assert await post.notices() == []


async def test_a_list_tells_in_words_why_a_row_was_passed_over(post: Post) -> None:
    event = await created(post.engine, organizer="olga@cis.test")
    csv = f"uid,email\n{event.uid},create@cis.test\n{event.uid},ann@example.com\n"
    assert (await post(mails.listed(csv))).action == "campaign"
    told = await words(post)
    assert "Your list for “Season opener”" in told
    assert "row 1: create@cis.test: invalid_address: not an address that can be invited" in told


async def test_a_report_numbers_rows_as_the_list_does_that_its_sender_has(post: Post, clock: Clock) -> None:
    events = [await created(post.engine, organizer="olga@cis.test") for _ in range(2)]
    lines = [
        f"{events[0].uid},ann@example.com",
        f"{events[1].uid},bob@example.com",
        f"{events[1].uid},nonsense",
    ]
    await post(mails.listed("\n".join(["uid,email", *lines])))
    told = [m.notice.text for m in await post.notices() if m.notice]
    clock.move(minutes=1)
    told += [m.notice.text for m in await post.notices() if m.notice]
    assert any("row 3: nonsense" in text for text in told)
    await post(mails.listed(f"uid,email\n{events[0].uid},nobody\n", sender="otto@cis.test"))
    assert (await newest(post.engine))[0].code == "unknown_event"


async def test_a_table_of_which_nothing_was_carried_out_says_so(post: Post) -> None:
    mail = mails.mail("olga@cis.test", "create@cis.test")
    mail.add_attachment(b"action,key\nCANCEL,x\n", maintype="text", subtype="csv", filename="t.csv")
    assert (await post(mail)).action == "batch"
    assert "No row was carried out." in await words(post)
