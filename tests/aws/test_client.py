"""The client of AWS's services: what is read, what is kept open, and what is in doubt."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path
from typing import Any

import pytest

from engine.aws.client import JsonClient
from engine.aws.connections import ServiceEndpoint
from engine.aws.errors import AwsRefused, ErrorClass, Unanswered, Unreached
from engine.aws.signing import SigningKeys
from tests.support.awsmodels import operation, service
from tests.support.certificates import server_context
from tests.support.httpstub import Asked, Stub, Told, answering
from tests.support.ports import free_port
from tests.support.waiting import eventually

NOW = datetime(2027, 3, 1, 9, tzinfo=UTC)


class FixedKeys:
    """Credentials of a test; how often others were asked for is counted."""

    def __init__(self) -> None:
        self.forgotten = 0

    async def keys(self) -> SigningKeys:
        return SigningKeys("AKIDEXAMPLE", "secret")

    def forget(self) -> None:
        self.forgotten += 1


def client_of(url: str, keys: FixedKeys | None = None) -> JsonClient:
    return JsonClient("ses", "eu-west-1", ServiceEndpoint.of(url), keys or FixedKeys(), lambda: NOW)


@asynccontextmanager
async def told(*answers: Told | None) -> AsyncIterator[tuple[JsonClient, Stub, list[Asked]]]:
    """A client, and a server that gives these answers in turn, the last one for ever."""
    left, asked = list(answers), []

    async def handler(request: Asked) -> Told | None:
        asked.append(request)
        return left.pop(0) if len(left) > 1 else left[0]

    async with answering(handler) as stub:
        client = client_of(stub.url)
        try:
            yield client, stub, asked
        finally:
            await client.close()


@asynccontextmanager
async def asked_twice_at_once() -> AsyncIterator[tuple[JsonClient, Stub]]:
    """A client whose first two calls were under way at the same time; the caller closes it."""
    both = asyncio.Barrier(2)

    async def handler(_: Asked) -> Told:
        await both.wait()
        return Told(body=b"{}")

    async with answering(handler) as stub:
        client = client_of(stub.url)
        await asyncio.gather(client.call("GET", "/"), client.call("GET", "/"))
        yield client, stub


async def test_calls_share_a_connection_that_is_kept_open() -> None:
    async with told(Told(body=b'{"a": 1}')) as (client, stub, asked):
        for _ in range(3):
            assert await client.call("GET", "/v2/x", query=[("b", "2 3"), ("a", "é")]) == {"a": 1}
        assert stub.connections == 1
        assert asked[0].target == "/v2/x?a=%C3%A9&b=2%203"


async def test_calls_at_the_same_time_have_a_connection_each() -> None:
    async with asked_twice_at_once() as (client, stub):
        assert stub.connections == 2
        await client.close()


async def test_a_connection_that_is_in_use_at_the_end_is_closed_behind_its_answer() -> None:
    asked, go_on = asyncio.Event(), asyncio.Event()

    async def handler(_: Asked) -> Told:
        asked.set()
        await go_on.wait()
        return Told(body=b"{}")

    async with answering(handler) as stub:
        client = client_of(stub.url)
        call = asyncio.create_task(client.call("GET", "/"))
        await asked.wait()
        await client.close()
        go_on.set()
        await call
        assert not client._connections._idle
        for _ in range(2):
            await client.call("GET", "/")
        assert stub.connections == 2
        await client.close()


async def test_every_idle_connection_is_closed_though_the_closing_is_called_off() -> None:
    async with asked_twice_at_once() as (client, stub):
        closing = asyncio.create_task(client.close())
        await asyncio.sleep(0)
        closing.cancel()
        await asyncio.gather(closing, return_exceptions=True)
        await eventually(lambda: stub.ended == 2)


async def test_a_connection_that_the_service_ended_is_not_used_again() -> None:
    async with told(Told(body=b"{}", last=True)) as (client, stub, _):
        await client.call("GET", "/")
        (idle,) = client._connections._idle
        await eventually(idle.reader.at_eof)
        await client.call("GET", "/")
        assert stub.connections == 2


async def test_an_answer_in_chunks_behind_an_interim_one_is_read() -> None:
    raw = (
        b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
        b'5;x=y\r\n{"a":\r\n3\r\n 1}\r\n0\r\nTrailer: t\r\n\r\n'
    )
    async with told(Told(raw=raw)) as (client, stub, _):
        assert [await client.call("GET", "/") for _ in range(2)] == [{"a": 1}] * 2
        assert stub.connections == 1


async def test_an_answer_without_a_length_ends_with_its_connection() -> None:
    async with told(Told(raw=b'HTTP/1.1 200 OK\r\n\r\n{"a": 1}', last=True)) as (client, _, _):
        assert await client.call("GET", "/") == {"a": 1}


@pytest.mark.parametrize(
    "raw",
    [
        b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nhalf",
        b"HTTP/1.1 200 OK\r\ncontent-length: 99999999999\r\n\r\n",
        b"HTTP/1.1 200 OK\r\ncontent-length: -1\r\n\r\n",
        b"220 mail.example.com ESMTP\r\n\r\n",
        b"HTTP/1.1 200 OK\r\n\r\nno JSON",
        b"HTTP/1.1 200 OK\r\nx: " + b"y" * 70_000,
        b"",
    ],
)
async def test_what_was_asked_and_not_answered_whole_is_in_doubt(raw: bytes) -> None:
    async with told(Told(raw=raw, last=True)) as (client, _, _):
        with pytest.raises(Unanswered):
            await client.call("POST", "/", body=b"{}")


async def test_a_service_that_cannot_be_reached_has_had_nothing() -> None:
    with pytest.raises(Unreached):
        await client_of(f"http://127.0.0.1:{free_port()}").call("POST", "/", body=b"{}")


@pytest.mark.parametrize(
    ("host", "trusted", "why"),
    [
        ("localhost", True, ""),
        ("localhost", False, "certificate verify failed"),
        ("email.eu-west-1.amazonaws.com", True, "certificate verify failed"),
    ],
)
async def test_nothing_is_asked_of_a_service_whose_certificate_is_not_believed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, host: str, trusted: bool, why: str
) -> None:
    context, authority = server_context(tmp_path, host)
    monkeypatch.delenv("AWS_CA_BUNDLE", raising=False)
    if trusted:
        monkeypatch.setenv("AWS_CA_BUNDLE", str(authority))
    asked: list[Asked] = []

    async def handler(request: Asked) -> Told:
        asked.append(request)
        return Told(200, {"content-type": "application/json"}, b"{}")

    async with answering(handler, tls=context) as stub:
        client = client_of(f"https://localhost:{stub.port}")
        if why:
            with pytest.raises(Unreached, match=why):
                await client.call("GET", "/v2/email/account")
        else:
            await client.call("GET", "/v2/email/account")
        await client.close()
    assert len(asked) == (0 if why else 1), "the credentials' signature reached nobody else"


async def test_a_call_that_is_called_off_leaves_no_connection_behind() -> None:
    asked = asyncio.Event()

    async def handler(_: Asked) -> Told:
        asked.set()
        await asyncio.Event().wait()
        raise AssertionError

    async with answering(handler) as stub:
        client = client_of(stub.url)
        call = asyncio.create_task(client.call("GET", "/"))
        await asked.wait()
        call.cancel()
        with pytest.raises(asyncio.CancelledError):
            await call
        assert client._connections._idle == []
        await client.close()


def _by_header(code: str, message: str) -> Told:
    headers = {"x-amzn-errortype": f"{code}:http://internal.amazon.com/coral/"}
    return Told(400, headers, f'{{"message": "{message}"}}'.encode())


def _by_body(code: str, message: str) -> Told:
    return Told(400, None, f'{{"__type": "com.amazonaws#{code}", "Message": "{message}"}}'.encode())


@pytest.mark.parametrize("made", [_by_header, _by_body])
async def test_an_error_has_its_code_and_message(made: Callable[[str, str], Told]) -> None:
    async with told(made("MessageRejected", "no")) as (client, _, _):
        with pytest.raises(AwsRefused) as refused:
            await client.call("POST", "/", body=b"{}")
    assert (refused.value.code, refused.value.message) == ("MessageRejected", "no")


async def test_keys_that_ran_out_are_asked_for_anew() -> None:
    keys = FixedKeys()

    async def handler(_: Asked) -> Told:
        return Told(403, {"x-amzn-errortype": "ExpiredTokenException"}, b"{}")

    async with answering(handler) as stub:
        client = client_of(stub.url, keys)
        with pytest.raises(AwsRefused) as refused:
            await client.call("GET", "/")
        await client.close()
    assert keys.forgotten == 1
    assert refused.value.fault is ErrorClass.ACCOUNT


def test_every_error_that_the_models_name_for_sending_is_known() -> None:
    named: set[str] = {shape.name for shape in operation("SendEmail").error_shapes}
    named |= {shape.name for shape in operation("GetAccount").error_shapes}
    assert {AwsRefused(code, "", 499).fault for code in named} <= set(ErrorClass)
    throttled = {code for code in named if AwsRefused(code, "", 400).fault is ErrorClass.THROTTLED}
    assert throttled == {"TooManyRequestsException", "LimitExceededException"}
    account = {code for code in named if AwsRefused(code, "", 400).fault is ErrorClass.ACCOUNT}
    expected = {"AccountSuspendedException", "SendingPausedException", "MailFromDomainNotVerifiedException"}
    assert account == expected | {"NotFoundException"}


@pytest.mark.parametrize(
    ("status", "fault"),
    [
        (403, ErrorClass.ACCOUNT),
        (429, ErrorClass.THROTTLED),
        (400, ErrorClass.PERMANENT),
        (503, ErrorClass.TEMPORARY),
    ],
)
def test_an_error_that_is_not_known_is_judged_by_its_status(status: int, fault: ErrorClass) -> None:
    assert AwsRefused("SomethingNew", "", status).fault is fault


def test_the_service_is_signed_for_under_the_name_that_its_model_has() -> None:
    metadata: dict[str, Any] = service("sesv2").metadata
    assert (metadata["signingName"], metadata["endpointPrefix"]) == ("ses", "email")


@pytest.mark.parametrize("url", ["ftp://x", "https://", "https://h/path", "https://h?x=y", "https://a:b@h"])
def test_an_endpoint_that_is_no_bare_http_url_is_refused(url: str) -> None:
    with pytest.raises(ValueError, match="endpoint"):
        ServiceEndpoint.of(url)


@pytest.mark.parametrize(
    ("url", "authority"),
    [("https://h", "h"), ("https://h:443", "h"), ("http://h:443", "h:443"), ("http://[::1]:80", "[::1]")],
)
def test_the_host_is_named_with_the_port_that_is_not_the_schemes_own(url: str, authority: str) -> None:
    assert ServiceEndpoint.of(url).authority == authority


def _dated(date: datetime | str) -> Told:
    text = date if isinstance(date, str) else format_datetime(date, usegmt=True)
    return Told(headers={"date": text}, body=b"{}")


async def test_a_clock_that_differs_is_told_by_the_dates_of_answers() -> None:
    soon, before = NOW + timedelta(seconds=21), NOW - timedelta(seconds=30)
    answers = [_dated(NOW), _dated(soon), Told(body=b"{}"), _dated("yesterday"), _dated(before)]
    found = []
    async with told(*answers) as (client, _, _):
        for _ in answers:
            await client.call("GET", "/")
            found.append(client.ahead_s)
    # A date leaves out the fraction of its second.
    assert found == [0, 21, 21, 21, -29]
