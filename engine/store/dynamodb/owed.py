"""Stored rows of the ledger: a person's newest calendar message is part of their attendee's item.

So an invite is one item, written once when it is owed and once when it settles. A message that is no longer
the newest moves to a separate item, and a summary of it stays with the attendee. Mail that is not a calendar message
is stored under its address.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from engine.model.base import Value
from engine.model.messages import Attempt, Kind, Message, MessageState
from engine.model.people import Attendee, Partstat
from engine.refusals import Code
from engine.store import rules
from engine.store.dynamodb.names import Key, joined, moment, plain
from engine.store.dynamodb.rows import Entry, KindTable, pointed, shard
from engine.store.dynamodb.table import Index
from engine.store.dynamodb.wires import Item

BUCKETS = 8
"""The partitions of due messages, each of which handles about 500 per second."""
HELD = "held"
"""The prefix of buckets for messages that wait until they are released."""
_ENDED = frozenset({MessageState.FAILED, MessageState.WITHDRAWN})
_UNDECIDED = frozenset({Code.KEY_ENDED.value, Code.OUT_OF_BOUNDS.value})


class Owed(Value):
    """A row of the ledger.

    `rated`: its campaign has a rate of its own. `transport_id`: what a mail service calls it.
    """

    message: Message
    priority: int = 1
    held: bool = False
    rated: bool = False
    attempts: tuple[Attempt, ...] = ()
    transport_id: str = ""

    def changed(self, **values: object) -> Owed:
        """The row with changed fields of its message."""
        return self.model_copy(update={"message": self.message.model_copy(update=values)})

    @property
    def bucket(self) -> str:
        """The bucket in which it waits to be claimed."""
        m = self.message
        return joined("rate", m.campaign_id or "") if self.rated else str(shard(m.email, BUCKETS))

    @property
    def undecided(self) -> bool:
        """True if it waits for a decision, since its key ended or was narrowed."""
        return self.held and self.message.state.pending and self.message.code in _UNDECIDED


class Past(Value):
    """The summary, kept with the attendee, of a message that is no longer the newest.

    `code`: why it was withdrawn, if so.
    """

    id: str
    kind: Kind
    method: str
    sequence: int
    recurrence_id: str = ""
    repeat: str = ""
    state: MessageState
    in_doubt: bool = False
    held: bool = False
    code: str = ""
    created: datetime

    @property
    def gone(self) -> bool:
        """True if it has left, or may have."""
        return self.state is MessageState.SENT or self.in_doubt

    @property
    def ended(self) -> bool:
        """True if it ended without being sent."""
        return self.state in _ENDED and not self.in_doubt


class Invitee(Value):
    """An attendee with their newest calendar message, and summaries of those before, oldest first."""

    attendee: Attendee
    newest: Owed | None = None
    past: tuple[Past, ...] = ()

    @property
    def messages(self) -> tuple[Past, ...]:
        """All calendar messages to this person, oldest first."""
        return (*self.past, summary(self.newest)) if self.newest else self.past


def summary(owed: Owed) -> Past:
    """The summary of a message."""
    m = owed.message
    return Past(
        id=m.id,
        kind=m.kind,
        method=m.method.value if m.method else "",
        sequence=m.sequence,
        recurrence_id=m.recurrence_id.isoformat() if m.recurrence_id else "",
        repeat=m.repeat,
        state=m.state,
        in_doubt=m.in_doubt,
        held=owed.held,
        code=m.code if m.state is MessageState.WITHDRAWN else "",
        created=m.created,
    )


@dataclass(frozen=True, slots=True)
class RowPlace:
    """The place of a row; `uid` is empty for mail that is not a calendar message."""

    uid: str
    email: str
    id: str


def place(message: Message) -> RowPlace:
    """The place of a message's row."""
    return RowPlace(message.event_uid or "" if message.method else "", message.email, message.id)


def _listed(owed: Owed | None) -> dict[str, str]:
    """The attributes that put a row into the global indexes."""
    if owed is None:
        return {}
    m = owed.message
    found = {Index.MESSAGE.value: m.message_id, Index.TRANSPORT.value: owed.transport_id}
    if m.state.pending:
        found[Index.DUE.value] = joined(HELD, owed.bucket) if owed.held else owed.bucket
        found["turn"] = turn(owed.priority, m.due, m.id)
    return found


def turn(priority: int, due: datetime, message_id: str = "") -> str:
    """The place of a message in the order of waiting ones."""
    return f"{priority}#{moment(due)}#{message_id}"


def _undecided(owed: Owed | None) -> Iterable[Entry]:
    if owed and owed.undecided:
        for key in owed.message.key.split():
            yield key, owed.message.id


def _failed(owed: Owed | None) -> Iterable[Entry]:
    m = owed.message if owed else None
    if m and m.campaign_id and m.state is MessageState.FAILED:
        yield m.campaign_id, joined(moment(m.settled or m.created), m.id)


def _waits_for_decision(invitee: Invitee) -> Iterable[Entry]:
    return _undecided(invitee.newest)


def _unproven(invitee: Invitee) -> Iterable[Entry]:
    attendee = invitee.attendee
    if not attendee.proven and attendee.withdrawn is None:
        yield attendee.event_uid, joined(attendee.email)


