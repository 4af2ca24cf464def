"""Mail to bulk@: a list, and what became of every row of it."""

from __future__ import annotations

import pytest

from engine.engine import Engine
from engine.model.campaigns import CampaignState
from engine.model.events import Event
from engine.model.messages import Message
from tests.support import mails
from tests.support.clock import Clock
from tests.support.engines import created, deliver
from tests.support.inboxes import Post


@pytest.fixture
async def event(engine: Engine) -> Event:
    return await created(engine, organizer="olga@cis.test")


async def sent(post: Post) -> tuple[list[str], list[Message]]:
    """Whom invites went to, and the notices, those too that are gathered for a minute."""
    gone = await deliver(post.engine)
    assert isinstance(post.engine.clock, Clock)
    post.engine.clock.move(seconds=60)
    gone += await deliver(post.engine)
    invites = sorted(m.email for m in gone if m.method)
    return invites, [m for m in gone if not m.method]


def text(notice: Message) -> str:
    assert notice.notice is not None
    return notice.notice.text


async def test_a_list_invites_everybody_on_it_and_reports(post: Post, event: Event) -> None:
    csv = f"uid,email,name\n{event.uid},ann@example.com,Ann\n{event.uid},bob@example.com,\n"
    intake = await post(mails.listed(csv))
    assert (intake.action, intake.uid, intake.code) == ("campaign", event.uid, "")
    invites, (report,) = await sent(post)
    assert invites == ["ann@example.com", "bob@example.com"]
    assert report.email == "olga@cis.test"
    assert f"{event.uid}: 2 invites sent" in text(report)
    (view,) = await post.engine.campaigns(post.engine.local)
    assert view.campaign.state is CampaignState.FINISHED


async def test_quotes_commas_byte_order_marks_and_column_order_are_understood(
    post: Post, event: Event
) -> None:
    csv = (
        "\ufeffName ; UID ; E-Mail\r\n"
        f'"Doe, Jane";{event.uid};jane@example.com\r\n\r\n'
        f'"O""Brien; Pat";{event.uid.upper()};PAT@example.com\r\n'
    )
    await post(mails.listed(csv.encode()))
    invites, _ = await sent(post)
    assert invites == ["jane@example.com", "pat@example.com"]
    found = [a async for a in post.engine.store.every_attendee(event.uid)]
    assert [a.name for a in found] == ["Doe, Jane", 'O"Brien; Pat']


async def test_a_row_without_a_uid_is_named_and_the_others_go(post: Post, event: Event) -> None:
    csv = f"uid,email\n,lost@example.com\n{event.uid},ann@example.com\n{event.uid},ANN@example.com\n"
    csv += f"{event.uid},nonsense\nunknown,bob@example.com\n"
    await post(mails.listed(csv))
    invites, notices = await sent(post)
    assert invites == ["ann@example.com"]
    words = "\n".join(map(text, notices))
    assert "row 1: lost@example.com: missing_uid" in words
    assert "duplicate_row" in words
    assert "nonsense: invalid_address" in words
    assert "unknown: 0 invites sent" in words
    assert f"{event.uid}: 1 invites sent" in words
    assert f"{event.uid}: 2 not sent." in words


@pytest.mark.parametrize(
    ("csv", "code"),
    [
        ("ann,bob\nx,y\n", "csv_no_header"),
        ("", "empty_list"),
        ("uid,email\n", "empty_list"),
        ('uid,email\n"open,ann@example.com\n', "csv_unreadable"),
        (b"PK\x03\x04\x00\x00" * 50, "csv_unreadable"),
    ],
)
async def test_a_list_that_cannot_be_read_is_answered_with_the_reason(
    post: Post, csv: str | bytes, code: str
) -> None:
    intake = await post(mails.listed(csv))
    assert (intake.action, intake.code) == ("refused", code)
    assert code in text(await post.notice())


async def test_a_list_of_bare_addresses_names_no_event_and_says_so(post: Post, event: Event) -> None:
    await post(mails.listed("ann@example.com\nbob@example.com\n", filename="list.txt"))
    invites, (notice,) = await sent(post)
    assert invites == []
    assert "row 1: ann@example.com: missing_uid" in text(notice)


