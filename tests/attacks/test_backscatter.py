"""What a stranger's mail makes us send: to one organizer's account, to few, and without a word of the stranger."""

from __future__ import annotations

from collections.abc import AsyncIterator
from email.message import EmailMessage
from pathlib import Path

import icalendar
import pytest

from engine.commands.events.events import CancelEvent
from engine.commands.invites.invites import SendInvite
from engine.commands.operators.operators import SuspendOrganizer
from engine.engine import Engine
from engine.model.actors import Actor
from engine.model.events import Event
from engine.model.messages import Audience, Kind, Message, MessageState
from engine.model.people import Attendee
from engine.outbox import answers
from engine.outbox.transport import Accepted
from engine.refusals import Code
from tests.support import mails, reports
from tests.support.clock import Clock
from tests.support.engines import claim, created, deliver, do, engine_in, invite, ledger, why_not
from tests.support.inboxes import Post, receiving
from tests.support.names import serving_names
from tests.support.signing import publish, signed
from tests.support.waiting import eventually

ANN, BOB = "ann@example.com", "bob@example.com"
ALICE = Actor(kind="organizer", address="alice@one.example")
OTHER = Actor(kind="organizer", address="bert@two.example")
LURE = "Pay at https://evil.example now"
PLAIN = "rsvp@cis.test"


@pytest.fixture
async def engine(tmp_path: Path, clock: Clock) -> AsyncIterator[Engine]:
    async with engine_in(tmp_path, clock, authserv_ids=mails.OPERATOR_SERVER, organizers="*") as opened:
        yield opened


@pytest.fixture
async def post(engine: Engine) -> AsyncIterator[Post]:
    async with receiving(engine) as opened:
        yield opened


@pytest.fixture
async def event(engine: Engine) -> Event:
    return await created(engine, ALICE)


@pytest.fixture
async def ann(engine: Engine, event: Event) -> Attendee:
    done = await do(engine, SendInvite(uid=event.uid, email=ANN), ALICE)
    await deliver(engine)
    return done.attendee


def at(person: Attendee) -> str:
    return f"rsvp+{person.token}@cis.test"


async def barred(engine: Engine, organizer: Actor, email: str = ANN) -> Code | None:
    """Why the organizer cannot invite somebody to a new event; None where they can."""
    event = await created(engine, organizer)
    return await why_not(engine, SendInvite(uid=event.uid, email=email), organizer)


# forged bounces and complaints, by whoever was forwarded an invite


FORGED = {
    "a bounce at the token": lambda ann, sent: mails.bounced(ANN, at(ann)),
    "a bounce that quotes the token": lambda ann, sent: reports.multipart_report(
        PLAIN, "delivery-status", reports.failed(ANN), [f"Return-Path: <{at(ann)}>"]
    ),
    "a bounce that quotes the Message-ID": lambda ann, sent: reports.multipart_report(
        PLAIN, "delivery-status", reports.failed(ANN), [f"Message-ID: <{sent.message_id}>"]
    ),
    "a bounce in plain words": lambda ann, sent: (
        f"From: MAILER-DAEMON@mx.example.com\r\nTo: {at(ann)}\r\nSubject: failed\r\nX-Failed-Recipients: {ANN}\r\n"
        "\r\n550 5.1.1 No such user\r\n"
    ).encode(),
    "a complaint": lambda ann, sent: reports.multipart_report(
        at(ann), "feedback-report", ["Feedback-Type: abuse", f"Original-Rcpt-To: {ANN}"]
    ),
    "a notice of a mail service, by the token": lambda ann, sent: reports.by_sns(
        reports.ses_bounce({"source": at(ann)}, ANN), PLAIN
    ),
    "a notice of a mail service, by its id": lambda ann, sent: reports.by_sns(
        reports.ses_bounce({"source": "x@example.net"}, ANN), PLAIN
    ),
}


@pytest.mark.parametrize("sender", ["", "mallory@attacker.example"])
@pytest.mark.parametrize("way", FORGED)
async def test_a_forged_report_touches_the_one_organizer_whose_invite_it_bears(
    post: Post, event: Event, way: str, sender: str
) -> None:
    """From a client in `CIS_RELAYS` even: a mail server in front of ours takes such mail from anybody."""
    done = await do(post.engine, SendInvite(uid=event.uid, email=ANN), ALICE)
    held = await claim(post.engine)
    accepted = [answers.accepted(c, Accepted(answer=f"250 Ok {reports.SES_ID}")) for c in held]
    await post.engine.store.write_answers("test", accepted, post.engine.clock())
    waiting = await created(post.engine, OTHER)
    await do(post.engine, SendInvite(uid=waiting.uid, email=ANN), OTHER)
    forged = FORGED[way](done.attendee, await ledger(post.engine, event, ANN))
    to = at(done.attendee) if at(done.attendee).encode() in forged.partition(b"\r\n\r\n")[0] else PLAIN
    assert (await post(forged, to, sender=sender)).action == "bounce"
    assert await barred(post.engine, ALICE) is Code.ADDRESS_SUPPRESSED
    assert await barred(post.engine, OTHER) is None
    assert (await ledger(post.engine, waiting, ANN)).state is MessageState.QUEUED
    assert ANN in {m.email for m in await deliver(post.engine)}


