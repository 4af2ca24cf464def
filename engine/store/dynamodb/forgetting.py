"""Forgets a person: every item of the table is examined, and another address replaces theirs."""

from __future__ import annotations

import re
import secrets
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from hashlib import blake2b
from typing import Any

from engine.model.forgetting import Column, Trace, names, target, without
from engine.model.forgotten_names import told_apart, variant
from engine.model.messages import MessageState
from engine.model.record import commitment
from engine.model.suppressions import Suppression
from engine.refusals import Code
from engine.store import rules
from engine.store.dynamodb.budgets import PERSONS, PersonCounts
from engine.store.dynamodb.claims import Claims
from engine.store.dynamodb.events import EVENTS
from engine.store.dynamodb.forgotten import WordsForgotten, tells
from engine.store.dynamodb.keys import KEYS
from engine.store.dynamodb.kinds import TABLES, kind
from engine.store.dynamodb.links import INVITES
from engine.store.dynamodb.names import Key, joined
from engine.store.dynamodb.owed import INVITEES, MAILS, kind_of, place
from engine.store.dynamodb.pages import CONFIRMED
from engine.store.dynamodb.posted import REQUESTS, drop_posted
from engine.store.dynamodb.readable import columns, texts, without_others
from engine.store.dynamodb.record import ROWS, SALTS
from engine.store.dynamodb.rows import KindTable
from engine.store.dynamodb.session import ReadSession
from engine.store.dynamodb.suppressions import (
    FORGOTTEN,
    SUPPRESSIONS,
    BeingForgotten,
    Suppressions,
    made_forgetting_key,
)
from engine.store.dynamodb.table import Index
from engine.store.dynamodb.tallies import SHARDS, organizers
from engine.store.dynamodb.tallies import place as among_organizers
from engine.store.dynamodb.triggers import DELIVERIES, KeptDelivery
from engine.store.dynamodb.wires import Item

_COUNTER = "counter"
_WORD_BYTES = 8
_ROWS_AT_ONCE = 10
"""The most values from which one unit of work removes a person; each has up to nine items."""
_OWNERS = {
    "event": "event {uid}",
    "key": "bounds of the key {id}",
    "address-list": "list @{name}",
    "feed": "calendar {id}",
}
"""Kinds with organizers' and operators' own texts, and how to refer to them."""
_OURS = frozenset({"record", "record-cut", "record-head", "forgetting"})
_DROPPED = {
    "telling": "address",
    "session": "address",
    "session-round": "address",
    "confirmation": "address",
    "organizer-address": "address",
    "organizer": "address",
    "approval": "organizer",
    "enrolment": "organizer",
    "redaction": "address",
    "proof": "organizer",
    "trial": "organizer",
    "record-salt": "address",
    "do-not-mail": "target",
    "remembered": "actor",
    "inbox-message": "sender",
    "confirmed": "person",
}
"""Kinds whose values belong to the person, with the field for the address: the values are deleted."""
_EMPTIED: dict[str, Any] = {
    **dict.fromkeys(
        ("name", "zone", "note", "answer", "detail", "words", "comment", "location", "sent_by"), ""
    ),
    "fields": {},
    "notice": None,
}
"""Fields that are cleared in values with the person's `email`."""
_NAMES = {
    "delivery": frozenset({"delivery_id", "object"}),
    "object": frozenset({"object"}),
    "object-gone": frozenset({"name"}),
    "feed-entry": frozenset({"source_uid"}),
    "remembered": frozenset({"key"}),
    "purchase": frozenset({"order", "line"}),
}
"""Fields with names from elsewhere, which are in keys: two that spell an address in two ways stay two names."""


