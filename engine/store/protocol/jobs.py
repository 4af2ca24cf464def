"""What scheduled jobs ask of the store."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Protocol


class Job(StrEnum):
    """The kinds of scheduled work, in the order in which they run."""

    PAUSE_FAILING = "pause_failing"
    START_SCHEDULED = "start_scheduled"
    BULK_CHANGE = "bulk_change"
    FAN_OUT = "fan_out"
    FINISH = "finish"
    NOTIFY = "notify"
    DROP_DAYS = "drop_days"
    DROP_LISTS = "drop_lists"


class Jobs(Protocol):
    """Which jobs have work."""

    async def due_jobs(self, now: datetime, fail_share: float = 0) -> frozenset[Job]:
        """The kinds that have work now."""
        ...
