"""Tables for analysis: which there are, and what each column means."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Literal

from engine.model.base import Value

Cell = str | int | bool | datetime | None
Cells = tuple[Cell, ...]
Kind = Literal["text", "number", "time", "truth"]
LINKS_MAX = 10_000
EXPORT_URL = re.compile(
    r"s3://[a-z0-9][a-z0-9.-]{1,61}[a-z0-9](/[^?#\s]*)?"
    r"(\?(?:(?:region|endpoint)=[^&#\s]+|addresses=(?:yes|no))(?:&(?:(?:region|endpoint)=[^&#\s]+|addresses=(?:yes|no)))*)?"
)
"""Where a nightly export goes."""


SNAPSHOT_URL = re.compile(
    r"s3://[a-z0-9][a-z0-9.-]{1,61}[a-z0-9](/[^?#\s]*)?(\?(?:region|endpoint)=[^&#\s]+(?:&(?:region|endpoint)=[^&#\s]+)*)?"
)
"""Where the file of the search is kept."""


class Table(StrEnum):
    """The tables that can be exported."""

    EVENTS = "events"
    ATTENDEES = "attendees"
    MESSAGES = "messages"
    RECEIPTS = "receipts"
    LINKS = "links"


@dataclass(frozen=True)
class Column:
    """One column; `personal` says how it is masked: as an address, as a name, or by leaving it empty."""

    name: str
    kind: Kind
    meaning: str
    personal: Literal["", "address", "name", "text"] = ""


class ExportQuery(Value):
    """Which rows: of one organizer or all, and of which time; each table has one column that the dates compare with."""

    table: Table
    organizer: str | None = None
    since: datetime | None = None
    until: datetime | None = None

    def fits(self, at: datetime) -> bool:
        """True if a row with this time belongs to the export; `since` is inclusive, `until` exclusive."""
        return (self.since is None or at >= self.since) and (self.until is None or at < self.until)


def _columns(*rows: str) -> tuple[Column, ...]:
    """Columns from lines of name, kind, how it is personal, meaning."""
    found = []
    for row in rows:
        name, kind, personal, meaning = (part.strip() for part in row.split("|"))
        found.append(Column(name, kind, meaning, personal))  # type: ignore[arg-type]
    return tuple(found)


COLUMNS: dict[Table, tuple[Column, ...]] = {
    Table.EVENTS: _columns(
        "uid | text | | joins the other tables",
        "id | text | | short name",
        "organizer | text | | address of the organizer",
        "organizer_name | text | | as people see it",
        "summary | text | | title",
        "location | text | | place",
        "start | time | | of the first instance",
        "end | time | | of the first instance",
        "timezone | text | | IANA name of the event's zone",
        "all_day | truth | | start and end are midnights of the zone",
        "recurrence | text | | RRULE; empty: it takes place once",
        "status | text | | confirmed, cancelled",
        "revision | number | | SEQUENCE; grows with each change",
        "created | time | | when it was made",
        "modified | time | | when it last changed",
        "ends_at | time | | end of the last instance; empty: it recurs for ever",
        "invited | number | | people who are invited",
        "accepted | number | | Yes",
        "declined | number | | No",
        "tentative | number | | Maybe",
        "delegated | number | | named somebody else",
        "noaction | number | | no answer yet",
        "mails_sent | number | | calendar mails that a mail server took",
        "mails_failed | number | | that none took, or that came back",
    ),
    Table.ATTENDEES: _columns(
        "event_uid | text | | uid of the event",
        "organizer | text | | address of the organizer",
        "address | text | address | whom the mails go to",
        "domain | text | | of the address",
        "name | text | name | as the list or the person gave it",
        "answer | text | | accepted, declined, tentative, delegated, noaction",
        "origin | text | | by which way the person was invited",
        "client | text | | PRODID of the calendar client that answered last",
        "invited | time | | when they were",
        "answered | time | | when the newest answer came",
        "answered_revision | number | | revision that it answers; -1: none",
        "withdrawn | time | | when they were taken out of the event",
        "timezone | text | | zone of their client",
        "proven | truth | | false: turned up by a mail that nothing proves, and is mailed nothing",
    ),
    Table.MESSAGES: _columns(
        "message_id | text | | Message-ID",
        "event_uid | text | | uid of the event",
        "organizer | text | | address of the organizer",
        "address | text | address | whom the mail goes to",
        "domain | text | | of the address",
        "kind | text | | invite, update, cancellation, reminder, withdrawal, declined-proposal",
        "method | text | | of iTIP: REQUEST, CANCEL, DECLINECOUNTER",
        "revision | number | | SEQUENCE that it carries",
        "instance | text | | RECURRENCE-ID; empty: the whole event",
        "campaign | text | | id of the campaign; empty: none",
        "state | text | | queued, sending, sent, deferred, failed, withdrawn",
        "code | text | | why it failed, waits or was withdrawn",
        "attempts | number | | tries",
        "created | time | | when it was owed",
        "due | time | | when it may leave",
        "settled | time | | when it was sent, failed or withdrawn",
    ),
    Table.RECEIPTS: _columns(
        "event_uid | text | | uid of the event",
        "organizer | text | | address of the organizer",
        "address | text | address | who answers",
        "domain | text | | of the address",
        "answer | text | | accepted, declined, tentative, delegated, noaction",
        "revision | number | | SEQUENCE that it answers",
        "instance | text | | RECURRENCE-ID; empty: the whole event",
        "stamped | time | | DTSTAMP of the answer",
        "arrived | time | | when it came",
        "client | text | | PRODID of the calendar client",
        "counted | truth | | false: it did not count",
        "code | text | | why not",
        "comment | text | text | what the person wrote",
    ),
    Table.LINKS: _columns(
        "id | text | | short name",
        "organizer | text | | address of the organizer",
        "name | text | | what the organizer calls it",
        "vendor | text | | mail service",
        "origin | text | | as what its invites are counted",
        "events | text | | uids, with blanks between",
        "budget | number | | presses after which each is confirmed by mail; 0: no limit",
        "active | truth | | false: it no longer sends",
        "created | time | | when it was made",
        "shown | number | | times it was opened, scanners among them",
        "unmerged | number | | opened without an address",
        "pressed | number | | its button was pressed",
        "invited | number | | people invited by it, each event for itself",
        "answered | number | | those of them who answered",
    ),
}
