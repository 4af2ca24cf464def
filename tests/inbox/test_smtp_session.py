"""What a client may say to the listener, how it is answered, and what it may not do."""

from __future__ import annotations

import asyncio
import ssl
import tracemalloc
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

import aiosmtplib
import pytest

from engine.engine import Engine
from engine.inbox.intake.intake import Inbox
from engine.inbox.smtp.bounds import SmtpLimits
from engine.inbox.smtp.listener import Listener
from tests.support.certificates import server_context
from tests.support.clock import Clock
from tests.support.engines import created, engine_in, invite
from tests.support.inboxes import Post, receiving
from tests.support.talk import Talk, talking
from tests.support.waiting import DEADLINE_S, eventually, time_passes

MAIL = b"From: a@example.com\r\nSubject: hello\r\n\r\nwords\r\n"


@pytest.fixture
async def talk(post: Post) -> AsyncIterator[Talk]:
    async with talking(post.port) as opened:
        yield opened


@asynccontextmanager
async def bounded(engine: Engine, **bounds: float) -> AsyncIterator[Post]:
    """The engine's inbox behind a listener that allows only so much."""
    async with receiving(engine, bounds=SmtpLimits(**bounds)) as opened:  # type: ignore[arg-type]
        yield opened


def kept(post: Post) -> list[bytes]:
    """The mails that are in the spool, wherever."""
    return [p.read_bytes() for part in ("new", "done", "quarantine") for p in post.files(part)]


# commands


async def test_everything_at_once_is_answered_in_order(talk: Talk, post: Post) -> None:
    done = await invite(post.engine, await created(post.engine), "ann@example.com")
    one = f"MAIL FROM:<a@example.com>\r\nRCPT TO:<rsvp+{done.attendee.token}@cis.test>\r\n".encode()
    two = b"MAIL FROM:<b@example.com>\r\nRCPT TO:<nobody@cis.test>\r\nRCPT TO:<create@cis.test>\r\n"
    talk.say(b"EHLO c.example\r\n" + one + b"RSET\r\n" + two + b"DATA\r\n" + MAIL + b".\r\nNOOP\r\nQUIT\r\n")
    assert await talk.codes() == [220, 250, 250, 250, 250, 250, 550, 250, 354, 250, 250, 221]
    assert len(kept(post)) == 1


async def test_one_byte_at_a_time_is_a_mail_as_well(talk: Talk, post: Post) -> None:
    whole = (
        b"EHLO c\r\nMAIL FROM:<a@example.com>\r\nRCPT TO:<create@cis.test>\r\nDATA\r\n"
        + MAIL
        + b".\r\nQUIT\r\n"
    )
    for byte in whole:
        talk.say(bytes([byte]))
        await talk.writer.drain()
        await asyncio.sleep(0)
    assert await talk.codes() == [220, 250, 250, 250, 354, 250, 221]
    assert kept(post)[0].endswith(MAIL)


async def test_what_is_offered(talk: Talk, post: Post) -> None:
    assert await talk.code() == 220
    talk.say(b"EHLO c\r\n")
    offers = {line[4:].strip() for line in (await talk.answer()).splitlines()}
    size = b"SIZE %d" % post.engine.settings.max_mail_bytes
    assert {b"PIPELINING", size, b"8BITMIME", b"SMTPUTF8", b"ENHANCEDSTATUSCODES"} < offers
    assert not {o for o in offers if o.startswith((b"AUTH", b"STARTTLS", b"CHUNKING", b"VRFY", b"ETRN"))}


