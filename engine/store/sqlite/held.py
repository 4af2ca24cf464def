"""Actions that wait for approval, and organizers whose changes need it."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Coroutine
from datetime import datetime
from typing import TypeVar

import aiosqlite

from engine.model.held import HeldAction, HeldState, OrganizerApproval
from engine.store.sqlite import changes
from engine.store.sqlite.session import Session, Statements

T = TypeVar("T")

_KIND = "held"


class HeldActions(Session):
    """The part of a unit of work for held actions."""

    async def add_held(self, held: HeldAction) -> None:
        await self.run(
            "INSERT INTO confirmation(code, address, created, kind, mail, expires, open, body, held, organizer, "
            "event_uid) VALUES (?,?,?,?,'',?,?,?,?,?,?)",
            [
                held.code,
                held.address,
                held.created.timestamp(),
                _KIND,
                held.expires.timestamp(),
                held.state is HeldState.WAITING,
                held.model_dump_json(),
                held.id,
                held.organizer,
                held.command.event_uid,
            ],
        )
        await changes.note_held(self, held)

    async def held_action(self, held_id: str) -> HeldAction | None:
        row = await self.one("SELECT body FROM confirmation WHERE held = ?", [held_id])
        return HeldAction.model_validate_json(row["body"]) if row else None

    async def held_by_code(self, code: str) -> HeldAction | None:
        row = await self.one("SELECT body FROM confirmation WHERE code = ? AND held IS NOT NULL", [code])
        return HeldAction.model_validate_json(row["body"]) if row else None

    async def save_held(self, held: HeldAction) -> None:
        waited = await self.one("SELECT 1 FROM confirmation WHERE held = ? AND open = 1", [held.id])
        if waited and held.state is not HeldState.WAITING:
            await changes.note_held(self, held)
        await self.run(
            "UPDATE confirmation SET body = ?, open = ? WHERE held = ?",
            [held.model_dump_json(), held.state is HeldState.WAITING, held.id],
        )

    async def waiting_for(self, event_uid: str, limit: int) -> list[HeldAction]:
        found = await self.all(
            "SELECT body FROM confirmation WHERE event_uid = ? AND held IS NOT NULL AND open = 1 "
            "ORDER BY created, held LIMIT ?",
            [event_uid, limit],
        )
        return [HeldAction.model_validate_json(row["body"]) for row in found]

    async def expired_held(self, now: datetime, limit: int) -> list[HeldAction]:
        found = await self.all(
            "SELECT body FROM confirmation WHERE held IS NOT NULL AND open = 1 AND expires <= ? "
            "ORDER BY expires, held LIMIT ?",
            [now.timestamp(), limit],
        )
        return [HeldAction.model_validate_json(row["body"]) for row in found]

    async def held_actions(
        self,
        organizer: str | None,
        *,
        waiting: bool,
        limit: int,
        before: tuple[float, str] | None = None,
        asked: str | None = None,
    ) -> list[HeldAction]:
        where, values = ["held IS NOT NULL"], list[object]()
        if organizer is not None:
            where.append("organizer = ?")
            values.append(organizer)
        if asked is not None:
            where.append("address = ?")
            values.append(asked)
        if waiting:
            where.append("open = 1")
        if before is not None:
            where.append("(created, held) < (?, ?)")
            values += before
        found = await self.all(
            f"SELECT body FROM confirmation WHERE {' AND '.join(where)} ORDER BY created DESC, held DESC LIMIT ?",
            [*values, limit],
        )
        return [HeldAction.model_validate_json(row["body"]) for row in found]

    async def organizer_approval(self, organizer: str) -> OrganizerApproval | None:
        row = await self.one("SELECT approval FROM organizer WHERE address = ?", [organizer])
        return OrganizerApproval.model_validate_json(row["approval"]) if row and row["approval"] else None

    async def set_organizer_approval(self, organizer: str, approval: OrganizerApproval | None) -> None:
        body = approval.model_dump_json() if approval else None
        await self.run("UPDATE organizer SET approval = ? WHERE address = ?", [body, organizer])

    async def decides(self, address: str) -> bool:
        row = await self.one(
            "SELECT 1 FROM confirmation WHERE open = 1 AND kind = ? AND address = ? LIMIT 1", [_KIND, address]
        )
        return row is not None

    async def mailed_domain(self, organizer: str, domain: str, before: datetime) -> bool:
        row = await self.one(
            "SELECT 1 FROM event e JOIN attendee a ON a.event_uid = e.uid WHERE e.organizer = ? "
            "AND substr(a.email, -?) = ? AND a.created < ? LIMIT 1",
            [organizer, len(domain) + 1, f"@{domain}", before.timestamp()],
        )
        return row is not None

    async def organizer_name(self, organizer: str) -> str:
        row = await self.one("SELECT name FROM organizer WHERE address = ?", [organizer])
        return str(row["name"]) if row else ""


class HeldAnswers:
    """The store's questions about held actions."""

    _reader: aiosqlite.Connection

    @abstractmethod
    async def _in_loop(self, ask: Callable[[Statements], Coroutine[object, object, T]]) -> T: ...

    async def held_action(self, held_id: str) -> HeldAction | None:
        return await HeldActions(self._reader).held_action(held_id)

    async def held_by_code(self, code: str) -> HeldAction | None:
        return await HeldActions(self._reader).held_by_code(code)

    async def held_actions(
        self,
        organizer: str | None,
        *,
        waiting: bool,
        limit: int,
        before: tuple[float, str] | None = None,
        asked: str | None = None,
    ) -> list[HeldAction]:
        return await self._in_loop(
            lambda s: HeldActions(s).held_actions(
                organizer, waiting=waiting, limit=limit, before=before, asked=asked
            )
        )
