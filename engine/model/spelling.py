"""Spelling mistakes: the distance of two words, and which known word was meant."""

from __future__ import annotations

from collections.abc import Iterable

_LONG = 6


def trigrams(word: str) -> list[str]:
    """All runs of three letters of a word."""
    return [word[i : i + 3] for i in range(len(word) - 2)]


def allowed(word: str) -> int:
    """How many mistakes are tolerated: none in short words and numbers, two in long words."""
    if len(word) < 4 or any(c.isdigit() for c in word):
        return 0
    return 1 if len(word) < _LONG else 2


def distance(one: str, other: str, most: int) -> int:
    """The number of letters left out, added, mistaken or swapped (optimal string alignment distance).

    Gives up with `most` + 1 where it is more than `most`.
    """
    if abs(len(one) - len(other)) > most:
        return most + 1
    before: list[int] = []
    row = list(range(len(other) + 1))
    for i, letter in enumerate(one, 1):
        before, row = row, _next_row(before, row, one, other, i, letter)
        if min(row) > most:
            return most + 1
    return min(row[-1], most + 1)


def _next_row(before: list[int], row: list[int], one: str, other: str, i: int, letter: str) -> list[int]:
    found = [i]
    for j, against in enumerate(other, 1):
        least = min(row[j] + 1, found[j - 1] + 1, row[j - 1] + (letter != against))
        if i > 1 and j > 1 and letter == other[j - 2] and one[i - 2] == against:
            least = min(least, before[j - 2] + 1)
        found.append(least)
    return found


def meant(word: str, known: Iterable[tuple[str, int]]) -> str | None:
    """The known word that was meant, given how often each is used; None if none is near.

    The first letter is seldom mistaken: a short word must share it, and among long ones those that do win.
    """
    most = allowed(word)
    near = [
        (slips + (other[0] != word[0]), -count, other)
        for other, count in known
        if (len(word) >= _LONG or other[0] == word[0]) and (slips := distance(word, other, most)) <= most
    ]
    return min(near)[2] if most and near else None
