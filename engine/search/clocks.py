"""Times of day in words: “evenings”, “after lunch”, “between 2 and 5 pm”."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from engine.search.lexicon import DAY_MINUTES, MOMENTS, NIGHT, PART_PLURALS, PARTS, Minutes
from engine.search.tokens import Token

_CLOCK = re.compile(r"(\d{1,2})(?::(\d{2}))?\s*([ap])?")
_BARE = re.compile(r"(?:[1-9]|1[01]):\d\d")
_AROUND = 30
_MIDDLE = {"morning": 8 * 60 + 30}
_HALF_DAY = 12 * 60
_JOINTS = frozenset({"and", "to", "till", "until", "-", "–", "—", "through"})


@dataclass(frozen=True, slots=True)
class Hours:
    """A time of day in minutes after midnight; `length`: how many tokens name it; `plural`: as in “evenings”.

    `also`: the same time in the other half of the day, if the query leaves open which is meant.
    """

    length: int
    minutes: Minutes
    plural: bool = False
    also: Minutes | None = None


def hours_at(tokens: Sequence[Token], i: int) -> Hours | None:
    """The time of day that starts at token `i`, or None."""
    words = [token.text for token in tokens[i : i + 6]]
    return (
        _between(tokens, i, words)
        or _bound(tokens, i, words)
        or _daytime(words)
        or _part(words)
        or _exact(tokens, i, words)
    )


def _clock(token: Token | None, like: int | None = None) -> int | None:
    """Minutes after midnight of “7pm”, “19:30” or, if `like` gives the half of the day, “7”."""
    if token is None or token.kind not in {"clock", "word"}:
        return None
    if token.text in MOMENTS:
        return MOMENTS[token.text]
    match = _CLOCK.match(token.text)
    if not match or (token.kind == "word" and (like is None or not token.text.isdigit())):
        return None
    hour, minute, half = int(match[1]), int(match[2] or 0), match[3]
    if half:
        hour = hour % 12 + (12 if half == "p" else 0)
    elif token.kind == "word" and like is not None and like >= _HALF_DAY and hour < 12:
        hour += 12
    return hour * 60 + minute if hour < 24 and minute < 60 else None


def _get(tokens: Sequence[Token], i: int) -> Token | None:
    return tokens[i] if 0 <= i < len(tokens) else None


def _between(tokens: Sequence[Token], i: int, words: Sequence[str]) -> Hours | None:
    """“between 2 and 5 pm”, “from 14:00 to 17:00”, “2-5pm”."""
    skip = 1 if words and words[0] in {"between", "from"} else 0
    if len(words) < skip + 3 or words[skip + 1] not in _JOINTS:
        return None
    last, length = _get(tokens, i + skip + 2), skip + 3
    until = _clock(last)
    since = _clock(tokens[i + skip], until)
    if since is None or until is None or since >= until:
        return None
    return Hours(length, (since, until))


def _bound(tokens: Sequence[Token], i: int, words: Sequence[str]) -> Hours | None:
    """“after lunch”, “before 7pm”, “around noon”, “by 18:00”."""
    if not words or words[0] not in {
        "after",
        "before",
        "until",
        "till",
        "by",
        "since",
        "around",
        "about",
        "from",
    }:
        return None
    skip = 2 if len(words) > 2 and words[1] == "the" else 1
    moment = _clock(_get(tokens, i + skip))
    if moment is None:
        return None
    if words[0] in {"after", "since", "from"}:
        return Hours(skip + 1, (moment, DAY_MINUTES))
    if words[0] in {"around", "about"}:
        return Hours(skip + 1, (max(0, moment - 2 * _AROUND), min(DAY_MINUTES, moment + 2 * _AROUND)))
    return Hours(skip + 1, (0, moment))


def _daytime(words: Sequence[str]) -> Hours | None:
    """“day games” and “night games” as schedules use them; “early morning”, “late night”."""
    if len(words) < 2:
        return None
    if words[0] == "day" and words[1] in {"game", "games", "match", "matches"}:
        return Hours(1, PARTS["daytime"], plural=True)
    if words[0] in {"early", "late"} and (part := PARTS.get(words[1].removesuffix("s"))):
        middle = _MIDDLE.get(words[1].removesuffix("s"), (part[0] + part[1]) // 2)
        minutes = (part[0], middle) if words[0] == "early" else (middle, part[1])
        return Hours(2, minutes, plural=words[1].endswith("s"))
    return None


def _part(words: Sequence[str]) -> Hours | None:
    """“evenings”, “in the morning”, “at night”, “weeknights”."""
    skip = 0
    while skip < min(2, len(words) - 1) and words[skip] in {"in", "at", "the", "on", "this"}:
        skip += 1
    word = words[skip]
    if word in {"weeknights", "weeknight"}:
        return None
    if word in PART_PLURALS:
        return Hours(skip + 1, PART_PLURALS[word], plural=True)
    if skip and words[skip - 1] == "this":
        return None
    if word == "lunch" and skip:
        return Hours(skip + 1, PARTS["lunchtime"])
    return Hours(skip + 1, PARTS[word]) if word in PARTS else None


def _exact(tokens: Sequence[Token], i: int, words: Sequence[str]) -> Hours | None:
    """“at 7pm”, “19:30”: up to a quarter of an hour earlier or later also matches."""
    skip = 1 if words and words[0] == "at" else 0
    token = _get(tokens, i + skip)
    moment = _clock(token) if token and token.kind == "clock" else None
    if moment is None:
        return None
    return Hours(skip + 1, _about(moment), also=_about(moment + _HALF_DAY) if _either_half(token) else None)


def _about(moment: int) -> Minutes:
    return max(0, moment - _AROUND // 2), min(DAY_MINUTES, moment + _AROUND // 2 + 1)


def _either_half(token: Token | None) -> bool:
    """True if the half of the day is open: “at 7:05” may be in the evening; “07:05” and “at 7:05 am” may not."""
    return token is not None and _BARE.fullmatch(token.text) is not None


__all__ = ["NIGHT", "Hours", "hours_at"]
