"""Turns the words of a query into a full-text query: known words, prefixes, misspellings, sides and places."""

from __future__ import annotations

import json
from collections.abc import Collection
from dataclasses import dataclass
from functools import lru_cache

from engine.model.searching import CONTESTS, GENERIC, EventWords, WordsRead
from engine.model.spelling import allowed, meant, trigrams
from engine.store.sqlite.contest_schema import CONTEST
from engine.store.sqlite.search_index import terms
from engine.store.sqlite.session import Session

_WORDS_MAX = 20
_UNKNOWN_MAX = 5
_NEAR_MAX = 80
_SHORT_MAX = 400
_PREFIX_LEAST = 2
_TEXT = "{summary location description}"
_NAMES = "{summary location}"
_EVERY = "owner : o*"
"""The expression that every event matches."""
_NONE, _UNREAD = EventWords(), WordsRead()
_OTHER = {"home": "away", "away": "home"}


@dataclass
class SearchTerms:
    """A full-text query, and how the words were read; `match` None matches every event."""

    match: str | None = None
    read: WordsRead = _UNREAD

    @property
    def hopeless(self) -> bool:
        """True if a word is in no event, so that none can match."""
        return bool(self.read.unknown)


@dataclass(frozen=True, slots=True)
class _Use:
    """How often a word is used: in titles or places, as a team, in places."""

    n: int
    teams: int
    places: int


class TermReader(Session):
    """Turns words into full-text queries; `owner` None searches all organizers' events."""

    async def wording(self, words: EventWords, owner: int | None) -> SearchTerms:
        """The terms to search for; words with one or two misspellings of known ones are corrected."""
        return await _WordReader(self, owner).read(words) if words != _NONE else SearchTerms()

    async def named(self, owner: int | None, phrases: Collection[str]) -> frozenset[str]:
        """Those of `phrases` that occur in an event."""
        asked = [
            (phrase, _owned(owner, f"{_TEXT} : {quoted(phrase)}")) for phrase in phrases if terms(phrase)
        ]
        if not asked:
            return frozenset()
        found = await self.all(
            "SELECT j.value ->> 0 AS phrase FROM json_each(?) j "
            "WHERE EXISTS (SELECT 1 FROM event_text WHERE event_text MATCH (j.value ->> 1))",
            [json.dumps(asked)],
        )
        return frozenset(row["phrase"] for row in found)

    async def exists(self, match: str) -> bool:
        return (
            await self.one("SELECT 1 FROM event_text WHERE event_text MATCH ? LIMIT 1", [match]) is not None
        )

    async def uses(self, words: Collection[str], owner: int | None) -> dict[str, _Use]:
        """The use of those words that are used at all."""
        owned, values = ("", []) if owner is None else (" AND owner = ?", [owner])
        found = await self.all(
            "SELECT word, sum(n) AS n, sum(teams) AS teams, sum(places) AS places FROM word_use "
            f"WHERE word IN ({','.join('?' * len(words))}){owned} GROUP BY word HAVING sum(n) > 0",
            [*words, *values],
        )
        return {row["word"]: _Use(row["n"], row["teams"], row["places"]) for row in found}

    async def near(self, word: str, owner: int | None) -> list[tuple[str, int]]:
        """Known words that share letters with `word`, with how often they are used."""
        grams = " OR ".join(f'"{gram}"' for gram in trigrams(word))
        found = await self.all(
            "SELECT u.word, sum(u.n) AS n FROM (SELECT rowid AS id FROM search_gram WHERE search_gram MATCH ? "
            "ORDER BY rank LIMIT ?) g JOIN search_word w ON w.id = g.id JOIN word_use u ON u.word = w.word "
            "WHERE u.owner = coalesce(?, u.owner) AND u.n > 0 GROUP BY u.word",
            [grams, _NEAR_MAX, owner],
        )
        if len(word) <= 6:
            found += await self.all(
                "SELECT word, n FROM word_use WHERE word >= ? AND word < ? AND length(word) BETWEEN ? AND ? "
                "AND owner = coalesce(?, owner) AND n > 0 LIMIT ?",
                [word[0], f"{word[0]}\uffff", len(word) - 1, len(word) + 1, owner, _SHORT_MAX],
            )
        return [(row["word"], row["n"]) for row in found]


