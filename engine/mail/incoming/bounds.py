"""Limits of what a mail may cost: refuses mails built to keep us busy, before any parser sees them."""

from __future__ import annotations

import itertools
import re

from engine.refusals import Code, Refused

MAX_BYTES = 30_000_000
MAX_PARTS = 200
MAX_DEPTH = 20
MAX_HEADERS = 2_000
"""Header fields of one part; real mails have up to a few hundred."""
MAX_HEADERS_IN_ALL = 20_000
_MAX_LINES = 100_000
_MAX_DASHES = 10_000
_LINES_TIMES_BOUNDARIES = 8_000_000
_MAX_CONTENT_HEADER = 20_000
_MAX_PARAMETERS = 100
MAX_HEAD = 256_000
"""Bytes of a mail's head; whole mails are smaller than that."""
_HARMLESS = _MAX_CONTENT_HEADER
"""Bytes of a mail that reaches none of these bounds, if it has no more semicolons than a header may have."""
_BOUNDARY = re.compile(rb"boundary[*\d]{0,8}\s{0,8}=", re.IGNORECASE)
# to the parser a carriage return alone ends a line as well
_CONTENT_HEADER = re.compile(
    rb"(?:^|(?<=\r))content-[a-z-]{1,40}:[^\r\n]*+(?>(?:\r\n|\r|\n)[ \t][^\r\n]*)*+",
    re.IGNORECASE | re.MULTILINE,
)


def unreadable(why: str) -> Refused:
    """The refusal of a mail that cannot be taken apart."""
    return Refused(Code.UNREADABLE_MAIL, why, "Send a plain mail with the calendar or the list attached.")


def too_many_parts() -> Refused:
    """The refusal of a mail with more parts or headers than mails have, or with parts too deep in each other."""
    return unreadable("The mail has too many parts or headers.")


def check(mail: bytes) -> None:
    """Refuse what would keep the parser busy: its time grows with lines times open boundaries.

    Raises Refused(UNREADABLE_MAIL) over 30 MB, for more short lines or boundaries than mails have, and for
    content headers over 20,000 bytes or with more than 100 parameters.
    """
    if len(mail) <= _HARMLESS and mail.count(b";") <= _MAX_PARAMETERS:
        return
    lines = max(mail.count(b"\n"), mail.count(b"\r"))
    boundaries = sum(1 for _ in itertools.islice(_BOUNDARY.finditer(mail), _MAX_PARAMETERS))
    if (
        len(mail) > MAX_BYTES
        or lines > _MAX_LINES + len(mail) // 40
        or lines * boundaries > _LINES_TIMES_BOUNDARIES
        or mail.count(b"\n--") > _MAX_DASHES
    ):
        raise unreadable("The mail is too large or too deeply nested.")
    _check_head(mail)
    for match in _CONTENT_HEADER.finditer(mail):
        if match.end() - match.start() > _MAX_CONTENT_HEADER or match.group().count(b";") > _MAX_PARAMETERS:
            raise unreadable("The mail has a header that is too long.")


def _check_head(mail: bytes) -> None:
    """Refuse a mail whose head alone is larger than whole mails are."""
    ends = [end for mark in (b"\n\n", b"\r\n\r\n") if (end := mail.find(mark, 0, MAX_HEAD)) >= 0]
    if not ends and len(mail) > MAX_HEAD:
        raise unreadable("The mail has no end to its headers.")
    if mail.count(b"\n", 0, min(ends, default=len(mail))) > 10 * MAX_HEADERS:
        raise unreadable("The mail has too many headers.")
