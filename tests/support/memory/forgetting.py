"""Forgetting a person in memory: every value of every table is looked at."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields, is_dataclass, replace
from datetime import datetime
from typing import Any

from pydantic import BaseModel

from engine.model.addresses import person
from engine.model.answers import Proposal, Receipt
from engine.model.counters import Intake
from engine.model.forgetting import Trace, names, target, without
from engine.model.forgotten import held_without, intake_without, notice_without, posting_without, undo_without
from engine.model.forgotten_names import told_apart, variant
from engine.model.held import HeldAction
from engine.model.messages import MessageState, Notice
from engine.model.people import Attendee
from engine.model.suppressions import Suppression
from engine.model.undo import Undoable
from engine.model.webhooks import Outgoing
from engine.refusals import Code
from tests.support.memory.suppressions import SuppressionUnit
from tests.support.memory.tables import Owed, Tables, new_id

_KEY = b"the key of a store in memory"
_NAMES = frozenset({"delivery_id", "object", "source_uid", "order", "line"})
"""Fields with names from elsewhere, which are in keys."""
_OWNERS = ("event", "key", "address_list", "feed")

_DROPPED = frozenset({"record_person", "remembered", "inbox_message"})


class ForgettingUnit(SuppressionUnit):
    """Forgets a person."""

    async def save_held(self, held: HeldAction) -> None:
        """As the part for held actions has it."""
        await super().save_held(held)  # type: ignore[misc]

    async def organizes_events(self, address: str) -> bool:
        owners = [e.organizer for e in self.t.of("event").values()]
        return address in {*owners, *(key.address for key in self.t.of("key").values())}

    async def begin_forgetting(self, address: str, alias: str, now: datetime) -> str | None:
        pending = [row for row in self.t.of("message").values() if row.message.state.pending]
        if any(row.owner and (row.message.email == address or _tells(row, address)) for row in pending):
            return None
        self.t.put("forgetting_key", 1, _KEY)
        for (email, organizer), entry in list(self.t.of("do_not_mail").items()):
            if email == address:
                hashed = target(address, _KEY)
                self.t.drop("do_not_mail", (email, organizer))
                self.t.put("do_not_mail", (hashed, organizer), entry.model_copy(update={"target": hashed}))
        if address not in self.t.of("forgetting"):
            self.t.put("forgetting", address, alias)
        used: str = self.t.get("forgetting", address)
        self.t.put(
            "do_not_mail", (used, ""), Suppression(target=used, organizer="", reason="forgotten", at=now)
        )
        return used

    async def withdraw_forgotten(self, address: str, now: datetime) -> int:
        owed = [(k, r) for k, r in self.t.of("message").items() if r.message.email == address]
        pending = [(k, r) for k, r in owed if r.message.state.pending and not r.owner][: self.items_per_unit]
        for key, row in pending:
            gone = {"state": MessageState.WITHDRAWN, "code": Code.FORGOTTEN, "settled": now}
            self.t.put("message", key, row.changed(**gone))
        return len(pending)

    async def forget_rows(self, address: str, alias: str, traces: Sequence[Trace], now: datetime) -> int:
        some = traces[: self.items_per_unit]
        for table, key in [found for trace in some for found in trace.row.get("places", ())]:  # type: ignore[union-attr]
            value = self.t.get(table, key)
            if _tells(value, address) and value.owner and value.message.state.pending:
                continue
            if isinstance(value, HeldAction):
                await self.save_held(held_without(value, address, alias, now))
                continue
            self.t.drop(table, key)
            value = _unsaid(value, address, alias, now)
            if value is None:
                continue
            if isinstance(value, Attendee) and value.email == address:
                self._renew_token(value.token, _silenced(value, address).token)
            if table == "record":
                self.t.put(table, key, value._replace(salt=None))
            elif (table, key) != ("approval", address) and table not in _DROPPED:
                instead = alias
                if (at := _renamed(key, address, alias, name=True)) != key and self.t.get(
                    table, at
                ) is not None:
                    instead = variant(alias, str(new_id()))
                new = _renamed(_silenced(value, address), address, instead)
                self.t.put(table, _renamed(key, address, instead, name=True), new)
        return len(some)

    def _renew_token(self, old: str, new: str) -> None:
        """A link counts the people whom it invited by their tokens."""
        for link, token in list(self.t.of("link_invite")):
            if token == old:
                self.t.drop("link_invite", (link, old))
                self.t.put("link_invite", (link, new), True)

    async def end_forgetting(self, address: str) -> None:
        self.t.drop("forgetting", address)
        for organizer, bare in list(self.t.of("confirmed_person")):
            if bare == person(address):
                self.t.drop("confirmed_person", (organizer, bare))


def traces(t: Tables, address: str) -> list[Trace]:
    """Where the address is named; the places are what only this store understands."""
    found = [
        (table, key)
        for table, rows in t.rows.items()
        if table not in {*_OWNERS, "record", "forgetting"}
        for key, value in rows.items()
        if _renamed((key, value), address, "") != (key, value)
    ]
    return [Trace(table, {}, {"places": ((table, key),)}) for table, key in found]  # type: ignore[dict-item]


def named_by_others(t: Tables, address: str) -> list[str]:
    """The events whose organizers named the address."""
    events = t.of("event").items()
    return [f"event {uid}" for uid, event in events if _renamed(event, address, "") != event]


def _tells(value: Any, address: str) -> bool:
    """True for a mail to somebody else that names the person."""
    told = isinstance(value, Owed) and value.message.email != address and value.message.notice
    return bool(told) and names(value.message.notice.model_dump_json(), address)


def _unsaid(value: Any, address: str, alias: str, now: datetime) -> Any:
    """The value without what others were told of the person; None if nothing is left of it."""
    if isinstance(value, Outgoing):
        return posting_without(value, address, alias)
    if isinstance(value, Undoable):
        return undo_without(value, address, alias)
    if isinstance(value, Intake):
        return intake_without(value, address, alias)
    if _tells(value, address):
        return _told(value, address, alias, now)
    if isinstance(value, tuple) and value and all(_is_gathered(one) for one in value):
        kept = [(notice_without(notice, address, alias), uid, whole) for notice, uid, whole in value]
        return tuple(one for one in kept if one[0] is not None)
    return value


def _is_gathered(one: Any) -> bool:
    return isinstance(one, tuple) and len(one) == 3 and isinstance(one[0], Notice)


def _told(owed: Owed, address: str, alias: str, now: datetime) -> Owed:
    """A settled mail loses its words; one that waits is withdrawn if they name the person."""
    assert owed.message.notice is not None
    notice = notice_without(owed.message.notice, address, alias)
    if owed.message.state.pending and notice is None:
        owed = owed.changed(state=MessageState.WITHDRAWN, code=Code.FORGOTTEN, settled=now)
    return owed.changed(notice=notice if owed.message.state.pending else None)


def _silenced(value: Any, address: str) -> Any:
    if isinstance(value, Attendee) and value.email == address:
        return value.model_copy(
            update={"name": "", "fields": {}, "zone": "", "token": f"gone{value.event_uid}"}
        )
    if isinstance(value, Owed) and value.message.email == address:
        return value.changed(note="", answer="", notice=None)
    if isinstance(value, Receipt | Proposal) and value.email == address:
        return value.model_copy(update={"comment": ""})
    return value


def _renamed(value: Any, address: str, alias: str, *, name: bool = False) -> Any:
    def renamed(part: Any, name: bool = name) -> Any:
        return _renamed(part, address, alias, name=name)

    if isinstance(value, str):
        new = told_apart(value, address, alias) if name else without(value, address, alias)
        return value if new == value else type(value)(new)
    if isinstance(value, tuple):
        parts = [renamed(part) for part in value]
        return type(value)._make(parts) if hasattr(value, "_make") else tuple(parts)
    if isinstance(value, dict):
        return {k: renamed(v) for k, v in value.items()}
    if isinstance(value, BaseModel):
        changed = {
            field: renamed(getattr(value, field), field in _NAMES) for field in type(value).model_fields
        }
        return value.model_copy(update=changed)
    if is_dataclass(value) and not isinstance(value, type):
        return replace(value, **{f.name: renamed(getattr(value, f.name)) for f in fields(value)})
    return value
