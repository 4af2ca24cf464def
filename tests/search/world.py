"""An invented town's worth of events: two leagues, courses, webinars, meetings, concerts; the same every time."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import cached_property
from zoneinfo import ZoneInfo

from engine.itip.recurrence import instances
from engine.model.events import Event
from engine.model.times import Span

NOW = datetime(2027, 4, 21, 12, tzinfo=UTC)
"""A Wednesday; the baseball season begins nine days later."""

ORGANIZER = "calendar@example.org"
_MADE = datetime(2027, 1, 4, 12, tzinfo=UTC)
_EAST, _LONDON = "America/New_York", "Europe/London"
_DAY = timedelta(days=1)


@dataclass(frozen=True)
class Team:
    """A club, its town and its ground."""

    town: str
    club: str
    ground: str
    zone: str

    @property
    def name(self) -> str:
        return f"{self.town} {self.club}"


BASEBALL = (
    Team("Baltimore", "Owls", "Harbor Park", _EAST),
    Team("Denver", "Hawks", "Summit Field", "America/Denver"),
    Team("Chicago", "Comets", "Lakefront Stadium", "America/Chicago"),
    Team("Seattle", "Otters", "Sound Stadium", "America/Los_Angeles"),
    Team("Boston", "Foxes", "Bay Yard", _EAST),
    Team("Phoenix", "Rattlers", "Desert Dome", "America/Phoenix"),
)
FOOTBALL = (
    Team("Leeds", "Rovers", "Mill Lane", _LONDON),
    Team("Bristol", "Wanderers", "Ashgate", _LONDON),
    Team("Cardiff", "Harriers", "Taff Road", _LONDON),
    Team("York", "Albion", "Minster Ground", _LONDON),
)


@dataclass(frozen=True)
class Fact:
    """What is true of an event, apart from its text; `rule`: how it recurs."""

    number: int
    kind: str
    summary: str
    start: datetime
    zone: str
    location: str
    city: str = ""
    description: str = ""
    home: Team | None = None
    away: Team | None = None
    sport: str = ""
    minutes: int = 90
    rule: str = ""

    @property
    def uid(self) -> str:
        return f"{self.number:040d}"

    @cached_property
    def event(self) -> Event:
        begins = self.start.replace(tzinfo=ZoneInfo(self.zone)).astimezone(UTC)
        span = Span(start=begins, end=begins + timedelta(minutes=self.minutes), timezone=self.zone)
        return Event(
            uid=self.uid,
            organizer=ORGANIZER,
            summary=self.summary,
            span=span,
            location=self.location,
            description=self.description,
            recurrence=self.rule,
            created=_MADE,
            dtstamp=_MADE,
            ends_at=datetime(2028, 1, 5, tzinfo=UTC) if self.rule else span.end_utc,
        )

    @cached_property
    def starts(self) -> tuple[datetime, ...]:
        """When it begins, each time."""
        if not self.rule:
            return (self.event.span.start_utc,)
        spans = instances(self.event, _MADE, datetime(2028, 2, 1, tzinfo=UTC), 500)
        return tuple(span.start_utc for span in spans)

    @cached_property
    def clocks(self) -> tuple[datetime, ...]:
        """The same by the clocks of its place."""
        return tuple(start.astimezone(ZoneInfo(self.zone)) for start in self.starts)


def _baseball(chance: random.Random) -> Iterator[dict[str, object]]:
    """A game of each team on most days from 30 April to 26 September; called “A at B”."""
    day = date(2027, 4, 30)
    while day <= date(2027, 9, 26):
        order = list(BASEBALL)
        chance.shuffle(order)
        early = day.weekday() == 6 or chance.random() < 0.25
        for home, away in zip(order[::2], order[1::2], strict=True):
            clock = (
                chance.choice((time(13, 5), time(14, 10)))
                if early
                else chance.choice((time(18, 40), time(19, 5)))
            )
            yield {
                "kind": "game", "summary": f"{away.name} at {home.name}", "start": datetime.combine(day, clock),
                "zone": home.zone, "location": f"{home.ground}, {home.town}", "city": home.town, "home": home,
                "away": away, "sport": "baseball", "minutes": 165,
                "description": "Baseball. Gates open an hour before.",
            }  # fmt: skip
        day += _DAY * (1 if chance.random() < 0.8 else 2)


def _football(chance: random.Random) -> Iterator[dict[str, object]]:
    """Saturdays, Boxing Day, New Year's Eve and some Tuesdays from August on; called “A v B”."""
    saturdays = [date(2027, 8, 7) + 7 * n * _DAY for n in range(20)]
    tuesdays = [date(2027, 8, 17) + 14 * n * _DAY for n in range(8)]
    for day in sorted({*saturdays, *tuesdays, date(2027, 12, 26), date(2027, 12, 31)}):
        order = list(FOOTBALL)
        chance.shuffle(order)
        for home, away in zip(order[::2], order[1::2], strict=True):
            clock = time(19, 45) if day.weekday() == 1 else time(15, 0)
            yield {
                "kind": "game", "summary": f"{home.name} v {away.name}", "start": datetime.combine(day, clock),
                "zone": _LONDON, "location": f"{home.ground}, {home.town}", "city": home.town, "home": home,
                "away": away, "sport": "football", "minutes": 110, "description": "Football, second division.",
            }  # fmt: skip


