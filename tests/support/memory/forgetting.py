"""Forgetting a person in memory: every value of every table is looked at."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields, is_dataclass, replace
from datetime import datetime
from typing import Any

from pydantic import BaseModel

from engine.model.answers import Proposal, Receipt
from engine.model.forgetting import Trace, target, without
from engine.model.forgotten_names import told_apart, variant
from engine.model.messages import MessageState
from engine.model.people import Attendee
from engine.model.suppressions import Suppression
from engine.refusals import Code
from tests.support.memory.suppressions import SuppressionUnit
from tests.support.memory.tables import Owed, Tables, new_id

_KEY = b"the key of a store in memory"
_NAMES = frozenset({"delivery_id", "object", "source_uid", "order", "line"})
"""Fields with names from elsewhere, which are in keys."""
_OWNERS = ("event", "key", "address_list", "feed")


class ForgettingUnit(SuppressionUnit):
    """Forgets a person."""

    async def organizes_events(self, address: str) -> bool:
        owners = [e.organizer for e in self.t.of("event").values()]
        return address in {*owners, *(key.address for key in self.t.of("key").values())}

    async def begin_forgetting(self, address: str, alias: str, now: datetime) -> str | None:
        owed = [(k, r) for k, r in self.t.of("message").items() if r.message.email == address]
        pending = [(k, r) for k, r in owed if r.message.state.pending]
        if any(row.owner for _, row in pending):
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

    async def forget_rows(self, address: str, alias: str, traces: Sequence[Trace]) -> int:
        some = traces[: self.items_per_unit]
        for table, key in [found for trace in some for found in trace.row.get("places", ())]:  # type: ignore[union-attr]
            value = self.t.get(table, key)
            self.t.drop(table, key)
            if table == "record":
                self.t.put(table, key, value._replace(salt=None))
            elif table not in {"record_person", "remembered", "inbox_message"}:
                instead = alias
                if (at := _renamed(key, address, alias, name=True)) != key and self.t.get(
                    table, at
                ) is not None:
                    instead = variant(alias, str(new_id()))
                new = _renamed(_silenced(value, address), address, instead)
                self.t.put(table, _renamed(key, address, instead, name=True), new)
        return len(some)

    async def end_forgetting(self, address: str) -> None:
        self.t.drop("forgetting", address)


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
