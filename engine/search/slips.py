"""Spelling mistakes in words that the search itself knows: “awya games”, “tommorow”."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from functools import lru_cache

from engine.model.searching import GENERIC
from engine.model.spelling import distance
from engine.search.lexicon import MONTHS, PARTS, SMALL_TALK, STOP, TIMELY, VERSUS, WEEKDAYS
from engine.search.tokens import tokens

_LEAST, _LONG, _VERY_LONG = 4, 5, 7
"""The least letters of a word in which a swap, any one mistake, and two mistakes are corrected."""
_OURS = tuple(
    sorted(
        {
            *GENERIC,
            *(name for name in (*MONTHS, *WEEKDAYS, *PARTS) if len(name) > _LEAST),
            *(
                "home",
                "away",
                "tomorrow",
                "tonight",
                "yesterday",
                "weekend",
                "weekends",
                "weekdays",
                "weekday",
            ),
            *("upcoming", "schedule", "tickets", "mornings", "evenings", "afternoons", "nights"),
        }
    )
)
_KNOWN = STOP | TIMELY | GENERIC | SMALL_TALK | VERSUS | {"home", "away"}


@lru_cache(maxsize=256)
def slips(query: str) -> Mapping[str, str]:
    """Words of the query that may be misspelled, each with the known word it may be."""
    words = {token.text for token in tokens(query) if token.kind == "word" and token.text not in _KNOWN}
    return {word: ours for word in words if (ours := _ours(word))}


def corrected(query: str, known: Collection[str]) -> tuple[str, Mapping[str, str]]:
    """The corrected query, and which word was read as which; words in `known`, which events contain, are kept."""
    found = {word: ours for word, ours in slips(query).items() if word not in known}
    if not found:
        return query, found
    pieces = [f'"{t.text}"' if t.kind == "quoted" else found.get(t.text, t.text) for t in tokens(query)]
    return " ".join(pieces), found


def _ours(word: str) -> str | None:
    if len(word) < _LEAST or not word.isascii() or not word.isalpha():
        return None
    for ours in _OURS:
        swapped = len(word) == len(ours) and sorted(word) == sorted(ours)
        if (
            word[0] == ours[0]
            and (swapped or len(word) >= _LONG)
            and 0 < distance(word, ours, _most(word)) <= _most(word)
        ):
            return ours
    return None


def _most(word: str) -> int:
    return 2 if len(word) >= _VERY_LONG else 1
