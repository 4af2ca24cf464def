"""Base models of REST requests, and fields that several of them share."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field


class Query(BaseModel):
    """Base of what a path and its query hold: an unknown parameter is an error."""

    model_config = ConfigDict(extra="forbid", frozen=True, defer_build=True)


class Body(BaseModel):
    """Base of what a body holds: an unknown member is an error, and so is one of another JSON type."""

    model_config = ConfigDict(extra="forbid", frozen=True, defer_build=True, strict=True)


class Loose(Query):
    """Base of the reference API's parameters: unknown ones are ignored, as the published server does."""

    model_config = ConfigDict(extra="ignore", frozen=True, defer_build=True)


Uid = Annotated[str, Field(description="uid or short id of the event", min_length=1, max_length=200)]
Cursor = Annotated[str | None, Field(description="next_cursor of the page before", max_length=1_000)]
Limit = Annotated[int, Field(ge=1, le=100)]
Email = Annotated[str, Field(description="one address", max_length=1_000, examples=["ann@example.com"])]
Note = Annotated[
    str, Field(description="a personal line above the text of the mail", examples=["The hall is closed"])
]
DryRun = Annotated[bool, Field(description="true: only show what would change, and who would be mailed")]


class OfEvent(Query):
    """The event in the path."""

    uid: Uid


class Nothing(Query):
    """No parameters."""