class _Invitees(KindTable[Invitee]):
    """Stores invitees without what their key and attributes contain, so that an invite fits into one write unit."""

    def text(self, value: Invitee) -> str:
        kept = value.model_dump(mode="json", exclude_defaults=True)
        told = self._told(value)
        for name in (*told, "token"):
            del kept["attendee"][name]
        newest = kept.get("newest")
        if newest:
            for name in (*told, "message_id"):
                newest["message"].pop(name, None)
        return json.dumps(kept, separators=(",", ":"), ensure_ascii=_half(value))

    def value(self, item: Item) -> Invitee:
        kept: dict[str, Any] = json.loads(item.value)
        uid, email = self.names(item.key)
        own = {"event_uid": uid, "email": email}
        kept["attendee"] = {**own, **kept["attendee"], "token": item.attributes[Index.TOKEN]}
        if kept.get("newest"):
            message = {**own, **kept["newest"]["message"], "message_id": item.attributes[Index.MESSAGE]}
            kept["newest"]["message"] = message
        return Invitee.model_validate(kept)

    def _told(self, value: Invitee) -> tuple[str, ...]:
        """The fields of an attendee that the key contains; none if a part is so long that the key has its hash."""
        a = value.attendee
        told = self.names(self.at(*self.key(value))) == (a.event_uid, a.email)
        return ("event_uid", "email") if told else ()

    def names(self, key: Key) -> tuple[str, str]:
        """The uid and the address in an attendee's key."""
        return plain(key[0].removeprefix("event#")), plain(key[1].removeprefix("attendee#"))


def _half(invitee: Invitee) -> bool:
    """True if a field contains an unpaired surrogate, which UTF-8 cannot encode."""
    texts = (invitee.attendee.name, *invitee.attendee.fields.values())
    return not all(text.isascii() or text == text.encode(errors="ignore").decode() for text in texts)


def _invitee_attributes(invitee: Invitee) -> Mapping[str, str]:
    attendee = invitee.attendee
    own = {Index.TOKEN.value: attendee.token, Index.PERSON.value: attendee.email}
    return {**own, **_listed(invitee.newest)}


INVITEES = _Invitees(
    "event",
    Invitee,
    key=lambda i: (i.attendee.event_uid, "attendee", i.attendee.email),
    indexes={
        "unproven": _unproven,
        "undecided": _waits_for_decision,
        "failed": lambda i: _failed(i.newest),
    },
    attributes=_invitee_attributes,
    checked=False,
)
OLDER = KindTable[Owed](
    "event",
    Owed,
    key=lambda owed: (owed.message.event_uid or "", "message", owed.message.email, owed.message.id),
    indexes={"undecided": _undecided, "failed": _failed},
    attributes=_listed,
    checked=False,
)
MAILS = KindTable[Owed](
    "mail",
    Owed,
    key=lambda owed: (owed.message.email, owed.message.id),
    indexes={"undecided": _undecided},
    attributes=_listed,
    checked=False,
)


def mixed(entries: Iterable[Item], items: Mapping[Key, Item]) -> list[Owed]:
    """The rows for entries of an index that attendees and older messages share, in order."""
    found = (items.get(pointed(entry)) for entry in entries)
    return [row for item in found if item and (row := row_of(item))]


def kind_of(key: Key) -> KindTable[Any]:
    """The table of an item in a global index."""
    if key[0].startswith("mail#"):
        return MAILS
    return INVITEES if key[1].startswith("attendee#") else OLDER


def row_of(item: Item) -> Owed | None:
    """The row of the ledger in an item, or None."""
    found = kind_of(item.key).value(item)
    return found.newest if isinstance(found, Invitee) else found


def moved(invitee: Invitee, owed: Owed) -> Invitee:
    """The attendee with a newer message added."""
    past = (*invitee.past, summary(invitee.newest)) if invitee.newest else invitee.past
    return invitee.model_copy(update={"newest": owed, "past": past})


def items_of_next(invitee: Invitee | None, *, counted: bool) -> int:
    """How many items one more message to a person takes at most; `counted`: it also counts for the person.

    The message before is moved to an item of its own, and entries of indexes with it.
    """
    newest = invitee.newest if invitee else None
    entries = len(INVITEES.entries(invitee)) if invitee else 0
    return 1 + counted + entries + (1 + len(OLDER.entries(newest)) if newest else 0)


def with_past(invitee: Invitee, owed: Owed) -> Invitee:
    """The attendee with the summary of an older message updated."""
    past = tuple(summary(owed) if each.id == owed.message.id else each for each in invitee.past)
    return invitee.model_copy(update={"past": past})


def notified(m: Past, held: Collection[str]) -> bool:
    """True for a request that has left, or may have."""
    return m.method == "REQUEST" and (m.gone or (m.state.pending and m.id in held))


def called_off(invitee: Invitee) -> bool:
    """True if all that an attendee was to get was withdrawn with its campaign."""
    if invitee.attendee.receipt_arrived is not None:
        return False
    requests = [m for m in invitee.messages if m.method == "REQUEST"]
    return any(m.kind is Kind.INVITE for m in requests) and all(
        m.ended and m.code == Code.CAMPAIGN_CANCELLED for m in requests
    )


def ledger_keys(people: dict[tuple[str, str], Invitee]) -> dict[rules.LedgerKey, bool]:
    """The keys of the rows that these people have, and whether each ended without being sent."""
    return {
        (uid, p.method or None, p.sequence, p.recurrence_id, email): p.ended
        for (uid, email), invitee in people.items()
        for p in invitee.messages
        if not p.repeat
    }


def reports_sent(event_uid: str) -> Key:
    """The key of the counter of an event's sent reports."""
    return joined("reports", event_uid), "sent"


def is_meant(attendee: Attendee, partstats: Collection[Partstat], others: Collection[str]) -> bool:
    """True for a proven attendee who gave one of these answers, or is one of `others`."""
    answered = attendee.partstat in partstats or attendee.email in others
    return answered and attendee.proven and attendee.withdrawn is None