async def test_a_mail_without_a_list_is_answered(post: Post) -> None:
    intake = await post(mails.mail("olga@cis.test", "bulk@cis.test", text="Please invite all"))
    assert (intake.action, intake.code) == ("refused", "no_list")
    assert "uid,email,name" in text(await post.notice())


async def test_only_the_organizer_sends_a_list(post: Post, event: Event) -> None:
    csv = f"uid,email\n{event.uid},ann@example.com\n"
    await post(mails.listed(csv, sender="mallory@cis.test"))
    invites, (notice,) = await sent(post)
    assert invites == []
    assert "unknown_event" in text(notice)
    assert notice.email == "mallory@cis.test"


async def test_a_list_from_a_sender_whom_nobody_vouches_for_waits(post: Post, event: Event) -> None:
    raw = mails.listed(f"uid,email\n{event.uid},ann@example.com\n")
    del raw["Authentication-Results"]
    intake = await post(raw)
    assert (intake.action, intake.code) == ("quarantined", "sender_unauthenticated")
    invites, notices = await sent(post)
    assert invites == []
    assert [text(notice).splitlines()[2] for notice in notices] == [
        "It invites the people on an attached list."
    ]


async def test_a_list_in_which_nobody_can_be_invited_names_every_row(post: Post, event: Event) -> None:
    await post(mails.listed(f"uid,email\n{event.uid},x\n{event.uid},y@\n"))
    invites, (notice,) = await sent(post)
    assert invites == []
    assert "row 1: x: invalid_address" in text(notice)
    assert "row 2: y@: invalid_address" in text(notice)
    assert await post.engine.campaigns(post.engine.local) == []


async def test_a_list_that_names_very_many_events_is_refused(post: Post) -> None:
    rows = "".join(f"event{n},p{n}@example.com\n" for n in range(101))
    intake = await post(mails.listed("uid,email\n" + rows))
    assert (intake.action, intake.code) == ("refused", "too_large")


@pytest.mark.parametrize("subject", ["Guests for {id}", "{uid}", "Re: Created: Meeting (id {id})"])
async def test_a_list_without_uids_is_for_the_event_that_its_subject_names(
    post: Post, event: Event, subject: str
) -> None:
    mail = mails.listed("ann@example.com\nBob Example <bob@example.com>\n", filename="list.txt")
    del mail["Subject"]
    mail["Subject"] = subject.format(id=event.id, uid=event.uid)
    intake = await post(mail)
    assert (intake.action, intake.uid, intake.code) == ("campaign", event.uid, "")
    invites, _ = await sent(post)
    assert invites == ["ann@example.com", "bob@example.com"]


async def test_a_subject_that_names_no_event_or_two_leaves_the_rows_named(post: Post, event: Event) -> None:
    other = await created(post.engine, organizer="olga@cis.test")
    foreign = await created(post.engine, organizer="mallory@cis.test")
    for subject in ("margaret", f"{event.id} and {other.id}", foreign.id):
        mail = mails.listed("email\nann@example.com\n")
        del mail["Subject"]
        mail["Subject"] = subject
        await post(mail)
    invites, notices = await sent(post)
    assert invites == []
    assert all("missing_uid: name the event's uid or id" in text(notice) for notice in notices[:1])


async def test_a_report_names_row_column_and_reason(post: Post, event: Event) -> None:
    csv = (
        f"uid,email\n{event.uid},ann@example.com\n{event.uid},bob@@example.com\n"
        f'{event.uid},"cy@example.com\n{event.uid},dee@example.com\n'
    )
    await post(mails.listed(csv))
    invites, notices = await sent(post)
    assert invites == ["ann@example.com", "dee@example.com"]
    words = "\n".join(map(text, notices))
    assert (
        "row 2: bob@@example.com: invalid_address: not an address that can be invited (email: “bob@@" in words
    )
    assert "row 3: " in words
    assert "csv_unreadable: a quote is inside a cell or not closed" in words
