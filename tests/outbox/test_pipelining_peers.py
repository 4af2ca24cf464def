"""The fast way out against mail servers that others wrote: aiosmtpd, smtp-sink, postfix; TLS and login."""

from __future__ import annotations

import asyncio
import ssl
from pathlib import Path

import pytest

from engine.outbox.smtp.pipelining import PipeliningTransport
from engine.outbox.target import SmtpTarget
from engine.outbox.transport import Accepted, Rejected
from tests.outbox.postfix import postfix, smtp_sink
from tests.outbox.scripted import PIPELINING, Script, envelope, scripted
from tests.support.certificates import server_context
from tests.support.sink import sinking
from tests.support.waiting import DEADLINE_S, eventually

LOGIN_OFFERED = (*PIPELINING, "AUTH PLAIN LOGIN")
LOGIN = {"user": "sender", "password": "s3cret/pass"}


def way_to(port: int, **options: object) -> PipeliningTransport:
    target = SmtpTarget.model_validate({"host": "127.0.0.1", "port": port, "connections": 4, **options})
    return PipeliningTransport(target, "client.example.org")


async def send_all(transport: PipeliningTransport, count: int, each: int) -> list[str]:
    """Send so many mails in deliveries of `each`; returns who was accepted."""
    accepted: list[str] = []

    async def deliver(numbers: range) -> None:
        envelopes = [envelope(f"p{n}", b"Subject: Hello\r\n\r\n" + b"Hello.\r\n" * 600) for n in numbers]

        def settled(index: int, outcome: Accepted | Rejected) -> None:
            assert isinstance(outcome, Accepted), outcome
            accepted.append(envelopes[index].recipient)

        await transport.send_many(envelopes, settled)

    async with asyncio.timeout(DEADLINE_S):
        await asyncio.gather(*(deliver(range(n, min(n + each, count))) for n in range(0, count, each)))
        await transport.close()
    return sorted(accepted)


def names(count: int) -> list[str]:
    return sorted(f"p{n}@example.com" for n in range(count))


@pytest.fixture
def certificate(tmp_path: Path) -> tuple[ssl.SSLContext, Path]:
    return server_context(tmp_path)


@pytest.fixture
def trusted(certificate: tuple[ssl.SSLContext, Path], monkeypatch: pytest.MonkeyPatch) -> ssl.SSLContext:
    """A server's context whose authority this machine trusts during the test."""
    context, authority = certificate
    monkeypatch.setenv("SSL_CERT_FILE", str(authority))
    return context


# Plain


async def test_aiosmtpd_takes_every_mail() -> None:
    async with sinking() as sink:
        assert await send_all(way_to(sink.port), 60, 10) == names(60)
    assert sorted(sink.recipients) == names(60)
    assert sink.connections == 4


@pytest.mark.parametrize("options", [(), ("-p",), ("-8", "-E"), ("-e",)])
async def test_smtp_sink_takes_every_mail_whatever_it_offers(options: tuple[str, ...]) -> None:
    async with smtp_sink(*options) as port:
        assert await send_all(way_to(port), 500, 50) == names(500)


@pytest.mark.parametrize("command", ["MAIL", "RCPT", "DATA", "."])
@pytest.mark.parametrize(("option", "permanent"), [("-f", True), ("-r", False)])
async def test_smtp_sink_refuses_every_mail_by_itself(command: str, option: str, permanent: bool) -> None:
    found: dict[int, Accepted | Rejected] = {}
    async with smtp_sink(option, command) as port:
        transport = way_to(port)
        await transport.send_many([envelope(f"p{n}") for n in range(20)], found.__setitem__)
        await transport.close()
    assert sorted(found) == list(range(20))
    assert all(isinstance(o, Rejected) for o in found.values())
    # smtp-sink's hard answer is 500, which speaks of the command and not of the mail.
    assert {o.answer[:3] for o in found.values()} == {"500" if permanent else "450"}
    assert not any(o.permanent for o in found.values() if isinstance(o, Rejected))


async def test_smtp_sink_drops_the_connection_and_nothing_is_lost_from_sight() -> None:
    found: dict[int, Accepted | Rejected] = {}
    async with smtp_sink("-q", "DATA") as port:
        transport = way_to(port)
        await transport.send_many([envelope(f"p{n}") for n in range(5)], found.__setitem__)
        await transport.close()
    assert sorted(found) == list(range(5))
    assert all(isinstance(o, Rejected) and not o.permanent for o in found.values())


async def test_postfix_delivers_every_mail_and_refuses_one_alone() -> None:
    async with postfix(
        smtpd_recipient_restrictions="check_recipient_access inline:{p7@example.com=REJECT}"
    ) as server:
        found: dict[int, Accepted | Rejected] = {}
        transport = way_to(server.port)
        await transport.send_many([envelope(f"p{n}") for n in range(30)], found.__setitem__)
        await transport.close()
        refused = found.pop(7)
        assert isinstance(refused, Rejected)
        assert refused.permanent
        assert refused.answer.startswith("554 5.7.1 <p7@example.com>")
        assert all(isinstance(o, Accepted) for o in found.values())
        await eventually(lambda: len(server.delivered) >= 29)
        assert sorted(server.delivered) == sorted(set(names(30)) - {"p7@example.com"})