async def test_a_bounce_that_the_mail_service_proves_counts_for_everybody(
    tmp_path: Path, clock: Clock
) -> None:
    """Signed by Amazon SNS for us; to somebody else, who relays it, anybody may have it send anything."""
    service = "sns.amazonaws.com"
    with serving_names() as names:
        publish(names, service)
        made = {"relays": "none", "dns": names.address}
        async with engine_in(tmp_path, clock, **made) as engine, receiving(engine) as post:
            event = await created(engine, ALICE)
            await do(engine, SendInvite(uid=event.uid, email=ANN), ALICE)
            (sent,) = await claim(engine)
            accepted = answers.accepted(sent, Accepted(answer=f"250 Ok {reports.SES_ID}"))
            await engine.store.write_answers("test", [accepted], engine.clock())
            for to, code in (("mallory@attacker.example", None), (PLAIN, Code.ADDRESS_SUPPRESSED)):
                notice = reports.by_sns(reports.ses_bounce({}, ANN), to)
                await post(signed(notice, service, headers=("from", "to", "content-type")), PLAIN)
                assert await barred(engine, OTHER) is code


@pytest.mark.parametrize("way", ["at the token", "by the Message-ID"])
async def test_a_report_about_somebody_else_touches_nobody(
    post: Post, event: Event, ann: Attendee, way: str
) -> None:
    sent = await ledger(post.engine, event, ANN)
    to, quoted = (at(ann), "To: x@example.com") if way == "at the token" else (PLAIN, "")
    original = [quoted or f"Message-ID: <{sent.message_id}>"]
    fields = [f"Original-Recipient: rfc822; {BOB}", *reports.failed(BOB)]
    for about in (fields, reports.failed(BOB)):
        report = reports.multipart_report(to, "delivery-status", about, original)
        assert (await post(report, to, sender="")).action == "ignored"
    assert (await ledger(post.engine, event, ANN)).state is MessageState.SENT
    for email in (ANN, BOB):
        assert await barred(post.engine, ALICE, email) is None


async def test_of_several_recipients_the_one_who_was_mailed_counts(
    post: Post, event: Event, ann: Attendee
) -> None:
    """The members of a list fail; the list itself is only slow."""
    fields = [*reports.failed(BOB), *reports.failed(ANN, "4.4.7", "delayed")[2:]]
    report = reports.multipart_report(at(ann), "delivery-status", fields)
    assert (await post(report, at(ann), sender="")).action == "ignored"
    assert await barred(post.engine, ALICE) is None


async def test_who_asked_for_no_more_stays_known_for_that_after_a_bounce(post: Post, ann: Attendee) -> None:
    await post(mails.bounced(ANN, at(ann)), at(ann), sender="")
    assert await barred(post.engine, ALICE) is Code.ADDRESS_SUPPRESSED
    await post(mails.mail(ANN, f"unsubscribe+{ann.token}@cis.test"))
    assert await barred(post.engine, ALICE) is Code.ATTENDEE_BLOCKED
    await post(mails.bounced(ANN, at(ann)), at(ann), sender="")
    assert await barred(post.engine, ALICE) is Code.ATTENDEE_BLOCKED


# questions to owners


def forged(address: str, uid: str = "u1", **values: object) -> bytes:
    event = mails.vevent(uid, organizer=address, summary=LURE, location=LURE, description=LURE)
    mail = mails.request(event, sender=f"{LURE} <{address}>", proven=False, text=LURE, **values)
    del mail["From"]
    mail["From"] = f'"{LURE}" <{address}>'
    return mail.as_bytes()


async def questions(post: Post) -> list[Message]:
    return [m for m in await deliver(post.engine) if m.kind is Kind.NOTICE]


@pytest.mark.parametrize("organizers", ["*", "*@a.example", "*@*"])
async def test_made_up_addresses_of_a_domain_are_asked_nothing(
    tmp_path: Path, clock: Clock, organizers: str
) -> None:
    async with engine_in(tmp_path, clock, organizers=organizers) as engine, receiving(engine) as post:
        for n in range(20):
            assert (await post(forged(f"name{n}@a.example"), "create@cis.test")).action == "quarantined"
        assert await questions(post) == []
        assert len(post.files("quarantine")) == 20