class TraceQuestions(ReadSession):
    """Questions about where a person is named."""

    async def traces(self, address: str) -> list[Trace]:
        """The values that name this address or commit to it, except organizers' own texts."""
        salt = await self.rows.get(SALTS, address)
        committed = commitment(address.encode(), bytes.fromhex(salt.salt)) if salt else ""
        found: list[Trace] = []
        events: dict[str, str] = {}
        invites: list[tuple[Item, str]] = []
        async for item in self.items.scan():
            name = _COUNTER if item.numbers else kind(item.key)
            if name == INVITES.name:
                invites.append((item, INVITES.value(item).token))
            elif name == ROWS.name and committed and committed in item.value:
                row = ROWS.value(item)
                found += [_trace(name, item, {"seq": row.seq})] if row.salt else []
            elif name == _COUNTER:
                found += [_trace(name, item, {})] if _counts(item.key, address) else []
            elif name and name not in _OURS and name not in _OWNERS:
                said = _named(name, item, address) or _confirmed(name, item, address)
                found += [_trace(name, item, columns(without_others(said, address)))] if said else []
                events |= _tokens(name, item, address) if said else {}
        # Those who came by a link are counted by their tokens, which change with their attendees' items.
        invited = [
            _trace(INVITES.name, item, {"event_uid": events[token]})
            for item, token in invites
            if token in events
        ]
        # The record of ended sessions is deleted after them, so that none becomes valid again.
        return [*invited, *sorted(found, key=lambda trace: trace.table == "session-round")]

    async def named_by_others(self, address: str) -> list[str]:
        """Where organizers and operators named this address themselves: events, bounds of keys, lists."""
        found: list[str] = []
        async for item in self.items.scan():
            name = "" if item.numbers else kind(item.key)
            said = _named(name, item, address) if name in _OWNERS else None
            found += [_OWNERS[name].format_map(said)] if said else []
        return sorted(found)

    async def erase_remains(self) -> bool:
        """Do nothing, since deleted items are gone at once; it cannot change backups of the table."""
        return True


