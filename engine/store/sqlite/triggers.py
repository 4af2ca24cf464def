"""Triggers, the deliveries at their hooks, and the objects of the deliveries."""

from __future__ import annotations

import sqlite3
from collections import Counter
from collections.abc import Sequence
from datetime import datetime
from typing import TypeVar

from engine.model.forgotten_names import hashed
from engine.model.keys import Key
from engine.model.triggers import Delivery, DeliveryState, Trigger, TriggerCounts, TriggerObject
from engine.store.sqlite.keys import Keys
from engine.store.sqlite.posted import PostedAnswers
from engine.store.sqlite.sealing import listed, unlisted
from engine.store.sqlite.session import IN_LIST, Session, as_list, as_numbers

T = TypeVar("T")

_TRIGGER = "body, opened(sealed, id) AS secrets"


class Triggers(Session):
    """The part of a unit of work for triggers."""

    async def add_trigger(self, trigger: Trigger) -> None:
        await self.run(
            "INSERT INTO hook_trigger(id, name, organizer, body, sealed) VALUES (?1,?2,?3,?4,seal(?5, ?1))",
            [trigger.id, trigger.name, trigger.organizer, _body(trigger), listed(trigger.secrets)],
        )

    async def save_trigger(self, trigger: Trigger) -> None:
        await self.run(
            "UPDATE hook_trigger SET organizer = ?, body = ?, sealed = seal(?, id) WHERE id = ?",
            [trigger.organizer, _body(trigger), listed(trigger.secrets), trigger.id],
        )

    async def trigger(self, trigger_id: str) -> Trigger | None:
        row = await self.one(f"SELECT {_TRIGGER} FROM hook_trigger WHERE id = ?", [trigger_id])
        return _trigger(row) if row else None

    async def trigger_named(self, name: str) -> Trigger | None:
        row = await self.one(f"SELECT {_TRIGGER} FROM hook_trigger WHERE name = ?", [name])
        return _trigger(row) if row else None

    async def triggers(self, organizer: str | None) -> list[tuple[Trigger, int]]:
        # By the body: the column names the first organizer of a trigger that an older version gave to another's key.
        found = await self.all(
            f"SELECT {_TRIGGER}, refused FROM hook_trigger "
            "WHERE ?1 IS NULL OR body ->> '$.organizer' = ?1 ORDER BY name",
            [organizer],
        )
        return [(_trigger(row), int(row["refused"])) for row in found]

    async def count_unproven(self, trigger_id: str, times: int) -> None:
        await self.run("UPDATE hook_trigger SET refused = refused + ? WHERE id = ?", [times, trigger_id])

    async def add_deliveries(self, deliveries: Sequence[tuple[Delivery, str]], posted: str = "") -> int:
        """Add deliveries with one statement, since a HubSpot batch has a hundred, and return how many were new."""
        if not deliveries:
            return 0
        came = int(posted) if posted else None
        rows = [(*_values(delivery, payload), came) for delivery, payload in deliveries]
        places = ",".join(["(?,?,?,?,?,?,?,?,?)"] * len(rows))
        return await self.run(
            "INSERT INTO delivery(id, trigger_id, delivery_id, state, due, object, body, payload, posted) "
            f"VALUES {places} ON CONFLICT (trigger_id, delivery_id) DO NOTHING",
            [value for row in rows for value in row],
        )

    async def pending_deliveries(self, trigger_id: str, most: int) -> int:
        row = await self.one(
            "SELECT count(*) AS n FROM (SELECT 1 FROM delivery WHERE trigger_id = ? AND due IS NOT NULL LIMIT ?)",
            [trigger_id, most],
        )
        return int(row["n"]) if row else 0

    async def delivery(self, delivery_id: str) -> Delivery | None:
        row = await self.one("SELECT body FROM delivery WHERE id = ?", [delivery_id])
        return Delivery.model_validate_json(row["body"]) if row else None

    async def save_delivery(self, delivery: Delivery) -> None:
        await self.run(
            "UPDATE delivery SET state = ?, due = ?, object = ?, body = ? WHERE id = ?",
            [
                delivery.state.value,
                delivery.due.timestamp() if delivery.due else None,
                delivery.object,
                delivery.model_dump_json(),
                delivery.id,
            ],
        )

    async def pending_for(self, trigger_id: str, name: str, limit: int) -> list[Delivery]:
        found = await self.all(
            "SELECT body FROM delivery WHERE trigger_id = ? AND object = ? AND due IS NOT NULL "
            "ORDER BY seq LIMIT ?",
            [trigger_id, name, limit],
        )
        return [Delivery.model_validate_json(row["body"]) for row in found]

    async def trigger_object(self, trigger_id: str, name: str) -> TriggerObject | None:
        if found := await self._object(trigger_id, name):
            return found
        kept = await self.one("SELECT key FROM forgetting_key")
        gone = await self._object(trigger_id, hashed(name, kept["key"])) if kept else None
        return gone.model_copy(update={"object": name}) if gone else None

    async def _object(self, trigger_id: str, name: str) -> TriggerObject | None:
        row = await self.one(
            "SELECT body FROM trigger_object WHERE trigger_id = ? AND object = ?", [trigger_id, name]
        )
        return TriggerObject.model_validate_json(row["body"]) if row else None

    async def save_trigger_object(self, trigger_id: str, found: TriggerObject) -> None:
        await self.run(
            "INSERT INTO trigger_object(trigger_id, object, body) VALUES (?,?,?) "
            "ON CONFLICT DO UPDATE SET body = excluded.body",
            [trigger_id, found.object, found.model_dump_json()],
        )

    async def empty_deliveries(self, before: datetime, limit: int) -> int:
        found = await self.all(
            "SELECT seq, body FROM delivery WHERE payload IS NOT NULL AND due IS NULL ORDER BY seq LIMIT ?",
            [limit],
        )
        old = [row["seq"] for row in found if Delivery.model_validate_json(row["body"]).received < before]
        return await self.run(f"UPDATE delivery SET payload = NULL WHERE seq {IN_LIST}", [as_numbers(old)])

    async def trigger_counts(self, trigger_ids: Sequence[str]) -> dict[str, TriggerCounts]:
        found = await self.all(
            "SELECT trigger_id, count(*) AS deliveries, sum(body ->> '$.invited') AS invited, "
            f"sum(body ->> '$.withdrawn') AS withdrawn FROM delivery WHERE trigger_id {IN_LIST} GROUP BY trigger_id",
            [as_list(trigger_ids)],
        )
        return {
            row["trigger_id"]: TriggerCounts(
                deliveries=row["deliveries"], invited=row["invited"], withdrawn=row["withdrawn"]
            )
            for row in found
        }

    def go_on_with(self, chain: str) -> None:
        self.chain = chain

    async def forget_object(self, trigger_id: str, name: str, version: float | None = None) -> None:
        await self.run("DELETE FROM trigger_object WHERE trigger_id = ? AND object = ?", [trigger_id, name])
        await self.run("INSERT OR IGNORE INTO forgetting_key VALUES (1, randomblob(32))")
        ((key,),) = await self.all("SELECT key FROM forgetting_key")
        hidden = hashed(name, key)
        if version is not None:
            await self.save_trigger_object(trigger_id, TriggerObject(object=hidden, version=version))
        await self.run(
            "DELETE FROM posted WHERE divided = 1 AND id IN (SELECT posted FROM delivery "
            "WHERE trigger_id = ? AND object = ? AND object <> '')",
            [trigger_id, name],
        )
        about = await self.all(
            "SELECT seq, body FROM delivery WHERE trigger_id = ? AND object = ? AND object <> ''",
            [trigger_id, name],
        )
        gone = [(row["seq"], Delivery.model_validate_json(row["body"]).about(hidden)) for row in about]
        await self.many(
            "UPDATE delivery SET payload = NULL, state = ?, object = ?, body = ? WHERE seq = ?",
            [(one.state.value, hidden, one.model_dump_json(), seq) for seq, one in gone],
        )

    async def oldest_due(self, now: datetime, limit: int) -> list[Delivery]:
        """The deliveries that have been due longest, of whatever trigger."""
        found = await self.all(
            "SELECT body FROM delivery WHERE due <= ? ORDER BY due, seq LIMIT ?", [now.timestamp(), limit]
        )
        return [Delivery.model_validate_json(row["body"]) for row in found]

    async def due_deliveries(self, now: datetime, limit: int) -> list[Delivery]:
        found = await self.all(
            "SELECT d.body FROM ("
            "SELECT seq, due, row_number() OVER (PARTITION BY trigger_id ORDER BY due, seq) AS turn "
            "FROM delivery WHERE due <= ? ORDER BY turn, due, seq LIMIT ?) f JOIN delivery d ON d.seq = f.seq "
            "ORDER BY f.turn, f.due, f.seq",
            [now.timestamp(), limit],
        )
        return [Delivery.model_validate_json(row["body"]) for row in found]

    async def payload(self, delivery_id: str) -> str | None:
        row = await self.one("SELECT payload FROM delivery WHERE id = ?", [delivery_id])
        return row["payload"] if row else None

    async def deliveries(
        self, trigger_id: str, state: DeliveryState | None, limit: int, before: str = ""
    ) -> list[Delivery]:
        found = await self.all(
            "SELECT body FROM delivery WHERE trigger_id = ?1 AND state = coalesce(?2, state) "
            "AND (?3 = '' OR seq < (SELECT seq FROM delivery WHERE id = ?3)) ORDER BY seq DESC LIMIT ?4",
            [trigger_id, state.value if state else None, before, limit],
        )
        return [Delivery.model_validate_json(row["body"]) for row in found]