@pytest.mark.parametrize(
    ("line", "code"),
    [
        ("AUTH PLAIN AGEAYg==", 502),
        ("BDAT 5 LAST", 502),
        ("EXPN staff", 502),
        ("ETRN cis.test", 502),
        ("XCLIENT ADDR=192.0.2.1", 502),
        ("STARTTLS", 502),
        ("VRFY create", 252),
        ("HELP", 214),
        ("NOOP anything", 250),
        ("", 502),
        ("GET / HTTP/1.1", 502),
        ("DATA", 503),
        ("RCPT TO:<create@cis.test>", 503),
        ("MAIL FROM:a b@example.com", 553),
        ("MAIL FROM:<a@example.com", 501),
        ("MAIL FROM:<a@example.com> SIZE=x", 501),
        ("MAIL FROM:<a@example.com> SIZE=99999999999", 552),
        ("MAIL FROM:<a@example.com> RET=HDRS", 555),
        ("MAIL FROM:<a@example.com> BODY=BINARYMIME", 501),
        ("MAIL FROM:<nobody>", 553),
        ("MAIL FROM:<\u00e4@example.com>", 553),
        ("MAIL FROM:<\u00e4@example.com> SMTPUTF8 BODY=8BITMIME", 250),
        ("MAIL FROM:<>", 250),
        ("mail from: a@example.com", 250),
        ("MAIL FROM:<@relay.example,@other.example:a@example.com>", 250),
        ('MAIL FROM:<"a b"@example.com> SIZE=100', 250),
        (f"MAIL FROM:<{'a' * 400}@example.com>", 553),
        ("MAIL FROM:<a@exa\x00mple.com>", 500),
        ("MAIL FROM:<a@example.com>\rRCPT TO:<create@cis.test>", 500),
    ],
)
async def test_each_command_has_its_answer(talk: Talk, line: str, code: int) -> None:
    await talk.greeted()
    assert await talk.ask(line) == code
    assert await talk.ask("NOOP") == 250


async def test_a_command_that_is_not_text_is_refused(talk: Talk) -> None:
    await talk.greeted()
    talk.say(b"MAIL FROM:<\xff\xfe@example.com>\r\n")
    assert await talk.code() == 500


@pytest.mark.parametrize("name", ["", "two words", "<script>", "a;b", "x" * 256, "na\u00efve.example"])
async def test_a_name_that_is_none_is_refused(talk: Talk, name: str) -> None:
    assert await talk.code() == 220
    assert await talk.ask(f"EHLO {name}") == 501
    assert await talk.ask("MAIL FROM:<a@example.com>") == 503


async def test_helo_is_enough_and_is_kept_as_it_was_said(talk: Talk, post: Post) -> None:
    await talk.greeted("HELO [127.0.0.1]")
    for line, code in (("MAIL FROM:<>", 250), ("RCPT TO:<create@cis.test>", 250), ("DATA", 354)):
        assert await talk.ask(line) == code
    talk.say(MAIL + b".\r\n")
    assert await talk.code() == 250
    head, trace = kept(post)[0].split(b"\r\n")[:2]
    assert b'"helo":"[127.0.0.1]"' in head
    assert b'"sender":""' in head
    assert trace.startswith(b"Received: from [127.0.0.1] ([127.0.0.1])")


async def test_a_second_mail_from_is_refused_and_a_new_hello_begins_anew(talk: Talk) -> None:
    await talk.greeted()
    assert await talk.ask("MAIL FROM:<a@example.com>") == 250
    assert await talk.ask("MAIL FROM:<b@example.com>") == 503
    assert await talk.ask("EHLO again.example") == 250
    assert await talk.ask("RCPT TO:<create@cis.test>") == 503


async def test_nobody_to_give_it_to_is_said_before_the_mail_comes(talk: Talk) -> None:
    await talk.greeted()
    assert await talk.ask("MAIL FROM:<a@example.com>") == 250
    assert await talk.ask("RCPT TO:<nobody@cis.test>") == 550
    assert await talk.ask("DATA") == 554


async def test_who_ends_the_connection_behind_the_mail_still_hears_that_it_was_taken(
    talk: Talk, post: Post
) -> None:
    talk.say(
        b"EHLO c\r\nMAIL FROM:<a@example.com>\r\nRCPT TO:<create@cis.test>\r\nDATA\r\n" + MAIL + b".\r\n"
    )
    talk.writer.write_eof()
    assert (await talk.codes())[-1] == 250
    assert len(kept(post)) == 1


# the data of a mail


@pytest.mark.parametrize(
    "end",
    [b"\n.\n", b"\n.\r\n", b"\r.\r", b"\r\n.\r", b"\r\n.\n", b"\r.\r\n", b"\n\n.\r\n", b"\r\r\n.\r\r\n"],
    ids=lambda e: e.hex(),
)
async def test_no_other_end_of_a_mail_is_taken_for_one(talk: Talk, post: Post, end: bytes) -> None:
    inner = (
        b"MAIL FROM:<ceo@example.net>\r\nRCPT TO:<create@cis.test>\r\nDATA\r\nFrom: ceo@example.net\r\n\r\nx"
    )
    await talk.begin_data()
    talk.say(MAIL[:-2] + end + inner + b"\r\n.\r\n")
    assert await talk.code() == 554
    assert await talk.ask("NOOP") == 250
    assert kept(post) == []


