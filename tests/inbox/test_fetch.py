"""Calendars from the web: https alone, public addresses alone, bounded."""

from __future__ import annotations

from collections.abc import AsyncIterator
from ipaddress import ip_address
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.imports import fetch
from engine.itip import feed
from engine.publicweb import addresses as publicweb
from engine.refusals import Code, Refused
from tests.support.web import LOOPBACK, Web, serving_web

CALENDAR = b"BEGIN:VCALENDAR\r\nVERSION:2.0\r\nEND:VCALENDAR\r\n"

INSIDE = [
    "127.0.0.1", "127.255.255.254", "0.0.0.0", "10.0.0.1", "172.16.0.1", "172.31.255.255", "192.168.1.1",
    "100.64.0.1", "100.100.100.200", "169.254.169.254", "169.254.170.2", "168.63.129.16", "192.0.0.192",
    "198.18.0.1", "192.0.2.1", "224.0.0.1", "240.0.0.1", "255.255.255.255", "::", "::1", "::127.0.0.1",
    "::ffff:127.0.0.1", "::ffff:10.0.0.1", "64:ff9b::7f00:1", "64:ff9b::a9fe:a9fe", "64:ff9b:1::1",
    "2002:7f00:1::", "2001::1", "2001:db8::1", "fe80::1", "fec0::1", "fc00::1", "fd00:ec2::254", "ff02::1",
    "ff0e::1",
]  # fmt: skip
OUTSIDE = ["8.8.8.8", "172.32.0.1", "100.128.0.1", "192.0.1.1", "2606:4700::1111", "2a00:1450:4001::1"]


@pytest.fixture
async def web(tmp_path: Path) -> AsyncIterator[Web]:
    async with serving_web(tmp_path) as served:
        yield served


async def _code(url: str, way: publicweb.Way) -> Code:
    with pytest.raises(Refused) as raised:
        await fetch.fetch(url, {}, way)
    assert raised.value.hint
    return raised.value.code


@pytest.mark.parametrize("address", INSIDE)
def test_addresses_inside_are_not_public(address: str) -> None:
    assert not publicweb.is_public(ip_address(address))


@pytest.mark.parametrize("address", OUTSIDE)
def test_addresses_of_the_internet_are_public(address: str) -> None:
    assert publicweb.is_public(ip_address(address))


@given(st.ip_addresses(v=4))
def test_no_address_inside_is_public_however_ipv6_wraps_it(address: object) -> None:
    number = int(address)  # type: ignore[call-overload]
    for wrapped in (number, 0xFFFF << 32 | number, 0x64FF9B << 96 | number, 0x2002 << 112 | number << 80):
        assert not publicweb.is_public(ip_address(wrapped.to_bytes(16, "big")))


@pytest.mark.parametrize(
    "url",
    [
        "http://example.com/season.ics",
        "ftp://example.com/season.ics",
        "file:///etc/passwd",
        "gopher://example.com/",
        "season.ics",
        "https://",
        "https:///season.ics",
        "https://ann:secret@example.com/season.ics",
        "https://example.com/" + "x" * 3_000,
        "https://example.com:443/" + "x" * 3_000,
        "https://exa mple.com/",
        "https://example.com:99999999/",
        "\x00https://example.com/",
        "",
    ],
)
def test_only_plain_https_addresses_are_taken(url: str) -> None:
    with pytest.raises(Refused) as raised:
        fetch.web_address(url)
    assert raised.value.code is Code.URL_NOT_ALLOWED
    assert "secret" not in str(raised.value)


@given(st.text(max_size=100))
def test_any_text_is_an_https_address_or_refused(text: str) -> None:
    try:
        assert fetch.web_address(text).startswith("https://")
    except Refused as refused:
        assert refused.code is Code.URL_NOT_ALLOWED


def test_webcal_is_read_as_https() -> None:
    assert fetch.web_address(" webcal://example.com/a.ics#top") == "https://example.com/a.ics"


@pytest.mark.parametrize(
    "host", ["127.0.0.1", "localhost", "[::1]", "2130706433", "0x7f.1", "0177.0.0.1", "[::ffff:127.0.0.1]"]
)
async def test_no_spelling_of_loopback_is_connected_to(web: Web, host: str) -> None:
    web.says("/season.ics", CALENDAR)
    real = publicweb.Way(allowed=publicweb.is_public, resolve=publicweb.resolve, tls=web.tls)
    with pytest.raises(Refused):
        await fetch.fetch(web.url("/season.ics", host), {}, real)
    assert web.connected == 0


async def test_a_name_that_leads_inside_is_not_connected_to(web: Web) -> None:
    web.says("/season.ics", CALENDAR)
    way = web.way(allowed=publicweb.is_public)
    assert await _code(web.url("/season.ics", "calendars.example.com"), way) is Code.URL_NOT_ALLOWED
    assert web.connected == 0


async def test_one_address_inside_among_public_ones_is_one_too_many(web: Web) -> None:
    way = web.way(allowed=publicweb.is_public, resolves=lambda _: ["93.184.216.34", "10.0.0.1"])
    assert await _code(web.url("/season.ics"), way) is Code.URL_NOT_ALLOWED


