"""The SMTP listener: our mailboxes and nothing else, durably or not at all."""

from __future__ import annotations

import asyncio
import smtplib
from email import message_from_bytes

import aiosmtplib
import pytest

from engine.inbox.smtp.listener import Listener
from engine.inbox.spool.spool import ReceivedEnvelope
from tests.support import mails
from tests.support.engines import created, invite
from tests.support.inboxes import Post, receiving
from tests.support.intakes import newest
from tests.support.waiting import DEADLINE_S, eventually


async def rcpt(post: Post, *addresses: str) -> list[int]:
    """The listener's answers to RCPT TO."""
    codes = []
    client = aiosmtplib.SMTP(hostname="127.0.0.1", port=post.port, start_tls=False, timeout=DEADLINE_S)
    async with client:
        await client.mail("x@example.com")
        for address in addresses:
            try:
                codes.append((await client.rcpt(address)).code)
            except aiosmtplib.SMTPRecipientRefused as refused:
                codes.append(refused.code)
    return codes


async def test_our_mailboxes_are_known_in_any_case(post: Post) -> None:
    known = ["create@cis.test", "RSVP@CIS.Test", "bulk@cis.test", "unsubscribe@cis.test"]
    assert await rcpt(post, *known) == [250] * 4


async def test_postmaster_and_abuse_reach_the_operator(post: Post) -> None:
    assert await rcpt(post, "postmaster@cis.test", "abuse@cis.test", "Postmaster") == [250, 250, 250]


async def test_a_persons_reply_to_an_organizer_without_an_agent_waits_for_the_operator(post: Post) -> None:
    await created(post.engine, organizer="olga@cis.test")
    reply = mails.mail("ann@example.com", "Olga@CIS.test", subject="Re: Invitation", text="See you there!")
    taken = await post(reply, "Olga@CIS.test")
    assert (taken.action, taken.code, taken.mailbox) == ("quarantined", "for_operator", "organizer")
    assert len(post.files("quarantine")) == 1


async def test_an_organizer_of_another_domain_is_no_mailbox_of_ours(post: Post) -> None:
    await created(post.engine, organizer="olga@example.com")
    assert await rcpt(post, "olga@example.com", "olga@cis.test") == [550, 550]


async def test_a_mail_bears_on_top_whence_it_came_and_its_envelope_knows_it_too(post: Post) -> None:
    raw = b"Authentication-Results: mx.cis.test; dmarc=pass\r\nFrom: x@example.com\r\n\r\nhello\r\n"
    _, words = await post.hand_over(raw, "create@cis.test")
    (kept,) = await eventually(lambda: post.files("done") + post.files("quarantine"))
    content = kept.read_bytes()
    head, _, mail = content.partition(b"\r\n")
    envelope = ReceivedEnvelope.model_validate_json(head.removeprefix(b"X-CIS-Envelope: "))
    assert (envelope.client, envelope.id, envelope.sender) == (
        "127.0.0.1",
        kept.name,
        "someone@client.example",
    )
    assert envelope.helo
    parsed = message_from_bytes(mail)
    assert parsed.keys()[:2] == ["Received", "Authentication-Results"]
    line = " ".join(str(parsed["Received"]).split())
    begins = (
        f"from {envelope.helo} ([127.0.0.1]) by cis.test (Calendar Invite Server) with ESMTP id {kept.name}; "
    )
    assert line.startswith(begins)
    assert words.endswith(kept.name)


@pytest.mark.parametrize(
    "address",
    [
        "nobody@cis.test",
        "create@elsewhere.example",
        "create+x@cis.test",
        "rsvp+unknowntoken@cis.test",
        "unsubscribe+unknowntoken@cis.test",
        "create@sub.cis.test",
        '"create"@example.com',
    ],
)
async def test_an_unknown_recipient_is_550(post: Post, address: str) -> None:
    assert await rcpt(post, address) == [550]


async def test_a_token_that_was_given_out_is_known(post: Post) -> None:
    done = await invite(post.engine, await created(post.engine), "ann@example.com")
    token = done.attendee.token
    assert await rcpt(post, f"rsvp+{token}@cis.test", f"UNSUBSCRIBE+{token.upper()}@cis.test") == [250, 250]


