"""Takes a mail apart into its leaf parts, unpacking everything that mails are packed in."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from email.message import Message

from engine.mail.incoming import bounds, smime
from engine.mail.incoming.leaves import Leaf
from engine.mail.incoming.parsing import parse
from engine.refusals import Refused

_SMIME = {"application/pkcs7-mime", "application/x-pkcs7-mime"}
_MAIL_NAMES = (".eml",)


@dataclass(frozen=True, slots=True)
class _Open:
    """A part that may hold others: how deep it lies, and inside what."""

    message: Message
    depth: int = 0
    attached: bool = False
    alternative: bool = False


@dataclass(slots=True)
class Parts:
    """The leaves of a mail in their order, and why a part could not be opened, if one could not."""

    leaves: list[Leaf] = field(default_factory=list)
    obstacle: Refused | None = None


def parts(mail: Message) -> Parts:
    """The leaf parts of `mail`, also of what is signed, attached as a mail, or both.

    Raises Refused(UNREADABLE_MAIL) over 200 parts, 20 levels, or 2,000 headers in a part.
    """
    walk = _Walk()
    walk.run(mail)
    return walk.found


class _Walk:
    def __init__(self) -> None:
        self.found = Parts()
        self._waiting: deque[_Open] = deque()
        self._count = 0
        self._opened = 0

    def run(self, mail: Message) -> None:
        self._waiting.append(_Open(mail))
        while self._waiting:
            part = self._waiting.popleft()
            self._count += 1
            deep = self._count > bounds.MAX_PARTS or part.depth > bounds.MAX_DEPTH
            if deep or len(part.message) > bounds.MAX_HEADERS:
                raise bounds.too_many_parts()
            self._waiting.extendleft(reversed(list(self._inside(part))))

    def _inside(self, part: _Open) -> Iterator[_Open]:
        """What `part` holds; a leaf holds nothing and is kept."""
        message, kind = part.message, part.message.get_content_type()
        if kind == "multipart/encrypted":
            self.found.obstacle = smime.encrypted()
            return
        children = message.get_payload()
        if isinstance(children, list):
            yield from self._children(part, kind, [c for c in children if isinstance(c, Message)])
            return
        leaf = Leaf(message, attached=part.attached, alternative=part.alternative)
        if kind in _SMIME:
            yield from self._signed(part, leaf)
        elif leaf.name.endswith(_MAIL_NAMES) and leaf.main in {"application", "message"}:
            yield self._parsed(part, leaf.content, attached=True)
        else:
            self.found.leaves.append(leaf)

    def _children(self, part: _Open, kind: str, children: list[Message]) -> Iterator[_Open]:
        if kind == "message/rfc822" and _is_encoded(part.message, children):
            # RFC 2046 forbids it, and mail programs do it
            children[0]["Content-Transfer-Encoding"] = "base64"
            content = children[0].get_payload(decode=True)
            yield self._parsed(part, content if isinstance(content, bytes) else b"", attached=True)
            return
        attached = part.attached or kind == "message/rfc822"
        alternative = kind == "multipart/alternative" or (part.alternative and kind.startswith("multipart/"))
        for child in children:
            yield _Open(child, part.depth + 1, attached, alternative)

    def _signed(self, part: _Open, leaf: Leaf) -> Iterator[_Open]:
        try:
            content = smime.content(leaf.content)
        except Refused as obstacle:
            self.found.obstacle = obstacle
            return
        yield self._parsed(part, content, attached=part.attached)

    def _parsed(self, part: _Open, content: bytes, *, attached: bool) -> _Open:
        self._opened += len(content)
        if self._opened > bounds.MAX_BYTES:
            raise bounds.unreadable("The mail is too large once it is unpacked.")
        return _Open(parse(content), part.depth + 1, attached)


def _is_encoded(message: Message, children: list[Message]) -> bool:
    """True if an attached mail came in base64, so that the parser found no headers in it."""
    encoding = str(message.get("Content-Transfer-Encoding", "")).strip().lower()
    return encoding == "base64" and len(children) == 1 and not len(children[0])
