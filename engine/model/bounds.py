"""Bounds: what a key may do, as one typed model that a file or a command line gives."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import UTC, datetime, time, timedelta
from enum import StrEnum
from functools import lru_cache
from typing import Annotated, Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import AfterValidator, Field, field_validator, model_validator

from engine.model.addresses import host_pattern, pattern
from engine.model.base import Value
from engine.model.verbs import Verb, verbs_of

PATTERNS_MAX = 500
"""Patterns in one bound."""
_HOURS = re.compile(r"([01]\d|2[0-3]):([0-5]\d)-([01]\d|2[0-4]):([0-5]\d)")
LIST_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9-]{0,39}")
"""The name of a list that bounds refer to as `@name`."""
_DAYS_MAX = 36_500

DEFAULT_VERBS = frozenset({Verb.READ, Verb.CREATE, Verb.SEND, Verb.BULK, Verb.UPDATE, Verb.REPORT})


class Mode(StrEnum):
    """What happens to a request that a key makes: act, hold or observe."""

    OBSERVE = "observe"
    """It is carried out; what would have been refused is written down."""
    HOLD = "hold"
    """It waits for approval."""
    ACT = "act"


class Approval(StrEnum):
    """What needs the owner's approval."""

    BULK = "bulk"
    """More recipients than `approval_bulk`."""
    NEW_DOMAIN = "new-domain"
    """The first mail of an organizer to a domain."""
    LINKS = "links"
    OUTSIDE_HOURS = "outside-hours"
    TIME_CHANGES = "time-changes"
    """Changes of time within 24 hours of the start."""
    CHANGES = "changes"
    EVERYTHING = "everything"


def _patterns(found: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(map(_pattern_or_list, found)))


def _pattern_or_list(one: str) -> str:
    if not one.startswith("@"):
        return pattern(one)
    if not LIST_NAME.fullmatch(one[1:]):
        raise ValueError(f"“{one[:60]}” is not a list name: use letters, digits and hyphens.")
    return one.lower()


def _hosts(found: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(map(host_pattern, found)))


Patterns = Annotated[tuple[str, ...], Field(max_length=PATTERNS_MAX), AfterValidator(_patterns)]
Hosts = Annotated[tuple[str, ...], Field(max_length=PATTERNS_MAX), AfterValidator(_hosts)]
Budget = Annotated[int, Field(ge=0, le=100_000_000)]


class Bounds(Value):
    """What a key may do. An empty value allows no one, 0 means no limit, and what is not set has its default."""

    verbs: frozenset[Verb] = Field(
        DEFAULT_VERBS, description="what it may do; older scopes stand for several verbs"
    )
    to: Patterns | None = Field(
        None, description="who it may mail: patterns such as *@example.com, or @name of a list; null: anyone"
    )
    not_to: Patterns = Field((), description="who it may not mail; overrides `to`")
    links: Hosts | None = Field(None, description="hosts that its texts may link to; null: any, empty: none")
    day: Budget = Field(500, description="mails a day")
    minute: Budget = Field(60, description="mails a minute; more wait")
    new_people_day: Budget = Field(100, description="new people a day, whom this key never mailed")
    person_day: Budget = Field(20, description="mails a day to one person")
    bulk_max: Budget = Field(100, description="rows of one list")
    events_max: Budget = Field(200, description="active events of its making at one time")
    hours: str = Field("", description="when its mail may leave, such as 08:00-20:00; empty: always")
    timezone: str = Field("UTC", description="IANA time zone of `hours`", max_length=64)
    horizon_days: int = Field(400, ge=0, le=_DAYS_MAX, description="no event starts later than this; days")
    approval: tuple[Approval, ...] = Field((), description="what needs the owner's approval; empty: nothing")
    approval_bulk: Budget = Field(0, description="of approval `bulk`: more recipients than this wait")
    decides_for: tuple[str, ...] = Field(
        (),
        max_length=100,
        description="ids of keys that it may decide for although it may make such requests; `*`: all of its address",
    )
    attended: bool = Field(False, description="true: a person sits at the client and may approve there")
    expires_days: int = Field(90, ge=0, le=_DAYS_MAX, description="days until it ends; 0: never")
    owner: str = Field("", description="the person responsible for it; empty: the operator", max_length=320)
    mode: Mode = Mode.ACT
    probation_days: int = Field(
        0, ge=0, le=_DAYS_MAX, description="how many days it is in mode hold at first"
    )
    probation_ends: bool = Field(True, description="false: only the owner ends the probation")

    @field_validator("verbs", mode="before")
    @classmethod
    def _named(cls, value: object) -> object:
        if isinstance(value, str):
            value = [one.strip() for one in value.split(",") if one.strip()]
        if not isinstance(value, list | tuple | set | frozenset) or not all(
            isinstance(v, str) for v in value
        ):
            return value
        unknown = [name for name in value if not verbs_of([name])]
        return unknown or verbs_of(value) | {Verb.READ}

    @field_validator("timezone")
    @classmethod
    def _zone(cls, value: str) -> str:
        try:
            ZoneInfo(value)
        except (ZoneInfoNotFoundError, ValueError, OSError):
            raise ValueError(f"“{value}” is not an IANA time zone.") from None
        return value

    @field_validator("hours")
    @classmethod
    def _span(cls, value: str) -> str:
        if value and (not (found := _HOURS.fullmatch(value)) or found[1] + found[2] == found[3] + found[4]):
            raise ValueError(f"“{value}” are not hours; write them as 08:00-20:00.")
        return value

    @model_validator(mode="after")
    def _whole(self) -> Bounds:
        if Approval.BULK in self.approval and not self.approval_bulk:
            raise ValueError("approval “bulk” needs approval_bulk, the number over which a list waits.")
        return self

    @property
    def named_lists(self) -> frozenset[str]:
        """The names of the lists that `to` and `not_to` refer to."""
        return frozenset(one[1:] for one in (*(self.to or ()), *self.not_to) if one.startswith("@"))

    def open_at(self, now: datetime) -> bool:
        """True if its mail may leave at that moment."""
        return not self.hours or _within(self.hours, now.astimezone(ZoneInfo(self.timezone)).time())

    def opens(self, now: datetime) -> datetime:
        """The moment from which its mail may leave; `now` if it may already."""
        if self.open_at(now):
            return now
        zone = ZoneInfo(self.timezone)
        local = now.astimezone(zone)
        begins = time(int(self.hours[:2]), int(self.hours[3:5]))
        today = datetime.combine(local.date(), begins, zone)
        start = today if today > local else datetime.combine(local.date() + timedelta(days=1), begins, zone)
        return start.astimezone(UTC)


def _within(hours: str, at: time) -> bool:
    begins, ends = hours.split("-")
    now = f"{at:%H:%M}"
    return begins <= now < ends if begins < ends else now >= begins or now < ends


SCALES: Sequence[
    Literal["day", "minute", "new_people_day", "person_day", "bulk_max", "events_max", "horizon_days"]
] = (
    "day",
    "minute",
    "new_people_day",
    "person_day",
    "bulk_max",
    "events_max",
    "horizon_days",
)
"""The bounds that are numbers of which the least holds; 0 is no limit."""


def least(numbers: Sequence[int]) -> int:
    """The narrowest of several limits; 0 means no limit."""
    return min((number for number in numbers if number), default=0)


@lru_cache(maxsize=64)
def zone_of(name: str) -> ZoneInfo:
    """The zone with that IANA name."""
    return ZoneInfo(name)
