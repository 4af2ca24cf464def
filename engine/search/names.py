"""The words of a query that are not about time: names, teams and places."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from itertools import pairwise

from engine.model.searching import CONTESTS, GENERIC, EventWords
from engine.search.lexicon import (
    ALIKE,
    ENCOUNTERS,
    FACES,
    FILLERS,
    HOSTS,
    MOTION,
    PLACE,
    SMALL_TALK,
    STOP,
    TIME,
    TIMELY,
    TRIPS,
    VERSUS,
    VISITS,
)
from engine.search.other_clocks import places_after_hours
from engine.search.tokens import Token, tokens

_PHRASES_MAX = 16
_PLAYERS = frozenset({"who", "anyone", "anybody", "team", "teams"})
_BETWEEN = frozenset({"of", "between", "with"})


@lru_cache(maxsize=256)
def phrases(query: str) -> tuple[str, ...]:
    """Pairs of adjacent words that may be a name although one of them is about time, such as “opening night”."""
    pieces = tokens(query)
    found = ["opener"] if any(token.text in {"opener", "openers"} for token in pieces) else []
    for one, other in pairwise(pieces):
        if (
            _may_be_name(one, other)
            or _may_be_name(other, one)
            or one.text in {"home", "away"}
            or _named_no(one, other)
        ):
            found.append(f"{one.text} {other.text}")
    found += places_after_hours(pieces)
    return tuple(dict.fromkeys(found))[:_PHRASES_MAX]


def _may_be_name(spoken_of: Token, beside: Token) -> bool:
    if spoken_of.kind != "word" or beside.kind != "word":
        return False
    known = spoken_of.text in TIME | GENERIC or _is_year(spoken_of.text)
    plain = beside.text not in STOP | VERSUS | PLACE and (
        beside.text not in TIME | GENERIC or _generic_name(spoken_of)
    )
    return known and plain and not (beside.text.isdigit() and spoken_of.text not in GENERIC)


def _named_no(one: Token, other: Token) -> bool:
    """True for the beginning of a name such as “No Limit Poker” or “Doctors Without Borders”."""
    return one.text in {"no", "not", "without"} and other.text not in STOP | VERSUS | PLACE | TIMELY | GENERIC


def _generic_name(token: Token) -> bool:
    """True for words such as “night”: “game night” is a name although the search knows both words."""
    return token.text in GENERIC | {"night", "day"}


def _is_year(text: str) -> bool:
    return len(text) == 4 and text.isdigit()


def named(pieces: Sequence[Token], names: frozenset[str]) -> frozenset[int]:
    """The indexes of tokens that belong to a name."""
    found = set[int]()
    for i in range(len(pieces) - 1):
        if f"{pieces[i].text} {pieces[i + 1].text}" in names:
            found |= {i, i + 1}
    return frozenset(found)


def words_of(plain: Sequence[tuple[int, Token]], named: frozenset[int]) -> EventWords:
    """The remaining words by their meaning: plain, a side, its opponent, or a place."""
    either, rest = _either(plain, named)
    sorter = _Sorter(named, _encounters(plain) | _ours(plain))
    for i, token in rest:
        sorter.take(i, token)
    return sorter.words(either, contest=_contest(plain, named))


def _encounters(plain: Sequence[tuple[int, Token]]) -> frozenset[int]:
    """The indexes of “meeting” and the like in “meeting of Owls and Foxes”: skipped unless an event has them."""
    return frozenset(
        i for (i, one), (_, after) in pairwise(plain) if one.text in ENCOUNTERS and after.text in _BETWEEN
    )


def _ours(plain: Sequence[tuple[int, Token]]) -> frozenset[int]:
    """The indexes of words like “dad” in “for my dad”: they say who asks, not what for."""
    return frozenset(i for (_, one), (i, _) in pairwise(plain) if one.text in {"my", "our"})


def _contest(plain: Sequence[tuple[int, Token]], named: frozenset[int]) -> bool:
    """True if games are asked for: “games in May”, “who plays on Sunday”."""
    texts = {token.text for _, token in plain}
    who = bool(texts & _PLAYERS and texts & (FACES | {"playing"}))
    return who or any(token.text in CONTESTS and i not in named for i, token in plain)


def _either(
    plain: Sequence[tuple[int, Token]], named: frozenset[int]
) -> tuple[tuple[tuple[str, ...], ...], Sequence[tuple[int, Token]]]:
    """The names on both sides of the first “or”, as in “Owls or Foxes”, and the remaining tokens."""
    for at, (i, token) in enumerate(plain):
        if token.text != "or" or i in named:
            continue
        first, last = at, at
        while first and _content(*plain[first - 1], named) and plain[first - 1][0] == plain[first][0] - 1:
            first -= 1
        while (
            last + 1 < len(plain)
            and _content(*plain[last + 1], named)
            and plain[last + 1][0] == plain[last][0] + 1
        ):
            last += 1
        if first < at < last:
            sides = (plain[first:at], plain[at + 1 : last + 1])
            return tuple(tuple(t.text for _, t in side) for side in sides), [
                *plain[:first],
                *plain[last + 1 :],
            ]
    return (), plain


def _content(i: int, token: Token, named: frozenset[int]) -> bool:
    """True for a word that names something."""
    ours = STOP | GENERIC | VERSUS | SMALL_TALK | {"home", "away"}
    return token.kind == "word" and (i in named or token.text not in ours)


class _Sorter:
    """Sorts words, one after the other, into a side, its opponent, a place, and words to skip."""

    def __init__(self, named: frozenset[int], aside: frozenset[int]) -> None:
        self._named = named
        self._aside = aside
        self._kept: dict[str, list[str]] = {
            name: [] for name in ("plain", "rivals", "place", "phrases", "loose")
        }
        self._alike = list[tuple[str, ...]]()
        self._generic = list[str]()
        self._side, self._group, self._before = "", "plain", -1
        self._moving = self._sided = False

    def take(self, i: int, token: Token) -> None:
        """Sort the next word; a group ends if a word between was left out."""
        if i != self._before + 1:
            self._group, self._moving, self._sided = "plain", False, False
        self._before = i
        if token.kind == "quoted":
            self._kept["phrases"].append(token.text)
        elif token.kind == "dash":
            self._group = "plain"
        elif i in self._named or not self._turn(token.text):
            self._keep(i, token.text)

    def _turn(self, text: str) -> bool:
        """Handle a word that determines what the next ones are; False for all other words."""
        turned = True
        if text in {"home", "away"}:
            self._side, self._group, self._sided = self._side or text, "plain", True
        elif text in VERSUS:
            self._group = "rivals"
        elif text in HOSTS | VISITS | FACES:
            self._meet(text)
        elif text in MOTION:
            self._moving = True
            self._kept["loose" if text in SMALL_TALK else "plain"].append(text)
        elif text in STOP:
            self._pass(text)
        elif text in GENERIC:
            self._generic.append(text)
            self._group = "plain"
        else:
            turned = False
        return turned

    def _meet(self, text: str) -> None:
        """Handle “Owls hosting Foxes”, “Owls visit Foxes”, “Owls face Foxes”; “visit Denver” alone names a place."""
        if text not in STOP:
            self._kept["loose"].append(text)
        if not self._kept["plain"]:
            self._group = "place" if text in VISITS else self._group
            return
        self._group = "rivals"
        if text in HOSTS | VISITS:
            self._side = self._side or ("home" if text in HOSTS else "away")

    def _pass(self, text: str) -> None:
        """Handle a word such as “to”, which introduces an opponent after “home” or “away”, and a place after “trip”."""
        if text in PLACE or (text == "to" and self._moving):
            self._group = "place"
            self._loosen()
        elif text == "to" and self._sided:
            self._group = "rivals"

    def _loosen(self) -> None:
        """Skip “trip” in “trip to Denver”, which asks for Denver, but not in “school trip”."""
        if self._moving and self._kept["plain"] and self._kept["plain"][-1] in TRIPS:
            self._kept["loose"].append(self._kept["plain"].pop())

    def _keep(self, i: int, text: str) -> None:
        self._moving = self._sided = False
        if i not in self._named and (text in SMALL_TALK | FILLERS or i in self._aside):
            self._kept["loose"].append(text)
        elif i not in self._named and self._group == "plain" and text in ALIKE:
            self._alike.append(tuple(dict.fromkeys((text, *ALIKE[text]))))
        else:
            self._kept[self._group].append(text)

    def words(self, either: tuple[tuple[str, ...], ...], *, contest: bool) -> EventWords:
        """The sorted words."""
        specific = (
            either or self._alike or any(words for name, words in self._kept.items() if name != "loose")
        )
        return EventWords(
            **{name: tuple(dict.fromkeys(values)) for name, values in self._kept.items()},
            either=either,
            alike=tuple(dict.fromkeys(self._alike)),
            contest=contest,
            side=self._side if self._side in {"home", "away"} else "",
            generic=() if specific else tuple(dict.fromkeys(self._generic)),
        )
