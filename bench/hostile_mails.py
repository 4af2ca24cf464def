"""Mails of up to 10 MB that were made to keep their reader busy or to fill its memory."""

from __future__ import annotations

import base64
import io
import zipfile
from collections.abc import Callable, Iterator

SIZE = 10_000_000
HEAD = b"From: Joe <joe@example.org>\r\nTo: create@cis.test\r\nSubject: x\r\nMIME-Version: 1.0\r\n"
_MIXED = HEAD + b'Content-Type: multipart/mixed; boundary="b"\r\n\r\n'
_CALENDAR = HEAD + b"Content-Type: text/calendar; method=REQUEST\r\n\r\n"
_EVENT = b"BEGIN:VEVENT\r\nUID:1\r\nDTSTAMP:20270101T000000Z\r\nDTSTART:20270501T000000Z\r\nSUMMARY:x\r\nEND:VEVENT\r\n"
_LONG_EVENT = _EVENT.replace(b"SUMMARY:x", b"SUMMARY:x\r\nDESCRIPTION:" + b"x" * 120).replace(
    b"DTSTART:2", b"DTSTART:x"
)
_TNEF = b"\x78\x9f\x3e\x22\x01\x00"
_ICS = b"BEGIN:VCALENDAR\r\nVERSION:2.0\r\nMETHOD:REQUEST\r\n"


