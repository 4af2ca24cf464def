"""Write a season of an invented league as a calendar: 2,430 games of 30 teams, into a file to import.

python examples/season.py > season.ics
cis-mcp import season.ics
"""

from __future__ import annotations

import sys
from datetime import date, timedelta
from itertools import cycle, islice

TEAMS = (
    *("Angels", "Badgers", "Bears", "Comets", "Condors", "Cranes", "Dragons", "Eagles", "Falcons", "Foxes"),
    *("Geese", "Hawks", "Herons", "Jays", "Kites", "Larks", "Lions", "Lynxes", "Moose", "Orioles"),
    *("Otters", "Owls", "Pumas", "Ravens", "Rays", "Seals", "Swans", "Tigers", "Wolves", "Yaks"),
)
ZONES = ("America/New_York", "America/Chicago", "America/Denver", "America/Los_Angeles")
GAMES = 2_430
STARTS = ("1305", "1340", "1835", "1905", "1940")


def pairs() -> list[tuple[str, str]]:
    """Home and away of each game of a round: everyone plays, and in the next round somebody else."""
    rounds = []
    others = list(TEAMS[1:])
    for number in range(len(others)):
        row = [TEAMS[0], *others[number:], *others[:number]]
        half = len(row) // 2
        met = zip(row[:half], reversed(row[half:]), strict=True)
        rounds += [(one, two) if number % 2 else (two, one) for one, two in met]
    return rounds


def season(year: int) -> list[str]:
    """The lines of the calendar."""
    lines = ["BEGIN:VCALENDAR", "VERSION:2.0", "PRODID:-//example//season//EN"]
    for number, (home, away) in enumerate(islice(cycle(pairs()), GAMES)):
        day = date(year, 4, 1) + timedelta(days=number // 15)
        start = f"{day:%Y%m%d}T{STARTS[number % len(STARTS)]}00"
        zone = ZONES[TEAMS.index(home) % len(ZONES)]
        lines += [
            "BEGIN:VEVENT",
            f"UID:game-{number}@season.example",
            f"DTSTAMP:{year - 1}1101T000000Z",
            f"DTSTART;TZID={zone}:{start}",
            "DURATION:PT3H",
            f"SUMMARY:{away} at {home}",
            f"LOCATION:{home} Park",
            "END:VEVENT",
        ]
    return [*lines, "END:VCALENDAR"]


if __name__ == "__main__":
    sys.stdout.write("\r\n".join(season(date.today().year + 1)) + "\r\n")  # noqa: DTZ011 -- a year will do
