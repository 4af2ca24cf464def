"""The microdata of a web page: its schema.org Events, as the objects that JSON-LD would contain (HTML, 5)."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from html import unescape

from engine.imports.ldjson import Node, is_event, last
from engine.itip.bounds import Allowance

MAX_TAGS = 1_000_000
MAX_CHARACTERS = 5_000_000
MAX_DEPTH = 500
"""The most open elements at a time; a page that nests deeper is read only up to there."""
_TAG_MAX = 4_000
_NEXT = re.compile(r"<(?=[a-zA-Z/!])")
_TAG = re.compile(r"<(/?)([a-zA-Z][\w:-]{0,40}+)((?:[^>\"']++|(?>\"[^\"]*\")|(?>'[^']*'))*+)>")
_ATTRIBUTE = re.compile(r"([^\s\"'>/=]{1,100}+)(?:\s*+=\s*+(?:\"([^\"]*+)\"|'([^']*+)'|([^\s\"'=<>`]++)))?")
_RAW_END = re.compile(r"</(?:script|style)", re.IGNORECASE)
_HUGE = re.compile(r"&#[xX]?[0-9A-Fa-f]{9,}")
_RAW = frozenset({"script", "style"})
_VOID = frozenset(
    ["area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "source", "track", "wbr"]
)
_ENDS = {
    "li": frozenset({"li", "p"}),
    "p": frozenset({"p"}),
    "dt": frozenset({"dt", "dd", "p"}),
    "dd": frozenset({"dt", "dd", "p"}),
    "tr": frozenset({"tr", "td", "th", "p"}),
    "td": frozenset({"td", "th", "p"}),
    "th": frozenset({"td", "th", "p"}),
}
"""For elements with optional end tags: which open elements end when one of this name starts."""
_INLINE = frozenset("a abbr b bdi bdo data em i mark s small span strong sub sup time u wbr".split())  # noqa: SIM905
_LINKS = {"a": "href", "area": "href", "link": "href", "object": "data", "data": "value", "meter": "value"}
_SOURCES = frozenset(("audio", "embed", "iframe", "img", "source", "track", "video"))


def unescaped(text: str) -> str:
    """`text` with its character references replaced; those to invalid code points are removed."""
    return unescape(_HUGE.sub("", text))


def holds_items(data: bytes | bytearray) -> bool:
    """True if a page has attributes that mark schema.org items."""
    lowered = data.lower()
    return b"itemscope" in lowered and b"schema.org" in lowered


@dataclass(slots=True)
class _Element:
    tag: str
    item: Node | None = None
    owner: Node | None = None
    names: tuple[str, ...] = ()
    since: int = 0
    """The number of pieces of text before it."""
    length: int = 0


class Microdata:
    """The Events of a page, in order; `cut` is true if the page ends inside markup or nests too deeply."""

    def __init__(self, text: str) -> None:
        self.cut = False
        self.events: list[Node] = []
        self._open: list[_Element] = []
        self._tags: Counter[str] = Counter()
        self._collecting = 0
        self._pieces: list[str] = []
        self._length = 0
        self._characters = Allowance(MAX_CHARACTERS, "characters in items")
        self._read(text)

    def _read(self, text: str) -> None:
        """Parse a page. Raises Refused: TOO_LARGE."""
        tags, at = Allowance(MAX_TAGS, "tags"), 0
        while not self.cut and (found := _NEXT.search(text, at)) is not None:
            tags.take()
            self._say(text[at : found.start()])
            at = self._markup(text, found.start())
        self._close_to(0)

    def _markup(self, text: str, start: int) -> int:
        """Handle the comment, script or tag that starts at `start`, and return where it ends."""
        if text.startswith("<!--", start):
            return self._after(text.find("-->", start + 2), 3, text)
        tag = _TAG.match(text, start, min(len(text), start + _TAG_MAX))
        if tag is None:
            return start + 1
        name = tag[2].lower()
        if tag[1]:
            self._end(name)
        else:
            self._begin(name, _attributes(tag[3]))
            if name in _RAW:
                self._end(name)
                closed = _RAW_END.search(text, tag.end())
                return self._after(closed.start() if closed else -1, 0, text)
        return tag.end()

    def _after(self, at: int, length: int, text: str) -> int:
        self.cut = self.cut or at < 0
        return len(text) if at < 0 else at + length

    def _say(self, text: str) -> None:
        if self._collecting and text:
            self._pieces.append(text)
            self._length += len(text)

    def _begin(self, tag: str, attributes: Mapping[str, str]) -> None:
        while self._open and self._open[-1].tag in _ENDS.get(tag, ()):
            self._close_to(len(self._open) - 1)
        if tag not in _INLINE:
            self._say(" ")
        element = self._element(tag, attributes)
        if tag in _VOID:
            return
        if len(self._open) >= MAX_DEPTH:
            self.cut = True
            return
        self._open.append(element)
        self._tags[tag] += 1
        if element.names:
            self._collecting += 1

    def _element(self, tag: str, attributes: Mapping[str, str]) -> _Element:
        """The element; values that its attributes give to an item are recorded."""
        owner = next((e.item for e in reversed(self._open) if e.item is not None), None)
        names = tuple(last(name) for name in attributes.get("itemprop", "").split()[:5]) if owner else ()
        item = _item(attributes) if "itemscope" in attributes else None
        if item is not None and is_event(item) and not self._within_event():
            self.events.append(item)
        value = item if item is not None else _value(tag, attributes)
        if owner is not None and value is not None:
            _add(owner, names, value)
            names = ()
        return _Element(tag, item, owner, names, len(self._pieces), self._length)

    def _within_event(self) -> bool:
        return any(e.item is not None and is_event(e.item) for e in self._open)

    def _end(self, tag: str) -> None:
        if self._tags[tag]:
            self._close_to(max(n for n, element in enumerate(self._open) if element.tag == tag))
        if tag not in _INLINE:
            self._say(" ")

    def _close_to(self, depth: int) -> None:
        while len(self._open) > depth:
            element = self._open.pop()
            self._tags[element.tag] -= 1
            if element.names and element.owner is not None:
                self._characters.take(self._length - element.length)
                text = unescaped("".join(self._pieces[element.since :])).strip()
                _add(element.owner, element.names, text)
                self._collecting -= 1
        if not self._collecting:
            self._pieces.clear()


def _attributes(text: str) -> dict[str, str]:
    found: dict[str, str] = {}
    for match in _ATTRIBUTE.finditer(text):
        found.setdefault(match[1].lower(), unescaped(match[2] or match[3] or match[4] or ""))
    return found


def _item(attributes: Mapping[str, str]) -> Node:
    item: Node = {"@type": attributes.get("itemtype", "").split()[:5]}
    if attributes.get("itemid"):
        item["@id"] = attributes["itemid"]
    return item


def _value(tag: str, attributes: Mapping[str, str]) -> str | None:
    """The value that the attributes of an element give, or None if its text is the value (HTML, 5.2.4)."""
    if "content" in attributes:
        return attributes["content"]
    if tag == "meta":
        return ""
    if tag == "time":
        return attributes.get("datetime")
    if tag in _SOURCES:
        return attributes.get("src", "")
    return attributes.get(_LINKS[tag]) if tag in _LINKS else None


def _add(item: Node, names: tuple[str, ...], value: object) -> None:
    """Add a value to an item; a repeated name gets a list."""
    for name in names:
        if name not in item:
            item[name] = value
        elif isinstance(item[name], list) and name != "@type":
            item[name].append(value)
        else:
            item[name] = [item[name], value]