class Forgetting(WordsForgotten, Suppressions, Claims):
    """The part of a unit of work that forgets a person."""

    async def organizes_events(self, address: str) -> bool:
        """True for an organizer of events, and for an address that a key acts for."""
        event = await self.rows.first_by(EVENTS, "organizer", address)
        key = await self.rows.first_by(KEYS, "address", f"of {address}")
        return event is not None or key is not None

    async def begin_forgetting(self, address: str, alias: str, now: datetime) -> str | None:
        """Store the person's unsubscriptions under a keyed hash, and return the alias to use.

        After an interruption that is the earlier one. None while a mail to them is being sent.
        """
        if await self._being_mailed(address):
            return None
        await self._keep_wishes(address)
        known = await self.rows.get(FORGOTTEN, address)
        used = known.alias if known else alias
        if known is None:
            await self.rows.put(FORGOTTEN, BeingForgotten(address=address, alias=alias))
        await self.rows.add(SUPPRESSIONS, Suppression(target=used, organizer="", reason="forgotten", at=now))
        return used

    async def _being_mailed(self, address: str) -> bool:
        """True while a mail to the person, or one to somebody else that names them, is being sent."""
        runs = [run for lease in (await self.leases()).values() for run in lease.runs.values()]
        places = [row.place for run in runs for row in run.rows]
        held = await self.rows_at(place for place in places if place.email == address or not place.uid)
        pending = [owed.message for owed in held.values() if owed.message.state.pending]
        return any(message.email == address or tells(message, address) for message in pending)

    async def _keep_wishes(self, address: str) -> None:
        """Keep as many of the person's unsubscriptions as fit; the others when their rows are forgotten."""
        for entry in await self.rows.under(SUPPRESSIONS, address):
            if not self.items.room:
                break
            await self._keep_wish(entry)

    async def _keep_wish(self, entry: Suppression) -> None:
        hashed = target(entry.target, await made_forgetting_key(self.rows))
        await self.rows.drop(SUPPRESSIONS, *SUPPRESSIONS.key(entry))
        await self.rows.add(SUPPRESSIONS, entry.model_copy(update={"target": hashed}))

    async def withdraw_forgotten(self, address: str, now: datetime) -> int:
        """Withdraw as many of the person's messages as fit into a unit, and return how many.

        The events are found by an index that is late by moments; messages that it misses are barred when claimed.
        """
        waiting = await self._waiting_at(
            place(owed.message)
            for owed in await self.rows.under(MAILS, address)
            if owed.message.state.pending
        )
        for item in await self.items.indexed(Index.PERSON, address):
            if kind_of(item.key) is INVITEES:
                waiting += await self._unsent(INVITEES.value(item))
        return await self.settle_some(waiting, MessageState.WITHDRAWN, Code.FORGOTTEN, now)

    async def forget_rows(self, address: str, alias: str, traces: Sequence[Trace], now: datetime) -> int:
        """Remove the person from as many of these rows as fit into a unit, and return how many."""
        some = traces[:_ROWS_AT_ONCE]
        for n, trace in enumerate(some):
            if n and self.full:
                return n
            key = (str(trace.key["pk"]), str(trace.key["sk"]))
            if trace.table == _COUNTER:
                await self._move_counters(key, address, alias)
            elif trace.table == INVITES.name:
                await self._renew_invite(key, _token(alias, str(trace.row["event_uid"])))
            elif item := await self.items.get(key):
                await self._forget_in(trace.table, item, address, alias, now)
        return len(some)

    async def _move_counters(self, key: Key, address: str, alias: str) -> None:
        new = _counted_as(key, address, alias)
        for name, n in (await self.items.take_numbers(key)).items():
            self.items.add(new, name, n)

    async def _renew_invite(self, key: Key, token: str) -> None:
        if item := await self.items.get(key):
            invite = INVITES.value(item)
            await self._replace(INVITES, invite, invite.model_copy(update={"token": token}))

    async def _forget_in(self, name: str, item: Item, address: str, alias: str, now: datetime) -> None:
        table = TABLES[name]
        value = table.value(item)
        if name == ROWS.name:
            await self.rows.put(ROWS, value.model_copy(update={"salt": ""}))
            return
        old = table.plain(value)
        owner = old[_DROPPED[name]] if name in _DROPPED else None
        if name == SUPPRESSIONS.name and owner == address:
            await self._keep_wish(value)
            return
        if owner == address or (name == CONFIRMED.name and owner == rules.person(address)):
            await self.rows.drop(table, *table.key(value))
            return
        if await self.forget_words(value, address, alias, now):
            return
        new = table.of_plain(_forgotten(name, old, address, alias))
        if table.key(new) != table.key(value) and await self.items.get(table.at(*table.key(new))):
            # It was written again after the alias took the place of the address there.
            other = variant(alias, secrets.token_hex(_WORD_BYTES))
            new = table.of_plain(_forgotten(name, old, address, other))
        if name == DELIVERIES.name:
            new = await self._without_content(new)
        await self._replace(table, value, new)

    async def _without_content(self, kept: KeptDelivery) -> KeptDelivery:
        """A delivery without its content, which may name the person in a form that a text search does not find."""
        request = await self.rows.maybe(REQUESTS, kept.posted)
        if request and request.divided:
            await drop_posted(self.rows, request.id)
        return kept.model_copy(update={"payload": None})

    async def _replace(self, table: KindTable[Any], old: Any, new: Any) -> None:
        if table.key(old) != table.key(new):
            await self.rows.drop(table, *table.key(old))
        await self.rows.put(table, new)

    async def end_forgetting(self, address: str) -> None:
        """Delete the record that the person is being forgotten."""
        known = await self.rows.get(FORGOTTEN, address)
        await self.rows.drop(FORGOTTEN, address)
        # What is counted of a tagged address is under the bare one, which its mails no longer have.
        bare = rules.person(address)
        counts = await self.rows.get(PERSONS, bare)
        await self.rows.drop(PERSONS, bare)
        if known and counts and counts.keys:
            # The key has mailed somebody, whose name it no longer knows.
            before = await self.rows.get(PERSONS, known.alias)
            keys = {**counts.keys, **(before.keys if before else {})}
            await self.rows.put(PERSONS, PersonCounts(person=known.alias, keys=keys))


