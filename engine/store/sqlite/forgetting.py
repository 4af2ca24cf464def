"""Forgets a person: replaces their address, deletes their texts, and keeps the counts."""

from __future__ import annotations

import json
import secrets
import sqlite3
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from engine.model.forgetting import Column, Trace, names, without
from engine.model.forgotten_names import told_apart, variant
from engine.model.messages import MessageState
from engine.refusals import Code
from engine.store import rules
from engine.store.sqlite.attendees import Attendees
from engine.store.sqlite.forgotten import WordsForgotten
from engine.store.sqlite.lease_schema import LEASED
from engine.store.sqlite.ledger import WAITING, Ledger
from engine.store.sqlite.states import PENDING

_DROPPED = {
    "telling": "address",
    "gathered_notice": "address",
    "session": "address",
    "confirmation": "address",
    "organizer_address": "address",
    "organizer": "address",
    "enrolment": "organizer",
    "redaction": "address",
    "search_owner": "address",
    "organizer_proof": "organizer",
    "organizer_trial": "organizer",
    "record_person": "address",
    "suppression": "email",
    "block": "email",
    "remembered": "actor",
    "inbox_message": "sender",
    "person_mail": "person",
}
"""Tables whose rows belong to the person, with the column for the address: the rows are deleted."""
_EMPTIED: dict[str, dict[str, Column]] = {
    "attendee": {"name": "", "fields": "{}", "zone": ""},
    "message": {"note": "", "answer": "", "notice": None},
    "campaign_row": {"name": "", "fields": "{}", "detail": ""},
    "change": {"words": ""},
}
"""Columns that are cleared in rows with the person's `email`."""
_SAID = ("name", "comment", "location", "sent_by", "words")
"""Fields with people's own texts, in rows stored as JSON."""
_JSON = frozenset({"receipt", "proposal"})
_WORD_BYTES = 8

_LIKE_KEYS = {"delivery": ("object",)}
"""Columns with what is a key of another table, so that both say the same afterwards."""
_UNIQUE = (
    "SELECT DISTINCT c.name FROM pragma_index_list(?) i, pragma_index_info(i.name) c "
    'WHERE i."unique" AND c.name IS NOT NULL'
)


