"""Hostile lists, zips, TNEF, S/MIME and character sets in mails, by the size that the mail may have."""

from __future__ import annotations

import base64
import io
import struct
import zipfile
from collections.abc import Callable, Iterable

from bench.hostile_calendars import EVENT, START, filled, numbered

HEAD = b"From: Joe <joe@example.org>\r\nTo: create@cis.test\r\nSubject: x\r\nMIME-Version: 1.0\r\n"
MIXED = HEAD + b'Content-Type: multipart/mixed; boundary="b"\r\n\r\n'
_TNEF = b"\x78\x9f\x3e\x22\x01\x00"
_UNZIPPED = 19_000_000
_PARTS = 190
_MAX_CONTENT_HEADER = 19_900
_VALUES = 4_900
"""Almost as many as we take of TNEF; small mails have fewer, so that they too hold several blocks of them."""


def part(head: bytes, content: bytes) -> bytes:
    """A part of a mail whose boundary is `b`."""
    return b"--b\r\n" + head + b"\r\n\r\n" + content + b"\r\n"


def _attached(kind: str, name: str, content: bytes) -> bytes:
    """A mail with one attachment in base64."""
    return MIXED + _file(kind, name, content) + b"--b--\r\n"


def _file(kind: str, name: str, content: bytes) -> bytes:
    head = f'Content-Type: {kind}; name="{name}"\r\nContent-Transfer-Encoding: base64'.encode()
    return part(head, base64.encodebytes(content).replace(b"\n", b"\r\n"))


def _list(name: str, content: bytes) -> bytes:
    head = f'Content-Type: text/plain; name="{name}"\r\nContent-Disposition: attachment; filename="{name}"'
    return MIXED + part(head.encode(), content) + b"--b--\r\n"


def _zip(files: Iterable[tuple[str, bytes]]) -> bytes:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files:
            archive.writestr(zipfile.ZipInfo(name), content, zipfile.ZIP_DEFLATED, 1)
    return _attached("application/zip", "list.zip", made.getvalue())


def _unpacked(size: int) -> int:
    """What a zip may hold in proportion to the size of a mail, for what is packed hardly takes any room."""
    return size * _UNZIPPED // 10_000_000


def _zips_within_a_zip(size: int) -> bytes:
    inner = _zip([("a.csv", filled(b"a@b.cd\n", size))])
    return _zip([("a.zip", inner)])