def _trace(name: str, item: Item, row: Mapping[str, Column]) -> Trace:
    return Trace(name, {"pk": item.key[0], "sk": item.key[1]}, row)


def _named(name: str, item: Item, address: str) -> dict[str, Any] | None:
    """The content of a value if it names the address, else None."""
    # The signs in a local part may be escaped, its letters are not.
    letters = max(re.split(r"[^a-z0-9]+", address.rpartition("@")[0]), key=len)
    if not any(letters in text.lower() for text in (item.value, *item.key, *item.attributes.values())):
        return None
    said = TABLES[name].plain(TABLES[name].value(item))
    return said if any(names(text, address) for text in texts(said)) else None


def _confirmed(name: str, item: Item, address: str) -> dict[str, Any] | None:
    """What says that the person confirmed a request, which is under their address without a tag; else None."""
    found = CONFIRMED.value(item) if name == CONFIRMED.name else None
    return CONFIRMED.plain(found) if found and found.person == rules.person(address) else None


def _forgotten(name: str, said: Mapping[str, Any], address: str, alias: str) -> Mapping[str, Any]:
    """A value of this kind without the person, with the alias in the place of their address."""
    new: Mapping[str, Any] = _renamed(
        _silenced(said, address, alias),
        lambda text: without(text, address, alias),
        lambda text: told_apart(text, address, alias),
        _NAMES.get(name, frozenset()),
    )
    return new


def _renamed(
    said: Any, change: Callable[[str], str], change_name: Callable[[str], str], names: frozenset[str]
) -> Any:
    """The value with all its texts changed, and those of the fields `names` in their own way."""
    if isinstance(said, str):
        return change(said)
    if isinstance(said, Mapping):
        return {
            change(field): change_name(value)
            if field in names and isinstance(value, str)
            else _renamed(value, change, change_name, names)
            for field, value in said.items()
        }
    if isinstance(said, list):
        return [_renamed(value, change, change_name, names) for value in said]
    return said


def _silenced(said: Any, address: str, alias: str) -> Any:
    """The value without texts by or about the person."""
    if isinstance(said, list):
        return [_silenced(value, address, alias) for value in said]
    if not isinstance(said, Mapping):
        return said
    new = {name: _silenced(value, address, alias) for name, value in said.items()}
    message = new.get("message")
    if isinstance(message, Mapping) and message.get("email") == address:
        new["attempts"] = [{**attempt, "answer": ""} for attempt in new["attempts"]]
    if new.get("email") != address:
        return new
    new |= {name: empty for name, empty in _EMPTIED.items() if name in new}
    if "token" in new:
        new["token"] = _token(alias, str(new.get("event_uid", "")))
    return new


def _token(alias: str, event_uid: str) -> str:
    """The token of a forgotten attendee of an event."""
    uid = blake2b(event_uid.encode(), digest_size=8).hexdigest()
    return f"{alias.partition('@')[0]}{uid}"


def _tokens(name: str, item: Item, address: str) -> dict[str, str]:
    """The events by the token of the person, if this is their attendee's item."""
    attendee = INVITEES.value(item).attendee if name == "attendee" else None
    return {attendee.token: attendee.event_uid} if attendee and attendee.email == address else {}


def _counts(key: Key, address: str) -> bool:
    """True for counters of this address."""
    return _counted_as(key, address, "") != key


def _counted_as(key: Key, address: str, alias: str) -> Key:
    """The key of counters once the alias replaces the address."""
    if key[0] in {organizers(n) for n in range(SHARDS)}:
        return (key[0], among_organizers(alias)) if key[1] == among_organizers(address) else key
    return without(key[0], joined(address), alias), without(key[1], joined(address), alias)
