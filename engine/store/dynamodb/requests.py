"""Stored facts about requests: those with an idempotency key, and mails that were taken in."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from datetime import datetime

from engine.model.base import Value
from engine.model.counters import Intake
from engine.store.dynamodb.names import LAST, joined, moment
from engine.store.dynamodb.rows import Entry, KindTable, shard
from engine.store.dynamodb.session import ReadSession, UnitSession
from engine.store.dynamodb.table import Index
from engine.store.protocol import AlreadyTakenIn

_SHARDS = 8
_MADE = {"created", "updated", "cancelled"}
"""The outcomes of mails that created or changed an event."""


class Remembered(Value):
    """The digest of a request, and what it created."""

    actor: str
    key: str
    digest: str
    uid: str
    at: datetime


def _mail(intake_id: str) -> str:
    """The id of the mail that an intake is a part of: its own id up to the first colon."""
    return intake_id.partition(":")[0]


def _by_time(intake: Intake) -> Mapping[str, str]:
    place = joined("intake", shard(_mail(intake.id), _SHARDS))
    return {Index.DUE.value: place, "turn": _turn(intake)}


def _turn(intake: Intake) -> str:
    return f"{moment(intake.at)}#{intake.id}"


REMEMBERED = KindTable[Remembered]("remembered", Remembered, key=lambda one: (one.actor, one.key))


def _of_event(intake: Intake) -> Iterable[Entry]:
    if intake.uid and intake.action in _MADE:
        yield intake.uid, joined(intake.id)


INTAKES = KindTable[Intake](
    "intake",
    Intake,
    key=lambda intake: (_mail(intake.id), intake.id),
    indexes={"event": _of_event},
    attributes=_by_time,
)


class RequestQuestions(ReadSession):
    """Questions about requests."""

    async def taken_in(self, intake_id: str) -> Intake | None:
        """The outcome of a mail at a mailbox, if it was taken in."""
        return await self.rows.get(INTAKES, _mail(intake_id), intake_id)

    async def remembered(self, actor: str, key: str) -> tuple[str, str] | None:
        """The digest and the uid that were remembered under an idempotency key, or None."""
        found = await self.rows.get(REMEMBERED, actor, key)
        return (found.digest, found.uid) if found else None

    async def noted(self, intake_prefix: str) -> bool:
        """True if an outcome is stored for a mail or a part of it."""
        return bool(await self.notes(intake_prefix))

    async def notes(self, intake_prefix: str) -> list[Intake]:
        """The outcomes of a mail, for each mailbox and each of its parts, oldest first."""
        if ":" in intake_prefix:
            found = await self.rows.under(INTAKES, _mail(intake_prefix))
        else:
            found = await self._by_time("", LAST, None)
        mine = [intake for intake in found if intake.id.startswith(intake_prefix)]
        return sorted(mine, key=lambda intake: (intake.at, intake.id))

    async def _by_time(self, after: str, before: str, limit: int | None) -> list[Intake]:
        places = [joined("intake", n) for n in range(_SHARDS)]
        found = [
            INTAKES.value(item)
            for place in places
            for item in await self.items.indexed(Index.DUE, place, after=after, before=before, limit=limit)
        ]
        return sorted(found, key=lambda intake: (intake.at, intake.id))[:limit]

    async def mails_of_event(self, event_uid: str, limit: int) -> list[str]:
        """Ids of the mails that made or changed the event, the newest first."""
        mails: dict[str, None] = {}
        async for intake in self.rows.each_by(INTAKES, "event", event_uid, backwards=True):
            mails[_mail(intake.id)] = None
            if len(mails) == limit:
                break
        return list(mails)

    async def old_requests(self, before: datetime, after: Intake | None, limit: int) -> list[Intake]:
        """The outcomes of mails before that moment, oldest first, after `after`."""
        return await self._by_time(_turn(after) if after else "", moment(before), limit)


class Requests(RequestQuestions, UnitSession):
    """Changes of requests in a unit of work."""

    async def remember(self, actor: str, key: str, digest: str, uid: str, now: datetime) -> None:
        """Store the digest of a request, and what it created."""
        await self.rows.put(REMEMBERED, Remembered(actor=actor, key=key, digest=digest, uid=uid, at=now))

    async def take_in(self, intake: Intake) -> None:
        """Record a mail as taken in. Raises AlreadyTakenIn."""
        if not await self.rows.add(INTAKES, intake):
            raise AlreadyTakenIn(intake.id)

    async def drop_requests(self, ids: Collection[str]) -> None:
        """Delete the outcomes with these ids."""
        for intake_id in ids:
            await self.rows.drop(INTAKES, _mail(intake_id), intake_id)
