"""Converts rows of the tables to values of the model and back."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Mapping
from datetime import UTC, date, datetime
from functools import lru_cache

from engine.model.campaigns import Campaign
from engine.model.counters import Statistics
from engine.model.events import Event
from engine.model.list_rows import Recipient
from engine.model.messages import Kind, Message, MessageState, Method, Notice
from engine.model.people import Attendee
from engine.store.sqlite.lease_schema import LEASED


def seconds(moment: datetime | None) -> float | None:
    """A moment as stored: seconds since 1970, UTC."""
    return None if moment is None else moment.timestamp()


def at(value: float) -> datetime:
    """A stored moment as the model has it."""
    return datetime.fromtimestamp(value, UTC)


def moment(value: float | None) -> datetime | None:
    """Like `at`, but None for None."""
    return None if value is None else at(value)


def instant_text(value: date | datetime | None) -> str:
    """A RECURRENCE-ID as stored; empty for the whole event, since NULLs are never equal."""
    return "" if value is None else value.isoformat()


def instant(text: str) -> date | datetime | None:
    """The RECURRENCE-ID in a text from `instant_text`."""
    if not text:
        return None
    return date.fromisoformat(text) if len(text) == 10 else datetime.fromisoformat(text)


ATTENDEE_COLUMNS = (
    "event_uid, email, token, name, partstat, origin, prodid, fields, created, "
    "receipt_sequence, receipt_dtstamp, receipt_arrived, proven, withdrawn, zone"
)


def personal(fields: Mapping[str, str]) -> str:
    """Personal values as JSON."""
    return json.dumps(dict(fields), ensure_ascii=False) if fields else "{}"


def attendee_values(attendee: Attendee) -> tuple[object, ...]:
    return (
        attendee.event_uid,
        attendee.email,
        attendee.token,
        attendee.name,
        attendee.partstat.value,
        attendee.origin.value,
        attendee.prodid,
        personal(attendee.fields),
        attendee.created.timestamp(),
        attendee.receipt_sequence,
        seconds(attendee.receipt_dtstamp),
        seconds(attendee.receipt_arrived),
        int(attendee.proven),
        seconds(attendee.withdrawn),
        attendee.zone,
    )


ATTENDEE = f"id, {ATTENDEE_COLUMNS}"
"""The columns to select for an attendee."""


def attendee_fields(row: sqlite3.Row) -> dict[str, object]:
    """The fields of an Attendee from a row of `ATTENDEE`, to be validated, preferably many together."""
    # By index: each access by name takes as long as validating a field.
    (
        _,
        event_uid,
        email,
        token,
        name,
        partstat,
        origin,
        prodid,
        fields,
        created,
        *answer,
        proven,
        withdrawn,
        zone,
    ) = row
    sequence, stamp, arrived = answer
    return {
        "event_uid": event_uid,
        "email": email,
        "token": token,
        "name": name,
        "partstat": partstat,
        "origin": origin,
        "prodid": prodid,
        "fields": json.loads(fields) if fields != "{}" else {},
        "created": at(created),
        "receipt_sequence": sequence,
        "receipt_dtstamp": moment(stamp),
        "receipt_arrived": moment(arrived),
        "proven": bool(proven),
        "withdrawn": moment(withdrawn),
        "zone": zone,
    }


def attendee(row: sqlite3.Row) -> Attendee:
    return Attendee.model_validate(attendee_fields(row))


MESSAGE = f"*, id IN {LEASED} AS leased"
"""The columns to select for a message."""


def event(row: sqlite3.Row) -> Event:
    return event_of(row["body"])


@lru_cache(maxsize=256)
def event_of(body: str) -> Event:
    """An event from its JSON, cached, since the same ones are read repeatedly and never changed in place."""
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
        detail=row["detail"],
    )


def recipients(found: str) -> list[Recipient]:
    """Good rows of a list, from a JSON array of [row, email, name, fields], in order."""
    return [
        Recipient(row, email, name, json.loads(fields) if fields != "{}" else {})
        for row, email, name, fields in sorted(json.loads(found))
    ]


MESSAGE_COLUMNS = (
    "kind, event_uid, email, organizer, method, sequence, recurrence_id, repeat, message_id, campaign_id, "
    "notice, note, prompted, state, priority, held, created, due, key"
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
        message.note,
        int(message.prompted),
        message.state.value,
        priority,
        int(held),
        message.created.timestamp(),
        message.due.timestamp(),
        message.key,
    )


def message(row: sqlite3.Row) -> Message:
    """A message from a row of `MESSAGE`; a leased one is being sent."""
    state = MessageState(row["state"])
    sending = bool(row["leased"]) and state.pending
    return Message(
        id=str(row["id"]),
        kind=Kind(row["kind"]),
        email=row["email"],
        organizer=row["organizer"],
        message_id=row["message_id"],
        event_uid=row["event_uid"],
        method=Method(row["method"]) if row["method"] else None,
        sequence=row["sequence"],
        recurrence_id=instant(row["recurrence_id"]),
        repeat=row["repeat"],
        campaign_id=row["campaign_id"],
        notice=Notice.model_validate_json(row["notice"]) if row["notice"] else None,
        note=row["note"],
        prompted=bool(row["prompted"]),
        state=MessageState.SENDING if sending else state,
        attempts=row["attempts"] + sending,
        created=at(row["created"]),
        due=at(row["due"]),
        settled=moment(row["settled"]),
        code=row["code"],
        answer=row["answer"],
        in_doubt=bool(row["in_doubt"]),
        key=row["key"],
    )


def statistics(counters: Iterable[tuple[str, int]]) -> Statistics:
    """Counters from pairs of name and number, where name is `attendees` or `<group>.<member>`."""
    found = Statistics()
    groups = {"rsvp": found.rsvp, "origin": found.origin, "prodid": found.prodid, "delivery": found.delivery}
    single = {"attendees": 0, "proposals": 0}
    for name, n in counters:
        group, _, member = name.partition(".")
        if group in single:
            single[group] = n
        elif n or member in groups[group]:
            groups[group][member] = n
    return found.model_copy(update=single) if any(single.values()) else found
