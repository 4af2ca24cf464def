"""Mails of up to 10 MB that were made to keep their reader busy or to fill its memory."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from bench.hostile_calendars import CALENDAR_SIZE, CALENDARS, EVENT, START, filled
from bench.hostile_packed import HEAD, MIXED, PACKED, part

SIZE = 10_000_000
_CALENDAR = HEAD + b"Content-Type: text/calendar; method=REQUEST\r\n\r\n"
_LONG_EVENT = EVENT.replace(b"SUMMARY:x", b"SUMMARY:x\r\nDESCRIPTION:" + b"x" * 120).replace(
    b"DTSTART:2", b"DTSTART:x"
)


def _in(encoding: bytes) -> bytes:
    return _CALENDAR.replace(b"\r\n\r\n", b"\r\nContent-Transfer-Encoding: " + encoding + b"\r\n\r\n")


def _nested(depth: int, kind: str, rest: bytes) -> bytes:
    lines = [HEAD.decode().strip()]
    for level in range(depth):
        if kind == "rfc822":
            lines += ["Content-Type: message/rfc822", ""]
        else:
            lines += [f"Content-Type: multipart/mixed; boundary=b{level}", "", f"--b{level}"]
    return "\r\n".join([*lines, "Content-Type: text/plain", "", ""]).encode() + rest


def _depth(size: int) -> int:
    return min(size // 100, 1_000)


def _words(word: bytes, size: int) -> bytes:
    return b"\r\n ".join([word] * (min(size, 900_000) // (len(word) + 3)))


def _named_in_pieces(size: int) -> bytes:
    pieces = b"".join(b";\r\n filename*%d*=%%41" % n for n in range(99))
    return MIXED + filled(part(b"Content-Disposition: attachment" + pieces, b"x"), min(size, 400_000))


def _calendars_of(size: int) -> Iterator[bytes]:
    for n in range(20):
        event = filled(_LONG_EVENT, size // 21)
        yield part(b"Content-Type: text/calendar", b"BEGIN:VCALENDAR\r\nX-%d:1\r\n" % n + event)


_MAILS: dict[str, Callable[[int], bytes]] = {
    "parts": lambda s: MIXED + filled(part(b"Content-Type: text/plain", b"x" * 900), s),
    "400,000 boundaries": lambda s: MIXED + filled(b"--b\r\n\r\nxxxxxxxxxxxxxxxx\r\n", s),
    "boundaries that nearly match": lambda s: MIXED + filled(b"--bb\r\n--b-\r\n-- b\r\n", s),
    "depth 1,000": lambda s: _nested(_depth(s), "mixed", filled(b"x" * 76 + b"\r\n", s)),
    "depth 20 around many lines": lambda s: _nested(19, "mixed", filled(b"--x" + b"x" * 25 + b"\r\n", s)),
    "mails in mails, depth 1,000": lambda s: _nested(_depth(s), "rfc822", b"x" * (s // 2)),
    "300,000 headers": lambda s: HEAD + filled(b"X-Aaaaaaaaaaaaaaaaaa: bbbbbbbb\r\n", s) + b"\r\n",
    "short lines within 20 mails": lambda s: _nested(19, "rfc822", filled(b"x" * 40 + b"\r\n", s)),
    "150 mails with 130 headers each": lambda s: (
        MIXED + filled(part(b"Content-Type: message/rfc822", b"X-A: b\r\n" * 130), min(s, 170_000))
    ),
    "a million headers": lambda s: HEAD + filled(b"X-A: b\r\n", s) + b"\r\n",
    "300,000 headers in a part": lambda s: (
        MIXED + b"--b\r\n" + filled(b"X-Aaaaaaaaaaaaaaaaaa: bbbbbbbb\r\n", s)
    ),
    "long header lines": lambda s: HEAD + (b"X: " + b"a" * (s // 10) + b"\r\n") * 9 + b"\r\n",
    "a From without an end": lambda s: b"From: " + b"(" * s + b"\r\n\r\n",
    "a folded Content-Type": lambda s: (
        HEAD + b"Content-Type: text/plain" + filled(b";\r\n a=b", s) + b"\r\n\r\n"
    ),
    "encoded words in the Subject": lambda s: (
        b"Subject: " + _words(b"=?utf-8?q?=C3?=", s) + b"\r\n" + HEAD + b"\r\nx"
    ),
    "broken encoded words": lambda s: b"Subject: " + _words(b"=?=?=?a?b?=", s) + b"\r\n" + HEAD + b"\r\nx",
    "file names in endless pieces": _named_in_pieces,
    "nothing but line ends": lambda s: HEAD + b"\r\n" + filled(b"\r\n", s),
    "nothing but carriage returns": lambda s: HEAD + b"\r\n" + b"\r" * s,
    "NUL bytes": lambda s: HEAD + b"\r\n" + bytes(s),
    "half of UTF-8": lambda s: _CALENDAR + b"\xff\xfe" + b"\xd8\x00" * (s // 2),
    "base64 of nothing": lambda s: (
        MIXED + part(b"Content-Type: text/calendar\r\nContent-Transfer-Encoding: base64", b"=" * s)
    ),
    "quoted-printable of nothing": lambda s: (
        _in(b"quoted-printable") + filled(b"=\r\n" + b"=" * 70 + b"\r\n", s)
    ),
    "uuencoded": lambda s: _in(b"x-uuencode") + b"begin 666 x\r\n" + filled(b"M" + b"`" * 60 + b"\r\n", s),
    "tags without end": lambda s: HEAD + b"Content-Type: text/html\r\n\r\n" + filled(b"<script <style <", s),
    "calendars that never end": lambda s: (
        HEAD + b"\r\n" + filled(b"BEGIN:VCALENDAR\r\nxxxxxxxxxxxxxxxxxxxxxxxxx\r\n", s)
    ),
    "words of one letter in a calendar": lambda s: _CALENDAR + filled(b"x ", s),
    "ends of calendars": lambda s: HEAD + b"\r\nBEGIN:VCALENDAR\r\n" + filled(b"END:VCALENDAR ", s),
    "a calendar that is too long": lambda s: _CALENDAR + START + filled(EVENT, s) + b"END:VCALENDAR\r\n",
    "a calendar of events": lambda s: (
        _CALENDAR + START + filled(EVENT, min(s, 1_900_000)) + b"END:VCALENDAR\r\n"
    ),
    "components without end": lambda s: _CALENDAR + START + filled(b"BEGIN:VEVENT\r\n", min(s, 1_900_000)),
    "20 calendars": lambda s: MIXED + b"".join(_calendars_of(s)),
    "a bounce about many people": lambda s: (
        HEAD
        + b'Content-Type: multipart/report; report-type=delivery-status; boundary="b"\r\n\r\n'
        + part(
            b"Content-Type: message/delivery-status",
            filled(b"Action: failed\r\nX-A: " + b"x" * 200 + b"\r\n\r\n", s),
        )
    ),
    "JSON without end": lambda s: HEAD + b"\r\n" + b'{"mail":' + b"[" * s,
}


def _as_mail(make: Callable[[int], bytes]) -> Callable[[int], bytes]:
    return lambda size: _CALENDAR + make(min(size, CALENDAR_SIZE))


MAKERS: dict[str, Callable[[int], bytes]] = {
    **_MAILS,
    **PACKED,
    **{f"a calendar: {name}": _as_mail(make) for name, make in CALENDARS.items()},
}
"""Each of them by its name, as a function of the size that it may have."""
NAMES = tuple(MAKERS)


def made(name: str, size: int = SIZE) -> bytes:
    """The hostile mail called `name`; no larger than `size`, or not much."""
    return MAKERS[name](size)


def all_made() -> Iterator[tuple[str, bytes]]:
    """Each of them, made when it is asked for."""
    yield from ((name, made(name)) for name in NAMES)
