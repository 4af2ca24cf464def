"""The words of a query that speak of no time: names, teams and places."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from itertools import pairwise

from engine.model.searching import EventWords
from engine.search.lexicon import GENERIC, PLACE, STOP, TIME, VERSUS
from engine.search.tokens import Token, tokens

_PHRASES_MAX = 16


@lru_cache(maxsize=256)
def phrases(query: str) -> tuple[str, ...]:
    """Pairs of neighbours that may be a name, such as “opening night”, though one of them speaks of time."""
    found, pieces = [], tokens(query)
    for one, other in pairwise(pieces):
        if _may_be_name(one, other) or _may_be_name(other, one) or one.text in {"home", "away"}:
            found.append(f"{one.text} {other.text}")
    return tuple(dict.fromkeys(found))[:_PHRASES_MAX]


def _may_be_name(spoken_of: Token, beside: Token) -> bool:
    if spoken_of.kind != "word" or beside.kind != "word":
        return False
    known = spoken_of.text in TIME | GENERIC or _is_year(spoken_of.text)
    plain = beside.text not in STOP | VERSUS | PLACE and (
        beside.text not in TIME | GENERIC or _generic_name(spoken_of)
    )
    return known and plain and not (beside.text.isdigit() and spoken_of.text not in GENERIC)


def _generic_name(token: Token) -> bool:
    """“Game night” is a name, although both of its words are ours."""
    return token.text in GENERIC | {"night", "day"}


def _is_year(text: str) -> bool:
    return len(text) == 4 and text.isdigit()


def named(pieces: Sequence[Token], names: frozenset[str]) -> frozenset[int]:
    """The places of tokens that belong to a name."""
    found = set[int]()
    for i in range(len(pieces) - 1):
        if f"{pieces[i].text} {pieces[i + 1].text}" in names:
            found |= {i, i + 1}
    return frozenset(found)


def words_of(plain: Sequence[tuple[int, Token]], named: frozenset[int]) -> EventWords:
    """The words that are left, by what they say: plain, of a side, of its opponent, of a place."""
    kept: dict[str, list[str]] = {"plain": [], "rivals": [], "place": [], "phrases": []}
    side, group, generic, before = "", "plain", list[str](), -1
    for i, token in plain:
        text, group, before = token.text, group if i == before + 1 else "plain", i
        if token.kind == "quoted":
            kept["phrases"].append(text)
        elif token.kind == "dash":
            group = "plain"
        elif i not in named and text in {"home", "away"}:
            side = side or text
        elif i not in named and text in VERSUS:
            group = "rivals"
        elif i not in named and text in STOP:
            group = "place" if text in PLACE else group
        elif i not in named and text in GENERIC:
            generic.append(text)
            group = "plain"
        else:
            kept[group].append(text)
    said = any(kept.values())
    return EventWords(
        **{name: tuple(dict.fromkeys(values)) for name, values in kept.items()},
        side=side if side in {"home", "away"} else "",
        generic=() if said else tuple(dict.fromkeys(generic)),
    )
