"""Rows of the tables to values of the model, and back."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable
from datetime import UTC, date, datetime
from functools import lru_cache

from engine.model import (
    Attendee,
    Campaign,
    Event,
    Kind,
    Message,
    MessageState,
    Method,
    Notice,
    Origin,
    Partstat,
    Recipient,
    Statistics,
)


def seconds(moment: datetime | None) -> float | None:
    """A moment as the database keeps it: seconds since 1970, UTC."""
    return None if moment is None else moment.timestamp()


def at(value: float) -> datetime:
    """A moment as the model keeps it."""
    return datetime.fromtimestamp(value, UTC)


def moment(value: float | None) -> datetime | None:
    """Like `at`, where there may be none."""
    return None if value is None else at(value)


def instant_text(value: date | datetime | None) -> str:
    """A RECURRENCE-ID as the database keeps it; empty for the whole event, since NULLs are never equal."""
    return "" if value is None else value.isoformat()


def _instant(text: str) -> date | datetime | None:
    if not text:
        return None
    return date.fromisoformat(text) if len(text) == 10 else datetime.fromisoformat(text)


ATTENDEE_COLUMNS = (
    "event_uid, email, token, name, partstat, origin, prodid, fields, created, "
    "receipt_sequence, receipt_dtstamp, receipt_arrived"
)


ATTENDEE_JOINED = ", ".join(
    f"a.{column} AS a_{column}"
    for column in ATTENDEE_COLUMNS.split(", ")
    if column not in {"event_uid", "email"}
)
"""The same in a row about a message, which names event and address itself."""


def attendee_values(attendee: Attendee) -> tuple[object, ...]:
    return (
        attendee.event_uid,
        attendee.email,
        attendee.token,
        attendee.name,
        attendee.partstat.value,
        attendee.origin.value,
        attendee.prodid,
        json.dumps(dict(attendee.fields), ensure_ascii=False) if attendee.fields else "{}",
        attendee.created.timestamp(),
        attendee.receipt_sequence,
        seconds(attendee.receipt_dtstamp),
        seconds(attendee.receipt_arrived),
    )


def attendee(row: sqlite3.Row, prefix: str = "") -> Attendee:
    """An attendee from its own row, or from the columns `prefix`… of a row about it."""
    # The database holds only what the model let in, so it is not validated again: this runs per message.
    return Attendee(
        event_uid=row["event_uid"],
        email=row["email"],
        token=row[prefix + "token"],
        name=row[prefix + "name"],
        partstat=Partstat(row[prefix + "partstat"]),
        origin=Origin(row[prefix + "origin"]),
        prodid=row[prefix + "prodid"],
        fields=json.loads(row[prefix + "fields"]) if row[prefix + "fields"] != "{}" else {},
        created=at(row[prefix + "created"]),
        receipt_sequence=row[prefix + "receipt_sequence"],
        receipt_dtstamp=moment(row[prefix + "receipt_dtstamp"]),
        receipt_arrived=moment(row[prefix + "receipt_arrived"]),
    )


def event(row: sqlite3.Row) -> Event:
    return _event(row["body"])


@lru_cache(maxsize=256)
def _event(body: str) -> Event:
    """An event from its text: the same ones are read again and again, and none is ever changed in place."""
    return Event.model_validate_json(body)


def campaign(row: sqlite3.Row) -> Campaign:
    return Campaign.model_validate_json(row["body"])


def recipient(row: sqlite3.Row) -> Recipient:
    return Recipient(
        row=row["row"],
        email=row["email"],
        name=row["name"],
        fields=json.loads(row["fields"]),
        code=row["code"],
    )


MESSAGE_COLUMNS = (
    "kind, event_uid, email, organizer, method, sequence, recurrence_id, repeat, message_id, campaign_id, "
    "notice, state, priority, held, created, due"
)


def message_values(message: Message, priority: int, *, held: bool) -> tuple[object, ...]:
    return (
        message.kind.value,
        message.event_uid,
        message.email,
        message.organizer,
        message.method.value if message.method else None,
        message.sequence,
        instant_text(message.recurrence_id),
        message.repeat,
        message.message_id,
        message.campaign_id,
        message.notice.model_dump_json() if message.notice else None,
        message.state.value,
        priority,
        int(held),
        message.created.timestamp(),
        message.due.timestamp(),
    )


def message(row: sqlite3.Row, sequence: int | None = None) -> Message:
    """A message of the ledger; `sequence`: the revision it leaves with, where that has grown."""
    return Message(
        id=row["id"],
        kind=Kind(row["kind"]),
        email=row["email"],
        organizer=row["organizer"],
        message_id=row["message_id"],
        event_uid=row["event_uid"],
        method=Method(row["method"]) if row["method"] else None,
        sequence=row["sequence"] if sequence is None else sequence,
        recurrence_id=_instant(row["recurrence_id"]),
        repeat=row["repeat"],
        campaign_id=row["campaign_id"],
        notice=Notice.model_validate_json(row["notice"]) if row["notice"] else None,
        state=MessageState(row["state"]),
        attempts=row["attempts"],
        created=at(row["created"]),
        due=at(row["due"]),
        settled=moment(row["settled"]),
        code=row["code"],
        answer=row["answer"],
        in_doubt=bool(row["in_doubt"]),
    )


def statistics(counters: Iterable[tuple[str, int]]) -> Statistics:
    """Counters from pairs of name and number, where name is `attendees` or `<group>.<member>`."""
    found = Statistics()
    groups = {"rsvp": found.rsvp, "origin": found.origin, "prodid": found.prodid, "delivery": found.delivery}
    attendees = 0
    for name, n in counters:
        group, _, member = name.partition(".")
        if group == "attendees":
            attendees = n
        elif n or member in groups[group]:
            groups[group][member] = n
    return found.model_copy(update={"attendees": attendees})
