"""The one command that widens a bound by which something was refused, as its owner would type it."""

from __future__ import annotations

import shlex

from engine.model.bounds import Bounds
from engine.model.keys import Key

_NUMBERS = {
    "day": "day",
    "new_people_day": "new-people-day",
    "person_day": "person-day",
    "bulk_max": "bulk-max",
    "events_max": "events-max",
}
_MORE = "MORE"
"""Stands for what the record does not hold: whom, or where to."""


def widening(key: Key, bound: str) -> str:
    """The arguments at the command line that widen `bound` of `key`; empty where no command does."""
    if bound in {"stopped", "key"}:
        return f"key resume {key.id}"
    option = _option(key.bounds, bound) if key.bounds else ""
    return f"key change {key.id} {option}" if option else ""


def _option(bounds: Bounds, bound: str) -> str:
    if bound in _NUMBERS:
        return f"--{_NUMBERS[bound]} {2 * getattr(bounds, bound)}"
    match bound:
        case "to" | "links":
            return f"--{bound} {shlex.quote(','.join([*(getattr(bounds, bound) or ()), _MORE]))}"
        case "horizon_days":
            return f"--horizon {2 * bounds.horizon_days}d"
        case "mode":
            return "--mode act"
        case "approval":
            return "--approval ''"
        case _:
            return ""
