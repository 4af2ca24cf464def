"""Reads the items of a published Calendar Invite Server's table: events, attendees, rights. No I/O."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from html import unescape
from typing import Any

from engine.commands.feeds.taking_over import (
    TakenAttendee,
    TakenBlock,
    TakenEvent,
    TakenOrganizer,
)
from engine.mail import html
from engine.model.people import Origin, Partstat

Found = TakenEvent | TakenAttendee | TakenBlock | TakenOrganizer
_EVENT, _ATTENDEE, _ORGANIZER = "event#", "attendee#", "organizer#"
_OWN_CLIENT = "31events"
"""The client that the server recorded for everyone it invited."""
_SECONDS_MAX = 10**11
_ANSWERS = {p.label: p for p in (Partstat.ACCEPTED, Partstat.DECLINED, Partstat.TENTATIVE)}


def read(item: Mapping[str, Any]) -> Found | None:
    """The content of an item; None for counters and look-ups, which are rebuilt here. Raises ValueError."""
    pk, sk = _text(item.get("pk")), _text(item.get("sk"))
    if pk.startswith(_EVENT) and pk == sk:
        return _event(pk.removeprefix(_EVENT), item)
    if pk.startswith(_EVENT) and sk.startswith(_ATTENDEE):
        return _attendee(pk.removeprefix(_EVENT), sk.removeprefix(_ATTENDEE), item)
    if pk.startswith(_ATTENDEE) and sk.startswith("block#"):
        return TakenBlock(email=pk.removeprefix(_ATTENDEE), organizer=sk.removeprefix("block#"))
    if pk.startswith(_ORGANIZER):
        return _organizer(pk.removeprefix(_ORGANIZER), sk)
    return None


def named(item: Mapping[str, Any]) -> str:
    """A description of an item that contains no address."""
    pk, sk = _text(item.get("pk")), _text(item.get("sk"))
    uid = pk.removeprefix(_EVENT)[:60] if pk.startswith(_EVENT) else ""
    return f"{sk.partition('#')[0][:20] or 'an item'} {uid}".strip()


def _organizer(address: str, sk: str) -> TakenOrganizer | None:
    kind = sk.partition("#")[0]
    if kind not in {"organizer_statistics", "suspended", "bulk"}:
        return None
    return TakenOrganizer(address=address, suspended=kind == "suspended", lists=kind == "bulk")


def _event(uid: str, item: Mapping[str, Any]) -> TakenEvent:
    name = _text(item.get("organizer"))
    created = _moment(item.get("created")) or _moment(item.get("dtstamp"))
    start, end = _moment(item.get("dtstart")), _moment(item.get("dtend"))
    if start is None:
        raise ValueError("the event has no dtstart")
    return TakenEvent(
        uid=uid,
        organizer=_text(item.get("mailto")) or _text(item.get("original_organizer")),
        organizer_name="" if "@" in name or "[at]" in name else name,
        summary=_words(item, "summary") or "Event",
        location=_words(item, "location"),
        description=_words(item, "description"),
        start=start,
        end=end if end and end > start else start,
        created=created or start,
        modified=_moment(item.get("last_modified")) or _moment(item.get("dtstamp")) or created or start,
        sequence=_sequence(item.get("sequence")),
        cancelled=_text(item.get("status")).lower() == "cancelled",
        source_uid=_text(item.get("original_uid")),
    )


def _attendee(uid: str, email: str, item: Mapping[str, Any]) -> TakenAttendee:
    history = item.get("history")
    created = _moment(item.get("created"))
    answered = _answered(history) if isinstance(history, list) else None
    prodid = _text(item.get("prodid"))
    origin = _text(item.get("origin")).lower()
    return TakenAttendee(
        event_uid=uid,
        email=email,
        name=_text(item.get("name")),
        partstat=_ANSWERS.get(_text(item.get("status")).lower(), Partstat.NEEDS_ACTION),
        origin=Origin(origin) if origin in set(Origin) else Origin.API,
        prodid="" if _OWN_CLIENT in prodid.lower() else prodid[:200],
        created=created,
        answered=answered,
    )


def _answered(history: list[Any]) -> datetime | None:
    """The time of the last answer: entries are [answer, time, client], with the time as a number or as text."""
    times = [
        at
        for entry in history
        if isinstance(entry, list) and len(entry) >= 2 and _text(entry[0]).lower() in _ANSWERS
        if (at := _moment(entry[1]))
    ]
    return max(times, default=None)


def _words(item: Mapping[str, Any], name: str) -> str:
    """A text, or else the text of its HTML version; the word None means empty."""
    text, marked = (_text(item.get(each)).strip() for each in (name, f"{name}_html"))
    if text and text != "None":
        return html.plain(text)
    return unescape(html.plain(marked)) if marked != "None" else ""


def _moment(value: Any) -> datetime | None:
    """The moment for seconds since 1970, as a number or digits. Raises ValueError if it cannot be a time."""
    if value in (None, "") or isinstance(value, bool):
        return None
    seconds = float(value) if isinstance(value, int | float | str) else float("nan")
    if not abs(seconds) < _SECONDS_MAX:
        raise ValueError("a time is out of range")
    return datetime.fromtimestamp(int(seconds), UTC)


def _sequence(value: Any) -> int:
    found = int(value or 0)
    if not 0 <= found < 2**31:
        raise ValueError("the sequence is out of range")
    return found


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""