def _lying_zip(size: int) -> bytes:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a.csv", filled(b"a@b.cd\n", 3 * _unpacked(size)))
    real, said = struct.pack("<I", 3 * _unpacked(size) // 7 * 7), struct.pack("<I", 100)
    return _attached("application/zip", "list.zip", made.getvalue().replace(real, said))


def _columns(count: int) -> bytes:
    return b"email," + b",".join(b"%d" % n for n in range(count)) + b"\n"


def _tnef(*streams: bytes) -> bytes:
    blocks = (b"\x01\x03\x90\x06\x00" + struct.pack("<I", len(s)) + s + b"\0\0" for s in streams)
    return _TNEF + b"".join(blocks)


def _winmail(content: bytes) -> bytes:
    return _attached("application/ms-tnef", "winmail.dat", content)


def property_blocks(size: int) -> bytes:
    """TNEF with as many properties as a block may have, in block after block."""
    count = min(_VALUES, size // 60)
    one = b"".join(struct.pack("<HHI", 0x0003, n, n) for n in range(count))
    stream = struct.pack("<I", count) + one
    return _tnef(*[stream] * (size * 7 // 10 // len(stream)))


def empty_values(size: int) -> bytes:
    """TNEF with properties that have as many values as one may have, each of them empty."""
    values = min(_VALUES, size // 60)
    one = struct.pack("<HHI", 0x101F, 0x0037, values) + bytes(4 * values)
    count = size * 7 // 10 // len(one)
    return _tnef(struct.pack("<I", count) + one * count)


def _smime(content: bytes) -> bytes:
    """A signed message in BER around `content`."""
    octets = b"\x04" + b"\x84" + struct.pack(">I", len(content)) + content
    kind = bytes.fromhex("06092a864886f70d010701")
    signed = b"\x30\x80\x02\x01\x01\x31\x00\x30\x80" + kind + b"\xa0\x80" + octets + bytes(2) * 2 + bytes(2)
    return b"\x30\x80" + bytes.fromhex("06092a864886f70d010702") + b"\xa0\x80" + signed + bytes(2) * 2


def _nested_smime(size: int) -> bytes:
    mail = HEAD + b"\r\n" + filled(b"x" * 40 + b"\r\n", size // 4)
    for _ in range(4):
        mail = _attached("application/pkcs7-mime", "smime.p7m", _smime(mail))
    return mail


def _mails_in_base64(size: int) -> bytes:
    mail = HEAD + b"\r\n" + filled(b"x" * 40 + b"\r\n", size // 4)
    for _ in range(4):
        mail = _attached("application/octet-stream", "a.eml", mail)
    return mail


def _parts_with(header: Callable[[int], bytes], size: int) -> bytes:
    """Parts whose content header is as long as it may be."""
    count = max(1, min(_PARTS, size // 20_000))
    return MIXED + part(header(min(size, _MAX_CONTENT_HEADER)), b"x") * count + b"--b--\r\n"


PACKED: dict[str, Callable[[int], bytes]] = {
    # lists
    "a zipped text of one line": lambda s: _zip([("a.txt", filled(b"a,", _unpacked(s)))]),
    "a zipped text of quoted cells": lambda s: _zip([("a.txt", b"a\n" + filled(b'"a",', _unpacked(s)))]),
    "a zipped text of one line of ab;": lambda s: _zip([("a.txt", filled(b"ab;", _unpacked(s)))]),
    "20 zipped texts of one line": lambda s: _zip(
        [(f"{n}.txt", filled(b"a,", _unpacked(s) // 20)) for n in range(20)]
    ),
    "a zipped list of addresses": lambda s: _zip([("a.csv", filled(b"a@b.cd\n", _unpacked(s)))]),
    "a zipped list of wide characters": lambda s: _zip(
        [("a.csv", b"email\n" + filled("\U0001f600\n".encode(), _unpacked(s)))]
    ),
    "a zipped list of bytes that are no UTF-8": lambda s: _zip(
        [("a.csv", b"email\n\xff\n" + filled(b"a@b.cd\n", _unpacked(s)))]
    ),
    "a plain text of one line": lambda s: _list("a.txt", filled(b"a,", s)),
    "a list of many columns": lambda s: _list("a.csv", _columns(s // 7)),
    "a table of many columns": lambda s: _list("a.csv", b"action," + filled(b"key,", s) + b"\n"),
    "a list of one column after another": lambda s: _list(
        "a.csv", b"email\n" + b"a" + filled(b",", s) + b"\n"
    ),
    "a list of short rows for many columns": lambda s: _list("a.csv", _columns(95) + filled(b"a@b.cd\n", s)),
    "a list with a long name of a column": lambda s: _list(
        "a.csv", b"email," + b"n" * min(s, 90_000) + b"\n" + filled(b"a@b.cd,x\n", s)
    ),
    "names and addresses": lambda s: _list("a.txt", b"a@b.cd\n" + filled(b"(" * 450 + b"<a@b.cd>\n", s)),
    "a row that never ends": lambda s: _list("a.csv", b"email,name\n" + b'"' + filled(b'\n","', s)),
    "a list of blank lines": lambda s: _list("a.csv", filled(b"\n", s)),
    # zips
    "a zip bomb": lambda s: _zip([(f"{n}.csv", b"a" * s) for n in range(10)]),
    "a zip that lies": _lying_zip,
    "a zip of many names": lambda s: _attached(
        "application/zip", "list.zip", filled(b"PK\x01\x02" + bytes(42), s * 7 // 10)
    ),
    "a zip of small files": lambda s: _zip([(f"{n}.pdf", b"") for n in range(min(s // 200, 100_000))]),
    "zips within a zip": _zips_within_a_zip,
    # TNEF
    "TNEF with endless values": lambda s: _winmail(
        _tnef(b"\x01\0\0\0\x02\x10\x01\0" + b"\xff" * 4 + bytes(s * 7 // 10))
    ),
    "TNEF in pieces": lambda s: _attached(
        "application/ms-tnef", "winmail.dat", _TNEF + filled(b"\x01\x03\x90\x06" + bytes(7), s * 7 // 10)
    ),
    "TNEF with blocks of properties": lambda s: _winmail(property_blocks(s)),
    "TNEF with empty values": lambda s: _winmail(empty_values(s)),
    "TNEF in 190 parts": lambda s: (
        MIXED
        + b"".join(
            _file(
                "application/ms-tnef",
                "winmail.dat",
                _TNEF + b"\x01\x03\x90\x06\0" + struct.pack("<I", s // 300) + bytes(s // 300 + 2),
            )
            for _ in range(_PARTS)
        )
    ),
    # S/MIME and mails in mails
    "S/MIME of open lengths": lambda s: _attached(
        "application/pkcs7-mime", "smime.p7m", b"\x30\x80" * (s // 3)
    ),
    "S/MIME of empty pieces": lambda s: _attached(
        "application/pkcs7-mime", "smime.p7m", b"\x30\x80" + b"\x04\x00" * (s // 3)
    ),
    "S/MIME within S/MIME": _nested_smime,
    "mails in base64 within each other": _mails_in_base64,
    # parameters and character sets
    "semicolons in quotes": lambda s: _parts_with(lambda n: b'Content-Type: text/plain; a="' + b";" * n, s),
    "some semicolons among quotes": lambda s: _parts_with(
        lambda n: b'Content-Type: text/plain; a="' + b";".join([b'\\"' * (n // 200)] * 95) + b'"', s
    ),
    "punycode in file names": lambda s: _parts_with(
        lambda n: b"Content-Disposition: attachment; filename*=punycode''" + b"a" * (n - 60), s
    ),
    "punycode in boundaries": lambda s: (
        HEAD
        + b"Content-Type: multipart/mixed; boundary=b\r\n\r\n"
        + part(
            b"Content-Type: multipart/mixed; boundary*=punycode''"
            + b"a" * (min(s, _MAX_CONTENT_HEADER) - 80),
            b"x",
        )
        * min(90, s // 20_000 + 1)
    ),
    "punycode in the words": lambda s: (
        HEAD + b"Content-Type: text/plain; charset=punycode\r\n\r\n\xff" + b"a" * s
    ),
    "punycode in a calendar": lambda s: (
        HEAD
        + b"Content-Type: text/calendar; charset=punycode\r\n\r\n"
        + START
        + b"X-A:\xff\r\n"
        + filled(EVENT, s)
    ),
    "punycode in a list": lambda s: (
        MIXED + part(b"Content-Type: text/csv; charset=punycode", b"\xff" + b"a" * s)
    ),
    "punycode in a name": lambda s: (
        HEAD.replace(b"Joe", b"=?punycode?q?" + b"a" * min(s, 9_000) + b"?=") + b"\r\nx"
    ),
    # addresses
    "many addresses": lambda s: HEAD + b"To: " + numbered(b"a%d@b.cd,", min(s, 900_000)) + b"\r\n\r\nx",
    "many commas": lambda s: HEAD + b"To: " + filled(b"a,", min(s, 900_000)) + b"\r\n\r\nx",
    "many headers of addresses": lambda s: (
        HEAD + filled(b"Cc: " + b"a," * 4_990 + b"\r\n", min(s, 900_000)) + b"\r\nx"
    ),
    "comments within comments": lambda s: HEAD.replace(b"Joe ", b"(" * min(s, 9_000)) + b"\r\nx",
}