async def test_dots_are_doubled_on_the_way_only(talk: Talk, post: Post) -> None:
    await talk.begin_data()
    talk.say(b"..begins\r\n...two\r\n..\r\n.x\r\n.\r\n")
    assert await talk.code() == 250
    assert kept(post)[0].endswith(b"\r\n.begins\r\n..two\r\n.\r\nx\r\n")


async def test_an_empty_mail_is_a_mail(talk: Talk, post: Post) -> None:
    await talk.begin_data()
    talk.say(b".\r\n")
    assert await talk.code() == 250
    assert len(kept(post)) == 1


async def test_a_mail_of_exactly_the_size_is_taken_and_one_byte_more_is_not(
    tmp_path: Path, clock: Clock
) -> None:
    async with engine_in(tmp_path, clock, max_mail_bytes=10_000) as engine, receiving(engine) as post:
        async with talking(post.port) as talk:
            for size, code in ((10_000, 250), (10_001, 552)):
                await talk.begin_data() if size == 10_000 else await _again(talk)
                # The doubled dot of each of 100 lines is not of the mail.
                talk.say(b"..x\r\n" * 100 + b"y" * (size - 100 * len(".x\r\n") - len("\r\n")) + b"\r\n.\r\n")
                assert await talk.code() == code
        assert len(kept(post)) == 1


async def _again(talk: Talk) -> None:
    for line, code in (("MAIL FROM:<>", 250), ("RCPT TO:<create@cis.test>", 250), ("DATA", 354)):
        assert await talk.ask(line) == code


async def test_a_mail_without_end_costs_no_memory_and_is_552_when_it_ends(
    tmp_path: Path, clock: Clock
) -> None:
    async with (
        engine_in(tmp_path, clock, max_mail_bytes=100_000) as engine,
        receiving(engine) as post,
        talking(post.port) as talk,
    ):
        await talk.begin_data()
        tracemalloc.start()
        for _ in range(200):
            talk.say(b"x" * 99_998 + b"\r\n")
            await talk.writer.drain()
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        assert peak < 5_000_000
        talk.say(b".\r\n")
        assert await talk.code() == 552
        await _again(talk)
        talk.say(MAIL + b".\r\n")
        assert await talk.code() == 250


async def test_large_mails_share_their_room_and_small_ones_need_none(engine: Engine) -> None:
    line = b"x" * 998 + b"\r\n"
    async with (
        bounded(engine, memory=1_200_000) as post,
        talking(post.port) as one,
        talking(post.port) as two,
    ):
        await one.begin_data()
        one.say(line * 900)
        await one.writer.drain()
        await two.begin_data()
        two.say(line * 900 + b".\r\n")
        assert await two.code() == 452
        await _again(two)
        two.say(MAIL + b".\r\n")
        assert await two.code() == 250
        one.say(b".\r\n")
        assert await one.code() == 250
        await _again(two)
        two.say(line * 900 + b".\r\n")
        assert await two.code() == 250


# who goes on and on


async def test_a_line_without_end_ends_the_connection(talk: Talk) -> None:
    await talk.greeted()
    talk.say(b"NOOP " + b"x" * 100_000)
    assert await talk.codes() in ([500], [])


async def test_ten_thousand_recipients_end_the_connection(talk: Talk) -> None:
    await talk.greeted()
    assert await talk.ask("MAIL FROM:<a@example.com>") == 250
    codes = []
    for _ in range(10_000):
        codes.append(await talk.ask("RCPT TO:<create@cis.test>"))
        if codes[-1] not in {250, 452}:
            break
    assert codes[:100] == [250] * 100
    assert set(codes[100:-1]) == {452}
    assert (codes[-1], len(codes) < 500) == (421, True)


