"""The ways out by SMTP, against real servers: TLS, login, refusals, broken connections, reuse."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from urllib.parse import quote

import pytest

from engine.outbox.smtp.pipelining import PipeliningTransport
from engine.outbox.smtp.session import Patience
from engine.outbox.target import SmtpTarget
from engine.outbox.transport import Envelope, Rejected, Transport
from engine.outbox.transports import open_transport
from tests.support.certificates import server_context
from tests.support.engines import settings_in
from tests.support.ports import free_port
from tests.support.serving import serving
from tests.support.sink import DROP, HANG, Sink, sinking
from tests.support.waiting import DEADLINE_S, eventually, time_passes

CONTENT = b"Subject: x\r\n\r\n.dot\r\nbody\r\n"


def pipelining(target: SmtpTarget) -> Transport:
    return PipeliningTransport(target, "cis.test", Patience(connect=60, answer=60, end_of_data=60))


Way = Callable[[SmtpTarget], Transport]


@pytest.fixture(params=[pipelining])
def way(request: pytest.FixtureRequest) -> Way:
    made: Way = request.param
    return made


@asynccontextmanager
async def opened(way: Way, url: str) -> AsyncIterator[Transport]:
    transport = way(SmtpTarget.of(url))
    try:
        yield transport
    finally:
        await transport.close()


def mail(recipient: str = "ann@example.com") -> Envelope:
    return Envelope(sender="rsvp+t@cis.test", recipient=recipient, content=CONTENT)


async def rejected(transport: Transport, envelope: Envelope) -> Rejected:
    with pytest.raises(Rejected) as caught:
        await transport.send(envelope)
    assert caught.value.answer
    return caught.value


async def given_up(transport: Transport, silent: Callable[[], object]) -> Rejected:
    """What is made of a server that says nothing for a minute, from when `silent` says so."""
    refusal = asyncio.create_task(rejected(transport, mail()))
    await eventually(silent)
    time_passes(61)
    async with asyncio.timeout(DEADLINE_S):
        return await refusal


async def test_a_mail_arrives_as_it_is_with_the_servers_words_as_the_answer(way: Way) -> None:
    async with sinking() as sink, opened(way, f"smtp://127.0.0.1:{sink.port}") as transport:
        accepted = await transport.send(mail())
        assert accepted.answer == "250 2.0.0 kept"
        (one,) = sink.mails
        assert (one.sender, one.recipient, one.content) == ("rsvp+t@cis.test", "ann@example.com", CONTENT)


async def test_the_null_sender_is_said_as_such(way: Way) -> None:
    async with sinking() as sink, opened(way, f"smtp://127.0.0.1:{sink.port}") as transport:
        await transport.send(mail()._replace(sender=""))
        assert sink.mails[0].sender in {"", "<>"}


async def test_one_connection_serves_many_mails(way: Way) -> None:
    async with sinking() as sink, opened(way, f"smtp://127.0.0.1:{sink.port}") as transport:
        for n in range(20):
            await transport.send(mail(f"p{n}@example.com"))
        assert sink.connections == 1
        assert len(sink.mails) == 20


async def test_no_more_connections_are_opened_than_are_allowed(way: Way) -> None:
    url = "smtp://127.0.0.1:{}?connections=3"
    async with sinking() as sink, opened(way, url.format(sink.port)) as transport:
        assert transport.connections == 3
        for _ in range(4):
            await asyncio.gather(*(transport.send(mail()) for _ in range(transport.connections)))
        assert sink.connections <= 3


@pytest.mark.parametrize(("command", "permanent"), [("RCPT", True), ("DATA", True), ("RCPT", False)])
async def test_a_refusal_is_the_servers_and_the_connection_serves_on(
    way: Way, command: str, permanent: bool
) -> None:
    said = "550 5.1.1 No such user" if permanent else "450 4.2.1 Greylisted"
    async with sinking() as sink, opened(way, f"smtp://127.0.0.1:{sink.port}") as transport:
        sink.answer("ann@example.com", said, command=command)
        refusal = await rejected(transport, mail())
        assert (refusal.answer, refusal.permanent) == (said, permanent)
        await transport.send(mail("bob@example.com"))
        assert sink.recipients == ["bob@example.com"]
        assert sink.connections == 1


@pytest.mark.parametrize("command", ["RCPT", "DATA"])
async def test_a_dropped_connection_is_temporary_and_the_next_mail_gets_a_new_one(
    way: Way, command: str
) -> None:
    async with sinking() as sink, opened(way, f"smtp://127.0.0.1:{sink.port}") as transport:
        sink.answer("ann@example.com", DROP, command=command)
        assert not (await rejected(transport, mail())).permanent
        await transport.send(mail("bob@example.com"))
        assert sink.recipients == ["bob@example.com"]


@pytest.mark.parametrize("command", ["RCPT", "DATA"])
async def test_a_server_that_never_answers_is_waited_for_and_no_longer(way: Way, command: str) -> None:
    async with sinking() as sink, opened(way, f"smtp://127.0.0.1:{sink.port}") as transport:
        sink.answer("ann@example.com", HANG, command=command)
        assert not (await given_up(transport, lambda: sink.hangs)).permanent


async def test_a_server_that_never_greets_is_waited_for_and_no_longer(way: Way) -> None:
    met = asyncio.Event()

    async def silent(reader: asyncio.StreamReader, _: asyncio.StreamWriter) -> None:
        met.set()
        await reader.read()

    async with serving(silent) as port, opened(way, f"smtp://127.0.0.1:{port}") as transport:
        assert not (await given_up(transport, met.is_set)).permanent


async def test_a_server_that_is_not_there_is_temporary(way: Way) -> None:
    async with opened(way, f"smtp://127.0.0.1:{free_port()}") as transport:
        refusal = await rejected(transport, mail())
        assert not refusal.permanent
        assert "connect" in refusal.answer


async def test_a_connection_that_the_server_closed_meanwhile_is_replaced(way: Way) -> None:
    port = free_port()
    async with opened(way, f"smtp://127.0.0.1:{port}") as transport:
        async with sinking(port=port):
            await transport.send(mail())
        async with sinking(port=port) as sink:
            for _ in range(2):
                try:
                    await transport.send(mail())
                except Rejected as refusal:
                    assert not refusal.permanent
            assert sink.mails


# TLS and login


@pytest.fixture
def certificate(tmp_path: Path) -> tuple[object, Path]:
    return server_context(tmp_path)


async def send_one(way: Way, url: str, sink: Sink) -> None:
    async with opened(way, url) as transport:
        await transport.send(mail())
    assert len(sink.mails) == sink.encrypted == 1


@pytest.mark.parametrize("option", ["starttls=yes", "connections=1"])
async def test_starttls_is_used_where_it_is_offered(
    way: Way, certificate: tuple[object, Path], option: str
) -> None:
    context, authority = certificate
    async with sinking(starttls=context) as sink:  # type: ignore[arg-type]
        await send_one(way, f"smtp://localhost:{sink.port}?{option}&cafile={authority}", sink)


async def test_implicit_tls(way: Way, certificate: tuple[object, Path]) -> None:
    context, authority = certificate
    async with sinking(tls=context) as sink:  # type: ignore[arg-type]
        url = f"smtps://localhost:{sink.port}?cafile={authority}"
        async with opened(way, url) as transport:
            await transport.send(mail())
        assert len(sink.mails) == 1


async def test_a_certificate_that_nobody_vouches_for_is_not_believed(
    way: Way, certificate: tuple[object, Path]
) -> None:
    context, _ = certificate
    async with (
        sinking(starttls=context) as sink,  # type: ignore[arg-type]
        opened(way, f"smtp://localhost:{sink.port}?starttls=yes") as transport,
    ):
        refusal = await rejected(transport, mail())
        assert not refusal.permanent
        assert sink.mails == []


async def test_starttls_that_is_demanded_and_not_offered_sends_nothing(way: Way) -> None:
    async with sinking() as sink, opened(way, f"smtp://localhost:{sink.port}?starttls=yes") as transport:
        assert not (await rejected(transport, mail())).permanent
        assert sink.mails == []


async def test_a_login_with_odd_characters_is_understood(way: Way, certificate: tuple[object, Path]) -> None:
    context, authority = certificate
    async with sinking(starttls=context, login=True) as sink:  # type: ignore[arg-type]
        password = quote("s3cret/pass", safe="")
        url = f"smtp://sender:{password}@localhost:{sink.port}?cafile={authority}"
        await send_one(way, url, sink)
        assert sink.logins == 1


async def test_a_wrong_password_is_temporary_and_never_in_the_answer(
    way: Way, certificate: tuple[object, Path]
) -> None:
    context, authority = certificate
    async with sinking(starttls=context, login=True) as sink:  # type: ignore[arg-type]
        url = f"smtp://sender:hunter2secret@localhost:{sink.port}?cafile={authority}"
        async with opened(way, url) as transport:
            refusal = await rejected(transport, mail())
            assert not refusal.permanent
            assert "hunter2secret" not in refusal.answer
            assert sink.mails == []


async def test_a_password_never_goes_out_in_clear_text(way: Way) -> None:
    async with sinking(login=True) as sink:
        for option in ("starttls=no", "connections=1"):
            url = f"smtp://sender:s3cret%2Fpass@localhost:{sink.port}?{option}"
            async with opened(way, url) as transport:
                assert not (await rejected(transport, mail())).permanent
        assert sink.logins == 0


# the URL


@pytest.mark.parametrize(
    ("url", "port"),
    [
        ("smtp://mx.example", 25),
        ("smtp://u:p@mx.example", 587),
        ("smtps://mx.example", 465),
        ("smtp://h:99", 99),
    ],
)
def test_the_port_follows_from_the_url(url: str, port: int) -> None:
    assert SmtpTarget.of(url).port == port


@pytest.mark.parametrize(
    "url",
    [
        "smtp://",
        "http://host",
        "smtp://host:x",
        "smtp://host?starttls=perhaps",
        "smtp://host?connections=0",
        "smtp://host?connections=many",
        "smtp://host?connections=1000",
        "smtp://host?verify=no",
    ],
)
def test_a_url_that_makes_no_sense_is_a_value_error(url: str) -> None:
    with pytest.raises(ValueError, match=r".+"):
        SmtpTarget.of(url)


@pytest.mark.parametrize(
    "password", ["s3cr/et", "s3cr?et", "s3cr#et", "s3cr[et", "12/s3cr", "12#s3cr", "12?s3cr"]
)
def test_what_is_wrong_with_a_url_is_said_without_its_password(password: str) -> None:
    with pytest.raises(ValueError, match="smtp://") as raised:
        SmtpTarget.of(f"smtp://user:{password}@mail.example.com:587")
    assert "s3cr" not in str(raised.value)


@pytest.mark.parametrize("outbox", ["sendmail", "imap://host", "maildir:/x"])
def test_an_outbox_that_is_not_known_is_a_value_error(tmp_path: Path, outbox: str) -> None:
    settings = settings_in(tmp_path, outbox=outbox)
    with pytest.raises(ValueError, match="CIS_OUTBOX"):
        open_transport(settings)
