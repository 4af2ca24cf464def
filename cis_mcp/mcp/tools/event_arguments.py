"""The arguments of the tools that create, change, cancel and show events."""

from __future__ import annotations

from typing import Annotated, Any, Literal, get_args

from pydantic import Field, model_validator

from cis_mcp.mcp.tools.arguments import Arguments
from cis_mcp.views.chosen import Told
from cis_mcp.views.event_fields import (
    AlarmMinutes,
    Day,
    Duration,
    End,
    Instance,
    OnlyFor,
    Recurrence,
    Start,
    Zone,
)
from engine.refusals import Code, Refused

Uid = Annotated[
    str,
    Field(
        description="uid or id, from create_event or search_events",
        min_length=1,
        max_length=200,
    ),
]
Clearable = Literal["location", "description", "url", "recurrence", "organizer_name"]
Note = Annotated[
    str | None,
    Field(description="a personal line above the text of the mail", examples=["The hall is closed"]),
]
Words = Annotated[
    str | None,
    Field(description="may contain {{name}}, {{email}} or other personal fields"),
]


WaitS = Annotated[float, Field(description="seconds to wait for the mails to leave", ge=0, le=600)]


class CreateEventArguments(Arguments):
    """Arguments of create_event."""

    summary: str = Field(description="title, one line", max_length=2_000, examples=["Spring concert"])
    start: Start
    end: End = None
    duration: Duration = None
    timezone: Zone = None
    location: Words = None
    description: Words = None
    all_day: bool | None = Field(None, description="true: start and end are days")
    recurrence: Recurrence = None
    exclude_dates: list[Day] | None = Field(
        None,
        description="instances to leave out: days, or local starts",
        max_length=5_000,
        examples=[["2027-12-24"]],
    )
    alarm_minutes: AlarmMinutes = None
    rsvp: bool = Field(True, description="false: asks for no answer")
    places: int = Field(0, description="how many can take part; 0: no limit")
    organizer: str | None = Field(
        None, description="the owner; leave out for yourself", examples=["ann@example.com"]
    )
    organizer_name: str | None = Field(None, description="shown as sender")
    url: str | None = Field(None, description="web page")
    idempotency_key: str | None = Field(
        None,
        description="any text; repeating it makes no second event",
        max_length=200,
    )


class UpdateEventArguments(Arguments):
    """Arguments of update_event."""

    uid: Uid
    instance: Instance = None
    summary: str | None = Field(None, description="new title", max_length=2_000, examples=["Concert"])
    start: Start | None = Field(
        None,
        description="as in create_event, but a date alone needs all_day if the event is timed; without end or "
        "duration the length stays",
    )
    end: End = Field(None, description="new end, as in create_event")
    duration: Duration = None
    timezone: Zone = Field(None, description="IANA name; alone, it keeps the wall-clock time")
    location: Words = Field(None, description="as in create_event")
    description: Words = Field(None, description="as in create_event")
    all_day: bool | None = Field(None, description="only with start")
    recurrence: Recurrence = Field(None, description="new RRULE value")
    exclude_dates: list[Day] | None = Field(
        None, description="further instances to leave out", max_length=5_000
    )
    organizer_name: str | None = Field(None, description="shown as sender")
    url: str | None = Field(None, description="web page")
    alarm_minutes: AlarmMinutes = Field(None, description="as in create_event")
    places: int | None = Field(None, description="as in create_event")
    only_for: OnlyFor = None
    clear: list[Clearable] | None = Field(None, description="fields to empty")
    note: Note = None
    audience: Told = None
    expected_sequence: int | None = Field(
        None, description="refuse if the event is at another revision", ge=0, le=2**31 - 1
    )
    dry_run: bool = Field(False, description="true: only show what would change, and who would be mailed")
    wait_s: WaitS = 0

    @model_validator(mode="before")
    @classmethod
    def _cleared(cls, given: Any) -> Any:
        """Make fields to clear empty; an empty text alone counts as left out earlier. Raises Refused."""
        names = given.get("clear") if isinstance(given, dict) else None
        if not isinstance(names, list):
            return given
        names = [name for name in names if name in get_args(Clearable)]
        if both := [name for name in names if name in given]:
            raise Refused(
                Code.INVALID_ARGUMENT,
                f"“{both[0]}” is both given and named in clear.",
                "Give it a value or clear it, not both.",
            )
        return {**given, **dict.fromkeys(names, "")}


class CancelEventArguments(Arguments):
    """Arguments of cancel_event."""

    uid: Uid
    instance: Instance = None
    note: Note = None
    audience: Told = Field(None, description="as in update_event")
    dry_run: bool = Field(False, description="true: only show who would be mailed")
    wait_s: WaitS = 0


class GetEventArguments(Arguments):
    """Arguments of get_event."""

    uid: Uid
