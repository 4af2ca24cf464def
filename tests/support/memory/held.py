"""A unit of work over a snapshot: actions that wait for approval."""

from __future__ import annotations

from datetime import datetime

from engine.model.changes import Change, ChangeKind
from engine.model.held import HeldAction, HeldState, OrganizerApproval
from tests.support.memory.mails import MailUnit
from tests.support.memory.tables import Tables


class HeldUnit(MailUnit):
    """The part of a unit of work that concerns held actions."""

    async def add_held(self, held: HeldAction) -> None:
        self.t.put("held", held.id, held)
        self._note_held(held, held.created, ChangeKind.HELD_WAITING)

    def _note_held(self, held: HeldAction, at: datetime, kind: ChangeKind) -> None:
        key = self.t.add("change", None)
        change = Change(
            id=key,
            at=at,
            kind=kind,
            organizer=held.organizer,
            event_uid=held.command.event_uid or None,
            status=held.state.value,
            words=held.preview.action[:500],
            held=held.id,
        )
        self.t.put("change", key, change)

    async def held_action(self, held_id: str) -> HeldAction | None:
        return self.t.get("held", held_id)

    async def held_by_code(self, code: str) -> HeldAction | None:
        return next(self.t.where("held", lambda h: h.code == code), None)

    async def save_held(self, held: HeldAction) -> None:
        before = self.t.get("held", held.id)
        if before and before.state is HeldState.WAITING and held.state is not HeldState.WAITING:
            self._note_held(held, held.decided or held.expires, ChangeKind.HELD_DECIDED)
        self.t.put("held", held.id, held)

    async def waiting_for(self, event_uid: str, limit: int) -> list[HeldAction]:
        found = self.t.where(
            "held", lambda h: h.command.event_uid == event_uid and h.state is HeldState.WAITING
        )
        return sorted(found, key=lambda h: (h.created, h.id))[:limit]

    async def expired_held(self, now: datetime, limit: int) -> list[HeldAction]:
        found = self.t.where("held", lambda h: h.state is HeldState.WAITING and h.expires <= now)
        return sorted(found, key=lambda h: (h.expires, h.id))[:limit]

    async def organizer_approval(self, organizer: str) -> OrganizerApproval | None:
        return self.t.get("approval", organizer)

    async def set_organizer_approval(self, organizer: str, approval: OrganizerApproval | None) -> None:
        self.t.put("approval", organizer, approval)

    async def decides(self, address: str) -> bool:
        return any(self.t.where("held", lambda h: h.address == address and h.state is HeldState.WAITING))

    async def mailed_domain(self, organizer: str, domain: str, before: datetime) -> bool:
        own = {e.uid for e in self.t.of("event").values() if e.organizer == organizer}
        return any(
            a.event_uid in own and a.email.endswith(f"@{domain}") and a.created < before
            for a in self.t.of("attendee").values()
        )

    async def organizer_name(self, organizer: str) -> str:
        return (self.t.get("organizer", organizer) or ("",))[0]


def listed(
    kept: Tables,
    organizer: str | None,
    *,
    waiting: bool,
    limit: int,
    before: tuple[float, str] | None,
    asked: str | None = None,
) -> list[HeldAction]:
    """Held actions, newest first."""

    def wanted(held: HeldAction) -> bool:
        return (
            (organizer is None or held.organizer == organizer)
            and (asked is None or held.address == asked)
            and (not waiting or held.state is HeldState.WAITING)
            and (before is None or _place(held) < before)
        )

    return sorted(kept.where("held", wanted), key=_place, reverse=True)[:limit]


def _place(held: HeldAction) -> tuple[float, str]:
    return held.created.timestamp(), held.id
