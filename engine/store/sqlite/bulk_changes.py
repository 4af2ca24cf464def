"""Changes of many messages, in parts."""

from __future__ import annotations

from datetime import datetime

from engine.model.bulk_changes import BulkAction, BulkChange
from engine.model.messages import MessageState
from engine.refusals import Code
from engine.store.sqlite.budgets import UNDECIDED
from engine.store.sqlite.ledger import WAITING, Ledger
from engine.store.sqlite.session import IN_LIST, as_list, as_numbers

_WHICH = {
    BulkAction.WITHDRAW: WAITING,
    BulkAction.HOLD: "held = 0",
    BulkAction.RELEASE: "held = 1",
    BulkAction.SEND_UNDECIDED: "held = 1",
    BulkAction.DROP_UNDECIDED: "held = 1",
    BulkAction.DUE_NOW: "held = 0",
}
_DECIDING = frozenset({BulkAction.SEND_UNDECIDED, BulkAction.DROP_UNDECIDED})
_PENDING = (MessageState.QUEUED, MessageState.DEFERRED)
_OTHERS = "(campaign_id IS NULL OR campaign_id NOT IN (SELECT id FROM campaign WHERE state = 'paused'))"


class BulkChanges(Ledger):
    """The part of a unit of work that changes many messages, in parts."""

    async def change_messages(self, change: BulkChange, now: datetime) -> str | None:
        return await (self._of_event if change.event_uid else self._others_than_events)(change, now)

    async def _of_event(self, change: BulkChange, now: datetime) -> str | None:
        """Change the messages of the next people, by address, which is the order of the ledger's index."""
        found = await self.all(
            "SELECT email FROM message WHERE event_uid = ? AND method IS NOT NULL AND email > ? "
            "GROUP BY email ORDER BY email LIMIT ?",
            [change.event_uid, change.cursor, self.items_per_unit],
        )
        emails = [row["email"] for row in found]
        if change.action is BulkAction.OWE_AGAIN:
            await self._owe_again(change, emails)
        elif change.action is BulkAction.PUT_OFF:
            await self._put_off(change, emails)
        else:
            await self._withdraw(change, emails, now)
        return emails[-1] if len(emails) == self.items_per_unit else None

    async def _withdraw(self, change: BulkChange, emails: list[str], now: datetime) -> None:
        where = (
            f"event_uid = ? AND email {IN_LIST} AND method IS NOT NULL AND kind <> 'withdrawal' "
            f"AND sequence < ? AND {WAITING}"
        )
        values = [change.event_uid, as_list(emails), change.before]
        await self.settle(where, values, MessageState.WITHDRAWN, Code(change.code), now)

    async def _owe_again(self, change: BulkChange, emails: list[str]) -> None:
        assert change.since is not None, "what is owed again was withdrawn since some moment"
        where = (
            f"event_uid = ? AND email {IN_LIST} AND method IS NOT NULL AND state = 'withdrawn' "
            "AND code = ? AND settled >= ?"
        )
        values = [change.event_uid, as_list(emails), change.code, change.since.timestamp()]
        await self.take_again(where, values)
        # What still has to be held is held again by the claim.
        again = {"code": "", "settled": None, "held": 0}
        await self.move(where, values, MessageState.QUEUED, again)

    async def _put_off(self, change: BulkChange, emails: list[str]) -> None:
        assert change.since, "what is put off is due after some moment"
        assert change.due, "and leaves no earlier than at another"
        due = change.due.timestamp()
        await self.run(
            f"UPDATE message SET due = ? WHERE event_uid = ? AND email {IN_LIST} AND state = 'queued' "
            f"AND attempts = 0 AND due > ? AND due < ? AND {WAITING}",
            [due, change.event_uid, as_list(emails), change.since.timestamp(), due],
        )

    async def _others_than_events(self, change: BulkChange, now: datetime) -> str | None:
        found: list[int] = []
        for state in _PENDING:
            found += await self._next(change, state)
        ids = sorted(found)[: self.items_per_unit]
        await self._change(change, ids, now)
        return str(ids[-1]) if len(ids) == self.items_per_unit else None

    async def _change(self, change: BulkChange, ids: list[int], now: datetime) -> None:
        where, which = f"id {IN_LIST}", [as_numbers(ids)]
        if change.action in {BulkAction.WITHDRAW, BulkAction.DROP_UNDECIDED}:
            await self.settle(where, which, MessageState.WITHDRAWN, Code(change.code), now)
        elif change.action is BulkAction.SEND_UNDECIDED:
            await self.release_budgets(where, which, sure=False)
            await self.run(f"UPDATE message SET held = 0, code = '', key = '' WHERE {where}", which)
        elif change.action is BulkAction.DUE_NOW:
            await self.run(f"UPDATE message SET due = ? WHERE {where}", [now.timestamp(), *which])
        else:
            held = int(change.action is BulkAction.HOLD)
            await self.run(f"UPDATE message SET held = ? WHERE {where}", [held, *which])

    async def _next(self, change: BulkChange, state: MessageState) -> list[int]:
        """The next message ids in order, in which the index of a campaign's pending messages has them."""
        where, values = _OTHERS, list[object]()
        if change.action in _DECIDING:
            where, values = UNDECIDED, [f" {change.key} "]
        elif change.campaign_id:
            where, values = "campaign_id = ?", [change.campaign_id]
        elif change.organizer:
            where, values = f"organizer = ? AND {_OTHERS}", [change.organizer]
        elif change.key:
            where, values = (
                f"key <> '' AND instr(' ' || key || ' ', ?) > 0 AND {_OTHERS}",
                [f" {change.key} "],
            )
        if change.due:
            where, values = f"{where} AND due = ?", [*values, change.due.timestamp()]
        found = await self.all(
            f"SELECT id FROM message WHERE {where} AND state = ? AND settled IS NULL "
            f"AND {_WHICH[change.action]} AND id > ? ORDER BY id LIMIT ?",
            [*values, state.value, int(change.cursor or 0), self.items_per_unit],
        )
        return [int(row["id"]) for row in found]

    async def keep_bulk_change(self, change: BulkChange) -> None:
        await self.run(
            "INSERT INTO bulk_change(scope, body) VALUES (?,?) "
            "ON CONFLICT(scope) DO UPDATE SET body = excluded.body",
            [change.scope, change.model_dump_json()],
        )

    async def next_bulk_change(self) -> BulkChange | None:
        row = await self.one("SELECT body FROM bulk_change ORDER BY id LIMIT 1")
        return BulkChange.model_validate_json(row["body"]) if row else None

    async def bulk_change(self, scope: str) -> BulkChange | None:
        row = await self.one("SELECT body FROM bulk_change WHERE scope = ?", [scope])
        return BulkChange.model_validate_json(row["body"]) if row else None

    async def end_bulk_change(self, change: BulkChange) -> None:
        await self.run("DELETE FROM bulk_change WHERE scope = ?", [change.scope])
