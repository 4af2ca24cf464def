"""Parses the bytes of a mail into its tree of parts, within bounds (RFC 5322, RFC 2045)."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from email.feedparser import BytesFeedParser
from email.message import Message
from email.policy import Compat32, Policy, compat32
from typing import Any, TypeVar

from engine.mail.charsets import plain
from engine.mail.incoming import bounds, ordinary

T = TypeVar("T")
_CHUNK = 100_000
_KIND = ":kind"
"""No header field is called so."""


def parse_whole(mail: bytes) -> Message:
    """The tree of a mail as it came; raises as `parse` does. An ordinary one costs a part of what others do."""
    bounds.check(mail)
    return ordinary.parse(mail, MailPart) or _by_library(mail, MailPart)


def parse(mail: bytes) -> Message:
    """The tree of `mail`, whatever it was found in.

    Raises Refused(UNREADABLE_MAIL) for what `bounds` forbids, and whatever the library trips over.
    """
    bounds.check(mail)
    return _by_library(mail, _parts_at_most(bounds.MAX_PARTS))


def _by_library(mail: bytes, make: Callable[..., MailPart]) -> Message:
    # fed in pieces, for the library's own way keeps the whole text four times over
    parser = BytesFeedParser(_factory=make, policy=_bounded())
    for start in range(0, len(mail), _CHUNK):
        parser.feed(mail[start : start + _CHUNK])
    found = parser.close()
    assert isinstance(found, Message)
    return found


def _parts_at_most(most: int) -> Callable[..., MailPart]:
    """What makes the parts of one mail and stops at one too many: each costs as much as it lies deep."""
    made = itertools.count()  # the parser makes one more, to see how

    def make(policy: Policy) -> MailPart:
        if next(made) > most:
            raise bounds.too_many_parts()
        return MailPart(policy)

    return make


class MailPart(Message):
    """A part of a mail, of which nothing is decoded in a codec that is none for text.

    What is asked of its header again and again is worked out once.
    """

    def __init__(self, policy: Policy = compat32) -> None:
        super().__init__(policy)
        self._asked: dict[object, Any] = {}
        self._index: dict[str, list[tuple[str, Any]]] | None = None

    def set_raw(self, name: str, value: Any) -> None:
        """As the parser adds a header field; what was worked out from the fields before is forgotten."""
        super().set_raw(name, value)
        self._changed()

    def put_all(self, fields: Sequence[tuple[str, str]]) -> None:
        """Add header fields as the parser would one after the other."""
        vars(self)["_headers"].extend(fields)
        self._changed()

    def take_head(self, other: MailPart) -> None:
        """Have the header of `other`, and share with it whatever is worked out from that."""
        vars(self)["_headers"].extend(other.raw_items())
        self._index, self._asked = other.index, other._asked

    def once(self, what: str, work: Callable[[MailPart], T]) -> T:
        """What `work` comes to, which depends on the header alone and is worked out once; `what` names it."""
        found: T | None = self._asked.get(what)
        if found is None:
            found = self._asked[what] = work(self)
        return found

    def __setitem__(self, name: str, value: Any) -> None:
        super().__setitem__(name, value)
        self._changed()

    def _changed(self) -> None:
        self._index = None
        self._asked = {}  # not emptied: others may share it

    @property
    def index(self) -> dict[str, list[tuple[str, Any]]]:
        """The header fields by their names in lower case, from the top, as they stand there."""
        if self._index is None:
            self._index = {}
            for key, value in self.raw_items():
                self._index.setdefault(key.lower(), []).append((key, value))
        return self._index

    def given(self, name: str) -> list[str]:
        """The values of the header fields called `name` in lower case, from the top, as they stand there."""
        found = (self._index or self.index).get(name)
        return [str(value) for _, value in found] if found else []

    def get(self, name: str, failobj: Any = None) -> Any:
        found = (self._index or self.index).get(name.lower())
        return self.policy.header_fetch_parse(*found[0]) if found else failobj

    def get_param(
        self, param: str, failobj: Any = None, header: str = "content-type", unquote: bool = True
    ) -> Any:
        known = self._asked.get(key := (header, unquote))
        if known is None:
            known = self._asked[key] = {}
            for name, value in self.get_params([], header, unquote):
                known.setdefault(name.lower(), value)
        found = known.get(param.lower())
        return failobj if found is None else found

    def get_content_type(self) -> str:
        found: str | None = self._asked.get(_KIND)
        if found is None:
            found = self._asked[_KIND] = super().get_content_type()
        return found

    def get_content_maintype(self) -> str:
        return self.get_content_type().partition("/")[0]

    def get_boundary(self, failobj: Any = None) -> Any:
        boundary = self.get_param("boundary")
        return failobj if boundary is None else plain(boundary).rstrip()

    def get_payload(self, i: Any = None, decode: Any = False) -> Any:
        """As the library gives it, but without decoding text in its charset, which `leaves` does."""
        if decode or self.is_multipart():
            return super().get_payload(i, decode)
        return vars(self)["_payload"]


def _bounded() -> Compat32:
    """The library's usual policy, which stops where one mail has more headers than all its parts may have."""
    count = itertools.count(1)

    class Bounded(Compat32):
        def header_source_parse(self, sourcelines: list[str]) -> tuple[str, str]:
            if next(count) > bounds.MAX_HEADERS_IN_ALL:
                raise bounds.unreadable("The mail has too many headers.")
            return super().header_source_parse(sourcelines)

    return Bounded()
