"""What a query leaves out: “except on Mondays”, “but not in May”, “not against Foxes”."""

from __future__ import annotations

from collections.abc import Sequence

from engine.model.events import EventStatus
from engine.model.searching import GENERIC, Window
from engine.search import windows
from engine.search.lexicon import (
    DAY_GROUPS,
    FACES,
    FILLERS,
    MONTHS,
    PART_PLURALS,
    PARTS,
    PLACE,
    SMALL_TALK,
    STOP,
    TIMELY,
    VERSUS,
    WEEKDAY_PLURALS,
    WEEKDAYS,
)
from engine.search.outcome import EVER, Reading
from engine.search.tokens import Token

_NOT = frozenset(
    {"not", "no", "except", "excepting", "excluding", "exclude", "without", "minus", "isn't", "aren't"}
)
_PAIRS = frozenset(
    {("other", "than"), ("apart", "from"), ("aside", "from"), ("rather", "than"), ("instead", "of")}
    | {("leaving", "out"), ("don't", "want"), ("don't", "include"), ("don't", "show"), ("don't", "need")}
)
_ALL = frozenset({"all", "any", "every", "each", "anything", "everything"})
"""Words after which “but” alone leaves something out: “every day but Friday”."""
_TALK = frozenset(
    {"sure", "certain", "yet", "only", "just", "really", "too", "so", "idea", "problem", "rush", "worries"}
    | {"find", "know"}
)
"""Words whose “no” or “not” is about the person who asks: “not sure when”."""
_SKIPPED = STOP | SMALL_TALK | FILLERS
_PLAIN = frozenset({"not", "no", "isn't", "aren't"})
_OF_THE_ASKER = (STOP | SMALL_TALK) - (
    TIMELY
    | VERSUS
    | PLACE
    | FACES
    | {"with", "of", "to", "those", "these", "ones", "want", "need", "include"}
    | {"called", "titled", "held", "located", "happening", "scheduled", "taking", "playing"}
)
"""Words that are skipped otherwise, but for those with which a “not” speaks of events: “not those in May”."""
_LEADS = frozenset({"on", "for", "a", "any", "the", "of", "want", "include", "show"})
_TO = frozenset({"to", "till", "until", "through", "thru", "-", "–", "—"})
_JOINTS = _TO | {"and", "or"}
_SHOWN = 8


def negation(pieces: Sequence[Token], i: int) -> int:
    """How many tokens from `i` on say that what follows is left out; 0 if none do."""
    first, second = _text(pieces, i), _text(pieces, i + 1)
    if first == "but" and second not in _NOT:
        before = i - 2 if i > 1 and pieces[i - 1].text in GENERIC | {"day"} else i - 1
        return 1 if i and pieces[before].text in _ALL else 0
    length = 2 if first == "but" or (first, second) in _PAIRS else int(first in _NOT)
    after = _text(pieces, i + length)
    if after == "find" and any(token.text not in _SKIPPED for token in pieces[:i]):
        return length  # “Owls games, do not find Foxes” is no talk of who could not find them
    return 0 if after in _TALK | {""} else length


def of_the_asker(pieces: Sequence[Token], i: int) -> bool:
    """True if the plain “not” right before `i` may be about the person who asks: “can I not see”, “am not going”."""
    return _text(pieces, i - 1) in _PLAIN and _text(pieces, i) in _OF_THE_ASKER


def weekdays(pieces: Sequence[Token], i: int) -> tuple[frozenset[int], int]:
    """The days of “Mondays”, “Monday or Friday”, “weekends” from `i` on, and their tokens; none if more is said."""
    at = i
    while _text(pieces, at) in _LEADS:
        at += 1
    found, last, joint = frozenset[int](), -1, ""
    while days := _days(_text(pieces, at)):
        first, last = last, min(days)
        found |= {(first + n) % 7 for n in range((last - first) % 7)} if joint in _TO and first >= 0 else days
        found |= days
        at += 1
        joint = _text(pieces, at)
        if joint in _JOINTS and _days(_text(pieces, at + 1)):
            at += 1
    narrower = at < len(pieces) and (
        pieces[at].kind not in {"word", "dash"}
        or pieces[at].text[0].isdigit()
        or pieces[at].text in PARTS | PART_PLURALS | MONTHS
    )
    return (frozenset(), 0) if narrower or not found else (found, at - i)


def leave_out(
    found: Reading, before: Sequence[Token], said: Sequence[Token], out: Reading, excluded: set[int]
) -> bool:
    """Leave out what `said`, the rest of the query, was read as; False if that is not exactly one kind of thing.

    Words are left out only of what was asked for `before`: a “no” at the beginning of a talk is none of these.
    """
    words = out.words
    named = bool(words.plain or words.rivals or words.place or words.phrases or words.alike)
    kinds = [bool(out.spans), bool(out.days), out.status is not None, named, bool(words.either)]
    further = out.hours or out.order or out.coming or out.clock or out.outside or out.unheeded
    if sum(kinds) != 1 or further or words.side or words.without:
        return False
    if out.spans:
        found.outside += out.spans
        return all(any(_meet(one, span, found) for span in found.spans_said) for one in out.spans)
    if out.days:
        excluded |= out.days
    elif out.status:
        found.status = EventStatus.CONFIRMED
        return out.status is EventStatus.CANCELLED
    else:
        found.without = words
        return _asked(before, found) and (
            bool(words.either) or not any(token.text in {"and", "or"} for token in said)
        )
    return True


def sentence(pieces: Sequence[Token]) -> str:
    """What cannot be left out, as it was said."""
    return " ".join(token.text for token in pieces[:_SHOWN])


def _asked(before: Sequence[Token], found: Reading) -> bool:
    """True if something was asked for before a “not”, so that there is what it can leave out of."""
    if found.spans or found.hours or found.order:
        return True
    words = (token.text for token in before if token.kind != "dash")
    return any(word in _ALL or word not in _SKIPPED for word in words)


def _meet(out: Window, span: Window, found: Reading) -> bool:
    both = windows.both(out, span, found.zone)
    return span == EVER or not both.empty


def _days(text: str) -> frozenset[int]:
    """The days that “Mondays”, “Monday” or “weekends” mean; empty for other words."""
    day = WEEKDAY_PLURALS.get(text, WEEKDAYS.get(text))
    if day is not None:
        return frozenset({day})
    return DAY_GROUPS.get(text, frozenset({5, 6}) if text == "weekend" else frozenset())


def _text(pieces: Sequence[Token], i: int) -> str:
    return pieces[i].text if i < len(pieces) else ""
