"""The hosts to which a text would link when a mail client shows it. Pure.

Mail clients make links of far more than `https://…`: of bare domains, of addresses, of `//host`, of other schemes,
with any look-alike of a period, and whatever stands invisibly between. What could be one is taken for one.
"""

from __future__ import annotations

import html
import re
import unicodedata
from collections.abc import Iterable, Iterator
from functools import lru_cache
from urllib.parse import unquote

from engine.model.addresses import host_matches

_INVISIBLE = re.compile(
    "[\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u202a-\u202e\u2060-\u206f\u3164\ufe00-\ufe0f"
    "\ufeff\uffa0\U000e0000-\U000e0fff]"
)
_DOT = str.maketrans(dict.fromkeys("。．｡․", "."))
_WITHOUT_HOST = re.compile(
    r"(?i)(?<![a-z0-9+.-])(javascript|vbscript|data|file|tel|sms|callto|skype|facetime|blob|about|intent|cid):(?=\S)"
)
"""Schemes whose links name no host."""
_SLASHES = re.compile(r"(?i)(?:[a-z][a-z0-9+.-]{0,30}:)?[/\\]{2}([^\s/\\?#<>\"'`|^{}]*)")
_ONE_SLASH = re.compile(
    r"(?i)(?<![a-z0-9+.-])(?:https?|ftps?|wss?|webcals?):(?![/\\]{2})[/\\]?([^\s/\\?#<>\"'`|^{}]+)"
)
_RUN = re.compile(r"(?<![\w-])[\w-]++(?>\.[\w-]+)++")
"""Labels with periods between them, in which the name of a host may stand; a run is looked at from its start alone."""
_LABEL = re.compile(r"[^\W_](?:[\w-]{0,61}[^\W_])?")
_LABEL_MAX = 63
_TOP = re.compile(r"(?:xn--[a-z0-9-]{1,59}|[^\W\d_]{2,63})", re.IGNORECASE)
_TAG = re.compile(r"<[^<>]*>")
_DROPPED = re.compile(r"[\t\r\n]")
"""What a browser leaves out of an address in a tag."""
_WHOLE = re.compile(r"(?i)https?://[a-z0-9.-]+(?::\d+)?/[a-z0-9._~/?#@&+=%:-]*")
"""A web address whose path is part of one link in every client: nothing in it is a link of its own."""
_PLAIN = re.compile(r"[A-Za-z0-9 ,'_-]*")
"""A text that holds nothing of which a link could be made, such as most names."""
_NUMERIC = re.compile(r"(?<![\w.])(?:\d{1,3}\.){3}\d{1,3}(?![\w.])")
_PORT = re.compile(r":\d*\Z")
_TRAILING = ".,;:!?)]}»”’"
NO_HOST = "(no host)"
"""Stands for a link that names no host, such as `tel:…`."""


def hosts(text: str) -> Iterator[str]:
    """The hosts to which `text` could link, lower case; `NO_HOST` for links without one. A host may come twice."""
    for plain in _readings(text):
        yield from _found(plain)
        if "%" in plain:
            yield from _found(unquote(plain, errors="replace"))


def outside(text: str, allowed: Iterable[str]) -> str:
    """The first host to which `text` could link and that no pattern of `allowed` matches; empty if there is none."""
    return "" if plain(text) else _outside(text, tuple(allowed))


def plain(text: str) -> bool:
    """True for a text that contains nothing a client could turn into a link, such as most names."""
    return _PLAIN.fullmatch(text) is not None


@lru_cache(maxsize=256)
def _outside(text: str, patterns: tuple[str, ...]) -> str:
    """As `outside`; the texts of an event are asked for again with each of its mails."""
    return next((host for host in hosts(text) if not host_matches(patterns, host)), "")


def _readings(text: str) -> Iterator[str]:
    """The text as it stands, as HTML, and each with look-alikes as what they look like: clients differ."""
    yield from _seen(text)
    if "&" in text or "<" in text:
        # Some clients show descriptions as HTML.
        as_html = _TAG.sub(lambda tag: _DROPPED.sub("", tag[0]), html.unescape(text))
        if as_html != text:
            yield from _seen(as_html)


def _seen(text: str) -> Iterator[str]:
    seen = _INVISIBLE.sub("", text).translate(_DOT)
    yield seen
    if not seen.isascii() and (alike := unicodedata.normalize("NFKC", seen).translate(_DOT)) != seen:
        yield alike


def _found(text: str) -> Iterator[str]:
    if _WITHOUT_HOST.search(text):
        yield NO_HOST
    if "//" in text or "\\\\" in text:
        yield from filter(None, (_host(match[1]) for match in _SLASHES.finditer(text)))
    if ":" in text:
        yield from filter(None, (_host(match[1]) for match in _ONE_SLASH.finditer(text)))
    text = _WHOLE.sub(" ", text)
    if "." in text:
        yield from _bare(text)
        yield from (match[0] for match in _NUMERIC.finditer(text))


def _bare(text: str) -> Iterator[str]:
    """The hosts that stand there without a scheme, each as long as it can be read, and lower case."""
    for run in _RUN.finditer(text if text.isascii() else _as_letters(text)):
        for start, end in _names(run[0]):
            yield text[run.start() + start : run.start() + end].lower()


def _names(run: str) -> Iterator[tuple[int, int]]:
    """Where in labels with periods between them names of hosts begin and end: a name ends in a label of letters.

    A label that no host has ends one name with its first letters and begins another with its last.
    """
    first = last = None
    place = 0
    for label in run.split("."):
        if first is not None and (top := _TOP.match(label)):
            last = place + top.end()
        if first is None or not _LABEL.fullmatch(label):
            if first is not None and last is not None:
                yield first, last
            first, last = _beginning(label, place), None
        place += len(label) + 1
    if first is not None and last is not None:
        yield first, last


def _beginning(label: str, place: int) -> int | None:
    """Where a name of a host begins in its first label; None if none does."""
    tail = label[-_LABEL_MAX:].lstrip("-_")
    return place + len(label) - len(tail) if tail and tail[-1] not in "-_" else None


def _as_letters(text: str) -> str:
    """`text` with a letter for each mark: scripts such as Devanagari write vowels as marks within a name."""
    return "".join("x" if unicodedata.category(char)[0] == "M" else char for char in text)


def _host(authority: str) -> str:
    """The host of an authority, without user, port and what ends a sentence."""
    host = unquote(authority.rpartition("@")[2]).rstrip(_TRAILING)
    return _PORT.sub("", host).lower()