async def test_the_connection_goes_to_the_address_that_was_checked(web: Web) -> None:
    """A name that resolves to something else a moment later (DNS rebinding) is asked only once."""
    url = web.says("/season.ics", CALENDAR)
    answers = iter([[str(LOOPBACK)], ["10.0.0.1"]])
    fetched = await fetch.fetch(url, {}, web.way(resolves=lambda _: next(answers)))
    assert fetched is not None
    assert fetched.content == CALENDAR
    assert web.resolved == ["localhost"]


async def test_the_server_hears_the_name_and_must_prove_it(web: Web) -> None:
    url = web.says("/season.ics?key=1", CALENDAR)
    await fetch.fetch(url, {}, web.way())
    assert f"host: localhost:{web.port}\r\n" in web.asked[0].lower()
    assert "accept-encoding: identity" in web.asked[0].lower()
    other = web.url("/season.ics?key=1", "calendars.example.com")
    assert await _code(other, web.way()) is Code.URL_NOT_READABLE
    assert len(web.asked) == 1


@pytest.mark.parametrize(
    "location",
    [
        "https://inside.example.com/",
        "http://localhost/",
        "file:///etc/passwd",
        "//inside.example.com/x",
        "https://[",
    ],
)
async def test_a_redirect_is_checked_like_the_first_address(web: Web, location: str) -> None:
    url = web.says("/moved", b"", f"Location: {location}", status="302 Found")
    way = web.way(resolves=lambda host: ["10.0.0.1"] if "inside" in host else [str(LOOPBACK)])
    assert await _code(url, way) in {Code.URL_NOT_ALLOWED, Code.URL_NOT_READABLE}
    assert len(web.asked) == 1


async def test_three_redirects_are_followed_and_no_more(web: Web) -> None:
    for n in range(4):
        web.says(f"/{n}", b"", f"Location: /{n + 1}", status="301 Moved Permanently")
    web.says("/4", CALENDAR)
    fetched = await fetch.fetch(web.url("/1"), {}, web.way())
    assert fetched is not None
    assert await _code(web.url("/0"), web.way()) is Code.URL_NOT_READABLE


async def test_what_is_no_calendar_is_not_shown(web: Web) -> None:
    url = web.says("/secret", b"<html>inner secret</html>")
    with pytest.raises(Refused) as raised:
        await fetch.fetch(url, {}, web.way())
    assert raised.value.code is Code.URL_NOT_READABLE
    assert "secret" not in str(raised.value)


async def test_a_calendar_without_end_is_cut_off(web: Web, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fetch, "MAX_BYTES", 100_000)
    url = web.says("/endless", CALENDAR + b"X" * 300_000, length=False)
    assert await _code(url, web.way()) is Code.TOO_LARGE
    assert feed.MAX_BYTES == 20_000_000


@pytest.mark.parametrize("encoding", ["gzip", "br", "deflate, gzip"])
async def test_packed_answers_are_not_unpacked(web: Web, encoding: str) -> None:
    url = web.says("/bomb", CALENDAR, f"Content-Encoding: {encoding}")
    assert await _code(url, web.way()) is Code.URL_NOT_READABLE


async def test_a_server_that_says_nothing_is_given_up(web: Web) -> None:
    web.answers["/slow"] = b"HTTP/1.1 200 OK\r\nContent-Length: 10000\r\n\r\nBEGIN:VCAL"
    assert await _code(web.url("/slow"), web.way(seconds=0.3)) is Code.URL_NOT_READABLE


@pytest.mark.parametrize(
    "status", ["404 Not Found", "500 Oops", "204 No Content", "401 Unauthorized", "304 Not"]
)
async def test_any_other_answer_is_told(web: Web, status: str) -> None:
    url = web.says("/x", b"", status=status)
    with pytest.raises(Refused) as raised:
        await fetch.fetch(url, {}, web.way())
    assert status.split(maxsplit=1)[0] in raised.value.message


@pytest.mark.parametrize("answer", [b"", b"garbage\r\n\r\n", b"HTTP/1.1 200 OK\r\nX: " + b"a" * 200_000])
async def test_nonsense_for_an_answer_is_refused(web: Web, answer: bytes) -> None:
    web.answers["/x"] = answer
    assert await _code(web.url("/x"), web.way()) is Code.URL_NOT_READABLE


async def test_a_host_that_is_not_there_is_refused(web: Web) -> None:
    def unknown(_: str) -> list[str]:
        raise OSError("no such host")

    assert await _code(web.url("/x"), web.way(resolves=unknown)) is Code.URL_NOT_READABLE
    assert await _code("https://localhost:1/x", web.way()) is Code.URL_NOT_READABLE


async def test_the_next_address_is_tried_where_one_does_not_answer(web: Web) -> None:
    url = web.says("/season.ics", CALENDAR)
    way = web.way(allowed=lambda a: a.is_loopback, resolves=lambda _: ["127.0.0.9", str(LOOPBACK)])
    assert await fetch.fetch(url, {}, way) is not None


async def test_what_has_not_changed_is_not_sent_again(web: Web) -> None:
    url = web.says("/season.ics", b"", status="304 Not Modified")
    assert await fetch.fetch(url, {"If-None-Match": '"v1"'}, web.way()) is None
    assert 'if-none-match: "v1"' in web.asked[0].lower()