async def test_questions_are_bounded_by_domain_and_hour(post: Post, clock: Clock) -> None:
    known = [f"name{n}@sub{n}.a.example" for n in range(14)]
    for address in known:
        await created(post.engine, Actor(kind="organizer", address=address))
    for address in known:
        await post(forged(address), "create@cis.test")
    assert len(await questions(post)) == 10
    clock.move(hours=1)
    for address in known:
        await post(forged(address, "u2"), "create@cis.test")
    assert {m.email for m in await questions(post)} == set(known[10:]), "and each once a day"
    assert len(post.files("quarantine")) == 28, "the mails wait all the same"


async def test_questions_are_bounded_over_all_domains(post: Post) -> None:
    known = [f"boss@company{n}.example" for n in range(104)]
    for address in known:
        await created(post.engine, Actor(kind="organizer", address=address))
    post.pace_s = 1
    for address in known:
        await post(forged(address), "create@cis.test")
    assert len(await questions(post)) == 100


async def test_a_question_holds_no_word_of_whoever_forged_the_mail(post: Post) -> None:
    mine = "olga@cis.test"
    await post(mails.request(mails.vevent("u1", organizer=mine), sender=mine))
    await deliver(post.engine)
    for subject in (LURE, "Buy"):
        await post(forged(mine, "u1", subject=subject, headers={"X-Name": LURE}), "create@cis.test")
    (message,) = await questions(post)
    assert message.notice is not None
    text = f"{message.notice.subject}\n{message.notice.text}"
    for word in ("evil", "Pay", "Buy", "Invitation"):
        assert word not in text
    assert "It creates, changes or cancels events of yours." in text, (
        "nothing of it is read before it is proven"
    )
    assert "create@cis.test on Monday, 1 March 2027" in text


def by_google(mail: EmailMessage) -> EmailMessage:
    """The mail as Google's calendar sends it for somebody: that much is proven, so that its calendar is read."""
    mail["Sender"] = "calendar-notification@google.com"
    mail["Authentication-Results"] = f"{mails.OPERATOR_SERVER}; dkim=pass header.d=google.com"
    return mail


def held(uid: str) -> icalendar.Event:
    return mails.vevent(uid, organizer="x@attacker.example", sequence=1, summary=LURE)


@pytest.mark.parametrize(
    ("mail", "said"),
    [
        (mails.request(held("new"), proven=False), "creates a new event"),
        (mails.request(held("u1"), proven=False), "changes your event “Season opener”"),
        (mails.cancel(held("u1"), proven=False), "cancels your event “Season opener”"),
        (mails.cancel(held("other"), proven=False), "creates, changes or cancels events of yours."),
        (mails.cancel(held("u1"), held("u2"), held("u3"), proven=False), "events of yours, 3 at once"),
    ],
    ids=["new", "changed", "cancelled", "unknown", "several"],
)
async def test_a_question_says_in_our_own_words_what_would_be_done(
    post: Post, mail: EmailMessage, said: str
) -> None:
    await post(mails.request(mails.vevent("u1", organizer="olga@cis.test"), sender="olga@cis.test"))
    await deliver(post.engine)
    raw = by_google(mail).as_bytes().replace(b"Olga Organizer", b"Evil")
    assert (await post(raw, "create@cis.test")).code == "sender_unauthenticated"
    (message,) = await questions(post)
    assert message.notice is not None
    assert said in message.notice.text
    assert "evil" not in message.notice.text.lower()


async def test_a_question_to_an_attendee_tells_nobodys_token(post: Post, event: Event, ann: Attendee) -> None:
    await do(post.engine, SendInvite(uid=event.uid, email=BOB), ALICE)
    await deliver(post.engine)
    await post(mails.reply(event.uid, BOB, to=at(ann), proven=False, comment=LURE))
    (message,) = await questions(post)
    assert message.email == BOB
    assert message.notice is not None
    assert ann.token not in message.notice.text
    assert "evil" not in message.notice.text


@pytest.mark.parametrize("why", ["unsubscribed", "bounced", "suspended", "over", "cancelled"])
async def test_nobody_is_asked_whom_the_organizer_may_not_mail(
    post: Post, event: Event, ann: Attendee, clock: Clock, why: str
) -> None:
    match why:
        case "unsubscribed":
            await post(mails.mail(ANN, f"unsubscribe+{ann.token}@cis.test"))
        case "bounced":
            await post(mails.bounced(ANN, at(ann)), at(ann), sender="")
        case "suspended":
            await do(post.engine, SuspendOrganizer(address=event.organizer))
        case "over":
            clock.move(days=90)
        case "cancelled":
            await do(post.engine, CancelEvent(uid=event.uid, audience=Audience.NONE))
    assert (await post(mails.reply(event.uid, ANN, proven=False))).code == "sender_unauthenticated"
    assert await questions(post) == []


