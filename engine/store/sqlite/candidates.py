"""Messages that may be claimed, with everything that decides about it, read from the database in one query.

Python's GIL is released for every row that SQLite returns, and a thread that sends meanwhile is slow to release
it; so many rows are returned as one, in JSON.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import NamedTuple

from engine.model.base import known
from engine.model.claims import Claim
from engine.model.events import Event
from engine.model.keys import UNBOUNDED, Standing
from engine.model.messages import UNTRIED, Kind, Message, MessageState, Method, Notice
from engine.model.people import Attendee, Origin, Partstat
from engine.model.suppressions import ASKED
from engine.store.rules import leaving_message_id
from engine.store.sqlite.lease_schema import LEASED
from engine.store.sqlite.rows import instant
from engine.store.sqlite.states import DUE, PENDING
from engine.store.sqlite.suppressions import by_domain

_FEW = 32
"""The most claims that are built without a thread, which takes about 0.3 ms."""
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_KINDS = {kind.value: kind for kind in Kind}
_METHODS = {method.value: method for method in Method}
_STATES = {state.value: state for state in MessageState}
_PARTSTATS = {partstat.value: partstat for partstat in Partstat}
_ORIGINS = {origin.value: origin for origin in Origin}


class Candidate(NamedTuple):
    """One row, with its columns in the order of `_COLUMNS`; times are in microseconds, which JSON keeps exact."""

    id: int
    kind: str
    event_uid: str | None
    email: str
    organizer: str
    method: str | None
    sequence: int
    recurrence_id: str
    repeat: str
    message_id: str
    campaign_id: str | None
    notice: str | None
    note: str
    prompted: int
    state: str
    attempts: int
    created: int
    due: int
    code: str
    answer: str
    in_doubt: int
    key: str
    token: str
    name: str
    partstat: str
    origin: str
    prodid: str
    fields: str
    invited: int
    receipt_sequence: int
    receipt_dtstamp: int | None
    receipt_arrived: int | None
    proven: int | None
    withdrawn: int | None
    zone: str | None
    suspended: int
    organizer_name: str | None
    organizer_language: str | None
    campaign_state: str | None
    blocked: str | None
    suppressed: int
    first_tried: int | None
    reached: int | None


_ANY = "''"
_REACHED = (
    f"(SELECT max(p.state = 'sent' OR p.in_doubt = 1 OR {PENDING.replace('state', 'p.state')}) FROM message p "
    "WHERE p.event_uid = m.event_uid AND p.email = m.email AND p.method = 'REQUEST')"
)
_FIRST_TRIED = f"(SELECT min(at) FROM attempt WHERE message = m.id AND code <> '{UNTRIED}')"


def _micros(column: str) -> str:
    return f"CAST(round({column} * 1e6) AS INTEGER)"


_COLUMNS = ", ".join(
    [
        "m.id, m.kind, m.event_uid, m.email, m.organizer, m.method, m.sequence, m.recurrence_id, m.repeat",
        "m.message_id, m.campaign_id, m.notice, m.note, m.prompted, m.state, m.attempts",
        _micros("m.created"),
        _micros("m.due"),
        "m.code, m.answer, m.in_doubt, m.key, a.token, a.name, a.partstat, a.origin, a.prodid, a.fields",
        _micros("a.created"),
        "a.receipt_sequence",
        _micros("a.receipt_dtstamp"),
        _micros("a.receipt_arrived"),
        "a.proven, a.withdrawn IS NOT NULL, a.zone",
        "o.suspended, o.name, o.language, k.state",
        "coalesce((SELECT reason FROM block b WHERE b.email = m.email AND b.organizer = m.organizer), "
        f"CASE WHEN {by_domain('m.email', 'm.organizer')} THEN '{ASKED}' END)",
        f"EXISTS (SELECT 1 FROM suppression s WHERE s.email = m.email) OR {by_domain('m.email', _ANY)}",
        f"CASE WHEN m.attempts > 0 THEN {_micros(_FIRST_TRIED)} END",
        f"CASE WHEN m.kind = 'withdrawal' AND m.prompted = 0 THEN {_REACHED} END",
    ]
)
QUERY = f"""
SELECT json_group_array(json_array({_COLUMNS})) AS found
FROM message m
LEFT JOIN attendee a ON a.event_uid = m.event_uid AND a.email = m.email AND m.method IS NOT NULL
LEFT JOIN organizer o ON o.address = m.organizer
LEFT JOIN campaign k ON k.id = m.campaign_id
WHERE m.id IN (
    SELECT id FROM message c WHERE {DUE} AND id NOT IN {LEASED} AND priority = ? AND due <= ? AND %s
    AND (method IS NULL OR NOT EXISTS (
        SELECT 1 FROM message p WHERE p.event_uid = c.event_uid AND p.email = c.email AND p.id < c.id
        AND p.method IS NOT NULL AND p.held = 0 AND {PENDING.replace("state", "p.state")}))
    ORDER BY due, id LIMIT ?)
