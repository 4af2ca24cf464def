"""Parses the bytes of a mail into its tree of parts, within bounds (RFC 5322, RFC 2045)."""

from __future__ import annotations

import itertools
from email.feedparser import BytesFeedParser
from email.message import Message
from email.policy import Compat32
from typing import Any

from engine.mail import bounds
from engine.mail.charsets import plain

_CHUNK = 100_000


def parse(mail: bytes) -> Message:
    """The tree of `mail`.

    Raises Refused(UNREADABLE_MAIL) for what `bounds` forbids, and whatever the library trips over.
    """
    bounds.check(mail)
    # fed in pieces, for the library's own way keeps the whole text four times over
    parser = BytesFeedParser(_factory=Part, policy=_bounded())
    for start in range(0, len(mail), _CHUNK):
        parser.feed(mail[start : start + _CHUNK])
    found = parser.close()
    assert isinstance(found, Message)
    return found


class Part(Message):
    """A part of a mail, of which nothing is decoded in a codec that is none for text."""

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