def in_turn(deliveries: Sequence[Delivery]) -> list[Delivery]:
    """Of each trigger in turn the first of these deliveries, then of each the second, and so on."""
    before: Counter[str] = Counter()
    ranked: list[tuple[int, Delivery]] = []
    for one in deliveries:
        before[one.trigger_id] += 1
        ranked.append((before[one.trigger_id], one))
    return [one for _, one in sorted(ranked, key=lambda pair: pair[0])]


def _body(trigger: Trigger) -> str:
    return trigger.model_dump_json(exclude={"secrets"})


def _trigger(row: sqlite3.Row) -> Trigger:
    secrets = unlisted(row["secrets"])
    return Trigger.model_validate_json(row["body"]).model_copy(update={"secrets": secrets})


def _values(delivery: Delivery, payload: str) -> tuple[object, ...]:
    return (
        delivery.id,
        delivery.trigger_id,
        delivery.delivery_id,
        delivery.state.value,
        delivery.due.timestamp() if delivery.due else None,
        delivery.object,
        delivery.model_dump_json(),
        payload,
    )


class TriggerAnswers(PostedAnswers):
    """The store's questions about triggers, on its reading connection."""

    def _triggers(self) -> Triggers:
        return Triggers(self._reader)

    async def trigger_named(self, name: str) -> Trigger | None:
        return await self._triggers().trigger_named(name)

    async def key_by_id(self, key_id: str) -> Key | None:
        return await Keys(self._reader).key(key_id)

    async def trigger(self, trigger_id: str) -> Trigger | None:
        return await self._triggers().trigger(trigger_id)

    async def triggers(self, organizer: str | None) -> list[tuple[Trigger, int]]:
        return await self._in_loop(lambda s: Triggers(s).triggers(organizer))

    async def trigger_counts(self, trigger_ids: Sequence[str]) -> dict[str, TriggerCounts]:
        return await self._triggers().trigger_counts(trigger_ids)

    async def due_deliveries(self, now: datetime, limit: int) -> list[Delivery]:
        oldest = await self._in_loop(lambda s: Triggers(s).oldest_due(now, limit))
        if len(oldest) < limit:
            return in_turn(oldest)
        # Of very many all are looked through, which takes too long for the event loop.
        return await self._triggers().due_deliveries(now, limit)

    async def delivery(self, delivery_id: str) -> Delivery | None:
        return await self._triggers().delivery(delivery_id)

    async def payload(self, delivery_id: str) -> str | None:
        return await self._triggers().payload(delivery_id)

    async def deliveries(
        self, trigger_id: str, state: DeliveryState | None, limit: int, before: str = ""
    ) -> list[Delivery]:
        return await self._triggers().deliveries(trigger_id, state, limit, before)
