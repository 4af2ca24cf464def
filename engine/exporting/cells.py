"""Rows of each table, in the order of its columns; personal cells can be masked."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from engine.attendee_report import masked_name
from engine.model.addresses import masked_address
from engine.model.answers import Receipt
from engine.model.campaign_links import CampaignLink, LinkCounts
from engine.model.counters import Statistics
from engine.model.events import Event
from engine.model.exports import COLUMNS, Cell, Cells, Table
from engine.model.messages import Message
from engine.model.people import Attendee, Partstat


def event_cells(event: Event, counted: Statistics) -> Cells:
    """A row of `events`."""
    span, rsvp = event.span, counted.rsvp
    return (
        event.uid,
        event.id,
        event.organizer,
        event.organizer_name,
        event.summary,
        event.location,
        span.start_utc,
        span.end_utc,
        span.timezone,
        span.all_day,
        event.recurrence,
        event.status.value,
        event.sequence,
        event.created,
        event.modified,
        event.ends_at,
        counted.attendees,
        *(rsvp.get(name, 0) for name in ("accepted", "declined", "tentative", "delegated", "noaction")),
        counted.delivery.get("sent", 0),
        counted.delivery.get("failed", 0),
    )


def attendee_cells(attendee: Attendee, organizer: str) -> Cells:
    """A row of `attendees`."""
    return (
        attendee.event_uid,
        organizer,
        attendee.email,
        _domain(attendee.email),
        attendee.name,
        attendee.partstat.label,
        attendee.origin.value,
        attendee.prodid,
        attendee.created,
        attendee.receipt_arrived,
        # Of who was invited again, it is the revision of that invite until they answer.
        attendee.receipt_sequence if attendee.receipt_arrived else -1,
        attendee.withdrawn,
        attendee.zone,
        attendee.proven,
    )


def message_cells(message: Message) -> Cells:
    """A row of `messages`."""
    instance = message.recurrence_id.isoformat() if message.recurrence_id else ""
    return (
        message.message_id,
        message.event_uid,
        message.organizer,
        message.email,
        _domain(message.email),
        message.kind.value,
        message.method.value if message.method else "",
        message.sequence,
        instance,
        message.campaign_id or "",
        message.state.value,
        message.code,
        message.attempts,
        message.created,
        message.due,
        message.settled,
    )


def receipt_cells(receipt: Receipt, organizer: str) -> Cells:
    """A row of `receipts`."""
    return (
        receipt.event_uid,
        organizer,
        receipt.email,
        _domain(receipt.email),
        Partstat(receipt.partstat).label,
        receipt.sequence,
        receipt.recurrence_id.isoformat() if receipt.recurrence_id else "",
        receipt.dtstamp,
        receipt.arrived,
        receipt.prodid,
        receipt.counted,
        receipt.code,
        receipt.comment,
    )


def link_cells(link: CampaignLink, counts: LinkCounts) -> Cells:
    """A row of `links`."""
    return (
        link.id,
        link.organizer,
        link.name,
        link.vendor,
        link.origin.value,
        " ".join(link.uids),
        link.budget,
        link.active,
        link.created,
        counts.shown,
        counts.unmerged,
        counts.pressed,
        counts.sent,
        counts.answered,
    )


def masked(table: Table, rows: Iterable[Cells]) -> list[Cells]:
    """The rows without addresses, names and people's texts."""
    hiding = [column.personal for column in COLUMNS[table]]
    return [tuple(_hidden(cell, how) for cell, how in zip(row, hiding, strict=True)) for row in rows]


def _hidden(cell: Cell, how: str) -> Cell:
    if not how or not isinstance(cell, str):
        return cell
    return {"address": masked_address, "name": masked_name, "text": _nothing}[how](cell)


def _nothing(_text: str) -> str:
    return ""


def _domain(address: str) -> str:
    return address.rpartition("@")[2]


def names(table: Table) -> Sequence[str]:
    """The names of the columns."""
    return [column.name for column in COLUMNS[table]]
