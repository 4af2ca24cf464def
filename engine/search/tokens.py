"""Splits a query into words, numbers, times and quoted phrases."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache

QUERY_MAX = 500
_TOKENS_MAX = 60

_TOKEN = re.compile(
    r"""
    ["“”](?P<quoted>[^"“”]{1,200})["“”]
  | (?P<iso>\d{4}-\d{2}(?:-\d{2})?(?![\d-]))
  | (?P<clock>\d{1,2}:\d{2}(?:\s*[ap]\.?m\b\.?)?|\d{1,2}\s*[ap]\.?m\b\.?)
  | (?P<numeric>\d{1,4}[/.]\d{1,2}(?:[/.]\d{1,4})?(?![\d/]))
  | (?P<word>\w+(?:['’]\w+)*|(?<!\S)@)
  | (?P<dash>[-–—])
    """,
    re.VERBOSE | re.IGNORECASE,
)
_POSSESSIVE = re.compile(r"['’]s$")


@dataclass(frozen=True, slots=True)
class Token:
    """One piece of a query: `kind` is word, quoted, iso, clock, numeric or dash; `text` is in lower case."""

    kind: str
    text: str


def _word(text: str) -> str:
    """A word in its usual spelling: “Foxes @ Owls” is “Foxes at Owls”."""
    return "at" if text == "@" else _POSSESSIVE.sub("", text.replace("’", "'"))


@lru_cache(maxsize=256)
def tokens(query: str) -> tuple[Token, ...]:
    """The first 60 tokens of a query; characters other than letters, digits and dashes separate them."""
    found = list[Token]()
    for match in _TOKEN.finditer(query[:QUERY_MAX]):
        kind = match.lastgroup or "word"
        text = match.group(kind).lower().strip()
        found.append(Token(kind, _word(text) if kind == "word" else text))
        if len(found) == _TOKENS_MAX:
            break
    return tuple(found)
