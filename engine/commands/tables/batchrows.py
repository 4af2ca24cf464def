"""Read a table of commands, CREATE, UPDATE and CANCEL a row, into the commands they mean."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from engine.commands import text
from engine.commands.base import Work, named_event
from engine.commands.events.events import CancelEvent, CreateEvent, UpdateEvent
from engine.commands.revisions import RevisionSource
from engine.commands.tables import batchtimes, table
from engine.commands.tables.batch import EventCommand, RowAction, Step
from engine.model.events import Event
from engine.model.messages import Audience
from engine.model.people import Party
from engine.refusals import Code, Refused

ROWS_MAX = 5_000
_KEY_MAX = 1_000
_EMPTIED = "-"
"""What an UPDATE row says of a text that is to be emptied; an empty cell leaves it as it is."""

COLUMNS: Mapping[str, tuple[str, ...]] = {
    "action": ("command", "operation", "do"),
    "key": ("sourceuid", "sourcekey", "externalid", "reference", "ref", "originaluid"),
    "uid": ("eventuid", "eventid", "id"),
    "summary": ("subject", "title", "event", "eventname", "eventtitle"),
    "date": ("day", "startdate", "eventdate"),
    "start": ("starttime", "starts", "begin", "from", "dtstart", "time"),
    "end": ("endtime", "ends", "stop", "stoptime", "until", "to", "dtend", "finish"),
    "end_date": ("lastday", "stopdate"),
    "duration": ("length",),
    "timezone": ("zone", "tz", "tzid"),
    "all_day": ("alldayevent",),
    "location": ("place", "venue", "where"),
    "description": ("details", "text", "body"),
    "url": (
        *("link", "web", "website", "meetinglink", "joinlink", "meet", "zoom"),
        *("googlelink", "googlemeet", "zoomlink", "googlezoomlink"),
    ),
    "recurrence": ("rrule", "repeat", "repeats"),
    "organizer": ("owner", "organizeremail"),
    "organizer_name": ("ownername",),
    "email": ("attendee", "attendeeemail", "guest", "guestemail", "invitee", "emailaddress", "mail"),
    "name": ("attendeename", "guestname", "fullname"),
    "audience": ("tell", "notify"),
    "reason": ("cancelreason", "comment"),
}
"""Each column with the other names it goes by, in lower case, spaces and signs left out."""

_KNOWN = {alias: name for name, others in COLUMNS.items() for alias in (name.replace("_", ""), *others)}
_ACTIONS: Mapping[str, RowAction] = {
    **dict.fromkeys(("create", "new", "add"), "create"),
    **dict.fromkeys(("update", "change", "edit"), "update"),
    **dict.fromkeys(("cancel", "delete", "remove"), "cancel"),
}
_EXAMPLE = (
    "The first line must name the columns, for example: action,key,summary,date,start,end,timezone. "
    "A list of people to invite is no table of commands; mail it to bulk@."
)


@dataclass(frozen=True, slots=True)
class BatchRow:
    """One row as written, its cells by column; `row` 1 is the first after the header."""

    row: int
    cells: Mapping[str, str]
    broken: bool = False


@dataclass(frozen=True, slots=True)
class BatchTable:
    """The rows of a table, and the names of columns that are not understood."""

    rows: tuple[BatchRow, ...]
    unknown: tuple[str, ...] = ()


def read(content: str) -> BatchTable:
    """The rows of a table of commands. Raises Refused: CSV_NO_HEADER, CSV_UNREADABLE, EMPTY_LIST, TOO_LARGE."""
    start = table.begin(content)
    delimiter = _delimiter(content, start)
    if delimiter is None:
        raise Refused(Code.CSV_NO_HEADER, "The table has no column named action.", _EXAMPLE)
    found = table.rows(content, delimiter, ROWS_MAX, start)
    header_cells = next(found)
    columns = _columns(header_cells)
    rows = tuple(
        BatchRow(n, _cells(columns, cells), isinstance(cells, table.Broken))
        for n, cells in enumerate(found, start=1)
    )
    if rows and all(row.broken for row in rows):
        raise table.unreadable("No row of the table is CSV.")
    if not rows:
        raise Refused(Code.EMPTY_LIST, "The table has a header and no rows.", "Add a row for each command.")
    pairs = zip(header_cells, columns, strict=True)
    unknown = tuple(cell.strip()[:60] for cell, column in pairs if not column and cell.strip())
    return BatchTable(rows, unknown)


def fits(content: str) -> bool:
    """True if the first line names the columns of such a table; what follows it is not looked at."""
    head = content[: table.FIRST_LINE_MAX + 1]
    try:
        return _delimiter(head, table.begin(head)) is not None
    except Refused:
        return False


def _delimiter(content: str, start: int) -> str | None:
    return table.delimiter(table.first_line(content, start), lambda cells: "action" in map(_column, cells))


def _column(cell: str) -> str:
    return _KNOWN.get(re.sub(r"[^a-z]+", "", cell.lower()), "")


def _columns(header: Sequence[str]) -> list[str]:
    """What each column holds; empty if it is not understood, or says again what another one says."""
    return table.once(_column(cell) for cell in header)


def _cells(columns: Sequence[str], cells: Sequence[str]) -> dict[str, str]:
    pairs = zip(columns, cells, strict=False)  # a row may have fewer, or more
    return {column: cell.strip() for column, cell in pairs if column and cell.strip()}


@dataclass(frozen=True)
class RowStep(Step):
    """A row as a request of a batch; `defaults` are cells for what the row leaves out."""

    row: BatchRow
    name: str = ""
    defaults: Mapping[str, str] = field(default_factory=dict)

    def asked(self) -> RowAction:
        """CREATE, UPDATE or CANCEL, or empty if the cell says something else."""
        return _ACTIONS.get(self.row.cells.get("action", "").lower(), "")

    def invitee(self) -> Party | None:
        """Whom a CREATE row invites. Raises Refused: INVALID_ADDRESS, TOO_LARGE."""
        given = self.row.cells.get("email", "")
        return (
            Party(address=text.address(given), name=text.name(self.row.cells.get("name", "")))
            if given
            else None
        )

    async def command(self, work: Work) -> EventCommand:
        """Raises Refused: INVALID_ARGUMENT, INVALID_TIME, UNKNOWN_EVENT, …"""
        if self.row.broken:
            raise table.unreadable("The row is not CSV: a quote is inside a cell or not closed.")
        match self.asked():
            case "create":
                return _creation({**await self._zone(work), **self.defaults, **self.row.cells})
            case "update":
                return _update(await self._event(work), self.row.cells)
            case "cancel":
                return _cancellation(await self._event(work), self.row.cells)
        given = self.row.cells.get("action", "")[:20]
        raise Refused(
            Code.INVALID_ARGUMENT, f"action “{given}” is not understood.", "Write CREATE, UPDATE or CANCEL."
        )

    async def _zone(self, work: Work) -> dict[str, str]:
        """The zone that the operator set for the organizer, as a cell, for times that name none."""
        cells = self.row.cells
        if "timezone" in cells or any(
            batchtimes.has_offset(cells.get(name, "")) for name in ("date", "start")
        ):
            return {}
        profile = await work.unit.organizer_profile(
            cells.get("organizer", work.actor.address).strip().lower()
        )
        return {"timezone": profile.zone} if profile and profile.zone else {}

    async def _event(self, work: Work) -> Event:
        """The event that the row names: by our uid, or by the key of the row that made it."""
        cells = {**self.defaults, **self.row.cells}
        uid, key = cells.get("uid", ""), cells.get("key", "")
        if not uid and not key:
            raise Refused(
                Code.MISSING_UID,
                "The row names no event.",
                "Fill the column uid, or key as in its CREATE row.",
            )
        found = await work.unit.events_named(uid, work.actor.address) if uid else []
        owner = text.address(cells["organizer"]) if "organizer" in cells else work.actor.address
        if len(key or uid) <= _KEY_MAX and (not found or not key):
            own = await work.unit.event_by_source(owner, key or uid)
            found += [own] if own and own not in found else []
        return named_event(found, uid or key, work.actor)


def _creation(cells: Mapping[str, str]) -> CreateEvent:
    when = batchtimes.timing(cells)
    if when is None or not when.start:
        raise Refused(Code.INVALID_TIME, "The row has no start.", "Fill the columns date and start.")
    if "summary" not in cells:
        raise Refused(Code.INVALID_ARGUMENT, "The row has no summary.", "Fill the column summary.")
    key, once = _bounded_key(cells.get("key") or cells.get("uid", "")), _once(cells)
    return CreateEvent(
        summary=cells["summary"],
        when=when,
        location=cells.get("location", ""),
        description=cells.get("description", ""),
        url=cells.get("url", ""),
        recurrence=_rule(cells.get("recurrence", "")),
        organizer=cells.get("organizer"),
        organizer_name=cells.get("organizer_name", ""),
        source=RevisionSource(uid=key or once),
        idempotency_key=once,
    )


def _bounded_key(key: str) -> str:
    if len(key) > _KEY_MAX:
        raise Refused(Code.TOO_LARGE, "The key is too long.", f"Use at most {_KEY_MAX} characters.")
    return key


def _once(cells: Mapping[str, str]) -> str:
    """The same row makes the same event once, in whatever file or mail it comes."""
    canonical = json.dumps(sorted((k, v) for k, v in cells.items() if k != "action"), ensure_ascii=False)
    return f"batch:{hashlib.sha256(canonical.encode(errors='surrogatepass')).hexdigest()}"


def _update(event: Event, cells: Mapping[str, str]) -> UpdateEvent:
    return UpdateEvent(
        uid=event.uid,
        summary=cells.get("summary"),
        when=batchtimes.timing(cells, event.span),
        location=_words(cells, "location"),
        description=_words(cells, "description"),
        url=_words(cells, "url"),
        organizer_name=_words(cells, "organizer_name"),
        recurrence=_rule(rule) if (rule := _words(cells, "recurrence")) is not None else None,
        audience=_audience(cells),
    )


def _cancellation(event: Event, cells: Mapping[str, str]) -> CancelEvent:
    return CancelEvent(uid=event.uid, reason=cells.get("reason", ""), audience=_audience(cells))


def _words(cells: Mapping[str, str], column: str) -> str | None:
    value = cells.get(column)
    return "" if value == _EMPTIED else value


def _rule(value: str) -> str:
    """An RRULE value, also where its name is before it."""
    return re.sub(r"\ARRULE:", "", value.strip(), flags=re.IGNORECASE)


def _audience(cells: Mapping[str, str]) -> Audience | None:
    given = re.sub(r"[\s_]+", "-", cells.get("audience", "").lower())
    if not given:
        return None
    try:
        return Audience(given)
    except ValueError:
        allowed = ", ".join(audience.value for audience in Audience)
        raise Refused(
            Code.INVALID_ARGUMENT, f"audience “{given[:40]}” is not understood.", f"Write one of: {allowed}."
        ) from None
