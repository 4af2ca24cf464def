"""Events of every kind for property tests, in any words, with placeholders anywhere."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

from hypothesis import strategies as st

from engine.itip import personal
from engine.model.events import Event, EventStatus, Override
from engine.model.people import Party
from engine.refusals import Refused
from tests.itip.samples import event, span

NAMES = ("name", "email", "company", "größe")
# what means something in a calendar, a header, a URL, HTML, quoted-printable or to the eye
_SHARP = "\r\n\t\0\x07\x0b\x1c\x7f\x85\u2028\u2029\u202e\u2066\u2069;,:\\\"'’^<>&%?=._-+@(){}# Nné日🎉\ufeff"
_PIECE = st.one_of(
    st.text(max_size=40),
    st.text(alphabet=_SHARP, max_size=40),
    st.sampled_from(
        ["\\N", "=?utf-8?q?x?=", "\0to\0", "\0Subject\0", "\r\nBcc: eve@example.net", "x" * 90, "日" * 40]
    ),
)
_PLACEHOLDER = st.sampled_from(
    [f"{{{{{spelt}}}}}" for name in NAMES for spelt in (name, f" {name.title()} ")]
)

texts = st.lists(_PIECE, max_size=4).map("".join)
"""Words that somebody gave."""

parties = st.builds(
    Party,
    address=st.one_of(st.emails(), st.sampled_from(["joe@münchen.example", "o'neil+x@example.org"]), texts),
    name=texts,
)


def _sound(text: str) -> bool:
    try:
        pieces = personal.words(text).pieces
    except Refused:
        return False
    return {word for word, is_name in pieces if is_name} <= set(NAMES)


templates = st.one_of(texts, st.lists(st.one_of(_PIECE, _PLACEHOLDER), max_size=6).map("".join)).filter(
    _sound
)
"""Texts of an event, as the commands let them pass."""

values = st.fixed_dictionaries(dict.fromkeys(NAMES, st.one_of(st.just(""), st.just(" \n"), texts)))
"""A value for each placeholder, empty ones too."""

_WORDS = st.fixed_dictionaries({"summary": templates, "location": templates, "description": templates})
_START, _DAY = datetime(2026, 3, 3, 9, tzinfo=UTC), date(2026, 3, 3)
_ZONES = st.sampled_from(
    ["Europe/Paris", "America/New_York", "UTC", "Etc/UTC", "Africa/Casablanca", "Asia/Kolkata"]
)


@st.composite
def events(draw: st.DrawFn) -> Event:
    """A timed or all-day event, alone or a series with a moved and a missing instance; standing or cancelled."""
    zone = draw(_ZONES)
    start: date | datetime = draw(st.sampled_from([_START, _DAY]))
    changes: dict[str, Any] = {"span": span(start, timezone=zone), **draw(_WORDS)}
    if draw(st.booleans()):
        moved = span(start + timedelta(days=8), timezone=zone)
        override = Override(recurrence_id=start + timedelta(days=7), span=moved, **draw(_WORDS))
        changes |= {"recurrence": "FREQ=WEEKLY;COUNT=6;BYDAY=TU", "overrides": (override,)}
        changes |= {"exdates": (start + timedelta(days=14),), "rdates": (start + timedelta(days=3),)}
    if draw(st.booleans()):
        changes |= {"status": EventStatus.CANCELLED, "cancel_reason": draw(texts)}
    changes |= {"organizer_name": draw(texts), "sequence": draw(st.integers(0, 99))}
    return event(**changes)


def instances(sample: Event) -> st.SearchStrategy[date | datetime | None]:
    """What a message may speak of: all of the event, or one of its instances, moved or not."""
    if not sample.recurring:
        return st.none()
    start = sample.span.start
    return st.sampled_from([None, start, start + timedelta(days=7), start + timedelta(days=21)])