async def test_postfix_takes_mails_over_starttls(
    certificate: tuple[ssl.SSLContext, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    _, authority = certificate
    monkeypatch.setenv("SSL_CERT_FILE", str(authority))
    options = {
        "smtpd_tls_security_level": "encrypt",
        "smtpd_tls_cert_file": str(authority),
        "smtpd_tls_key_file": str(authority.with_name("key.pem")),
    }
    async with postfix(**options) as server:
        assert await send_all(way_to(server.port), 100, 25) == names(100)


# TLS and login


async def test_mails_are_pipelined_over_tls_too(trusted: ssl.SSLContext) -> None:
    content = b"Subject: Large\r\n\r\n" + b"long line\r\n" * 50_000
    async with scripted(Script(offers=PIPELINING, tls=trusted)) as server:
        transport = way_to(server.port, tls=True)
        found: list[Accepted | Rejected] = []
        await transport.send_many([envelope(name, content) for name in "abc"], lambda _, o: found.append(o))
        await transport.close()
    assert all(isinstance(o, Accepted) for o in found)
    assert [kept for _, _, kept in server.mails] == [content] * 3
    assert any(b"\r\n.\r\nMAIL" in read for read in server.reads)


@pytest.mark.parametrize("starttls", [True, None])
async def test_starttls_is_used_where_it_is_offered(trusted: ssl.SSLContext, starttls: bool | None) -> None:
    async with sinking(starttls=trusted) as sink:
        assert await send_all(way_to(sink.port, starttls=starttls), 6, 3) == names(6)
    assert sink.encrypted == 6


async def test_without_starttls_nothing_is_encrypted_where_the_operator_says_so(
    trusted: ssl.SSLContext,
) -> None:
    async with sinking(starttls=trusted) as sink:
        assert await send_all(way_to(sink.port, starttls=False), 2, 2) == names(2)
    assert sink.encrypted == 0


async def test_starttls_that_is_required_and_not_offered_sends_nothing() -> None:
    async with sinking() as sink:
        with pytest.raises(Rejected, match="STARTTLS") as caught:
            await way_to(sink.port, starttls=True).send(envelope("a"))
    assert not caught.value.permanent
    assert not sink.mails


@pytest.mark.parametrize("implicit", [True, False])
async def test_a_certificate_that_nobody_vouches_for_is_not_believed(
    certificate: tuple[ssl.SSLContext, Path], implicit: bool
) -> None:
    context, _ = certificate
    async with sinking(tls=context if implicit else None, starttls=None if implicit else context) as sink:
        with pytest.raises(Rejected, match="certificate") as caught:
            await way_to(sink.port, tls=implicit).send(envelope("a"))
    assert not caught.value.permanent
    assert not sink.mails


async def test_a_certificate_for_another_name_is_not_believed(trusted: ssl.SSLContext) -> None:
    async with sinking(tls=trusted) as sink:
        with pytest.raises(Rejected, match=r"certificate|[Hh]ostname|IP address"):
            await way_to(sink.port, tls=True, host="127.1").send(envelope("a"))
    assert not sink.mails


async def test_the_login_goes_over_tls(trusted: ssl.SSLContext) -> None:
    async with sinking(starttls=trusted, login=True) as sink:
        assert await send_all(way_to(sink.port, **LOGIN), 4, 4) == names(4)
    assert (sink.logins, sink.encrypted) == (1, 4)


async def test_a_wrong_password_defers_the_mail_and_is_not_told(trusted: ssl.SSLContext) -> None:
    script = Script(offers=LOGIN_OFFERED, tls=trusted, answers={"AUTH": "535 5.7.8 who are you?"})
    async with scripted(script) as server:
        transport = way_to(server.port, tls=True, **LOGIN)
        with pytest.raises(Rejected, match="535") as caught:
            await transport.send(envelope("a"))
        with pytest.raises(Rejected, match="535"):
            await transport.greet()
    assert caught.value.server
    assert not caught.value.permanent
    assert LOGIN["password"] not in caught.value.answer


@pytest.mark.parametrize("starttls", [None, True, False])
async def test_a_password_never_goes_out_in_clear_text(starttls: bool | None) -> None:
    async with scripted(Script(offers=LOGIN_OFFERED)) as server:
        with pytest.raises(Rejected) as caught:
            await way_to(server.port, starttls=starttls, **LOGIN).send(envelope("a"))
    assert not caught.value.permanent
    assert not any(command.startswith("AUTH") for command in server.commands)


async def test_greeting_logs_in(trusted: ssl.SSLContext) -> None:
    async with sinking(starttls=trusted, login=True) as sink:
        await way_to(sink.port, **LOGIN).greet()
    assert (sink.logins, sink.mails) == (1, [])
