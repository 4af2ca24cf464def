"""A unit of work over a snapshot: what can be taken back."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

from engine.model.messages import MessageState
from engine.model.undo import Undoable
from engine.refusals import Code
from tests.support.memory.ledger import LedgerUnit, touched
from tests.support.memory.tables import Owed


class UndoUnit(LedgerUnit):
    """The part of a unit of work that concerns what can be taken back."""

    async def add_undo(self, undoable: Undoable) -> None:
        for old in list(self.t.where("undo", lambda u: u.until < undoable.asked - timedelta(days=1))):
            self.t.drop("undo", old.id)
        self.t.put("undo", undoable.id, undoable)

    async def undoable(self, undo_id: str) -> Undoable | None:
        found: Undoable | None = self.t.get("undo", undo_id)
        return found

    async def save_undo(self, undoable: Undoable) -> None:
        self.t.put("undo", undoable.id, undoable)

    async def undos_of(self, event_uid: str, now: datetime) -> list[Undoable]:
        found = [u for u in self._open(now) if u.event_uid == event_uid]
        return sorted(found, key=lambda u: (u.asked, u.id))

    async def undos(self, organizer: str | None, now: datetime, limit: int) -> list[Undoable]:
        found = [u for u in self._open(now) if organizer in {None, u.organizer}]
        return sorted(found, key=lambda u: (-u.asked.timestamp(), u.id))[:limit]

    def _open(self, now: datetime) -> list[Undoable]:
        return list(self.t.where("undo", lambda u: u.undone is None and u.until > now))

    async def people_reached(self, undoable: Undoable) -> int:
        u = undoable
        found = self.owed(
            lambda m: (
                (bool(u.campaign_id) and m.campaign_id == u.campaign_id)
                or m.message_id in u.messages
                or (
                    u.before is not None
                    and m.event_uid == u.event_uid
                    and bool(m.method)
                    and m.sequence >= u.sequence
                )
            )
        )
        return _people(found)

    async def calendars_changed(self, event_uid: str, sequence: int) -> int:
        return _people(
            self.owed(lambda m: m.event_uid == event_uid and bool(m.method) and m.sequence >= sequence)
        )

    async def withdraw_messages(self, undoable: Undoable, code: Code, now: datetime) -> int:
        rows = self._waiting(lambda m: m.message_id in undoable.messages)
        return self.settle(rows, MessageState.WITHDRAWN, code, now)

    async def owe_again(self, event_uid: str, email: str, code: Code, withdrawn: datetime) -> int:
        found = self.owed(
            lambda m: (
                m.event_uid == event_uid
                and m.state is MessageState.WITHDRAWN
                and m.code == code
                and m.settled is not None
                and m.settled >= withdrawn
                and email in {"", m.email}
            )
        )
        for key, row in found:
            again = row.changed(state=MessageState.QUEUED, code="", settled=None)
            self.t.put("message", key, replace(again, held=False))
        return len(found)

    async def delay_jobs(self, event_uid: str, due: datetime) -> None:
        for key, job in list(self.t.of("fanout").items()):
            if job.event_uid == event_uid:
                self.t.put("fanout", key, job.model_copy(update={"due": max(job.due or due, due)}))

    async def put_off(self, event_uid: str, now: datetime, due: datetime) -> None:
        for key, job in list(self.t.of("fanout").items()):
            if job.event_uid == event_uid and job.due and now < job.due < due:
                self.t.put("fanout", key, job.model_copy(update={"due": due}))
        for key, row in self._waiting(
            lambda m: m.event_uid == event_uid and m.state is MessageState.QUEUED and now < m.due < due
        ):
            if not row.message.attempts:
                self.t.put("message", key, replace(row.changed(due=due)))


def _people(found: list[tuple[int, Owed]]) -> int:
    return len({row.message.email for _, row in found if touched(row) or row.message.in_doubt})
