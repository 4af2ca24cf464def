"""Fields of events that callers give, the same in every face."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

Start = Annotated[
    str,
    Field(
        description="ISO 8601. Local time in `timezone`, or with an offset; a date alone is an all-day event",
        max_length=40,
        examples=["2027-05-02T19:00:00"],
    ),
]
End = Annotated[
    str | None,
    Field(
        description="ISO 8601, like start; exclusive, so an all-day event ends the day after its last",
        max_length=40,
        examples=["2027-05-02T21:00:00"],
    ),
]
Duration = Annotated[
    str | None,
    Field(description="ISO 8601, instead of end", max_length=40, examples=["PT2H"]),
]
Zone = Annotated[
    str | None,
    Field(
        description="IANA name; required for a series, and for a start without offset",
        max_length=100,
        examples=["America/New_York"],
    ),
]
Recurrence = Annotated[
    str | None,
    Field(description="RRULE value (RFC 5545)", max_length=500, examples=["FREQ=WEEKLY;BYDAY=TU;COUNT=10"]),
]
Day = Annotated[str, Field(max_length=40)]
Instance = Annotated[
    str | None,
    Field(
        description="only this instance of a series: its day, or its local start",
        max_length=40,
        examples=["2027-05-09"],
    ),
]
AlarmMinutes = Annotated[
    list[int] | None,
    Field(
        description="minutes before the start at which calendars remind; default [15], all-day none; []: never"
    ),
]
OnlyFor = Annotated[
    list[Literal["accepted", "tentative", "declined"]] | None,
    Field(description="only these see the new location, description or url; []: everyone"),
]
