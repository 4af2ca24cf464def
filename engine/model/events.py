"""Events: one VEVENT with its overrides (RFC 5545, 3.6.1)."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime
from enum import StrEnum

from pydantic import Field, ValidationInfo, field_validator

from engine.model.base import Value
from engine.model.people import Partstat
from engine.model.times import Instant, Span


class EventStatus(StrEnum):
    """Whether an event is confirmed or cancelled; that it is over follows from the clock."""

    CONFIRMED = "confirmed"
    CANCELLED = "cancelled"


class Override(Value):
    """One instance of a recurring event that differs from its series (RECURRENCE-ID)."""

    recurrence_id: Instant
    span: Span
    summary: str
    location: str = ""
    description: str = ""
    url: str = ""
    moved_sequence: int = Field(0, description="SEQUENCE with which this instance last moved")
    source_sequence: int = Field(-1, description="SEQUENCE that the organizer's client gave this instance")
    source_dtstamp: datetime | None = None


class Earlier(Value):
    """What the event, or one instance of it, said in the revision before the newest."""

    recurrence_id: Instant | None = None
    summary: str
    span: Span
    location: str = ""
    recurrence: str = ""
    cancelled: bool = False


class Reserved(Value):
    """Text and place that only attendees with certain answers see; None: they see what all see."""

    partstats: frozenset[Partstat]
    location: str | None = None
    description: str | None = None
    url: str | None = None


class Event(Value):
    """One VEVENT with its overrides, owned by one organizer (RFC 5545, 3.6.1)."""

    uid: str
    id: str = Field("", description="short name of the event: 8 characters, for people and models to write")
    organizer: str
    organizer_name: str = ""
    summary: str
    span: Span
    location: str = ""
    description: str = ""
    url: str = ""
    recurrence: str = Field("", description="RRULE value, without the property name")
    rdates: tuple[Instant, ...] = ()
    exdates: tuple[Instant, ...] = ()
    overrides: tuple[Override, ...] = ()
    rsvp: bool = Field(True, description="false: it is for information and asks for no answer")
    places: int = Field(0, description="how many people can have it; 0: any number")
    alarm_minutes: tuple[int, ...] | None = Field(
        None,
        description="minutes before the start at which calendars show an alarm; None: 15, of an all-day event none",
    )
    reserved: Reserved | None = None
    status: EventStatus = EventStatus.CONFIRMED
    sequence: int = 0
    created: datetime
    dtstamp: datetime = Field(description="of this revision, whole seconds, always later than the one before")
    last_modified: datetime | None = Field(
        None, description="DTSTAMP of the last revision that changed anything; None: of this one"
    )
    ends_at: datetime | None = Field(description="end of the last instance; None where it recurs for ever")
    heard_until: datetime | None = Field(
        None,
        description="of a series whose remaining instances were called off: until when people hear of it",
    )
    cancel_reason: str = ""
    source_uid: str | None = Field(None, description="UID in the organizer's own client")
    sender_unauthenticated: bool = Field(
        False, description="true: its words are of a mail that nothing proves (CIS_SENDER_AUTH=flag)"
    )
    source_sequence: int = Field(0, description="SEQUENCE that the organizer's client sent last")
    source_dtstamp: datetime | None = Field(None, description="DTSTAMP that the organizer's client sent last")
    source_addressed: bool = Field(
        False, description="true: its client's mails name one of our mailboxes among the attendees"
    )
    verbatim: bool = Field(
        False,
        description="true: it came in a calendar, so that braces in its texts are no placeholders of ours",
    )
    moved_sequence: int = Field(0, description="SEQUENCE with which its time or place last changed")
    moved_at: datetime | None = Field(None, description="DTSTAMP of that revision; None: it never moved")
    key: str = Field("", description="ids of the keys that made it, the highest first; empty: none")
    linked: tuple[str, ...] = Field(
        (), description="hosts that a person allowed its texts to link to, beside those of its keys"
    )
    earlier: tuple[Earlier, ...] = Field((), description="what the newest revision changed, as it was before")
    gone: tuple[Override, ...] = Field(
        (),
        description="dates that had been changed for themselves and were then cancelled, as they last were",
    )

    @field_validator("overrides", "gone")
    @classmethod
    def _in_its_zone(cls, dates: tuple[Override, ...], info: ValidationInfo) -> tuple[Override, ...]:
        """The dates in the zone of the series: one that was kept before (decision 235) may be in that of its mail."""
        span = info.data.get("span")
        if span is None or all(one.span.timezone == span.timezone for one in dates):
            return dates
        zone = {"timezone": span.timezone}
        return tuple(one.model_copy(update={"span": one.span.model_copy(update=zone)}) for one in dates)

    @property
    def recurring(self) -> bool:
        """True if it has more than one instance."""
        return bool(self.recurrence or self.rdates)

    @property
    def modified(self) -> datetime:
        """When the event last changed; inviting one person again makes a revision, but does not count."""
        return self.last_modified or self.dtstamp

    @property
    def cancelled(self) -> bool:
        """True if it is cancelled as a whole."""
        return self.status is EventStatus.CANCELLED

    def finished(self, now: datetime) -> bool:
        """True once the last instance is over."""
        return self.ends_at is not None and self.ends_at <= now

    @property
    def closes_at(self) -> datetime | None:
        """Until when a change of it is of use to anybody; None where it recurs for ever."""
        return self.heard_until or self.ends_at

    def closed(self, now: datetime) -> bool:
        """True once it is finished, and no one can miss instances that were called off any more."""
        return self.closes_at is not None and self.closes_at <= now

    @property
    def reserved_for(self) -> frozenset[Partstat]:
        """The answers of attendees who see other text than all."""
        return self.reserved.partstats if self.reserved else frozenset()

    def seen_by(self, partstat: Partstat) -> Event:
        """The event as an attendee with this answer sees it."""
        if self.reserved is None or partstat not in self.reserved.partstats:
            return self
        own = self.reserved.model_dump(include={"location", "description", "url"}, exclude_none=True)
        overrides = tuple(one.model_copy(update=self._shared(one, own)) for one in self.overrides)
        return self.model_copy(update={**own, "overrides": overrides, "reserved": None})

    def _shared(self, override: Override, texts: Mapping[str, str]) -> dict[str, str]:
        """Those of `texts` for which an instance has none of its own, but says what its series says."""
        return {n: text for n, text in texts.items() if getattr(override, n) == getattr(self, n)}

    def override(self, recurrence_id: date | datetime) -> Override | None:
        """The override of the instance that `recurrence_id` names, if it has one."""
        return next((o for o in self.overrides if o.recurrence_id == recurrence_id), None)

    def with_gone(self, recurrence_id: date | datetime) -> Event:
        """The event in which a cancelled instance is as it last was, for the mail that cancels it."""
        if recurrence_id not in self.exdates or self.override(recurrence_id):
            return self
        last = tuple(one for one in self.gone if one.recurrence_id == recurrence_id)
        return self.model_copy(update={"overrides": (*self.overrides, *last)}) if last else self
