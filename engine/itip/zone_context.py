"""The time zones of one calendar: property values as moments in UTC, by their TZIDs (RFC 5545, 3.2.19)."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time
from functools import cached_property

from engine.itip import vtimezone, zones
from engine.itip.bounds import Allowance, too_many
from engine.itip.content_lines import Component, Property
from engine.itip.expansion import Budget
from engine.itip.repairs import Repairs
from engine.itip.values import read_value
from engine.itip.vtimezone import Definition, Observances
from engine.model.times import named_day
from engine.refusals import Code, Refused

MAX_VALUES = 10_000
"""The most dates in all lists of one calendar, such as EXDATE."""
_MAX_EVALUATIONS = 200
_MAX_ZONES = 500
_MAX_SUGGESTIONS = 5
_DATES = frozenset({"DTSTART", "DTEND", "RECURRENCE-ID", "RDATE", "EXDATE"})


def unreadable(prop: Property) -> Refused:
    """The refusal of a property whose value cannot be read."""
    shown = " ".join(prop.value.split())[:60]
    return Refused(
        Code.INVALID_CALENDAR,
        f"The calendar's {prop.name} “{shown}” cannot be read.",
        "Send the event again from the calendar, with a valid date and time.",
    )


@dataclass
class Clocks:
    """How to interpret the times of one VCALENDAR."""

    embedded: dict[str, Component]
    floating: str | None
    recurring: frozenset[str] = frozenset()
    calendar: Component | None = None
    repairs: Repairs = field(default_factory=Repairs)
    budget: Budget = field(default_factory=Budget)
    values: Allowance = field(default_factory=lambda: Allowance(MAX_VALUES, "dates in lists"))
    names: dict[str, str | None] = field(default_factory=dict)
    definitions: dict[str, Definition] = field(default_factory=dict)
    evaluated: dict[tuple[str, int], Observances | None] = field(default_factory=dict)
    decided: dict[tuple[str, int], str | None] = field(default_factory=dict)
    alike: dict[tuple[str, int], str | None] = field(default_factory=dict)
    suggested: int = 0

    @classmethod
    def of(
        cls,
        calendar: Component,
        default_zone: str | None,
        repairs: Repairs | None = None,
        budget: Budget | None = None,
        values: Allowance | None = None,
    ) -> Clocks:
        """The clocks of `calendar`; `default_zone` is for times that name no zone at all.

        `budget`: days for evaluating all time zones that the calendar defines. `values`: how many dates its lists may
        have. `repairs` collects what had to be repaired.
        Raises Refused(TOO_LARGE) if it defines too many.
        """
        embedded = {c.text("TZID").strip(): c for c in calendar.inside("VTIMEZONE")}
        if len(embedded) > _MAX_ZONES:
            raise too_many(_MAX_ZONES, "time zones of its own")
        named = zones.resolve(calendar.text("X-WR-TIMEZONE"))
        return cls(
            embedded,
            named or (zones.resolve(default_zone) if default_zone else None),
            _recurring(calendar) if embedded else frozenset(),
            calendar,
            repairs or Repairs(),
            budget or Budget(),
            values or Allowance(MAX_VALUES, "dates in lists"),
        )

    @cached_property
    def day_zone(self) -> str:
        """The IANA zone of the calendar, for all-day events and for times in UTC.

        That is the zone it names, else the one in which all its events start, else the only one it defines, else UTC.
        """
        used = {zone for tzid in _starts_in(self.calendar) if (zone := self._named(tzid))}
        named = used or {zone for tzid in self.embedded if (zone := self._named(tzid))}
        return self.floating or (named.pop() if len(named) == 1 else "UTC")

    def _named(self, tzid: str) -> str | None:
        """The IANA zone that a TZID or its VTIMEZONE's X-LIC-LOCATION names."""
        if tzid not in self.names:
            zone = zones.resolve(tzid)
            if zone is None and tzid in self.embedded:
                zone = zones.resolve(self.embedded[tzid].text("X-LIC-LOCATION"))
            self.names[tzid] = zone
        return self.names[tzid]

    def _unknown(self, tzid: str) -> Refused:
        """The refusal of a TZID; only the first few suggest similar names, since finding them is slow."""
        self.suggested += 1
        return zones.unknown(tzid, zones.nearest(tzid) if self.suggested <= _MAX_SUGGESTIONS else ())

    def _observed(self, tzid: str, year: int) -> Observances | None:
        component = self.embedded.get(tzid)
        if component is None:
            return None
        if (tzid, year) not in self.evaluated:
            if len(self.evaluated) >= _MAX_EVALUATIONS or self.budget.left < 0:
                raise vtimezone.complicated()
            self.evaluated[tzid, year] = self._definition(tzid, component).around(year, self.budget)
        return self.evaluated[tzid, year]

    def _definition(self, tzid: str, component: Component) -> Definition:
        if tzid not in self.definitions:
            self.definitions[tzid] = vtimezone.define(component)
        return self.definitions[tzid]

    def _zone(self, tzid: str, year: int) -> str | None:
        """The IANA zone that a TZID follows in `year`; None if only the mail's own definition applies.

        A known name counts unless the mail defines it differently, since its VTIMEZONE is what the sender sees
        (RFC 5545, 3.2.19).
        """
        if not tzid:
            return self.floating
        if tzid not in self.embedded:
            return self._named(tzid)
        if (tzid, year) not in self.decided:
            named = self._named(tzid)
            self.decided[tzid, year] = self._decide(tzid, named, year) if named else None
        return self.decided[tzid, year]

    def _decide(self, tzid: str, named: str, year: int) -> str | None:
        observed = self._observed(tzid, year)
        if observed is None or vtimezone.agrees(observed, named, year):
            return named
        if vtimezone.abbreviated(self.embedded[tzid], observed, named, year):
            self.repairs.note("a time zone without its summer time taken by its name")
            return named
        like = self._like(tzid, observed, datetime(year, 1, 1))  # noqa: DTZ001 -- local time
        if like is None and tzid in self.recurring:
            # A series keeps its local time, which only a named zone can give it.
            self.repairs.note("a time zone that differs from its name taken by its name")
            return named
        self.repairs.note("a time zone that differs from its name taken as the mail defines it")
        return like

    def _like(self, tzid: str, observed: Observances, start: datetime) -> str | None:
        """The IANA zone with the same offsets from `start` on, or None."""
        key = (tzid, start.year)
        if key not in self.alike:
            self.budget.spend(len(observed.onsets))
            self.alike[key] = vtimezone.equivalent(observed, start)
        return self.alike[key]

    def _utc(self, local: datetime, tzid: str) -> datetime:
        zone = self._zone(tzid, local.year)
        if zone:
            return local.replace(tzinfo=zones.info(zone)).astimezone(UTC)
        observed = self._observed(tzid, local.year)
        if observed:
            return observed.utc(local)
        if tzid and self._named(tzid) is None:
            raise self._unknown(tzid)
        raise Refused(
            Code.UNKNOWN_TIMEZONE,
            "The event's time names no time zone.",
            "Set a time zone for the event in the calendar and send it again.",
        )

    def _value(self, prop: Property, text: str) -> date | datetime:
        try:
            value, is_utc = read_value(text)
            if not isinstance(value, datetime):
                return value
            return value.replace(tzinfo=UTC) if is_utc else self._utc(value, _tzid(prop))
        except (ValueError, OverflowError) as error:
            raise unreadable(prop) from error

    def moment(self, prop: Property, text: str = "") -> date | datetime:
        """The day, or the moment in UTC, in `prop`, or in its part `text`.

        Raises Refused: INVALID_CALENDAR if it is neither, UNKNOWN_TIMEZONE if its zone is not known.
        """
        return self._value(prop, text or prop.value)

    def day(self, prop: Property, text: str = "") -> date:
        """The day in `prop`, or in its part `text`: as written, except that a UTC time counts in the calendar's zone.

        Raises Refused(INVALID_CALENDAR) if it names none.
        """
        try:
            value, is_utc = read_value(text or prop.value)
            if isinstance(value, datetime) and is_utc:
                return named_day(value.replace(tzinfo=UTC), self.day_zone)
        except (ValueError, OverflowError) as error:
            raise unreadable(prop) from error
        return value.date() if isinstance(value, datetime) else value

    def listed(self, prop: Property) -> list[str]:
        """The values of a list such as EXDATE, without blank ones. Raises Refused: TOO_LARGE."""
        self.values.take(prop.value.count(",") + prop.value.count(";") + 1)
        return [text for text in prop.value.replace(";", ",").split(",") if text.strip()]

    def zone(self, prop: Property, moment: date | datetime, *, recurring: bool) -> str:
        """The IANA zone of `prop`; for a zone that only the mail defines, one with the same offsets.

        Raises Refused(UNKNOWN_TIMEZONE) for a recurring event in a zone that matches no IANA zone.
        """
        tzid = _tzid(prop)
        if not isinstance(moment, datetime):
            return self.day_zone
        if prop.value.strip().upper().endswith("Z"):
            return "UTC" if recurring else self.floating_or_utc(prop)
        zone = self._zone(tzid, read_value(prop.value)[0].year)
        if zone:
            return zone
        observed = self._observed(tzid, moment.year)
        if observed is None:
            return "UTC"
        local, _ = read_value(prop.value)
        like = self._like(tzid, observed, _naive(local))
        if like is None and recurring and self._named(tzid) is None:
            raise self._unknown(tzid)
        return like or zones.fixed(observed.offset(_naive(local))) or "UTC"

    def floating_or_utc(self, prop: Property) -> str:
        """The zone in which to show a single UTC time: that of its TZID, else the calendar's."""
        return (self._named(_tzid(prop)) if _tzid(prop) else None) or self.day_zone


def _starts_in(calendar: Component | None) -> frozenset[str]:
    """The TZIDs of the events' starts."""
    if calendar is None:
        return frozenset()
    starts = (event.first("DTSTART") for event in calendar.inside("VEVENT"))
    return frozenset(tzid for start in starts if start and (tzid := _tzid(start)))


def _recurring(calendar: Component) -> frozenset[str]:
    """The TZIDs of recurring events."""
    return frozenset(
        _tzid(prop)
        for event in calendar.inside("VEVENT")
        if any(p.name in {"RRULE", "RDATE"} for p in event.properties)
        for prop in event.properties
        if prop.name in _DATES
    )


def _naive(value: date | datetime) -> datetime:
    return value if isinstance(value, datetime) else datetime.combine(value, time())


def _tzid(prop: Property) -> str:
    return prop.params.get("TZID", "").strip()
