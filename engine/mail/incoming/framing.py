"""Whether the body of a mail alone determines how it is read, so that no header can change that (RFC 2046)."""

from __future__ import annotations

import re
from email.message import Message

from engine.mail.incoming import fields

FIELDS = frozenset({"content-type", "content-transfer-encoding", "content-disposition"})
"""Header fields that decide how a body is read."""
_ENCODING = frozenset({"content-transfer-encoding"})
_ORDINARY = {"multipart/mixed", "multipart/alternative", "multipart/related"}
_AS_IT_IS = {"", "7bit", "8bit", "binary"}
_PLAIN_CHARSETS = {"", "utf-8", "us-ascii"}
_PREAMBLE = re.compile(rb"This is a multi-?part message in MIME format\.?[ \t]*(?:\r?\n)+", re.IGNORECASE)
"""What Outlook and others write above the first part."""
_CALENDAR = re.compile(rb"BEGIN:VCALENDAR[ \t]*\r?\n.*\nEND:VCALENDAR", re.IGNORECASE | re.DOTALL)

_METHOD = re.compile(rb"^METHOD:", re.IGNORECASE | re.MULTILINE)


def deciding(mail: Message) -> frozenset[str]:
    """The header fields that decide how the body is read, also by not being there: left out, they decide as well."""
    there = FIELDS & {name.lower() for name in mail.keys()}  # noqa: SIM118 -- a message is no dictionary
    if "content-type" not in there:
        return there
    return there - _ENCODING if mail.get_content_maintype() == "multipart" else there | _ENCODING


def framed(mail: Message, whole: bytes) -> bool:
    """True if no unsigned header had a say in how the body was read.

    A boundary opens its first line and closes its last; or it is a calendar from its first line to its last; or it
    was read as the plain words that stand there. An attacker can choose among these, but not what they hold.
    """
    encoding = str(mail.get("Content-Transfer-Encoding", "")).strip().lower()
    body = whole[fields.extent(whole)[1] :].strip(b"\r\n \t")
    kind = mail.get_content_type()
    if encoding not in _AS_IT_IS or b"\r" in body.replace(b"\r\n", b""):
        return False
    if kind in _ORDINARY:
        return _enclosed(mail.get_boundary() or "", body)
    plain = not mail.get("Content-Disposition") and _charset(mail) in _PLAIN_CHARSETS
    if kind == "text/calendar":
        declared = mail.get_param("method") is None or _METHOD.search(body)
        return plain and bool(declared) and _CALENDAR.fullmatch(body) is not None
    return plain and kind == "text/plain" and "name" not in str(mail.get("Content-Type", "")).lower()


def _charset(mail: Message) -> str:
    return str(mail.get_content_charset() or "").lower()


def _enclosed(boundary: str, body: bytes) -> bool:
    mark = b"--" + boundary.encode("ascii", "replace")
    preamble = _PREAMBLE.match(body)
    first, _, rest = body[preamble.end() if preamble else 0 :].partition(b"\n")
    return bool(boundary) and first.rstrip() == mark and rest.rpartition(b"\n")[2].rstrip() == mark + b"--"