class _WordReader:
    """Reads the words of one query."""

    def __init__(self, words: TermReader, owner: int | None) -> None:
        self._words = words
        self._owner = owner
        self._parts: list[str] = []
        self._understood: list[str] = []
        self._corrections: dict[str, str] = {}
        self._unknown: list[str] = []
        self._left_out: list[str] = []
        self._uses: dict[str, _Use] = {}
        self._sided = self._contest = False

    async def read(self, words: EventWords) -> SearchTerms:
        self._contest = words.contest
        plain = await self._without_generic(words)
        without = words.without or _NONE
        every = [*plain, *_specific(words), *words.loose, *without.plain, *_specific(without)]
        forms = {form for word in every[: 3 * _WORDS_MAX] for form in _forms(word)}
        self._uses = await self._words.uses(forms, self._owner)
        for group, column in self._groups(words, plain, await self._place_alone(words, plain)):
            for word in group[:_WORDS_MAX]:
                await self._word(word, column)
        for alike in words.alike[:_WORDS_MAX]:
            await self._any_of(alike)
        if words.either:
            await self._either(words.either, words.side or None)
        for phrase in words.phrases[:_WORDS_MAX]:
            await self._phrase(phrase)
        if words.side and not self._sided:
            self._left_out.append(words.side)
        for word in words.loose[:_WORDS_MAX]:
            await self._loose(word, words.side or None)
        if self._contest:
            await self._contests(words.generic)
        match = " AND ".join(self._parts)
        if words.without:
            match = f"({match or _EVERY}) NOT ({self._without(words.without)})"
        return SearchTerms(_owned(self._owner, match) if match else None, self._report())

    def _groups(
        self, words: EventWords, plain: tuple[str, ...], alone: str | None
    ) -> tuple[tuple[tuple[str, ...], str | None], ...]:
        """Each group with the column to search: “at Owls” names a team, “in Denver” a place."""
        side, place = words.side, "location"
        if words.place and self._teams(words.place):
            side = side or "away"
            place = _OTHER[side]
        return (
            (plain, side or alone),
            (words.rivals, _OTHER.get(side)),
            (words.place, place),
        )

    async def _place_alone(self, words: EventWords, plain: tuple[str, ...]) -> str | None:
        """`location` if words that are also a team's name mean a place, since other events are there; else None."""
        alone = not (
            words.contest or words.rivals or words.place or words.either or words.alike or words.generic
        )
        if words.side or not alone or not plain:
            return None
        for word in plain:
            uses = [self._uses[form] for form in _forms(word) if form in self._uses]
            if not (any(use.places for use in uses) and any(use.teams for use in uses)):
                return None
        elsewhere = " AND ".join(
            f"(location : {_spelled(word)} NOT home : {_spelled(word)})" for word in plain
        )
        return "location" if await self._words.exists(_owned(self._owner, elsewhere)) else None

    async def _loose(self, word: str, column: str | None) -> None:
        """Search for a word of small talk only if an event has it together with the other words."""
        if not any(form in self._uses for form in _forms(word)):
            return
        before, understood = list(self._parts), list(self._understood)
        await self._word(word, column)
        if not await self._words.exists(_owned(self._owner, " AND ".join(self._parts))):
            self._parts, self._understood = before, understood

    async def _contests(self, generic: tuple[str, ...]) -> None:
        """Restrict “games” to events with two sides or with such a word; not if no event with two sides matches."""
        named = " OR ".join(_spelled(word) for word in (generic or sorted(CONTESTS)))
        part = f"(owner : {CONTEST} OR {{summary location}} : ({named}))"
        sided = " AND ".join([*self._parts, f"owner : {CONTEST}"])
        if await self._words.exists(_owned(self._owner, sided)):
            self._parts.append(part)
            self._understood += [] if self._understood else [word for word in generic if word in CONTESTS]
            self._left_out = [word for word in self._left_out if word not in CONTESTS]

    def _teams(self, words: tuple[str, ...]) -> bool:
        """True if words name a team and are not all words of places."""
        uses = [[self._uses[form] for form in _forms(word) if form in self._uses] for word in words]
        return all(any(use.teams for use in one) for one in uses) and any(
            not any(use.places for use in one) for one in uses
        )

    async def _any_of(self, alike: tuple[str, ...]) -> None:
        """Search for any of the words with the same meaning; if no event has one, treat the first as any other word."""
        found = [
            one
            for one in alike
            if await self._words.exists(_owned(self._owner, f"{_TEXT} : {_spelled(one)}"))
        ]
        if not found:
            await self._word(alike[0], None)
            return
        self._parts.append(f"{_TEXT} : ({' OR '.join(_spelled(one) for one in found)})")
        self._understood.append(alike[0])

    async def _either(self, either: tuple[tuple[str, ...], ...], column: str | None) -> None:
        """Search for one name or another, each with all of its words."""
        before, self._parts = self._parts, []
        arms = list[str]()
        for group in either:
            for word in group[:_WORDS_MAX]:
                await self._word(word, column)
            arms.append(f"({' AND '.join(self._parts)})" if self._parts else "")
            self._parts = []
        self._parts = [*before, f"({' OR '.join(arm for arm in arms if arm)})"] if any(arms) else before

    def _without(self, words: EventWords) -> str:
        """An expression for events to leave out; a word of it that no event has is unknown."""
        plain = (*words.plain, *words.rivals, *words.phrases)
        parts = [self._lacking((word,), _NAMES) for word in plain]
        parts += [self._lacking((word,), "location") for word in words.place]
        parts += [self._lacking(alike, _NAMES) for alike in words.alike]
        either = [" AND ".join(self._lacking((word,), _NAMES) for word in arm) for arm in words.either]
        said = (
            *plain,
            *words.place,
            *(one[0] for one in words.alike),
            *(" ".join(arm) for arm in words.either),
        )
        self._understood.append(f"not {' '.join(said)}")
        return " OR ".join(f"({part})" for part in either) if either else " AND ".join(parts)

    def _lacking(self, words: tuple[str, ...], column: str) -> str:
        used = [form for word in words for form in (_forms(word) if len(terms(word)) == 1 else (word,))]
        used = [form for form in used if form in self._uses or len(terms(form)) > 1]
        if not used:
            self._unknown.append(words[0])
        return f"{column} : ({' OR '.join(quoted(form) for form in used or words)})"

    def _report(self) -> WordsRead:
        return WordsRead(
            words=tuple(self._understood),
            corrections=self._corrections,
            unknown=tuple(self._unknown),
            left_out=tuple(self._left_out),
        )

    async def _without_generic(self, words: EventWords) -> tuple[str, ...]:
        """The plain words, with generic ones such as “games” only if events contain them."""
        if not words.generic:
            return words.plain
        used = await self._words.uses({form for word in words.generic for form in _forms(word)}, self._owner)
        known = tuple(word for word in words.generic if any(form in used for form in _forms(word)))
        if self._contest and await self._words.exists(_owned(self._owner, f"owner : {CONTEST}")):
            known = tuple(word for word in known if word not in CONTESTS)
        self._left_out += [word for word in words.generic if word not in known]
        return (*words.plain, *known)

    async def _word(self, word: str, column: str | None) -> None:
        parts = terms(word)
        if len(parts) != 1:
            await self._phrase(word)
            return
        forms = [form for form in _forms(word) if form in self._uses]
        if forms:
            self._add(forms, column)
        elif await self._words.exists(_owned(self._owner, _beginning(parts[0]))):
            self._parts.append(_beginning(parts[0]))
            self._understood.append(f"{parts[0]}…")
        else:
            await self._corrected(word, parts[0], column)

    async def _corrected(self, word: str, term: str, column: str | None) -> None:
        hope = allowed(term) and len(self._unknown) < _UNKNOWN_MAX
        ours = [(one, 1) for one in sorted(GENERIC)]
        found = meant(term, [*await self._words.near(term, self._owner), *ours]) if hope else None
        if found in GENERIC and not await self._words.uses(_forms(found), self._owner):
            self._corrections[word] = found
            self._contest = self._contest or found in CONTESTS
            return
        if found is None:
            self._unknown.append(word)
            return
        self._corrections[word] = found
        self._uses |= await self._words.uses(set(_forms(found)), self._owner)
        self._add([form for form in _forms(found) if form in self._uses], column)

    def _add(self, forms: list[str], column: str | None) -> None:
        """Search for any of the forms, in the column if they are used there."""
        sided = column in {"home", "away"} and any(self._uses[form].teams for form in forms)
        placed = column == "location" and any(self._uses[form].places for form in forms)
        self._sided = self._sided or sided
        where = column if sided or placed else None
        self._parts.append(f"{where or _TEXT} : ({' OR '.join(quoted(form) for form in forms)})")
        self._understood.append(f"{where}: {forms[0]}" if where else forms[0])

    async def _phrase(self, phrase: str) -> None:
        if not terms(phrase):
            return
        part = f"{_TEXT} : {quoted(phrase)}"
        if not await self._words.exists(_owned(self._owner, part)):
            self._unknown.append(phrase)
            return
        self._parts.append(part)
        self._understood.append(f"“{phrase}”")


