"""A season of 2,430 games of 30 invented teams, made from a seed: the same every time."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from engine.model.events import Event
from engine.model.times import Span

ORGANIZER = "league@example.org"
SEASON = 2027
GAMES = 2_430
LENGTH = timedelta(hours=2, minutes=45)
_EAST, _MIDDLE, _MOUNTAIN, _WEST = (
    "America/New_York",
    "America/Chicago",
    "America/Denver",
    "America/Los_Angeles",
)


@dataclass(frozen=True)
class Team:
    """A club, its town and its ground."""

    town: str
    club: str
    ground: str
    state: str
    zone: str

    @property
    def name(self) -> str:
        return f"{self.town} {self.club}"

    @property
    def place(self) -> str:
        return f"{self.ground}, {self.town}, {self.state}"


_CLUBS = (
    ("Bayport|Orioles|Harbor Yards|MD", _EAST), ("Northfield|Lanterns|Granite Park|MA", _EAST),
    ("Empire City|Yorkers|Riverside Stadium|NY", _EAST), ("Gulf Haven|Pelicans|Sunshine Dome|FL", _EAST),
    ("Lakemont|Maples|Skyline Centre|ON", "America/Toronto"), ("Steelford|Forgers|Allegheny Grounds|PA", _EAST),
    ("Queensbridge|Comets|Meadow Field|NY", _EAST), ("Liberty|Bells|Broad Street Park|PA", _EAST),
    ("Magnolia|Chiefs|Peachtree Park|GA", _EAST), ("Coral Bay|Marlins|Lagoon Park|FL", _EAST),
    ("Capitol|Senators|Potomac Park|DC", _EAST), ("Rivertown|Redlegs|Ohio Bank Park|OH", _EAST),
    ("Erie|Guardians|Lakefront Field|OH", _EAST), ("Motorville|Panthers|Assembly Park|MI", "America/Detroit"),
    ("Windy Point|Cubs|Ivy Field|IL", _MIDDLE), ("Southside|Pale Sox|Prairie Park|IL", _MIDDLE),
    ("Brewton|Brewers|Barley Park|WI", _MIDDLE), ("Twin Lakes|Loons|North Star Field|MN", _MIDDLE),
    ("Fountain City|Monarchs|Fountain Stadium|MO", _MIDDLE), ("Gateway|Cardinals|Arch Park|MO", _MIDDLE),
    ("Bayou|Astronauts|Mission Park|TX", _MIDDLE), ("Lone Star|Wranglers|Frontier Field|TX", _MIDDLE),
    ("Mile High|Summits|Altitude Park|CO", _MOUNTAIN), ("Saguaro|Scorpions|Cactus Park|AZ", "America/Phoenix"),
    ("Harborview|Admirals|Gaslamp Park|CA", _WEST), ("Angel Bay|Halos|Orange Grove Stadium|CA", _WEST),
    ("Sunset|Dodgems|Ravine Stadium|CA", _WEST), ("Golden Gate|Seals|Cove Park|CA", _WEST),
    ("Eastbay|Oaks|Acorn Coliseum|CA", _WEST), ("Emerald|Navigators|Puget Park|WA", _WEST),
)  # fmt: skip


def _team(text: str, zone: str) -> Team:
    town, club, ground, state = text.split("|")
    return Team(town, club, ground, state, zone)


TEAMS = tuple(_team(text, zone) for text, zone in _CLUBS)


@dataclass(frozen=True)
class Game:
    """One game: who plays whom, and when it begins on the clock of its ground."""

    number: int
    home: Team
    away: Team
    start: datetime

    @property
    def uid(self) -> str:
        return f"{self.number:040d}"

    @property
    def event(self) -> Event:
        begins = self.start.replace(tzinfo=ZoneInfo(self.home.zone)).astimezone(UTC)
        span = Span(start=begins, end=begins + LENGTH, timezone=self.home.zone)
        made = datetime(SEASON, 1, 4, 12, tzinfo=UTC)
        return Event(
            uid=self.uid,
            organizer=ORGANIZER,
            summary=f"{self.home.name} vs {self.away.name}",
            span=span,
            location=self.home.place,
            description="Gates open an hour before the first pitch.",
            created=made,
            dtstamp=made,
            ends_at=span.end_utc,
        )


def season(year: int = SEASON, seed: int = 7, first: int = 0) -> Iterator[Game]:
    """Each of the 30 teams plays 162 games from 1 April on: 15 games a day on 162 days."""
    chance = random.Random(f"{seed}:{year}")
    for day in range(162):
        order = list(TEAMS)
        chance.shuffle(order)
        on = date(year, 4, 1) + timedelta(days=day + day // 54 * 2)
        for pair in range(15):
            home, away = order[2 * pair : 2 * pair + 2]
            yield Game(first + day * 15 + pair, home, away, datetime.combine(on, _clock(chance, on)))


def _clock(chance: random.Random, on: date) -> time:
    """Evenings on most days, afternoons on many weekends."""
    late = (time(18, 40), time(19, 5), time(19, 10), time(19, 40))
    early = (time(12, 10), time(13, 5), time(13, 35), time(16, 10))
    return chance.choice(early if chance.random() < (0.55 if on.weekday() >= 5 else 0.2) else late)
