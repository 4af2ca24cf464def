"""What runs by the clock asks of the store."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Protocol


class Job(StrEnum):
    """What waits to be looked after, in the order in which it is done."""

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
        """What waits to be looked after."""
        ...
