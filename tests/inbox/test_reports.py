"""What mail servers report of our mail: bounces, complaints, read receipts; and the wish to hear no more."""

from __future__ import annotations

import pytest

from engine.commands.invites.invites import SendInvite
from engine.engine import Engine
from engine.model.events import Event
from engine.model.messages import Message, MessageState
from engine.model.people import Attendee
from engine.outbox import answers
from engine.outbox.transport import Accepted
from engine.refusals import Code
from tests.support import mails, reports
from tests.support.engines import claim, created, deliver, do, invite, ledger, refusal, settle, why_not
from tests.support.inboxes import Post

ANN = "ann@example.com"
RSVP = "rsvp@cis.test"


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


async def barred(post: Post) -> Code | None:
    """Why Ann cannot be invited to another event; None where she can."""
    other = await created(post.engine)
    return await why_not(post.engine, SendInvite(uid=other.uid, email=ANN))


async def sent(post: Post, event: Event) -> Message:
    return await ledger(post.engine, event, ANN)


# bounces (RFC 3464)


async def test_a_bounce_at_the_envelopes_token_fails_the_message_and_suppresses_the_address(
    post: Post, event: Event, ann: Attendee
) -> None:
    for code in ("", "no_change"):
        intake = await post(mails.bounced(ANN, address(ann)), address(ann), sender="")
        assert (intake.action, intake.code, intake.uid) == ("bounce", code, event.uid)
    message = await sent(post, event)
    assert (message.state, message.code) == (MessageState.FAILED, "bounced")
    assert "No such user here" in message.answer
    assert await barred(post) is Code.ADDRESS_SUPPRESSED


@pytest.mark.parametrize(
    ("status", "action", "expected", "state"),
    [
        ("4.2.2", "failed", "bounce", MessageState.FAILED),
        ("5.2.2", "failed", "bounce", MessageState.FAILED),
        ("5.7.26", "failed", "bounce", MessageState.FAILED),
        ("4.4.7", "delayed", "ignored", MessageState.SENT),
        ("2.0.0", "delivered", "ignored", MessageState.SENT),
        ("2.0.0", "relayed", "ignored", MessageState.SENT),
    ],
)
async def test_what_is_not_the_addresss_fault_suppresses_nobody(
    post: Post, event: Event, ann: Attendee, status: str, action: str, expected: str, state: MessageState
) -> None:
    report = reports.multipart_report(address(ann), "delivery-status", reports.failed(ANN, status, action))
    intake = await post(report, address(ann), sender="")
    assert intake.action == expected
    assert (await sent(post, event)).state is state
    assert await barred(post) is None


@pytest.mark.parametrize(
    "quoted", ["Message-ID: <{0.message_id}>", "List-Unsubscribe: <mailto:unsubscribe+{1.token}@cis.test>"]
)
@pytest.mark.parametrize("mailbox", ["rsvp@cis.test", "postmaster@cis.test"])
async def test_a_bounce_without_its_token_is_known_by_what_it_quotes(
    post: Post, event: Event, ann: Attendee, quoted: str, mailbox: str
) -> None:
    original = [quoted.format(await sent(post, event), ann), f"To: {ANN}"]
    report = reports.multipart_report(mailbox, "delivery-status", reports.failed(ANN), original)
    assert (await post(report, mailbox, sender="")).action == "bounce"
    assert (await sent(post, event)).state is MessageState.FAILED
    assert await barred(post) is Code.ADDRESS_SUPPRESSED


@pytest.mark.parametrize(
    ("mailbox", "action"), [("rsvp@cis.test", "ignored"), ("abuse@cis.test", "quarantined")]
)
async def test_a_forged_bounce_suppresses_nobody(
    post: Post, event: Event, ann: Attendee, mailbox: str, action: str
) -> None:
    original = ["Message-ID: <guessed@cis.test>", f"To: {ANN}", f"X-UID: {event.uid}"]
    for kind, fields in (
        ("delivery-status", reports.failed(ANN)),
        ("feedback-report", ["Feedback-Type: abuse", f"Original-Rcpt-To: {ANN}"]),
    ):
        report = reports.multipart_report(mailbox, kind, fields, original)
        assert (await post(report, mailbox, sender="")).action == action
    forged = reports.ses_bounce({"source": "rsvp@cis.test"}, ANN)
    assert (await post(reports.by_sns(forged, mailbox), mailbox)).action == action
    assert (await sent(post, event)).state is MessageState.SENT
    assert await barred(post) is None


async def test_a_bounce_that_overtakes_the_servers_answer_counts(post: Post, event: Event) -> None:
    await do(post.engine, SendInvite(uid=event.uid, email=ANN))
    (held,) = await claim(post.engine)
    assert held.attendee is not None
    await post(mails.bounced(ANN, address(held.attendee)), address(held.attendee), sender="")
    await settle(post.engine, [held], MessageState.SENT, text="250 OK")
    assert (await sent(post, event)).state is MessageState.FAILED


