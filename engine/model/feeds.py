"""Feeds: calendars that are imported again and again."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from pydantic import Field

from engine.model.base import Value


class Feed(Value):
    """A calendar that is imported again and again for one organizer."""

    id: str
    organizer: str
    name: str = Field(
        description="as the importer calls it; of a URL its host alone, since URLs hold secrets"
    )
    source: str = Field("", description="hash of the URL that the ETag belongs to")
    etag: str = ""
    last_modified: str = ""
    digest: str = Field("", description="hash of the text, where the last import was whole")
    imported: datetime | None = None


GONE = "-"
"""What the digest of an entry begins with that its calendar dropped, or calls cancelled."""


@dataclass(frozen=True, slots=True)
class FeedEntry:
    """The event that an entry of an imported calendar became; `digest` is the hash of the entry at that time."""

    source_uid: str
    event_uid: str
    digest: str

    @property
    def gone(self) -> bool:
        """True if the calendar cancelled the event, by dropping it or by marking it as cancelled."""
        return self.digest.startswith(GONE)
