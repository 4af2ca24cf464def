"""Addresses as bounds compare them: a canonical spelling for each, and patterns that match several. Pure."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from functools import lru_cache
from typing import NamedTuple

import idna

_DOTS = re.compile("[。．｡]")
_LABEL_MAX = 63
_DOMAIN_MAX = 253
_QUOTED = re.compile(r'"((?:[^"\\]|\\.)*)"', re.DOTALL)
_STRANGE = re.compile(r"[^a-z0-9._-]")
_ESCAPED = re.compile(r"\\(.)", re.DOTALL)
_WORD = re.compile(r"[^\s<>()\[\]{},;:|\"«»“”‘„?&]+")
_APART = re.compile(r"(?<![^\W_])['’]|['’](?![^\W_])|=(?![^=@'’.]*\.[^=@'’]*@)")
"""What ends an address within a word: a quotation mark, not the apostrophe of o'brien@; what names a value, not the
`=` of bounce+ann=example.com@, where mailing lists write a domain in it."""
_NAMED = re.compile(r"['’=]")
"""The same in a parameter of a web address."""
_CARD = re.compile(r"BEGIN:V[A-Z]", re.IGNORECASE)
_FOLD = re.compile(r"\r?\n[ \t]")
"""Where calendars and cards break a long line, also within an address (RFC 5545, 3.1)."""
_SOFT = re.compile(r"(?<=@)=\r?\n|=\r?\n(?=[^\s@]*@)")
"""The same of quoted-printable, where what a mail says could not be decoded."""
_IN_QUOTES = re.compile(r'"[^"\n]{1,64}"(?=@)')
_PERCENT = re.compile("%(?:25){0,3}40|[＠﹫]")
PATTERN_MAX = 320
"""Characters of one pattern."""

Test = Callable[[str, str], bool]


def canonical_domain(domain: str) -> str | None:
    """The domain in lower-case ASCII (IDNA, UTS 46); None if it is not a domain, or ends in a period."""
    return (_known_domain if len(domain) <= _DOMAIN_MAX else _read_domain)(domain)


def _read_domain(domain: str) -> str | None:
    if domain.isascii() and "xn--" not in domain.lower():
        labels = domain.lower()
    else:
        try:
            labels = idna.encode(_DOTS.sub(".", domain), uts46=True).decode("ascii").lower()
        except (idna.IDNAError, UnicodeError, ValueError, IndexError):
            return None
    parts = labels.split(".")
    sound = len(labels) <= _DOMAIN_MAX and all(0 < len(part) <= _LABEL_MAX for part in parts)
    return labels if sound and not _STRANGE.search(labels) else None


# The mails of a campaign go to few domains, and each mail asks for its own.
_known_domain = lru_cache(maxsize=1_024)(_read_domain)


def canonical(address: str) -> tuple[str, str] | None:
    """Local part and domain of an address in their canonical spelling; None if it is not an address.

    A quoted local part is the text within the quotes: only what follows the last @ says where a mail goes.
    """
    local, at, domain = address.strip().rpartition("@")
    place = canonical_domain(domain) if at else None
    if place is None or not local:
        return None
    if local.startswith('"') and (quoted := _QUOTED.fullmatch(local)):
        local = _ESCAPED.sub(r"\1", quoted[1])
    elif "@" in local or '"' in local:
        return None
    return local.lower(), place


def person(address: str) -> str:
    """The address that limits count: without its +tag; a text that is not an address is returned as it is."""
    found = canonical(address)
    if found is None:
        return address.strip().lower()
    local = found[0].partition("+")[0] or found[0]
    return f"{local}@{found[1]}"


def pattern(text: str) -> str:
    """A pattern in its canonical spelling: `ann@example.com`, `*@example.com`, `*@*.example.com`, or `*` for all.

    Raises ValueError with a sentence.
    """
    text = text.strip()
    if len(text) > PATTERN_MAX:
        raise ValueError(f"“{text[:60]}…” is longer than any address.")
    if text in {"*", "*@*"}:
        return "*"
    local, at, domain = text.rpartition("@")
    below = domain.startswith("*.")
    place = canonical_domain(domain[2:] if below else domain)
    if not at or not local or place is None or "*" in place:
        raise ValueError(
            f"“{text[:60]}” is not an address pattern; write ann@example.com, *@example.com or *@*.example.com."
        )
    found = canonical(f"{local}@{place}")
    if found is None:
        raise ValueError(f"“{text[:60]}” is not an address pattern: its local part cannot be read.")
    return f"{found[0]}@{'*.' if below else ''}{place}"


def host_pattern(text: str) -> str:
    """A pattern of hosts in its canonical spelling: `example.com` is only that host, `*.example.com` those below it.

    Raises ValueError with a sentence.
    """
    text = text.strip()
    below = text.startswith("*.")
    place = canonical_domain(text[2:] if below else text)
    if place is None or "." not in place:
        raise ValueError(f"“{text[:60]}” is not a domain; write example.com or *.example.com.")
    return f"*.{place}" if below else place


def matches(patterns: Sequence[str], address: str) -> bool:
    """True if one of `patterns` matches `address`; a text that is not an address matches none."""
    found = canonical(address)
    return found is not None and patterns_of(tuple(patterns)).name(*found)


class Patterns(NamedTuple):
    """Patterns of addresses, indexed so that thousands are looked up as fast as one."""

    addresses: frozenset[str]
    domains: frozenset[str]
    tests: tuple[Test, ...]

    def name(self, local: str, domain: str) -> bool:
        """True if one of them matches this address, given by its parts as `canonical` returns them."""
        if domain in self.domains or (self.addresses and f"{local}@{domain}" in self.addresses):
            return True
        return any(test(local, domain) for test in self.tests)


@lru_cache(maxsize=256)
def patterns_of(patterns: tuple[str, ...]) -> Patterns:
    """These patterns, each in its canonical spelling, indexed for look-ups."""
    whole = frozenset(one for one in patterns if "*" not in one)
    domains = {one: one[2:] for one in patterns if one.startswith("*@") and "*" not in one[2:]}
    rest = [one for one in patterns if one not in whole and one not in domains]
    return Patterns(whole, frozenset(domains.values()), tuple(map(_test, rest)))


def host_matches(patterns: Iterable[str], host: str) -> bool:
    """True if one of the patterns of hosts matches `host`."""
    place = canonical_domain(host)
    return place is not None and any(_host_fits(one, place) for one in patterns)


def _host_fits(one: str, place: str) -> bool:
    return place.endswith(one[1:]) if one.startswith("*.") else place == one


def _test(one: str) -> Test:
    if one == "*":
        return lambda _local, _domain: True
    local, _, domain = one.rpartition("@")
    if local == "*":
        return lambda _local, place: _host_fits(domain, place)
    if "*" not in local:
        return lambda name, place: name == local and _host_fits(domain, place)
    parts = local.split("*")
    return lambda name, place: _host_fits(domain, place) and _consists_of(parts, name)


def _consists_of(parts: Sequence[str], name: str) -> bool:
    """True if `name` is these parts in their order, with anything between them.

    Each is looked for once, from where the one before ended: an expression would try all places of all parts.
    """
    first, *others, last = parts
    at, end = len(first), len(name) - len(last)
    if at > end or not name.startswith(first) or not name.endswith(last):
        return False
    for part in others:
        found = name.find(part, at, end)
        if found < 0:
            return False
        at = found + len(part)
    return True


def masked_address(address: str) -> str:
    """The address with everything hidden except its first letter and its domain."""
    user, _, domain = address.partition("@")
    return f"{user[:1]}*******@{domain}"


def without_addresses(text: str) -> str:
    """The text, with every address in it masked except its first letter and its domain."""
    if "@" not in text and "40" not in text and text.isascii():
        return text
    text = _PERCENT.sub("@", text)
    if "@" not in text:
        return text
    if _CARD.search(text):
        text = _FOLD.sub("", text)
    return _WORD.sub(_masked, _IN_QUOTES.sub("*", _SOFT.sub("", text)))


def _masked(found: re.Match[str]) -> str:
    word = found[0]
    if "@" not in word:
        return word
    apart = _NAMED if found.string[max(0, found.start() - 1) : found.start()] in {"?", "&", ";"} else _APART
    shown, place = [], 0
    for mark in apart.finditer(word):
        shown += [_one_masked(word[place : mark.start()]), mark[0]]
        place = mark.end()
    return "".join([*shown, _one_masked(word[place:])])


def _one_masked(word: str) -> str:
    local, at, domain = word.rpartition("@")
    if not (at and domain and local.strip("*")):
        return word
    return masked_address(f"{local.replace('@', '')}@{domain}")
