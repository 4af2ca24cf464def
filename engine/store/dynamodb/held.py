"""Actions that wait for approval, and organizers whose changes need it."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from engine.model.base import Value
from engine.model.changes import ChangeKind
from engine.model.held import HeldAction, HeldState, OrganizerApproval
from engine.store.dynamodb.attendees import MAILED
from engine.store.dynamodb.changes import Noting
from engine.store.dynamodb.events import EventQuestions
from engine.store.dynamodb.names import joined, moment
from engine.store.dynamodb.rows import Entry, KindTable

_ALL = "all"


class Approver(Value):
    """Who approves an organizer's changes by mail."""

    organizer: str
    approval: OrganizerApproval


def _place(held: HeldAction) -> str:
    return joined(moment(held.created), held.id)


def _listed(held: HeldAction) -> Iterable[Entry]:
    for name in (_ALL, f"of {held.organizer}", f"asked {held.address}"):
        yield name, _place(held)


def _waiting(held: HeldAction) -> Iterable[Entry]:
    if held.state is HeldState.WAITING:
        yield from _listed(held)
        yield "expires", joined(moment(held.expires), held.id)
        if held.command.event_uid:
            yield f"event {held.command.event_uid}", _place(held)


HELD = KindTable[HeldAction](
    "held",
    HeldAction,
    key=lambda held: (held.id,),
    indexes={"code": lambda held: [(held.code, "")], "listed": _listed, "waiting": _waiting},
)
APPROVALS = KindTable[Approver]("approval", Approver, key=lambda approval: (approval.organizer,))


class HeldQuestions(EventQuestions):
    """Questions about held actions."""

    async def held_action(self, held_id: str) -> HeldAction | None:
        """The held action with this id, or None."""
        return await self.rows.get(HELD, held_id)

    async def held_by_code(self, code: str) -> HeldAction | None:
        """The held action whose link has this code, or None."""
        return await self.rows.first_by(HELD, "code", code)

    async def held_actions(
        self,
        organizer: str | None,
        *,
        waiting: bool,
        limit: int,
        before: tuple[float, str] | None = None,
        asked: str | None = None,
    ) -> list[HeldAction]:
        """Held actions, newest first, of one organizer if given; `waiting`: only those that no one has decided."""
        index = "waiting" if waiting else "listed"
        name = f"asked {asked}" if asked is not None else _ALL if organizer is None else f"of {organizer}"
        found: list[HeldAction] = []
        async for held in self.rows.each_by(HELD, index, name, backwards=True):
            older = before is None or (held.created.timestamp(), held.id) < before
            if older and organizer in {None, held.organizer}:
                found.append(held)
            if len(found) == limit:
                break
        return found

    async def organizer_name(self, organizer: str) -> str:
        """The name of an organizer; empty if none is known."""
        found = await self.organizer(organizer)
        return found.name if found else ""


class HeldActions(HeldQuestions, Noting):
    """Changes of held actions in a unit of work."""

    async def add_held(self, held: HeldAction) -> None:
        """Add an action that waits."""
        await self.rows.put(HELD, held)
        self._note_held(held)

    async def save_held(self, held: HeldAction) -> None:
        """Replace a held action."""
        before = await self.held_action(held.id)
        await self.rows.put(HELD, held)
        if before and before.state is HeldState.WAITING and held.state is not HeldState.WAITING:
            self._note_held(held)

    def _note_held(self, held: HeldAction) -> None:
        waits = held.state is HeldState.WAITING
        self.note(
            ChangeKind.HELD_WAITING if waits else ChangeKind.HELD_DECIDED,
            at=held.created if waits else held.decided or held.expires,
            organizer=held.organizer,
            event_uid=held.command.event_uid or None,
            status=held.state.value,
            words=held.preview.action,
            held=held.id,
        )

    async def waiting_for(self, event_uid: str, limit: int) -> list[HeldAction]:
        """Undecided actions about an event, including expired ones, oldest first."""
        return await self.rows.by(HELD, "waiting", f"event {event_uid}", limit=limit)

    async def expired_held(self, now: datetime, limit: int) -> list[HeldAction]:
        """Actions that were not decided in time and are not closed yet, oldest first."""
        return await self.rows.by(HELD, "waiting", "expires", before=f"{moment(now)}$", limit=limit)

    async def organizer_approval(self, organizer: str) -> OrganizerApproval | None:
        """Who approves this organizer's changes by mail; None if they need no approval."""
        found = await self.rows.get(APPROVALS, organizer)
        return found.approval if found else None

    async def set_organizer_approval(self, organizer: str, approval: OrganizerApproval | None) -> None:
        """Set who approves the changes of an existing organizer, or that they need no approval."""
        if approval is None:
            await self.rows.drop(APPROVALS, organizer)
        else:
            await self.rows.put(APPROVALS, Approver(organizer=organizer, approval=approval))

    async def decides(self, address: str) -> bool:
        """True if an action waits for this address's decision."""
        return await self.rows.first_by(HELD, "waiting", f"asked {address}") is not None

    async def mailed_domain(self, organizer: str, domain: str, before: datetime) -> bool:
        """True if the organizer invited anyone of this domain before that moment."""
        found = await self.rows.get(MAILED, organizer, domain)
        return found is not None and found.first < before