async def test_a_bounce_withdraws_what_is_queued_for_the_address(
    post: Post, event: Event, ann: Attendee
) -> None:
    other = await created(post.engine)
    await invite(post.engine, other, ANN)
    await post(mails.bounced(ANN, address(ann)), address(ann), sender="")
    waiting = await ledger(post.engine, other, ANN)
    assert (waiting.state, waiting.code) == (MessageState.WITHDRAWN, "address_suppressed")


# complaints (RFC 5965) and read receipts (RFC 8098)


@pytest.mark.parametrize(
    ("kind", "code"),
    [
        ("abuse", Code.ADDRESS_SUPPRESSED),
        ("fraud", Code.ADDRESS_SUPPRESSED),
        ("not-spam", None),
        ("auth-failure", None),
    ],
)
async def test_one_who_calls_an_invite_spam_hears_no_more(
    post: Post, event: Event, ann: Attendee, kind: str, code: Code | None
) -> None:
    original = [f"Message-ID: <{(await sent(post, event)).message_id}>", f"To: {ANN}"]
    fields = [f"Feedback-Type: {kind}", "User-Agent: Example/1", "Version: 1"]
    report = reports.multipart_report("abuse@cis.test", "feedback-report", fields, original)
    intake = await post(report, "abuse@cis.test", sender="")
    assert (intake.action, intake.code) == (
        ("bounce", "complained") if code else ("quarantined", "for_operator")
    )
    assert (await sent(post, event)).state is MessageState.SENT
    assert await barred(post) is code


async def test_a_read_receipt_is_ignored_with_its_code(post: Post, event: Event, ann: Attendee) -> None:
    fields = [f"Final-Recipient: rfc822; {ANN}", "Disposition: manual-action/MDN-sent-manually; displayed"]
    report = reports.multipart_report(address(ann), "disposition-notification", fields)
    intake = await post(report, address(ann), sender="")
    assert (intake.action, intake.code) == ("ignored", "read_receipt")
    assert await barred(post) is None


# notifications of Amazon SES


async def test_an_ses_bounce_finds_the_message_by_the_name_that_ses_gave_it(post: Post, event: Event) -> None:
    await do(post.engine, SendInvite(uid=event.uid, email=ANN))
    (held,) = await claim(post.engine)
    accepted = answers.accepted(held, Accepted(answer=f"250 Ok {reports.SES_ID}"))
    await post.engine.store.write_answers("test", [accepted], post.engine.clock())
    notice = reports.ses_bounce({"destination": [ANN]}, "other@example.net", ANN)
    for code in ("", "no_change"):
        intake = await post(reports.by_sns(notice, RSVP), RSVP)
        assert (intake.action, intake.code) == ("bounce", code)
    late = reports.ses("Delivery", {"recipients": [ANN]}, {"destination": [ANN]})
    assert (await post(reports.by_sns(late, RSVP), RSVP)).action == "ignored"
    assert (await sent(post, event)).state is MessageState.FAILED
    assert await barred(post) is Code.ADDRESS_SUPPRESSED


async def test_an_ses_bounce_or_complaint_is_known_by_the_token_of_its_envelope(
    post: Post, event: Event, ann: Attendee
) -> None:
    mail: dict[str, object] = {"source": address(ann)}
    soft = reports.ses_bounce(mail, ANN, kind="Transient")
    assert (await post(reports.by_sns(soft, RSVP), RSVP)).action == "bounce"
    assert await barred(post) is None
    angry = reports.ses("Complaint", {"complainedRecipients": [{"emailAddress": ANN}]}, mail)
    intake = await post(reports.by_sns(angry, RSVP), RSVP)
    assert (intake.action, intake.code) == ("bounce", "complained")
    assert await barred(post) is Code.ADDRESS_SUPPRESSED


# unsubscribing


async def test_any_mail_to_the_unsubscribe_address_stops_that_organizers_mail(
    post: Post, event: Event, ann: Attendee
) -> None:
    other = await created(post.engine)
    await invite(post.engine, other, ANN)
    to = f"unsubscribe+{ann.token}@cis.test"
    for _ in range(2):
        intake = await post(mails.mail("anyone@example.net", to, subject="", text="", proven=False))
        assert intake.action == "unsubscribed"
    waiting = await ledger(post.engine, other, ANN)
    assert (waiting.state, waiting.code) == (MessageState.WITHDRAWN, "attendee_blocked")
    assert await barred(post) is Code.ATTENDEE_BLOCKED


async def test_who_writes_to_plain_unsubscribe_is_left_to_the_operator(post: Post, ann: Attendee) -> None:
    intake = await post(mails.mail(ANN, "unsubscribe@cis.test"))
    assert (intake.action, intake.code) == ("quarantined", "for_operator")
    assert await barred(post) is None


async def test_a_bounce_unsubscribes_nobody(post: Post, ann: Attendee) -> None:
    to = f"unsubscribe+{ann.token}@cis.test"
    assert (await post(mails.bounced(ANN, to), to, sender="")).action == "ignored"
    assert await refusal(post.engine, SendInvite(uid="x", email=ANN)) is Code.UNKNOWN_EVENT
    assert await barred(post) is None
