"""Stops: what holds an organizer's mail, or everyone's, until it is resumed."""

from __future__ import annotations

from datetime import datetime

from pydantic import Field

from engine.model.base import Value

EVERYTHING = ""
"""In place of an organizer: everybody."""


class Stop(Value):
    """What is stopped, since when and by whom."""

    organizer: str = Field(description="empty: everything")
    since: datetime
    stopped_by: str
