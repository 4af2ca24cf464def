"""Forgets what a person said, or what was said about them, in rows that are others'."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from engine.model.counters import Intake
from engine.model.forgetting import Column, Trace, names
from engine.model.forgotten import held_without, intake_without, notice_without, posting_without, undo_without
from engine.model.messages import MessageState, Notice
from engine.model.undo import Undoable
from engine.refusals import Code
from engine.store.sqlite.held import HeldActions
from engine.store.sqlite.ledger import WAITING, Ledger
from engine.store.sqlite.states import PENDING
from engine.store.sqlite.webhooks import Webhooks

Row = Mapping[str, Column]


class WordsForgotten(Ledger, HeldActions, Webhooks):
    """The part of a unit of work that forgets a person in held actions, postings and notices."""

    async def forget_words(self, trace: Trace, address: str, alias: str, now: datetime) -> Trace | None:
        """Forget the person in a row of these tables; returns the row without that, None if nothing is left."""
        row = trace.row
        if trace.table == "confirmation" and row["held"] is not None:
            await self._forget_held(str(row["held"]), address, alias, now)
        elif trace.table == "posting":
            await self._forget_posting(str(row["id"]), address, alias)
        elif trace.table == "gathered_notice":
            await self._forget_gathered(row, address, alias)
        elif _tells(trace, address):
            await self._forget_notice(row, address, alias, now)
            return _rest(trace, "notice", address)
        elif trace.table == "undo":
            undoable = undo_without(Undoable.model_validate_json(str(row["body"])), address, alias)
            await self.run("UPDATE undo SET body = ? WHERE id = ?", [undoable.model_dump_json(), row["id"]])
            return _rest(trace, "body", address)
        elif trace.table == "intake":
            intake = intake_without(Intake.model_validate_json(str(row["body"])), address, alias)
            await self.run("UPDATE intake SET body = ? WHERE id = ?", [intake.model_dump_json(), row["id"]])
            return _rest(trace, "body", address)
        else:
            return trace
        return None

    async def _forget_held(self, held_id: str, address: str, alias: str, now: datetime) -> None:
        held = await self.held_action(held_id)
        if held:
            await self.save_held(held_without(held, address, alias, now))

    async def _forget_posting(self, posting_id: str, address: str, alias: str) -> None:
        found = await self.posting(posting_id)
        new = posting_without(found, address, alias) if found else None
        if new is None:
            await self.run("DELETE FROM posting WHERE id = ?", [posting_id])
        else:
            body = new.posting.model_dump_json(exclude={"due"})
            await self.run(
                "UPDATE posting SET body = ?, payload = ? WHERE id = ?", [body, new.body, posting_id]
            )

    async def _forget_gathered(self, row: Row, address: str, alias: str) -> None:
        new = notice_without(Notice.model_validate_json(str(row["body"])), address, alias)
        if new is None:
            await self.run("DELETE FROM gathered_notice WHERE id = ?", [row["id"]])
        else:
            await self.run(
                "UPDATE gathered_notice SET body = ? WHERE id = ?", [new.model_dump_json(), row["id"]]
            )

    async def _forget_notice(self, row: Row, address: str, alias: str, now: datetime) -> None:
        """Empty a mail to somebody else once it is settled; before, withdraw it if its words name the person."""
        new = notice_without(Notice.model_validate_json(str(row["notice"])), address, alias)
        if new is None:
            await self.settle(
                f"id = ? AND {WAITING}", [row["id"]], MessageState.WITHDRAWN, Code.FORGOTTEN, now
            )
        else:
            await self.run(
                f"UPDATE message SET notice = ? WHERE id = ? AND {WAITING}",
                [new.model_dump_json(), row["id"]],
            )
        await self.run(f"UPDATE message SET notice = NULL WHERE id = ? AND NOT ({PENDING})", [row["id"]])


def _rest(trace: Trace, done: str, address: str) -> Trace | None:
    """The row without a column that was rewritten; None if no other names the person."""
    rest = trace._replace(row={name: value for name, value in trace.row.items() if name != done})
    return rest if any(names(str(value), address) for value in rest.row.values() if value) else None


def _tells(trace: Trace, address: str) -> bool:
    """True for a mail to somebody else that names the person."""
    row = trace.row
    return trace.table == "message" and row["email"] != address and names(str(row["notice"] or ""), address)
