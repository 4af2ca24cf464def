"""Whole calendars as text, built without any code of ours."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta

FIRST = datetime(2027, 4, 1, 19, 0)  # noqa: DTZ001 -- in the zone that the event names


def game(
    uid: str,
    *lines: str,
    summary: str = "Game",
    start: datetime = FIRST,
    zone: str = "America/New_York",
    stamp: str = "20270201T120000Z",
) -> str:
    """A VEVENT of two hours; `lines` are added to it."""
    end = start + timedelta(hours=2)
    return "\r\n".join(
        [
            "BEGIN:VEVENT",
            f"UID:{uid}",
            f"DTSTAMP:{stamp}",
            f"DTSTART;TZID={zone}:{start:%Y%m%dT%H%M%S}",
            f"DTEND;TZID={zone}:{end:%Y%m%dT%H%M%S}",
            f"SUMMARY:{summary}",
            *lines,
            "END:VEVENT",
        ]
    )


def calendar(games: Iterable[str]) -> bytes:
    """A VCALENDAR without METHOD, as feeds are."""
    head = ("BEGIN:VCALENDAR", "VERSION:2.0", "PRODID:-//Example//Season 1.0//EN")
    return "\r\n".join([*head, *games, "END:VCALENDAR", ""]).encode()


def season(numbers: Iterable[int], *, moved: Iterable[int] = (), stamp: str = "20270201T120000Z") -> bytes:
    """A calendar with a game every three hours; `moved` games begin an hour later."""
    late = set(moved)
    return calendar(
        game(
            f"game-{n}@example.com",
            "LOCATION:Example Arena\\, Example City",
            "DESCRIPTION:Doors open an hour before.\\nTickets: https://example.com/tickets",
            "SEQUENCE:0",
            summary=f"Game {n}",
            start=FIRST + timedelta(hours=3 * n + (n in late)),
            stamp=stamp,
        )
        for n in numbers
    )
