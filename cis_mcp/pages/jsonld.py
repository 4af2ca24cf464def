"""Events as schema.org has them, for search engines and agents that read pages."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import datetime

from markupsafe import Markup

from cis_mcp.pages.rows import PageRow

LISTED = 20
"""Events of a page with many that are described; each event's own page has all of it."""
_BASE = "https://schema.org/"


def event(
    row: PageRow, address: str, *, by: str = "", place: bool = True, text: bool = False
) -> Mapping[str, object]:
    """One event with its status (schema.org/EventStatusType)."""
    state = "EventCancelled" if row.cancelled else "EventRescheduled" if row.before else "EventScheduled"
    found: dict[str, object] = {
        "@type": "Event",
        "name": row.title,
        "startDate": _local(row.span.local(row.span.start)),
        "endDate": _local(row.span.local(row.span.end)),
        "eventStatus": _BASE + state,
        "url": address,
    }
    if row.place and place:
        found["location"] = {"@type": "Place", "name": row.place, "address": row.place}
    if row.text and text:
        found["description"] = row.text[:1_000]
    if row.places:
        found["maximumAttendeeCapacity"] = row.places
        found["remainingAttendeeCapacity"] = row.free
    if by:
        found["organizer"] = {"@type": "Organization", "name": by}
    return found


def script(events: Sequence[Mapping[str, object]]) -> Markup:
    """The events as the text of a script element that no browser runs."""
    graph: Mapping[str, object] = events[0] if len(events) == 1 else {"@graph": list(events)}
    text = json.dumps({"@context": "https://schema.org", **graph}, ensure_ascii=False, separators=(",", ":"))
    # Nothing in it may end the element, or begin a comment.
    return Markup(text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026"))  # noqa: S704


def _local(value: object) -> str:
    return value.isoformat() if isinstance(value, datetime) else str(value)
