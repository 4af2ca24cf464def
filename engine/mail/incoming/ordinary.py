"""Takes an ordinary mail apart quickly: to the same tree as the library's parser, or not at all (RFC 5322, RFC 2046).

The library's parser goes line by line and compiles a pattern for each boundary, which is most of what reading a small
mail costs. What is read here has no defect and nothing that programs read in more than one way; the library reads all
else. `tests/mail/test_ordinary.py` holds the two against each other.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from email.policy import Compat32, compat32
from functools import lru_cache
from itertools import pairwise
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from engine.mail.incoming.parsing import MailPart

SIZE_MAX = 32_768
"""Bytes: few answers and invitations are larger, and those that are cost little more by the library."""
_FIELDS_MAX = 500
_PARTS_MAX = 20
_DEPTH_MAX = 5
_FIELD = re.compile(r"([!-9;-~]+:[^\n]*\n)((?:[ \t][^\n]*\n)*)")
_SEPARATED = re.compile(r"\r?\n")
_BOUNDARY = re.compile(r"[0-9A-Za-z'+_,./:=?-]{1,100}")
_REST = re.compile(r"(--)?[ \t]*(?:\r?\n|\Z)")
_BLANK = re.compile(r"\n\r?\n")
_PLAINLY = frozenset({"7bit", "8bit", "binary"})
_SHORT = 400
_KEPT = 256
"""Heads of parts that are kept, and characters of one: programs write the same ones again and again."""
Make = Callable[[Compat32], "MailPart"]


class _Extraordinary(Exception):  # noqa: N818 -- reads as what it is
    """The library's parser may find more in this mail."""


def parse(mail: bytes, make: Make) -> MailPart | None:
    """The tree of `mail`, of parts that `make` makes; None if it is large, or not plainly built."""
    if len(mail) > SIZE_MAX or mail.count(b"\r") != mail.count(b"\r\n"):
        return None
    try:
        return _Reading(make).part(mail.decode("ascii", "surrogateescape"), 0)
    except _Extraordinary:
        return None


class _Reading:
    """One mail's way into a tree."""

    def __init__(self, make: Make) -> None:
        self._make = make
        self._parts = 0

    def part(self, text: str, depth: int) -> MailPart:
        """The part that is all of `text`."""
        self._parts += 1
        if self._parts > _PARTS_MAX or depth > _DEPTH_MAX:
            raise _Extraordinary
        message = self._make(compat32)
        # The head of the whole mail is its own; those of its parts came before.
        body = text[_known_head(message, text, self._make) if depth else _head(message, text) :]
        main = message.get_content_maintype()
        if main == "message":
            raise _Extraordinary
        if main == "multipart":
            self._inside(message, body, depth)
        else:
            message.set_payload(body)
        return message

    def _inside(self, message: MailPart, body: str, depth: int) -> None:
        """Take the body of a multipart apart."""
        if message.get_content_type() == "multipart/digest":
            raise _Extraordinary
        encoding = str(message.get("content-transfer-encoding", "8bit")).lower()
        boundary = message.get_boundary()
        if encoding not in _PLAINLY or not boundary or not _BOUNDARY.fullmatch(boundary):
            raise _Extraordinary
        marks = list(_marks(body, f"--{boundary}"))
        if len(marks) < 2 or not marks[-1][2]:
            raise _Extraordinary
        if marks[0][0]:
            message.preamble = _without_end(body[: marks[0][0]])
        for (_, start, _), (end, _, _) in pairwise(marks):
            message.attach(self._contained(body[start:end], depth + 1))
        message.epilogue = body[marks[-1][1] :]

    def _contained(self, text: str, depth: int) -> MailPart:
        """A part inside another: the line break before the boundary is the boundary's (RFC 2046, 5.1.1)."""
        child = self.part(text, depth)
        if child.is_multipart():
            child.epilogue = _without_end(str(child.epilogue)) if child.epilogue else None
        else:
            child.set_payload(_without_end(vars(child)["_payload"]))
        return child


def _known_head(message: MailPart, text: str, make: Make) -> int:
    """As `_head`; what was worked out from such a head before is shared."""
    blank = _BLANK.search(text, 0, _SHORT)
    if blank is None:
        return _head(message, text)
    message.take_head(_with_head(text[: blank.end()], make))
    return blank.end()


@lru_cache(_KEPT)
def _with_head(text: str, make: Make) -> MailPart:
    """A part with the head that `text` is, and no body."""
    message = make(compat32)
    if _head(message, text) != len(text):
        raise _Extraordinary
    return message


def _head(message: MailPart, text: str) -> int:
    """Put the header fields that `text` begins with into `message`; where its body begins."""
    at = 0
    fields: list[tuple[str, str]] = []
    while field := _FIELD.match(text, at):
        at = field.end()
        first, rest = field.group(1, 2)
        fields.append(compat32.header_source_parse([first, rest] if rest else [first]))
    separator = _SEPARATED.match(text, at)
    if separator is None or len(fields) > _FIELDS_MAX:
        raise _Extraordinary
    message.put_all(fields)
    return separator.end()


def _marks(body: str, mark: str) -> Iterator[tuple[int, int, Any]]:
    """Where the lines that are boundaries begin and end, up to the one that closes, and whether it does."""
    at = 0
    while (start := body.find(mark, at)) >= 0:
        at = start + len(mark)
        rest = _REST.match(body, at)
        if rest is None or (start and body[start - 1] != "\n"):
            continue
        yield start, rest.end(), rest[1]
        at = rest.end()
        if rest[1]:
            return


def _without_end(text: str) -> str:
    return text.removesuffix("\n").removesuffix("\r") if text.endswith("\n") else text