@pytest.mark.parametrize(
    ("line", "most"), [("NOOP", 500), ("RSET", 500), ("EHLO a", 500), ("WHAT", 30), ("DATA", 30)]
)
async def test_endless_commands_end_the_connection(talk: Talk, line: str, most: int) -> None:
    assert await talk.code() == 220
    codes = [await talk.ask(line)]
    while codes[-1] not in {0, 421} and len(codes) < most:
        codes.append(await talk.ask(line))
    if line in {"WHAT", "DATA"}:
        codes.append(await talk.code())
    assert 421 in codes[-2:]


async def test_guessing_addresses_ends_the_connection(talk: Talk) -> None:
    await talk.greeted()
    assert await talk.ask("MAIL FROM:<a@example.com>") == 250
    codes = [await talk.ask(f"RCPT TO:<rsvp+guess{n}@cis.test>") for n in range(20)]
    assert codes == [550] * 20
    assert await talk.codes() == [421]


async def test_many_mails_over_one_connection_are_no_abuse(talk: Talk, post: Post) -> None:
    await talk.greeted()
    for _ in range(150):
        talk.say(b"MAIL FROM:<a@example.com>\r\nRCPT TO:<create@cis.test>\r\nDATA\r\n" + MAIL + b".\r\n")
        assert [await talk.code() for _ in range(4)] == [250, 250, 354, 250]


async def test_who_sends_one_byte_at_a_time_is_shown_out(engine: Engine) -> None:
    async with bounded(engine, data_s=60, bytes_per_s=1_000) as post, talking(post.port) as slow:
        await slow.begin_data()
        for _ in range(4):
            slow.say(b"x")
            await slow.writer.drain()
            time_passes(20)
        assert await slow.codes() == [421]
        assert kept(post) == []


async def test_who_says_nothing_is_shown_out_and_nobody_stays_for_ever(engine: Engine) -> None:
    async with bounded(engine, silence_s=60) as post, talking(post.port) as silent:
        assert await silent.code() == 220
        time_passes(61)
        assert await silent.codes() == [421]
    async with bounded(engine, session_s=60) as post, talking(post.port) as chatty:
        await chatty.greeted()
        codes = []
        while code := await chatty.ask("NOOP"):
            codes.append(code)
            time_passes(20)
        assert codes[-1] == 421


async def test_who_fills_the_house_is_shown_out_sooner(engine: Engine) -> None:
    async with (
        bounded(engine, connections=4, stressed_s=60) as post,
        talking(post.port) as one,
    ):
        await one.greeted()
        time_passes(61)
        assert await one.ask("NOOP") == 250
        async with talking(post.port) as two, talking(post.port) as three:
            assert [await two.code(), await three.code()] == [220, 220]
            time_passes(61)
            assert list(await asyncio.gather(one.codes(), two.codes(), three.codes())) == [[421]] * 3


async def test_one_address_does_not_take_all_the_room(engine: Engine) -> None:
    async with bounded(engine, connections=8, per_address=5) as post:
        greedy = [talking(post.port, from_address="127.0.0.2") for _ in range(7)]
        opened = [await one.__aenter__() for one in greedy]
        assert [await one.code() for one in opened] == [220] * 5 + [421] * 2
        async with talking(post.port) as other:
            await other.greeted()
        for one in greedy:
            await one.__aexit__(None, None, None)

        async def room() -> bool:
            async with talking(post.port, from_address="127.0.0.2") as again:
                return await again.code() == 220

        await eventually(room)


async def test_a_thousand_silent_connections_do_not_keep_others_out(engine: Engine) -> None:
    async with bounded(engine) as post, AsyncExitStack() as crowd:
        for n in range(1_000):
            silent = talking(post.port, from_address=f"127.0.0.{2 + n % 12}")
            await crowd.enter_async_context(silent)
        assert _listener(post) <= 500
        time_passes(SmtpLimits().stressed_s + 1)

        async def taken() -> bool:
            async with talking(post.port) as other:
                if await other.code() != 220:
                    return False
                assert await other.ask("EHLO c.example") == 250
                await _again(other)
                other.say(MAIL + b".\r\n")
                return await other.code() == 250

        await eventually(taken)


