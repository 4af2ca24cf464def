"""The hosts to which a text would link, once a mail client has read it. Pure.

Mail clients make links of far more than `https://…`: of bare domains, of addresses, of `//host`, of other schemes,
with any look-alike of a period, and whatever stands invisibly between. What could be one is taken for one.
"""

from __future__ import annotations

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
_BARE = re.compile(
    r"(?:[^\W_](?:[\w-]{0,61}[^\W_])?\.){1,12}(?:xn--[a-z0-9-]{1,59}|[^\W\d_]{2,63})", re.IGNORECASE
)
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
    """The first host that `text` could link to and that no pattern of `allowed` names; empty where there is none."""
    return "" if plain(text) else _outside(text, tuple(allowed))


def plain(text: str) -> bool:
    """True for a text that holds nothing of which a link could be made, such as most names."""
    return _PLAIN.fullmatch(text) is not None


@lru_cache(maxsize=256)
def _outside(text: str, patterns: tuple[str, ...]) -> str:
    """As `outside`; the texts of an event are asked for again with each of its mails."""
    return next((host for host in hosts(text) if not host_matches(patterns, host)), "")


def _readings(text: str) -> Iterator[str]:
    """The text as it stands and with look-alikes as what they look like: clients differ in which they read."""
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
        yield from (match[0].lower() for match in _BARE.finditer(text))
        yield from (match[0] for match in _NUMERIC.finditer(text))


def _host(authority: str) -> str:
    """The host of an authority, without user, port and what ends a sentence."""
    host = unquote(authority.rpartition("@")[2]).rstrip(_TRAILING)
    return _PORT.sub("", host).lower()
