"""Mails as bytes: header values, parts and boundaries, the same for the same input (RFC 5322, 2045, 2046)."""

from __future__ import annotations

import binascii
import hashlib
import re
from collections.abc import Callable
from datetime import UTC, datetime, time, timedelta, timezone
from datetime import date as day_of
from email.charset import BASE64, Charset
from email.header import Header
from email.message import Message
from email.policy import compat32
from email.utils import format_datetime, quote
from functools import lru_cache
from struct import Struct

from engine.mail.domains import ascii_domain
from engine.mail.text import one_line
from engine.model.people import Mailbox
from engine.refusals import Code, Refused

_ATOMS = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~ -]+")
# What most names and addresses look like: one look tells that nothing of them has to be encoded, quoted or cleaned.
_PLAIN_NAME = re.compile("[A-Za-z0-9'-]+(?: [A-Za-z0-9'-]+)*")
_PLAIN_ADDRESS = re.compile(r"[A-Za-z0-9._+-]{1,64}@[A-Za-z0-9.-]{1,190}")
_ADDRESS = re.compile(r"""[^\x00-\x20<>,;:"()\\\[\]\x7f-\U0010ffff]{1,255}""")
_MESSAGE_ID = re.compile(r"[!-;=?-~]{1,900}")
# header values come encoded and folded; lines that begin with "From " are ours
_AS_GIVEN = compat32.clone(linesep="\r\n", max_line_length=None, mangle_from_=False)
# always base64: trying which of the two encodings is shorter takes the library longer than all else
_UTF8 = Charset("utf-8")
_UTF8.header_encoding = BASE64
_URI = re.compile(r"[!-;=?-~]{1,900}")
_SCHEME = re.compile("[a-z]+:")
_STANDS = bytes(range(33, 127)).replace(b"=", b"").replace(b".", b"") + b" "
_KINDS = {**dict.fromkeys(_STANDS, ord("x")), **{octet: octet for octet in b"=.\n\0"}}
# Of each octet what decides where quoted-printable breaks lines: x is what stands for itself, ? what is not told here.
_BREAKING = bytes(_KINDS.get(octet, ord("?")) for octet in range(256))
_SOFT_BREAK = b"=\r\n"
_ALIKE_MOST = 8_192
"""Octets of a text whose breaks are kept."""
_MAX_SUBJECT = 250
_MAX_NAME = 120


class CrlfLines(bytes):
    """A mail of whole lines that all end in CRLF, and none of which begins with a dot: made of pieces that are known
    to be so, it is ready for the wire of SMTP."""


def whole_lines(piece: bytes) -> bool:
    """True if each break of `piece` is CRLF, and no line begins with a dot."""
    breaks = piece.count(b"\r\n")
    return piece.count(b"\r") == breaks == piece.count(b"\n") and not dotted(piece)


def dotted(piece: bytes) -> bool:
    """True if a line of `piece`, all of which end in CRLF, begins with a dot."""
    return piece.startswith(b".") or b"\r\n." in piece


def shortened(text: str, limit: int) -> str:
    """`text` on one line, cut to `limit` characters with an ellipsis where it is longer."""
    return cut(one_line(text), limit)


def cut(line: str, limit: int) -> str:
    """`line` of at most `limit` characters, the last an ellipsis where it is longer."""
    return line if len(line) <= limit else f"{line[: limit - 1].rstrip()}…"


def words(text: str, name: str) -> str:
    """Unstructured header text, encoded where it is not plain ASCII (RFC 2047)."""
    return encoded(shortened(text, _MAX_SUBJECT), name)


def encoded(text: str, name: str) -> str:
    """As `words`, for `text` that is already one line and short enough."""
    plain = text.isascii() and "=?" not in text
    if plain and len(name) + 2 + len(text) <= 76:
        return text
    return Header(text, "us-ascii" if plain else _UTF8, header_name=name).encode(linesep="\r\n")


def address(text: str) -> str:
    """A bare address as ASCII, its domain by IDNA where needed.

    Raises Refused(INVALID_ADDRESS) for what could not stand in a header.
    """
    if _PLAIN_ADDRESS.fullmatch(text):
        return text
    local, _, domain = text.rpartition("@")
    plain = f"{local}@{domain if domain.isascii() else ascii_domain(domain)}"
    if not local or plain.endswith("@") or not _ADDRESS.fullmatch(plain):
        raise Refused(
            Code.INVALID_ADDRESS,
            f"“{one_line(text)[:80]}” is not an address that mail can be sent to.",
            "Use an address such as jane@example.org.",
        )
    return plain


def mailbox(party: Mailbox, header: str) -> str:
    """A mailbox with its display name, for the header called `header` (RFC 5322, 3.4)."""
    bare, name = address(party.address), party.name
    if len(name) + len(bare) < 60 and _PLAIN_NAME.fullmatch(name):
        return f"{name} <{bare}>"
    name = shortened(name, _MAX_NAME)
    if not name:
        return bare
    if not name.isascii() or "=?" in name:
        words_of_it = Header(name, _UTF8, header_name=header).encode(linesep="\r\n")
        return f"{words_of_it}\r\n <{bare}>"
    shown = name if _ATOMS.fullmatch(name) else f'"{quote(name)}"'
    return f"{shown} <{bare}>" if len(shown) + len(bare) < 60 else f"{shown}\r\n <{bare}>"