async def test_a_client_that_does_not_listen_is_not_talked_to_for_ever(engine: Engine) -> None:
    async with bounded(engine, silence_s=0.5, commands=10**9) as post, talking(post.port) as deaf:
        deaf.writer.transport.pause_reading()  # type: ignore[attr-defined]
        line = b"HELP\r\n" * 20_000
        for _ in range(100):
            deaf.say(line)
        await eventually(lambda: not _listener(post))


def _listener(post: Post) -> int:
    """How many are connected."""
    return len(post.listener.state)


# TLS


@pytest.fixture
def trusting(tmp_path: Path) -> Iterator[ssl.SSLContext]:
    _, authority = server_context(tmp_path)
    yield ssl.create_default_context(cafile=str(authority))


@pytest.fixture
async def secure(tmp_path: Path, clock: Clock, trusting: ssl.SSLContext) -> AsyncIterator[Post]:
    values = {"tls_cert": str(tmp_path / "authority.pem"), "tls_key": str(tmp_path / "key.pem")}
    async with engine_in(tmp_path / "data", clock, **values) as engine, receiving(engine) as opened:
        yield opened


async def test_starttls_is_offered_and_works(secure: Post, trusting: ssl.SSLContext) -> None:
    client = aiosmtplib.SMTP(
        hostname="127.0.0.1", port=secure.port, start_tls=True, tls_context=trusting, timeout=DEADLINE_S
    )
    async with client:
        assert "starttls" not in client.esmtp_extensions
        await client.mail("a@example.com")
        await client.rcpt("create@cis.test")
        assert (await client.data(MAIL * 1_000)).code == 250
        await client.mail("a@example.com")
        await client.rcpt("create@cis.test")
        assert (await client.data(MAIL)).code == 250
    assert all(b" with ESMTPS" in mail for mail in kept(secure))
    assert len(kept(secure)) == 2


async def test_a_renewed_certificate_is_offered_without_a_restart_and_a_broken_one_is_not(
    secure: Post, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async def works(trusted: ssl.SSLContext) -> bool:
        try:
            async with aiosmtplib.SMTP(
                hostname="127.0.0.1",
                port=secure.port,
                start_tls=True,
                tls_context=trusted,
                timeout=DEADLINE_S,
            ):
                return True
        except (ssl.SSLError, aiosmtplib.SMTPException):
            return False

    (tmp_path / "authority.pem").write_text("half written", encoding="utf-8")
    await eventually(lambda: "the old one stays" in caplog.text)
    _, authority = server_context(tmp_path)
    renewed = ssl.create_default_context(cafile=str(authority))
    await eventually(lambda: secure.listener.state.tls is not None and works(renewed))


async def test_what_was_said_before_starttls_is_forgotten(secure: Post, trusting: ssl.SSLContext) -> None:
    async with talking(secure.port) as talk:
        await talk.greeted()
        assert await talk.ask("MAIL FROM:<a@example.com>") == 250
        assert await talk.ask("STARTTLS") == 220
        await talk.writer.start_tls(trusting, server_hostname="127.0.0.1")
        assert await talk.ask("RCPT TO:<create@cis.test>") == 503
        assert await talk.ask("MAIL FROM:<a@example.com>") == 503
        assert await talk.ask("STARTTLS") == 502


async def test_commands_that_are_slipped_in_behind_starttls_are_refused(secure: Post) -> None:
    async with talking(secure.port) as talk:
        await talk.greeted()
        talk.say(b"STARTTLS\r\nMAIL FROM:<a@example.com>\r\n")
        assert await talk.codes() == [554]


async def test_a_client_that_cannot_do_tls_leaves_the_listener_well(secure: Post) -> None:
    async with talking(secure.port) as talk:
        await talk.greeted()
        assert await talk.ask("STARTTLS") == 220
        talk.say(b"this is not a handshake\r\n" * 100)
        await eventually(lambda: not _listener(secure))
    async with talking(secure.port) as other:
        await other.greeted()


async def test_a_certificate_that_cannot_be_used_is_said_at_the_start(tmp_path: Path, clock: Clock) -> None:
    broken = tmp_path / "broken.pem"
    broken.write_text("no certificate", encoding="utf-8")
    async with engine_in(tmp_path, clock, tls_cert=str(broken)) as engine:
        with pytest.raises(ValueError, match="CIS_TLS_CERT"):
            Listener(Inbox(engine), "smtp://127.0.0.1:2525")
