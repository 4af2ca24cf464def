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
_GIVEN, _KIND = ":given", ":kind"
"""No header field is called so."""


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
    """A part of a mail, of which nothing is decoded in a codec that is none for text.

    What is asked of its header again and again is worked out once.
    """

    def given(self, name: str) -> list[str]:
        """The values of the header fields called `name` in lower case, from the top, as they stand there."""
        known = self._known()
        if _GIVEN not in known:
            index: dict[str, list[str]] = {}
            for key, value in self.raw_items():
                index.setdefault(key.lower(), []).append(str(value))
            known[_GIVEN] = index
        found: list[str] = known[_GIVEN].get(name, [])
        return found

    def get(self, name: str, failobj: Any = None) -> Any:
        known, key = self._known(), name.lower()
        if key not in known:
            known[key] = super().get(name)
        return failobj if known[key] is None else known[key]

    def get_param(
        self, param: str, failobj: Any = None, header: str = "content-type", unquote: bool = True
    ) -> Any:
        known, key = self._known(), f":{header}:{param}:{unquote}"
        if key not in known:
            known[key] = super().get_param(param, None, header, unquote)
        return failobj if known[key] is None else known[key]

    def get_content_type(self) -> str:
        known = self._known()
        if _KIND not in known:
            known[_KIND] = super().get_content_type()
        found: str = known[_KIND]
        return found

    def _known(self) -> dict[str, Any]:
        """What was worked out from the header as it is now."""
        own = self.__dict__
        count = len(own["_headers"])
        if own.get("_known_of") != count:
            own["_known_of"], own["_known_values"] = count, {}
        found: dict[str, Any] = own["_known_values"]
        return found

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