"""
"""The query for candidates; its last condition keeps the messages of one attendee in order.

What is held keeps nobody else's waiting: it may be decided in weeks, or never.
"""


def candidates(found: str) -> Sequence[Candidate]:
    """The rows that QUERY returned, in order of when they are due."""
    return sorted(map(Candidate._make, json.loads(found)), key=lambda c: (c.due, c.id))


class ClaimableMessage(NamedTuple):
    """A message that may leave, with its event; the dispatcher's claim is built from it outside the transaction."""

    candidate: Candidate
    event: Event | None
    standing: Standing = UNBOUNDED


async def claims(judged: Sequence[ClaimableMessage]) -> list[Claim]:
    """The claims for a dispatcher, built after the transaction, since that takes as long as the transaction itself."""
    if len(judged) <= _FEW:
        return [claim(*each) for each in judged]
    return await asyncio.to_thread(lambda: [claim(*each) for each in judged])


def claim(candidate: Candidate, event: Event | None, standing: Standing = UNBOUNDED) -> Claim:
    """The claim for a dispatcher; a calendar message has the newest revision of its event."""
    name, language = candidate.organizer_name or "", candidate.organizer_language or ""
    tried = None if candidate.first_tried is None else _at(candidate.first_tried)
    if candidate.method is None or event is None:
        message = _message(candidate, candidate.sequence, candidate.message_id)
        return Claim(message, event, None, name, language, first_tried=tried)
    message = _message(candidate, event.sequence, message_id(candidate, event))
    return Claim(message, event, _attendee(candidate), name, language, standing, tried)


def message_id(candidate: Candidate, event: Event) -> str:
    """The Message-ID under which a message leaves."""
    in_doubt = bool(candidate.in_doubt)
    return leaving_message_id(candidate.message_id, candidate.sequence, event.sequence, in_doubt=in_doubt)


def _message(c: Candidate, sequence: int, message_id: str) -> Message:
    return known(
        Message,
        {
            "id": str(c.id),
            "kind": _KINDS[c.kind],
            "email": c.email,
            "organizer": c.organizer,
            "message_id": message_id,
            "event_uid": c.event_uid,
            "method": _METHODS[c.method] if c.method else None,
            "sequence": sequence,
            "recurrence_id": instant(c.recurrence_id),
            "repeat": c.repeat,
            "campaign_id": c.campaign_id,
            "notice": Notice.model_validate_json(c.notice) if c.notice else None,
            "note": c.note,
            "prompted": bool(c.prompted),
            "state": _STATES[c.state],
            "attempts": c.attempts,
            "created": _at(c.created),
            "due": _at(c.due),
            "settled": None,
            "code": c.code,
            "answer": c.answer,
            "in_doubt": bool(c.in_doubt),
            "key": c.key,
        },
    )


def _attendee(c: Candidate) -> Attendee:
    return known(
        Attendee,
        {
            "event_uid": c.event_uid,
            "email": c.email,
            "token": c.token,
            "name": c.name,
            "partstat": _PARTSTATS[c.partstat],
            "origin": _ORIGINS[c.origin],
            "prodid": c.prodid,
            "fields": json.loads(c.fields) if c.fields != "{}" else {},
            "created": _at(c.invited),
            "receipt_sequence": c.receipt_sequence,
            "receipt_dtstamp": None if c.receipt_dtstamp is None else _at(c.receipt_dtstamp),
            "receipt_arrived": None if c.receipt_arrived is None else _at(c.receipt_arrived),
            "proven": bool(c.proven),
            "withdrawn": None,
            "zone": c.zone,
        },
    )


@lru_cache(maxsize=256)
def _at(micros: int) -> datetime:
    """A moment, cached, since the messages of one cause share it."""
    return _EPOCH + timedelta(microseconds=micros)
