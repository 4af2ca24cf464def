"""The leaf parts of a mail: what each is called, how it is encoded, and its bytes (RFC 2045, RFC 2183)."""

from __future__ import annotations

import re
from email.message import Message
from functools import cached_property

from engine.mail.charsets import known, plain, single_byte, wide
from engine.mail.incoming.headers import in_words

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
        self.name = in_words(_filename(message)).lower()[-200:]
        self.attached = attached
        self.alternative = alternative

    @property
    def main(self) -> str:
        return self.kind.partition("/")[0]

    @property
    def is_attachment(self) -> bool:
        return self._message.get_content_disposition() == "attachment"

    @cached_property
    def content(self) -> bytes:
        """The bytes, decoded from their transfer encoding."""
        payload = self._message.get_payload(decode=True)
        return payload if isinstance(payload, bytes) else b""

    @property
    def charset(self) -> str | None:
        return known(self.parameter("charset").lower()) or None

    def parameter(self, name: str) -> str:
        """A parameter of the Content-Type; empty if there is none, or one that is longer than parameters are."""
        text = plain(self._message.get_param(name, ""))
        return text if len(text) <= _PARAMETER_MAX else ""

    @property
    def text(self) -> str:
        return decoded(self.content, self.charset)


class Unpacked(Leaf):
    """A leaf that was packed in a format of its own, such as TNEF or zip."""

    def __init__(self, content: bytes, *, kind: str = "", name: str = "", attached: bool = False) -> None:
        self.kind = kind
        self.name = name.lower()[-200:]
        self.attached = attached
        self.alternative = False
        self.content = content

    @property
    def is_attachment(self) -> bool:
        return True

    @property
    def charset(self) -> str | None:
        return None

    def parameter(self, name: str) -> str:
        return ""


def _filename(message: Message) -> str:
    """The name of a part, as its disposition or its type says it (RFC 2183, 2.3)."""
    named = message.get_param("filename", "", "content-disposition") or message.get_param("name", "")
    return plain(named).strip()


def is_utf16(data: bytes) -> bool:
    """True if the bytes say by their mark that they are UTF-16."""
    return data[:2] in _UTF16


def decoded(data: bytes, charset: str | None) -> str:
    """`data` as text: by its mark, as UTF-8, by its charset, else as Windows-1252."""
    charset = known(charset or "")
    encodings = ["utf-8-sig", charset, single_byte(data)]
    if charset and _WIDE.match(charset):
        encodings.insert(0, charset)
    if found := wide(data):
        encodings.insert(0, found)
    for encoding in encodings:
        try:
            return data.decode(encoding)
        except (LookupError, ValueError):
            continue
    return data.decode("latin-1")
