"""The leaf parts of a mail: the name, encoding and bytes of each (RFC 2045, RFC 2183)."""

from __future__ import annotations

import re
from collections.abc import Callable
from email.message import Message
from typing import TypeVar

from engine.mail.charsets import known, plain, single_byte, wide
from engine.mail.incoming.headers import in_words
from engine.mail.incoming.parsing import MailPart

T = TypeVar("T")
_WIDE = re.compile(r"(?i)(utf-(16|32|7)|iso2022|hz)")
_PARAMETER_MAX = 200
_UTF16 = (b"\xff\xfe", b"\xfe\xff")


class Leaf:
    """One part that holds no others: of the mail itself, or out of something that was packed into it.

    `attached`: inside a mail that was attached. `alternative`: one of several forms of the same.
    """

    def __init__(self, message: Message, *, attached: bool = False, alternative: bool = False) -> None:
        self._message = message
        self.kind = message.get_content_type()
        self.name = _once(message, ":name", _name)
        self.attached = attached
        self.alternative = alternative
        self._content: bytes | None = None
        self._text: str | None = None

    @property
    def main(self) -> str:
        return self.kind.partition("/")[0]

    @property
    def is_attachment(self) -> bool:
        return _once(self._message, ":disposition", _disposition) == "attachment"

    @property
    def content(self) -> bytes:
        """The bytes, decoded from their transfer encoding."""
        if self._content is None:
            payload = self._message.get_payload(decode=True)
            self._content = payload if isinstance(payload, bytes) else b""
        return self._content

    @property
    def charset(self) -> str | None:
        return known(self.parameter("charset").lower()) or None

    def parameter(self, name: str) -> str:
        """A parameter of the Content-Type; empty if there is none, or one that is longer than parameters are."""
        return _once(self._message, f":{name}", lambda message: _parameter(message, name))

    @property
    def text(self) -> str:
        if self._text is None:
            self._text = decoded(self.content, self.charset)
        return self._text


class Unpacked(Leaf):
    """A leaf that was packed in a format of its own, such as TNEF or zip."""

    def __init__(self, content: bytes, *, kind: str = "", name: str = "", attached: bool = False) -> None:
        self.kind = kind
        self.name = name.lower()[-200:]
        self.attached = attached
        self.alternative = False
        self._content = content
        self._text = None

    @property
    def is_attachment(self) -> bool:
        return True

    @property
    def charset(self) -> str | None:
        return None

    def parameter(self, name: str) -> str:
        return ""


def _once(message: Message, what: str, work: Callable[[Message], T]) -> T:
    """What `work` finds in the header of `message`; in one that many parts share, it looked before."""
    return message.once(what, work) if isinstance(message, MailPart) else work(message)


def _name(message: Message) -> str:
    return in_words(_filename(message)).lower()[-200:]


def _disposition(message: Message) -> str:
    return message.get_content_disposition() or ""


def _parameter(message: Message, name: str) -> str:
    text = plain(message.get_param(name, ""))
    return text if len(text) <= _PARAMETER_MAX else ""


def _filename(message: Message) -> str:
    """The name of a part, as its disposition or its type says it (RFC 2183, 2.3)."""
    named = message.get_param("filename", "", "content-disposition") or message.get_param("name", "")
    return plain(named).strip()


def is_utf16(data: bytes) -> bool:
    """True if the bytes begin with the byte order mark of UTF-16."""
    return data[:2] in _UTF16


def decoded(data: bytes, charset: str | None) -> str:
    """`data` as text: by its mark, as UTF-8, by its charset, else as Windows-1252."""
    charset = known(charset or "")
    first = [wide(data), charset if charset and _WIDE.match(charset) else "", "utf-8-sig", charset]
    for encoding in filter(None, first):
        try:
            return data.decode(encoding)
        except (LookupError, ValueError):
            continue
    try:
        return data.decode(single_byte(data))
    except ValueError:
        return data.decode("latin-1")