def _specific(words: EventWords) -> tuple[str, ...]:
    """The words that name something, without the plain ones."""
    return (*words.rivals, *words.place, *_flat(words.either), *_flat(words.alike))


def _flat(groups: tuple[tuple[str, ...], ...]) -> tuple[str, ...]:
    return tuple(word for group in groups for word in group)


def _spelled(word: str) -> str:
    """A full-text expression for all forms of a word."""
    return f"({' OR '.join(quoted(form) for form in _forms(word))})"


def quoted(words: str) -> str:
    """Consecutive words as a quoted phrase, so that none is taken for syntax."""
    return '"' + " ".join(terms(words)) + '"'


def placed(match: str | None, location: str | None, owner: int | None) -> str | None:
    """A full-text query for events whose place also has all words of `location`, if there are any."""
    words = [f'"{term}"' for term in terms(location or "")][:_WORDS_MAX]
    if not words:
        return match
    place = f"location : ({' AND '.join(words)})"
    return f"{match} AND {place}" if match else _owned(owner, place)


def _owned(owner: int | None, match: str) -> str:
    return match if owner is None else f"owner : o{owner} AND {match}"


def _beginning(term: str) -> str:
    """An expression for words that start with a term, or its singular or plural; numbers must be equal."""
    star = "" if len(term) < _PREFIX_LEAST or term.isdigit() else "*"
    others = "".join(f' OR "{form}"' for form in _forms(term)[1:])
    return f'{_TEXT} : ("{term}"{star}{others})'


@lru_cache(maxsize=1024)
def _forms(word: str) -> tuple[str, ...]:
    """A word and its singular or plural, itself first."""
    term = "".join(terms(word))
    found = [term]
    if len(term) > 2 and not term.isdigit():
        found += [f"{term}s", f"{term}es"]
        found += [term[:-1]] if len(term) > 3 and term.endswith("s") else []
        found += [term[:-2]] if len(term) > 4 and term.endswith("es") else []
    return tuple(found)