def uri(text: str) -> str:
    """A URI in angle brackets; a bare address becomes a mailto: URI."""
    if _PLAIN_ADDRESS.fullmatch(text):
        return f"<mailto:{text}>"
    text = text.strip().strip("<>")
    text = text if _SCHEME.match(text) else f"mailto:{text}"
    if not _URI.fullmatch(text):
        raise Refused(
            Code.INVALID_ARGUMENT, "The unsubscribe address is not a URI.", "Use mailto:… or https://…"
        )
    return f"<{text}>"


def identifier(message_id: str) -> str:
    """A message identifier in angle brackets (RFC 5322, 3.6.4)."""
    if _MESSAGE_ID.fullmatch(message_id):
        return f"<{message_id}>"
    bare = message_id.strip().strip("<>")
    if not _MESSAGE_ID.fullmatch(bare):
        raise Refused(Code.INVALID_ARGUMENT, "The Message-ID is malformed.", "Use one like id@example.org.")
    return f"<{bare}>"


def date(moment: datetime) -> str:
    """An aware time as a Date header, with a zone that says what it is: +0000 for UTC, never -0000."""
    offset = moment.utcoffset()
    if offset is None:
        raise ValueError("a mail's date must be aware")
    # Whole numbers are found in the cache at a fraction of what a time with its zone costs.
    return _date(moment.toordinal(), moment.hour, moment.minute, moment.second, offset)


@lru_cache(maxsize=16)
def _date(day: int, hour: int, minute: int, second: int, offset: timedelta) -> str:
    at = time(hour, minute, second, tzinfo=timezone(offset) if offset else UTC)
    return format_datetime(datetime.combine(day_of.fromordinal(day), at))


def boundary(seed: str, level: str) -> str:
    """A boundary derived from what the mail is of, which neither base64 nor quoted-printable can hold: `=_`."""
    digest = hashlib.sha256(seed.encode()).hexdigest()[:24]
    return f"=_{digest}_{level}"


def quoted_printable(text: str) -> bytes:
    """Text as UTF-8 in quoted-printable; each line stands on its own, so parts that end a line may be joined."""
    if "\r" in text:
        text = text.replace("\r\n", "\n").replace("\r", "\n")
    lines = text.encode("utf-8", "replace")
    return binascii.b2a_qp(lines, istext=True).replace(b"\n", b"\r\n")


def quoted_printable_alike(text: str) -> bytes:
    """The same, sooner where texts with other words of the same lengths came before: their lines break alike."""
    lines = text.encode("utf-8", "replace")
    if len(lines) > _ALIKE_MOST:
        return quoted_printable(text)
    kinds = lines.translate(_BREAKING)
    if b"?" not in kinds and b" \n" not in lines and not lines.endswith(b" "):
        pieces = _soft_breaks(kinds)
        if pieces:
            encoded = lines.replace(b"=", b"=3D").replace(b"\0", b"=00").replace(b"\n", b"\r\n")
            return _SOFT_BREAK.join(pieces(encoded))
    return quoted_printable(text)


@lru_cache(maxsize=512)
def _soft_breaks(kinds: bytes) -> Callable[[bytes], tuple[bytes, ...]] | None:
    """What cuts an encoded text where its lines break; None if a dot alone on its line is encoded too."""
    encoded = quoted_printable(kinds.decode("ascii"))
    if b"=2E" in encoded:
        return None
    return Struct("".join([f"{len(piece)}s" for piece in encoded.split(_SOFT_BREAK)])).unpack


def base64_lines(data: bytes) -> bytes:
    """Bytes in base64, lines of 76 characters."""
    text = binascii.b2a_base64(data, newline=False)
    return b"\r\n".join([*_cut(len(text))(text), b""])


@lru_cache(maxsize=512)
def _cut(length: int) -> Callable[[bytes], tuple[bytes, ...]]:
    """What cuts so many bytes into lines of 76: at once, since that takes half the time of line by line."""
    lines, rest = divmod(length, 76)
    return Struct("76s" * lines + (f"{rest}s" if rest else "")).unpack


def text_part(encoded: bytes, subtype: str) -> Message:
    """A text part made of what `quoted_printable` returned."""
    return _part(f"text/{subtype}; charset=utf-8", "quoted-printable", encoded)


def binary_part(encoded: bytes, content_type: str, filename: str = "") -> Message:
    """A part made of what `base64_lines` returned; with a file name it is an attachment."""
    part = _part(content_type, "base64", encoded)
    if filename:
        part["Content-Disposition"] = f'attachment; filename="{filename}"'
    return part


def _part(content_type: str, encoding: str, encoded: bytes) -> Message:
    part = Message(policy=_AS_GIVEN)
    part["Content-Type"] = content_type
    part["Content-Transfer-Encoding"] = encoding
    part.set_payload(encoded.decode("ascii"))
    return part


def multipart(subtype: str, mark: str, parts: list[Message]) -> Message:
    """The parts, one after the other, with `mark` between them."""
    whole = Message(policy=_AS_GIVEN)
    whole["Content-Type"] = f'multipart/{subtype}; boundary="{mark}"'
    for part in parts:
        whole.attach(part)
    return whole


def mail(fields: list[tuple[str, str]], content: Message) -> bytes:
    """A whole mail: the header fields, encoded and folded already, then the content with its own."""
    whole = Message(policy=_AS_GIVEN)
    for name, value in [*fields, *content.items()]:
        whole[name] = value
    whole.set_payload(content.get_payload())
    return whole.as_bytes()