async def test_more_than_a_hundred_recipients_are_put_off(post: Post) -> None:
    codes = await rcpt(post, *["create@cis.test"] * 101)
    assert (codes[:100], codes[100]) == ([250] * 100, 452)


async def test_a_mail_is_on_disk_byte_for_byte_when_250_is_said(post: Post) -> None:
    raw = b"From: x@example.com\r\nSubject: \xff\xfe odd bytes\r\n\r\n.dots\r\n..more\r\nend\r\n"
    code, words = await post.hand_over(raw, "rsvp@cis.test")
    assert code == 250
    name = words.split()[-1]
    (found,) = [p for part in ("new", "done", "quarantine") for p in post.files(part) if p.name == name]
    head, _, kept = found.read_bytes().partition(b"\r\n")
    assert b"rsvp" in head
    assert kept.startswith(b"Received: from ")
    assert kept.endswith(b"\r\n" + raw)
    await eventually(lambda: not post.files("new"))


async def test_a_mail_that_cannot_be_stored_is_452_and_may_come_again(post: Post) -> None:
    tmp = post.folder / "tmp"
    tmp.rmdir()
    tmp.write_text("in the way")
    with pytest.raises(aiosmtplib.SMTPDataError) as caught:
        await post.hand_over(mails.request())
    assert caught.value.code == 452
    tmp.unlink()
    tmp.mkdir()
    assert (await post(mails.request())).action == "created"


async def test_a_mail_over_the_size_limit_is_552(post: Post) -> None:
    limit = post.engine.settings.max_mail_bytes
    raw = b"Subject: big\r\n\r\n" + (b"x" * 98 + b"\r\n") * (limit // 100 + 1)

    def announced() -> int:
        with smtplib.SMTP("127.0.0.1", post.port) as client:
            client.ehlo()
            code, _ = client.mail("x@example.com", [f"SIZE={len(raw)}"])
            return code

    assert await asyncio.to_thread(announced) == 552
    with pytest.raises(aiosmtplib.SMTPDataError) as caught:
        await post.hand_over(raw, "create@cis.test")
    assert caught.value.code == 552
    assert post.files("new") == []


async def test_one_mail_to_two_of_our_mailboxes_is_handled_at_both(post: Post) -> None:
    await post(mails.request(), "create@cis.test", "bulk@cis.test")
    assert {i.mailbox for i in await newest(post.engine, 9)} == {"create", "bulk"}


async def test_a_listener_waits_until_its_port_is_free(post: Post, caplog: pytest.LogCaptureFixture) -> None:
    second = Listener(post.inbox, f"smtp://127.0.0.1:{post.port}")
    task = asyncio.create_task(second.run())
    await eventually(lambda: "waiting" in caplog.text)
    assert not task.done()
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


@pytest.mark.parametrize("url", ["imap://host:1", "smtp://host", "smtp://", "smtp://host:99999", "x"])
async def test_an_address_to_listen_on_that_makes_no_sense_is_a_value_error(post: Post, url: str) -> None:
    with pytest.raises(ValueError, match=r"CIS_INBOX|[Pp]ort"):
        Listener(post.inbox, url)


async def test_stopping_does_not_wait_for_a_silent_client(post: Post) -> None:
    async with receiving(post.engine) as other:
        reader, writer = await asyncio.open_connection("127.0.0.1", other.port)
        assert (await reader.readline()).startswith(b"220")
    async with asyncio.timeout(DEADLINE_S):
        assert (await reader.read()).startswith(b"421 ")
    writer.close()
    await writer.wait_closed()


async def test_a_connection_that_breaks_off_leaves_the_listener_well(post: Post) -> None:
    for words in (b"", b"EHLO x\r\nMAIL FROM:<a@b.example>\r\n", b"\x00\xff\r\n", b"EHLO x\r\nDATA\r\n"):
        _, writer = await asyncio.open_connection("127.0.0.1", post.port)
        writer.write(words)
        await writer.drain()
        writer.close()
        await writer.wait_closed()
    assert (await post(mails.request())).action == "created"
