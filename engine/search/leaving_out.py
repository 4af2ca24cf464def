"""The parts of a reading, each with the query that leaves it out."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from engine.model.searching import Window
from engine.search import grammar
from engine.search.asking import Understood
from engine.search.outcome import Reading

_PIECES_MAX = 12
"""The most words of a query that is split into parts; a longer one has to be edited by hand."""
_RUN_MAX = 4
"""The most words in a row that can be one part, such as “3 to 7 June”."""
_STEM_LEAST, _ENDING = 3, 2
_JOINTS = frozenset(
    {"in", "on", "at", "of", "from", "to", "until", "till", "before", "after", "since", "during", "by"}
    | {"the", "a", "an", "and", "or", "every", "each", "any", "against", "vs"}
    | {"not", "no", "but", "except", "excluding", "without"}
)
"""Words that mean nothing once the words after them are removed."""


@dataclass(frozen=True, slots=True)
class ReadingPart:
    """One part of a reading; `rest`: the query without it, None if no words of the query can be attributed to it."""

    kind: Literal["span", "days", "hours", "word", "correction", "unknown"]
    value: object
    rest: str | None


def parts(query: str, understood: Understood, now: datetime) -> list[ReadingPart]:
    """The parts of how `query` was understood, as of `now`, in the order in which they are shown."""
    apart = _Apart(query, understood.words.corrections, now)
    words = understood.words
    return [
        *(ReadingPart("span", span, apart.without_span(span)) for span in understood.spans),
        *([ReadingPart("days", understood.days, apart.without("days"))] if understood.days else []),
        *(ReadingPart("hours", hours, apart.without(hours)) for hours in understood.hours),
        *(ReadingPart("word", word, apart.without_words(_bare(word), _sides(word))) for word in words.words),
        *(
            ReadingPart("correction", (read, given), apart.without_words(given))
            for given, read in words.corrections.items()
        ),
        *(ReadingPart("unknown", word, apart.without_words(word)) for word in words.unknown),
    ]


def _bare(word: str) -> str:
    """The word without its side: “owls” for “home: owls”."""
    return word.rpartition(": ")[2]


def _sides(word: str) -> frozenset[str]:
    return frozenset({"home", "away"}) & {word.partition(":")[0]}


class _Apart:
    """A query split into words, with the readings of it without each run of words."""

    def __init__(self, query: str, corrections: Mapping[str, str], now: datetime) -> None:
        self._pieces = query.split()
        self._corrections, self._now = corrections, now
        self._whole = self._read(self._pieces) if len(self._pieces) <= _PIECES_MAX else None
        self._runs = [(run, self._read(_outside(self._pieces, run))) for run in self._all_runs()]

    def _all_runs(self) -> Iterator[range]:
        if self._whole is None:
            return
        for length in range(1, _RUN_MAX + 1):
            for start in range(len(self._pieces) - length + 1):
                yield range(start, start + length)

    def _read(self, pieces: Sequence[str]) -> Reading:
        meant = [self._corrections.get(_plain(piece), piece) for piece in pieces]
        return grammar.read(" ".join(meant), self._now.astimezone())

    def without_span(self, span: Window) -> str | None:
        """The query without the words of a span of time; for “the next one”, without the words that ask for that."""
        return self.without(span if self._whole and span in self._whole.spans else "coming")

    def without(self, said: object) -> str | None:
        """The query without the fewest words that express `said`, changing the rest of its reading least."""
        if self._whole is None or said not in _said(self._whole):
            return None
        others = _said(self._whole) - {said}
        lacking = [(len(others ^ _said(read)), run) for run, read in self._runs if said not in _said(read)]
        if not lacking:
            return None
        least = min(changed for changed, _ in lacking)
        runs = [run for changed, run in lacking if changed == least]
        ranked = [(not self._says(run, said), len(run), run.start, run) for run in runs]
        return self._rest(min(ranked)[-1])

    def _says(self, run: range, said: object) -> bool:
        """True if these words alone express `said`, as “9 am” does and “9” does not."""
        return said in _said(self._read(self._pieces[run.start : run.stop]))

    def without_words(self, word: str, sides: Collection[str] = ()) -> str | None:
        """The query without a word in any of its forms, and without the words for its side, “home” or “away”."""
        run = [n for n, piece in enumerate(self._pieces) if _alike(_plain(piece), word.lower())]
        if not run:
            return None
        run += [n for n, piece in enumerate(self._pieces) if _plain(piece) in sides]
        return self._rest(run)

    def _rest(self, run: Collection[int]) -> str:
        """The words outside `run`, without the joining words right before it."""
        gone = set(run)
        for n in sorted(run):
            before = n - 1
            while before >= 0 and _plain(self._pieces[before]) in _JOINTS:
                gone.add(before)
                before -= 1
        left = _outside(self._pieces, gone)
        while left and _plain(left[0]) in {"or", "and"}:
            left = left[1:]
        return " ".join(left)


def _said(read: Reading) -> frozenset[object]:
    """The separate statements of a reading."""
    days: set[object] = {"days"} if read.days else set()
    coming: set[object] = {"coming"} if read.coming else set()
    words = (*read.words.plain, *read.words.place, *read.words.rivals)
    return frozenset({*read.spans, *read.hours, *days, *coming, *(("word", word) for word in words)})


def _outside(pieces: Sequence[str], run: Collection[int]) -> list[str]:
    return [piece for n, piece in enumerate(pieces) if n not in run]


def _plain(piece: str) -> str:
    return piece.lower().strip(".,;:!?'\"“”()")


def _alike(piece: str, word: str) -> bool:
    """True if two words are the same except perhaps for their endings."""
    shorter, longer = sorted((piece, word), key=len)
    stem = shorter[: max(_STEM_LEAST, len(shorter) - 1)]
    return bool(shorter) and longer.startswith(stem) and len(longer) - len(shorter) <= _ENDING