def _filled(piece: bytes, size: int = SIZE) -> bytes:
    return piece * (size // len(piece))


def _part(head: bytes, content: bytes) -> bytes:
    return b"--b\r\n" + head + b"\r\n\r\n" + content + b"\r\n"


def _attached(kind: str, name: str, content: bytes) -> bytes:
    """A mail with one attachment in base64, cut to the size."""
    head = f'Content-Type: {kind}; name="{name}"\r\nContent-Transfer-Encoding: base64'.encode()
    encoded = base64.encodebytes(content).replace(b"\n", b"\r\n")[:SIZE]
    return _MIXED + _part(head, encoded) + b"--b--\r\n"


def _in(encoding: bytes) -> bytes:
    return _CALENDAR.replace(b"\r\n\r\n", b"\r\nContent-Transfer-Encoding: " + encoding + b"\r\n\r\n")


def _zip_of(content: bytes) -> bytes:
    return _attached("application/zip", "list.zip", content)


def _nested(depth: int, kind: str, rest: bytes) -> bytes:
    lines = [HEAD.decode().strip()]
    for level in range(depth):
        if kind == "rfc822":
            lines += ["Content-Type: message/rfc822", ""]
        else:
            lines += [f"Content-Type: multipart/mixed; boundary=b{level}", "", f"--b{level}"]
    return "\r\n".join([*lines, "Content-Type: text/plain", "", ""]).encode() + rest


def _zip_bomb() -> bytes:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as archive:
        for n in range(10):
            with archive.open(f"{n}.csv", "w") as file:
                file.write(b"a" * 10_000_000)
    return made.getvalue()


def _tnef(properties: bytes) -> bytes:
    body = b"\x01\x03\x90\x06\x00" + len(properties).to_bytes(4, "little") + properties + b"\0\0"
    return _TNEF + body


def _words(word: bytes) -> bytes:
    return b"\r\n ".join([word] * (900_000 // (len(word) + 3)))


def _quoted_semicolons() -> bytes:
    return _part(b'Content-Type: text/plain; a="' + b";" * 19_900, b"x")


_MAKERS: dict[str, Callable[[], bytes]] = {
    "10,000 parts": lambda: _MIXED + _part(b"Content-Type: text/plain", b"x" * 900) * 10_000,
    "400,000 boundaries": lambda: _MIXED + _filled(b"--b\r\n\r\nxxxxxxxxxxxxxxxx\r\n"),
    "boundaries that nearly match": lambda: _MIXED + _filled(b"--bb\r\n--b-\r\n-- b\r\n"),
    "depth 1,000": lambda: _nested(1_000, "mixed", _filled(b"x" * 76 + b"\r\n")),
    "depth 20 around many lines": lambda: _nested(19, "mixed", _filled(b"--x" + b"x" * 25 + b"\r\n")),
    "mails in mails, depth 1,000": lambda: _nested(1_000, "rfc822", b"x" * 5_000_000),
    "300,000 headers":  lambda: HEAD + _filled(b"X-Aaaaaaaaaaaaaaaaaa: bbbbbbbb\r\n") + b"\r\n",
    "200,000 short lines within 20 mails": lambda: _nested(19, "rfc822", _filled(b"x" * 40 + b"\r\n")),
    "150 mails with 130 headers each": lambda: _MIXED
    + _part(b"Content-Type: message/rfc822", b"X-A: b\r\n" * 130) * 150,
    "a million headers": lambda: HEAD + _filled(b"X-A: b\r\n") + b"\r\n",
    "300,000 headers in a part": lambda: _MIXED + b"--b\r\n" + _filled(b"X-Aaaaaaaaaaaaaaaaaa: bbbbbbbb\r\n"),
    "header lines of 1 MB": lambda: HEAD + (b"X: " + b"a" * 1_000_000 + b"\r\n") * 9 + b"\r\n",
    "a From of 9 MB": lambda: b"From: " + b"(" * 9_000_000 + b"\r\n\r\n",
    "a folded Content-Type of 9 MB": lambda: HEAD + b"Content-Type: text/plain" + _filled(b";\r\n a=b") + b"\r\n\r\n",
    "semicolons in quotes, 200 parts": lambda: _MIXED + _quoted_semicolons() * 190 + b"--b--\r\n",
    "encoded words in the Subject": lambda: b"Subject: " + _words(b"=?utf-8?q?=C3?=") + b"\r\n" + HEAD + b"\r\nx",
    "broken encoded words": lambda: b"Subject: " + _words(b"=?=?=?a?b?=") + b"\r\n" + HEAD + b"\r\nx",
    "file names in endless pieces": lambda: _MIXED + b"".join(
        _part(b"Content-Disposition: attachment" + b"".join(b";\r\n filename*%d*=%%41" % n for n in range(99)), b"x")
        for _ in range(190)
    ),
    "nothing but line ends": lambda: HEAD + b"\r\n" + _filled(b"\r\n"),
    "nothing but carriage returns": lambda: HEAD + b"\r\n" + b"\r" * 9_000_000,
    "NUL bytes": lambda: HEAD + b"\r\n" + bytes(9_000_000),
    "half of UTF-8": lambda: _CALENDAR + b"\xff\xfe" + b"\xd8\x00" * 4_500_000,
    "base64 of nothing": lambda: _MIXED
    + _part(b"Content-Type: text/calendar\r\nContent-Transfer-Encoding: base64", b"=" * 9_000_000),
    "quoted-printable of nothing": lambda: _in(b"quoted-printable")
    + _filled(b"=\r\n" + b"=" * 70 + b"\r\n"),
    "uuencoded": lambda: _in(b"x-uuencode")
    + b"begin 666 x\r\n"
    + _filled(b"M" + b"`" * 60 + b"\r\n"),
    "a zip bomb of 100 MB": lambda: _zip_of(_zip_bomb()),
    "a zip of 200,000 names": lambda: _zip_of(_filled(b"PK\x01\x02" + bytes(42), 7_000_000)),
    "TNEF with endless values": lambda: _attached(
        "application/ms-tnef", "winmail.dat", _tnef(b"\x01\0\0\0\x02\x10\x01\0" + b"\xff" * 4 + bytes(7_000_000))
    ),
    "TNEF in 500,000 pieces": lambda: _attached(
        "application/ms-tnef", "winmail.dat", _TNEF + _filled(b"\x01\x03\x90\x06" + bytes(7), 7_000_000)
    ),
    "S/MIME of open lengths": lambda: _attached("application/pkcs7-mime", "smime.p7m", b"\x30\x80" * 3_500_000),
    "S/MIME of empty pieces": lambda: _attached(
        "application/pkcs7-mime", "smime.p7m", b"\x30\x80" + b"\x04\x00" * 3_500_000
    ),
    "tags without end": lambda: HEAD + b"Content-Type: text/html\r\n\r\n" + _filled(b"<script <style <"),
    "calendars that never end": lambda: HEAD + b"\r\n" + _filled(b"BEGIN:VCALENDAR\r\nxxxxxxxxxxxxxxxxxxxxxxxxxxx\r\n"),
    "a calendar of 10 MB": lambda: _CALENDAR + _ICS + _filled(_EVENT) + b"END:VCALENDAR\r\n",
    "a calendar of 2 MB": lambda: _CALENDAR + _ICS + _filled(_EVENT, 1_900_000) + b"END:VCALENDAR\r\n",
    "components without end": lambda: _CALENDAR + _ICS + _filled(b"BEGIN:VEVENT\r\n", 1_900_000),
    "20 calendars of 500 kB": lambda: _MIXED
    + b"".join(
        _part(b"Content-Type: text/calendar", b"BEGIN:VCALENDAR\r\nX-%d:1\r\n" % n + _filled(_LONG_EVENT, 480_000))
        for n in range(20)
    ),
    "a bounce about 100,000 people": lambda: HEAD
    + b'Content-Type: multipart/report; report-type=delivery-status; boundary="b"\r\n\r\n'
    + _part(b"Content-Type: message/delivery-status", _filled(b"Action: failed\r\nX-A: " + b"x" * 200 + b"\r\n\r\n")),
    "JSON without end": lambda: HEAD + b"\r\n" + b'{"mail":' + b"[" * 9_000_000,
}  # fmt: skip
NAMES = tuple(_MAKERS)


def made(name: str) -> bytes:
    """The hostile mail called `name`."""
    return _MAKERS[name]()[: SIZE - 1]


def all_made() -> Iterator[tuple[str, bytes]]:
    """Each of them, made when it is asked for."""
    yield from ((name, made(name)) for name in NAMES)
