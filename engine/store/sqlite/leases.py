"""Leases: a claim is one row for each run of similar messages, however many there are (promise 6)."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Sequence
from datetime import datetime

from engine.model.messages import MessageState
from engine.store.sqlite.candidates import Candidate
from engine.store.sqlite.ledger import Ledger
from engine.store.sqlite.session import IN_LIST, as_numbers
from engine.store.sqlite.states import OF_CANCELLED, PENDING

_COLUMNS = "owner, until, kind, event_uid, organizer, campaign_id, state, run"
_ATTEMPT = (
    "INSERT INTO attempt(message, n, at, state, code, answer) SELECT id, "
    "(SELECT count(*) FROM attempt WHERE message = m.id) + 1, ?, ?, ?, ? FROM message m WHERE id = ?"
)
_LOST = "the sender stopped before an answer was written down; the mail may have gone"

Alike = tuple[str, str | None, str, str | None, str]
"""What messages that are counted together share: kind, event, organizer, campaign and state."""


class Leases(Ledger):
    """The part of a unit of work for leases on messages."""

    async def lease(self, claims: Sequence[Candidate], owner: str, until: float) -> None:
        """Lease the claimed messages to `owner`."""
        runs: dict[Alike, list[int]] = {}
        for claim in claims:
            runs.setdefault(_alike(claim), []).append(claim.id)
        rows = [(owner, until, *alike, as_numbers(ids)) for alike, ids in runs.items()]
        await self.insert("lease", _COLUMNS, rows)

    async def renew(self, owner: str, until: float) -> set[str]:
        """Extend the leases of `owner`, and return the ids of their messages."""
        found = await self.all("UPDATE lease SET until = ? WHERE owner = ? RETURNING run", [until, owner])
        return {str(id_) for row in found for id_ in json.loads(row["run"])}

    async def reclaim(self, now: datetime, lease_s: float) -> None:
        """End expired leases of dispatchers that died; their messages may have left already.

        A lease that ends later than any granted now was written before the clock was set back, and ends too.
        """
        run_out = [now.timestamp(), now.timestamp() + 2 * lease_s]
        lost = await self.all("SELECT run FROM lease WHERE until < ? OR until > ?", run_out)
        if lost:
            await self.run("DELETE FROM lease WHERE until < ? OR until > ?", run_out)
            await self._in_doubt([id_ for row in lost for id_ in json.loads(row["run"])], now)

    async def _in_doubt(self, ids: Sequence[int], now: datetime) -> None:
        """Owe messages again that may have left, and count the attempt."""
        where, values = f"id {IN_LIST} AND {PENDING}", [as_numbers(ids)]
        known = await self.all(f"SELECT id FROM message WHERE {where} ORDER BY id", values)
        await self.note_attempts((now.timestamp(), "queued", "in_doubt", _LOST, row["id"]) for row in known)
        sets = f"attempts = attempts + 1, held = held AND NOT {OF_CANCELLED}"
        await self.run(f"UPDATE message SET {sets} WHERE {where}", values)
        await self.move(where, values, MessageState.QUEUED, {"in_doubt": 1})

    async def note_attempts(self, attempts: Iterable[tuple[float, str, str, str, int]]) -> None:
        """Store attempts that settled nothing: the time, the state after it, the code, the response and the message."""
        await self.many(_ATTEMPT, attempts)

    async def held(self, owner: str, among: Collection[int]) -> dict[int, Alike]:
        """Those of `among` that `owner` holds and that are still owed, with the groups they are counted in."""
        runs = await self.all("SELECT run FROM lease WHERE owner = ?", [owner])
        mine = {id_ for row in runs for id_ in json.loads(row["run"])}.intersection(among)
        found = await self.all(
            "SELECT json_group_array(id) AS ids, kind, event_uid, organizer, campaign_id, state FROM message "
            f"WHERE id {IN_LIST} AND {PENDING} GROUP BY 2, 3, 4, 5, 6",
            [as_numbers(mine)],
        )
        return {id_: tuple(row)[1:] for row in found for id_ in json.loads(row["ids"])}

    async def release(self, owner: str, ids: Collection[int]) -> None:
        """End the leases of `owner` on these messages."""
        for row in await self.all("SELECT id, run FROM lease WHERE owner = ?", [owner]):
            run = json.loads(row["run"])
            left = [id_ for id_ in run if id_ not in ids]
            if not left:
                await self.run("DELETE FROM lease WHERE id = ?", [row["id"]])
            elif len(left) < len(run):
                await self.run("UPDATE lease SET run = ? WHERE id = ?", [as_numbers(left), row["id"]])


def _alike(message: Candidate) -> Alike:
    return message.kind, message.event_uid, message.organizer, message.campaign_id, message.state