_WEEKLY = (
    ("course", "Pottery for Beginners", "2027-01-12T18:30", "America/Denver", "Clay Studio|Denver", "TU"),
    ("course", "Yoga at Sunrise", "2027-01-09T08:00", _EAST, "Riverside Pavilion|Boston", "SA"),
    ("course", "Spanish for Beginners", "2027-01-11T17:30", _LONDON, "Language House|Leeds", "MO,WE"),
    ("course", "Watercolour Painting", "2027-01-14T10:00", _LONDON, "Art House|Bristol", "TH"),
    ("course", "Salsa Dancing", "2027-01-17T19:00", "America/Chicago", "Ballroom Aurora|Chicago", "SU"),
    ("meeting", "Status Meeting", "2027-01-11T09:30", _LONDON, "Room 4, Mill House|Leeds", "MO,TH"),
)
_TOPICS = ("Tax Basics", "Cloud Security", "Email Deliverability", "Accessible Design")
_CONCERTS = (
    ("Jazz Night with the Blue Quartet", "2027-05-05T20:00", "America/Chicago", "The Vault|Chicago"),
    ("Jazz Night with the Blue Quartet", "2027-08-12T20:00", "America/Denver", "Red Cellar|Denver"),
    ("Beethoven: The Late Sonatas", "2027-06-13T17:30", "America/Los_Angeles", "City Hall|Seattle"),
    ("Open Air Cinema: Silent Classics", "2027-08-20T21:00", _EAST, "Harbor Lawn|Baltimore"),
    ("Christmas Carols", "2027-12-24T18:00", _EAST, "Old South Church|Boston"),
    ("Choir Festival", "2027-06-12T11:00", "America/Denver", "Union Square|Denver"),
    ("Thanksgiving Run", "2027-11-25T09:00", "America/Phoenix", "Canal Path|Phoenix"),
    ("Folk Session", "2027-04-24T19:30", _EAST, "The Anchor|Baltimore"),
    ("Lantern Walk", "2027-04-22T19:00", "America/Los_Angeles", "Green Lake|Seattle"),
)


def _others() -> Iterator[dict[str, object]]:
    for kind, title, start, zone, place, days in _WEEKLY:
        venue, city = place.split("|")
        yield {
            "kind": kind, "summary": title, "start": datetime.fromisoformat(start), "zone": zone,
            "location": f"{venue}, {city}", "city": city, "rule": f"FREQ=WEEKLY;BYDAY={days};UNTIL=20271231T000000Z",
            "description": "A weekly course." if kind == "course" else "Round the table.",
        }  # fmt: skip
    for title, start, zone, place in _CONCERTS:
        venue, city = place.split("|")
        yield {
            "kind": "concert", "summary": title, "start": datetime.fromisoformat(start), "zone": zone,
            "location": f"{venue}, {city}", "city": city,
            "description": "Concert." if title[:4] in {"Jazz", "Beet", "Folk", "Choi", "Chri"} else "For everyone.",
        }  # fmt: skip
    for n in range(16):
        topic, day = _TOPICS[n % 4], date(2027, 3, 3) + 13 * n * _DAY
        yield {
            "kind": "webinar", "summary": f"Webinar: {topic}, part {n // 4 + 1}", "zone": "UTC", "location": "Online",
            "start": datetime.combine(day, time(9) if n % 3 else time(16)), "description": "The link comes by mail.",
        }  # fmt: skip


_MEETINGS = (
    ("Board Meeting", 28, 6, time(14), "Room 1, Mill House"),
    ("Sprint Review", 14, 9, time(15), "Room 4, Mill House"),
    ("Budget Review", 91, 2, time(11), "Room 2, Mill House"),
    ("All Hands", 28, 9, time(16), "Canteen, Mill House"),
)


def _meetings() -> Iterator[dict[str, object]]:
    for title, every, times, clock, place in _MEETINGS:
        first = date(2027, 4, 23) if title == "Sprint Review" else date(2027, 4, 22)
        for n in range(times):
            yield {
                "kind": "meeting", "summary": title, "start": datetime.combine(first + n * every * _DAY, clock),
                "zone": _LONDON, "location": f"{place}, Leeds", "city": "Leeds", "description": "Agenda to follow.",
            }  # fmt: skip


def world() -> tuple[Fact, ...]:
    """Every event, with what is true of it."""
    chance = random.Random(20270421)
    made = [*_baseball(chance), *_football(chance), *_others(), *_meetings()]
    return tuple(Fact(number=number, **values) for number, values in enumerate(made, 1))  # type: ignore[arg-type]