class Forgetting(Attendees, WordsForgotten, Ledger):
    """The part of a unit of work that forgets a person."""

    async def organizes_events(self, address: str) -> bool:
        sql = "SELECT EXISTS (SELECT 1 FROM event WHERE organizer = ?) OR EXISTS (SELECT 1 FROM access_key "
        row = await self.one(f"{sql} WHERE address = ?) AS n", [address, address])
        return bool(row and row["n"])

    async def begin_forgetting(self, address: str, alias: str, now: datetime) -> str | None:
        held = f"SELECT 1 FROM message WHERE email = ? AND {PENDING} AND id IN {LEASED}"
        if await self.one(held, [address]):
            return None
        told = f"SELECT notice FROM message WHERE notice IS NOT NULL AND {PENDING} AND id IN {LEASED}"
        if any(names(row["notice"], address) for row in await self.all(told)):
            return None
        await self._keep_wishes(address)
        await self.run("INSERT INTO forgetting VALUES (?,?) ON CONFLICT DO NOTHING", [address, alias])
        row = await self.one("SELECT alias FROM forgetting WHERE address = ?", [address])
        assert row is not None
        await self.run(
            "INSERT OR IGNORE INTO suppression VALUES (?,?,?)", [row["alias"], "forgotten", now.timestamp()]
        )
        return str(row["alias"])

    async def withdraw_forgotten(self, address: str, now: datetime) -> int:
        where = f"id IN (SELECT id FROM message WHERE email = ? AND {WAITING} LIMIT ?)"
        values = [address, self.items_per_unit]
        return await self.settle(where, values, MessageState.WITHDRAWN, Code.FORGOTTEN, now)

    async def _keep_wishes(self, address: str) -> None:
        await self.run("INSERT OR IGNORE INTO forgetting_key VALUES (1, randomblob(32))")
        ((hashed, _),) = (await self.hashed([address])).items()
        for table in ("suppression", "block"):
            await self.run(f"UPDATE OR IGNORE {table} SET email = ? WHERE email = ?", [hashed, address])

    async def forget_rows(self, address: str, alias: str, traces: Sequence[Trace], now: datetime) -> int:
        some = traces[: self.items_per_unit]
        for trace in some:
            if trace.table == "record":
                await self.run("UPDATE record SET salt = NULL WHERE seq = ?", [trace.key["seq"]])
            elif trace.row.get(_DROPPED.get(trace.table, "")) == address:
                await self.run(f"DELETE FROM {trace.table} WHERE {_where(trace)}", [*trace.key.values()])
            elif rest := await self.forget_words(trace, address, alias, now):
                await self._rewrite(rest, address, alias)
        return len(some)

    async def _rewrite(self, trace: Trace, address: str, alias: str) -> None:
        if trace.table == "delivery":
            # A posted request may name the person in a form that a search for text does not find.
            await self.run("DELETE FROM posted WHERE divided = 1 AND id = ?", [trace.row["posted"]])
        try:
            await self._write(trace, address, alias)
        except sqlite3.IntegrityError:
            # It was written again after the alias took the place of the address there.
            await self._write(trace, address, variant(alias, secrets.token_hex(_WORD_BYTES)))
        if trace.table == "message" and trace.row["email"] == address:
            await self.run("UPDATE attempt SET answer = '' WHERE message = ?", [trace.row["id"]])

    async def _write(self, trace: Trace, address: str, alias: str) -> None:
        changed = _rewritten(trace, address, alias, await self._told_apart(trace, address, alias))
        sets = ", ".join(f"{name} = ?" for name in changed)
        await self.run(
            f"UPDATE {trace.table} SET {sets} WHERE {_where(trace)}", [*changed.values(), *trace.key.values()]
        )
        if trace.table == "attendee" and "token" in changed:
            # A link counts the people whom it invited by their tokens.
            renewed = [changed["token"], trace.row["token"]]
            await self.run("UPDATE OR REPLACE link_invite SET token = ? WHERE token = ?", renewed)

    async def _told_apart(self, trace: Trace, address: str, alias: str) -> dict[str, str]:
        """The new values of columns that must be unique, by the old ones: two spellings are two names."""
        unique = {row["name"] for row in await self.all(_UNIQUE, [trace.table])}
        names = (trace.row[column] for column in (*unique, *_LIKE_KEYS.get(trace.table, ())))
        return {name: told_apart(name, address, alias) for name in names if isinstance(name, str)}

    async def end_forgetting(self, address: str) -> None:
        # What is counted of a tagged address is under the bare one, which its mails no longer have.
        bare = rules.person(address)
        await self.run("DELETE FROM person_mail WHERE person = ?", [bare])
        await self.run("DELETE FROM confirmed_person WHERE person = ?", [bare])
        row = await self.one("SELECT alias FROM forgetting WHERE address = ?", [address])
        if row:
            # The key has mailed somebody, whose name it no longer knows.
            await self.run(
                "UPDATE OR REPLACE key_person SET person = ? WHERE person = ?", [row["alias"], bare]
            )
        await self.run("DELETE FROM forgetting WHERE address = ?", [address])


def _where(trace: Trace) -> str:
    return " AND ".join(f"{name} IS ?" for name in trace.key)


def _rewritten(trace: Trace, address: str, alias: str, told_apart: Mapping[str, str]) -> dict[str, Column]:
    """The columns that change, with their new values."""
    theirs = trace.row.get("email") == address
    row = {**trace.row, **(_EMPTIED.get(trace.table, {}) if theirs else {})}
    if trace.table == "delivery":
        row["payload"] = None
    if theirs and trace.table == "attendee":
        row["token"] = f"{alias.partition('@')[0]}{trace.row['id']!s}"
    if theirs and trace.table in _JSON:
        row["body"] = _silenced(str(row["body"]))
    if isinstance(row.get("body"), str):
        row["body"] = _naming(str(row["body"]), told_apart)
    new = {
        n: told_apart.get(v) or without(v, address, alias) if isinstance(v, str) else v
        for n, v in row.items()
        if n != "rowid"
    }
    return {name: value for name, value in new.items() if value != trace.row[name]}


def _naming(body: str, told_apart: Mapping[str, str]) -> str:
    """What is stored as JSON, with the new names in the place of the old ones."""
    if all(old == new for old, new in told_apart.items()):
        return body
    said = json.loads(body)
    if not isinstance(said, dict):
        return body
    new = {n: told_apart.get(v, v) if isinstance(v, str) else v for n, v in said.items()}
    return json.dumps(new, ensure_ascii=False)


def _silenced(body: str) -> str:
    said: dict[str, Any] = json.loads(body)
    return json.dumps({**said, **{name: "" for name in _SAID if said.get(name)}}, ensure_ascii=False)
