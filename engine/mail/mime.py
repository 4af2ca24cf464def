"""Mails as bytes: headers, parts and boundaries, the same for the same input (RFC 5322, 2045, 2046)."""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
from datetime import datetime
from email.header import Header
from email.utils import format_datetime, quote

from engine.mail.headers import one_line
from engine.model import Party
from engine.refusals import Code, Refused

_ATOMS = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~ -]+")
_ADDRESS = re.compile(r"[!-~]{1,255}")
_MESSAGE_ID = re.compile(r"[!-;=?-~]{1,900}")
_MAX_SUBJECT = 250
_MAX_NAME = 120


def shortened(text: str, limit: int) -> str:
    """`text` on one line, cut to `limit` characters with an ellipsis where it is longer."""
    text = one_line(text)
    return text if len(text) <= limit else f"{text[: limit - 1].rstrip()}…"


def words(text: str, name: str) -> str:
    """Unstructured header text, encoded where it is not plain ASCII (RFC 2047)."""
    text = shortened(text, _MAX_SUBJECT)
    plain = text.isascii() and "=?" not in text
    return Header(text, "us-ascii" if plain else "utf-8", header_name=name).encode(linesep="\r\n")


def address(text: str) -> str:
    """A bare address as ASCII, its domain by IDNA where needed.

    Raises Refused(INVALID_ADDRESS) for what could not stand in a header.
    """
    local, _, domain = text.rpartition("@")
    try:
        plain = f"{local}@{domain if domain.isascii() else domain.encode('idna').decode()}"
    except UnicodeError:
        plain = ""
    if not (local and domain) or not _ADDRESS.fullmatch(plain) or re.search(r"[<>,;:\"()\\\[\]]", plain):
        raise Refused(
            Code.INVALID_ADDRESS,
            f"'{one_line(text)[:80]}' is not an address that mail can be sent to.",
            "Use an address such as jane@example.org.",
        )
    return plain


def mailbox(party: Party, header: str) -> str:
    """A mailbox with its display name, for the header called `header` (RFC 5322, 3.4)."""
    name = shortened(party.name, _MAX_NAME)
    bare = address(party.address)
    if not name:
        return bare
    if not name.isascii() or "=?" in name:
        encoded = Header(name, "utf-8", header_name=header).encode(linesep="\r\n")
        return f"{encoded}\r\n <{bare}>"
    shown = name if _ATOMS.fullmatch(name) else f'"{quote(name)}"'
    return f"{shown} <{bare}>" if len(shown) + len(bare) < 60 else f"{shown}\r\n <{bare}>"


def uri(text: str) -> str:
    """A URI in angle brackets; a bare address becomes a mailto: URI."""
    text = text.strip().strip("<>")
    text = text if re.match(r"[a-z]+:", text) else f"mailto:{text}"
    if not re.fullmatch(r"[!-;=?-~]{1,900}", text):
        raise Refused(
            Code.INVALID_ARGUMENT, "The unsubscribe address is not a URI.", "Use mailto:… or https://…"
        )
    return f"<{text}>"


def identifier(message_id: str) -> str:
    """A message identifier in angle brackets (RFC 5322, 3.6.4)."""
    bare = message_id.strip().strip("<>")
    if not _MESSAGE_ID.fullmatch(bare):
        raise Refused(
            Code.INVALID_ARGUMENT, "The Message-ID is malformed.", "Use one such as id@example.org."
        )
    return f"<{bare}>"


def date(moment: datetime) -> str:
    """An aware time as a Date header, with a zone that says what it is: +0000 for UTC, never -0000."""
    if moment.tzinfo is None:
        raise ValueError("a mail's date must be aware")
    return format_datetime(moment)


def boundary(message_id: str, level: str) -> str:
    """A boundary derived from the message, which neither base64 nor quoted-printable can hold: `=_`."""
    digest = hashlib.sha256(message_id.encode()).hexdigest()[:24]
    return f"=_{digest}_{level}"


def head(fields: list[tuple[str, str]]) -> bytes:
    """Header lines; values are encoded and folded already."""
    return "".join(f"{name}: {value}\r\n" for name, value in fields).encode("ascii")


def text_part(text: str, subtype: str) -> bytes:
    """A text part in quoted-printable, UTF-8."""
    lines = text.replace("\r\n", "\n").replace("\r", "\n").encode("utf-8", "replace")
    body = binascii.b2a_qp(lines, istext=True).replace(b"\n", b"\r\n")
    fields = [
        ("Content-Type", f"text/{subtype}; charset=utf-8"),
        ("Content-Transfer-Encoding", "quoted-printable"),
    ]
    return head(fields) + b"\r\n" + body


def binary_part(data: bytes, content_type: str, filename: str = "") -> bytes:
    """A part in base64; with a file name it is an attachment."""
    body = base64.encodebytes(data).replace(b"\n", b"\r\n")
    fields = [("Content-Type", content_type), ("Content-Transfer-Encoding", "base64")]
    if filename:
        fields.append(("Content-Disposition", f'attachment; filename="{filename}"'))
    return head(fields) + b"\r\n" + body


def multipart(subtype: str, mark: str, parts: list[bytes]) -> bytes:
    """A multipart entity with its own header line; the parts end with CRLF or not, as they come."""
    fields = head([("Content-Type", f'multipart/{subtype}; boundary="{mark}"')])
    dashes = b"--" + mark.encode("ascii")
    body = b"".join(b"\r\n" + dashes + b"\r\n" + part for part in parts)
    return fields + body + b"\r\n" + dashes + b"--\r\n"