async def test_attendees_of_one_event_are_asked_within_the_hours_bounds(post: Post, event: Event) -> None:
    people = [f"guest@company{n}.example" for n in range(25)]
    for email in people:
        await do(post.engine, SendInvite(uid=event.uid, email=email), ALICE)
    await deliver(post.engine)
    for email in people:
        await post(mails.reply(event.uid, email, proven=False))
    assert len(await questions(post)) == 20


async def test_a_question_never_stands_for_more_than_it_names(post: Post, event: Event) -> None:
    await do(post.engine, SendInvite(uid=event.uid, email=BOB), ALICE)
    await deliver(post.engine)
    parts = [mails.vevent(event.uid, attendees=[(BOB, word)]) for word in ("ACCEPTED", "DECLINED")]
    content = mails.calendar("REPLY", *parts)
    await post(mails.mail(BOB, PLAIN, content=content, method="REPLY", proven=False))
    delegating = (
        f"BEGIN:VCALENDAR\r\nMETHOD:REPLY\r\nBEGIN:VEVENT\r\nUID:{event.uid}\r\nATTENDEE;PARTSTAT=DELEGATED;"
        f'DELEGATED-TO="mailto:x@example.net":mailto:{BOB}\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n'
    )
    await post(mails.mail(BOB, PLAIN, content=delegating.encode(), method="REPLY", proven=False))
    assert await questions(post) == [], "several answers, and delegates, are the operator's to let through"
    assert len(post.files("quarantine")) == 2


async def test_a_confirmed_answer_brings_none_of_the_words_that_were_not_shown(
    post: Post, event: Event
) -> None:
    await do(post.engine, SendInvite(uid=event.uid, email=BOB), ALICE)
    await deliver(post.engine)
    await post(mails.reply(event.uid, "mallory@attacker.example", attendee=BOB, comment=LURE))
    (message,) = await questions(post)
    assert message.notice is not None
    await post(mails.mail(BOB, message.notice.reply_to))

    async def counted() -> bool:
        return any(r.counted for r in await post.engine.store.receipts(event.uid, BOB))

    await eventually(counted)
    (kept,) = [r for r in await post.engine.store.receipts(event.uid, BOB) if r.counted]
    assert kept.comment == ""


async def test_a_proven_mail_that_is_relayed_again_and_again_floods_nobody(post: Post) -> None:
    mine = "olga@cis.test"
    made = mails.request(mails.vevent("u1", organizer=mine), sender=mine)
    for _ in range(26):
        await post(made)
    empty = mails.mail(mine, "create@cis.test", text="No calendar here.")
    for _ in range(4):
        await post(empty)
    sent = [m.notice.subject.partition(":")[0] for m in await questions(post) if m.notice]
    assert sent == ["Created", *["No change"] * 20]


# notices, where the operator lets unproven mail count


@pytest.mark.parametrize("mode", ["flag", "off"])
async def test_notices_to_whom_nothing_proves_are_few(tmp_path: Path, clock: Clock, mode: str) -> None:
    async with (
        engine_in(tmp_path, clock, sender_auth=mode, organizers="*") as engine,
        receiving(engine) as post,
    ):
        for n in range(15):
            await post(forged("victim@corp.example", f"u{n}"), "create@cis.test")
        for n in range(15):
            await post(mails.mail(f"v{n}@corp.example", "create@cis.test", subject=LURE, proven=False))
        sent = await questions(post)
        assert len(sent) == 20
        assert sum(m.email == "victim@corp.example" for m in sent) == 10
        if mode == "flag":
            assert not [m for m in sent if m.notice and "evil" in m.notice.subject + m.notice.text]


async def test_proposals_past_the_hours_bound_are_kept_and_not_mailed(post: Post, event: Event) -> None:
    people = [await invite(post.engine, await _owned(post.engine), f"a{n}@example.com") for n in range(2)]
    await deliver(post.engine)
    for done in people:
        for n in range(18):
            start = event.span.start_utc.replace(minute=n)
            counter = mails.reply(
                done.attendee.event_uid,
                done.attendee.email,
                "TENTATIVE",
                to=at(done.attendee),
                method="COUNTER",
                start=start,
                dtstamp=post.engine.clock(),
            )
            assert (await post(counter)).action == "counter"
    assert len(await questions(post)) == 30
    kept = [await post.engine.store.proposals(d.attendee.event_uid, state=None) for d in people]
    assert [len(found) for found in kept] == [18, 18]


async def _owned(engine: Engine) -> Event:
    return await created(engine)
