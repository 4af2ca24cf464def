"""The JSON-LD of a web page: finds and parses its blocks within bounds, and the schema.org Events in them."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from html.parser import HTMLParser
from typing import Any, NoReturn

from engine.itip.bounds import Allowance

MAX_SCRIPTS = 5_000
MAX_BLOCKS = 500
MAX_CHARACTERS = 5_000_000
MAX_OBJECTS = 100_000
MAX_DEPTH = 40
_TAG_MAX = 2_000
_OPEN = re.compile(r"<!--|<script(?=[\s/>])", re.IGNORECASE)
_CLOSE = re.compile(r"</script", re.IGNORECASE)
_NESTING = re.compile(r'"(?:[^"\\]++|\\.)*+"?|[\[\]{}]', re.DOTALL)
_HOLDING = ("@graph", "itemListElement", "item")
_ALSO_EVENTS = frozenset({"Festival", "Hackathon", "EventSeries"})
_INHERITED = ("location", "organizer")
"""The properties that a subEvent inherits from its event if it has none of its own."""

Node = dict[str, Any]


class LinkedData:
    """The JSON-LD blocks of a page; `cut` is true if the page ends inside a script or a comment."""

    def __init__(self, text: str) -> None:
        self.cut = False
        self.blocks = list(self._found(text))

    def _found(self, text: str) -> Iterator[str]:
        """The text of each JSON-LD block. Raises Refused: TOO_LARGE."""
        scripts, blocks = Allowance(MAX_SCRIPTS, "scripts"), Allowance(MAX_BLOCKS, "blocks of JSON-LD")
        characters = Allowance(MAX_CHARACTERS, "characters of JSON-LD")
        for start, end in self._scripts(text):
            scripts.take()
            tag = _StartTag(text[start : min(end, start + _TAG_MAX)])
            if tag.holds_ld:
                blocks.take()
                characters.take(end - start)
                yield text[start + tag.length : end]

    def _scripts(self, text: str) -> Iterator[tuple[int, int]]:
        """The start of each script outside comments and that of its end tag, in one pass over the text."""
        at = 0
        while (opened := _OPEN.search(text, at)) is not None:
            comment = opened.group() == "<!--"
            at = text.find("-->", opened.start() + 2) if comment else self._close(text, opened.end())
            if at < 0:
                self.cut = True
                return
            if not comment:
                yield opened.start(), at

    def _close(self, text: str, start: int) -> int:
        closed = _CLOSE.search(text, start)
        return closed.start() if closed else -1


class _StartTag(HTMLParser):
    """The start tag of one script, parsed from only a few characters, since the parser may scan each many times."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.holds_ld, self.length = False, 0
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Record the script's type and the length of its tag."""
        if not self.length:
            kind = next((value or "" for name, value in attrs if name == "type"), "")
            self.holds_ld = kind.partition(";")[0].strip().lower() == "application/ld+json"
            self.length = len(self.get_starttag_text() or "")


def loaded(block: str) -> object:
    """The JSON of a block. Raises ValueError if it is invalid, nested too deeply, or contains NaN."""
    depth = 0
    for match in _NESTING.finditer(block):
        depth += {"[": 1, "{": 1, "]": -1, "}": -1}.get(match.group(), 0)
        if depth > MAX_DEPTH:
            raise ValueError("nested too deep")
    # Pages have line breaks in strings, which strict JSON forbids; numbers are not needed here.
    return json.loads(block, strict=False, parse_constant=_no_number, parse_int=str, parse_float=str)


def _no_number(name: str) -> NoReturn:
    raise ValueError(f"{name} is no JSON")


def events(value: object, objects: Allowance) -> Iterator[Node]:
    """The Events at the top level, in lists, @graph, ItemLists and other Events. Raises Refused: TOO_LARGE."""
    left = [value]
    while left:
        one = left.pop()
        objects.take()
        if isinstance(one, list):
            objects.take(len(one))
            left += reversed(one)
        elif isinstance(one, dict):
            if is_event(one):
                parts = _parts(one)
                left += reversed(parts)
                if not parts or one.get("startDate") or one.get("eventSchedule"):
                    yield one
            else:
                left += [one[name] for name in reversed(_HOLDING) if isinstance(one.get(name), list | dict)]


def _parts(event: Node) -> list[Node]:
    """The subEvents of an event that are included in it rather than only referred to."""
    value = event.get("subEvent") or event.get("subEvents")
    parts = [part for part in (value if isinstance(value, list) else [value]) if isinstance(part, dict)]
    inherited = {name: event[name] for name in _INHERITED if event.get(name)}
    return [{**inherited, **part} for part in parts if is_event(part)]


def is_event(node: Node) -> bool:
    """True for schema.org's Event and its subtypes, such as SportsEvent."""
    kinds = node.get("@type")
    names = [last(kind) for kind in (kinds if isinstance(kinds, list) else [kinds]) if isinstance(kind, str)]
    return any(name.endswith("Event") or name in _ALSO_EVENTS for name in names)


def last(name: str) -> str:
    """A schema.org name without its address: `Event` for https://schema.org/Event."""
    return re.split("[/:#]", name.strip())[-1]
