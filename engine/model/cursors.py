"""Cursors: the place where a list continues, as an opaque text."""

from __future__ import annotations

import base64
import json
import math
from datetime import datetime

from engine.refusals import Code, Refused

_CURSOR_MAX = 500
LISTED_MAX = 2_000
"""Characters of a cursor that names a whole page."""

_INTEGER_END = 2**63


def written(*values: object) -> str:
    """The cursor that holds `values`: texts and numbers."""
    return base64.urlsafe_b64encode(json.dumps(values).encode()).decode().rstrip("=")


def opened(cursor: str, *kinds: type, longest: int = _CURSOR_MAX) -> list[object]:
    """The values in a cursor, of the types `kinds`. Raises Refused(INVALID_CURSOR) if it is not one of ours."""
    if len(cursor) > longest:
        raise forged()
    try:
        values = json.loads(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
        found: list[object] = [kind(value) for kind, value in zip(kinds, values, strict=True)]
        for value in found:
            if isinstance(value, str):
                value.encode()
    except (ValueError, TypeError, OverflowError, RecursionError):
        raise forged() from None
    if any(isinstance(value, float) and not math.isfinite(value) for value in found):
        raise forged()
    if any(isinstance(value, int) and abs(value) >= _INTEGER_END for value in found):
        raise forged()
    return found


def before(cursor: str | None) -> tuple[datetime, str] | None:
    """Time and id before which a newest-first list continues. Raises Refused(INVALID_CURSOR) as `opened` does."""
    if cursor is None:
        return None
    at, name = opened(cursor, str, str)
    try:
        return datetime.fromisoformat(str(at)), str(name)
    except ValueError:
        raise forged() from None


def forged(
    hint: str = "Begin again without a cursor, or give the next cursor exactly as it was returned.",
) -> Refused:
    """The refusal of a cursor that is not one of ours."""
    return Refused(Code.INVALID_CURSOR, "Unknown cursor.", hint)
