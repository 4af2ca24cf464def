"""Gathered notices, and the day and moment of each owner's last digest."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, datetime, timedelta

from engine.model.base import Value
from engine.model.messages import Notice
from engine.store.dynamodb.names import moment
from engine.store.dynamodb.rows import Entry, KindTable
from engine.store.dynamodb.session import ReadSession, UnitSession

_ALL = "all"


class Gathered(Value):
    """A notice that waits for the next mail."""

    notice: Notice
    event_uid: str | None = None


class Telling(Value):
    """When an address had its last notice, and the notices that wait; `more`: how many more there were."""

    address: str
    at: datetime
    due: datetime | None = None
    waiting: tuple[Gathered, ...] = ()
    more: int = 0


class Digest(Value):
    """The day of an owner's last digest, and until when it told what their agents did."""

    owner: str
    day: date
    until: datetime | None = None


def _due(telling: Telling) -> Iterable[Entry]:
    if telling.due:
        yield _ALL, moment(telling.due)


TELLING = KindTable[Telling]("telling", Telling, key=lambda t: (t.address,), indexes={"due": _due})
DIGESTS = KindTable[Digest]("digest", Digest, key=lambda digest: (digest.owner,))


class NoticeQuestions(ReadSession):
    """Questions about gathered notices."""

    async def next_gathered(self, now: datetime, pause: timedelta) -> str | None:
        """An address whose gathered notices are due, even if the clock was set back since."""
        first = await self.rows.by(TELLING, "due", _ALL, limit=1)
        last = await self.rows.by(TELLING, "due", _ALL, limit=1, backwards=True)
        for telling in (*first, *last):
            if telling.due and (telling.due <= now or telling.due > now + pause):
                return telling.address
        return None


class Notices(NoticeQuestions, UnitSession):
    """Changes of gathered notices in a unit of work."""

    async def may_notify(self, address: str, now: datetime, pause: timedelta) -> bool:
        """True if a notice may leave now; the pause then starts again."""
        known = await self.rows.get(TELLING, address)
        # A time in the future was written before the clock was set back.
        if known and (known.due is not None or timedelta(0) <= now - known.at < pause):
            return False
        await self.rows.put(TELLING, Telling(address=address, at=now))
        return True

    async def gather(
        self, address: str, notice: Notice, event_uid: str | None, due: timedelta, most: int
    ) -> None:
        """Store a notice for the next mail; beyond `most`, they are only counted."""
        known = await self.rows.get(TELLING, address)
        assert known is not None, "who may not be notified was notified before"
        fits = len(known.waiting) < most
        added = (*known.waiting, Gathered(notice=notice, event_uid=event_uid)) if fits else known.waiting
        new = {"waiting": added, "more": known.more + (not fits), "due": known.due or known.at + due}
        await self.rows.put(TELLING, known.model_copy(update=new))

    async def take_gathered(self, address: str, now: datetime) -> tuple[list[tuple[Notice, str | None]], int]:
        """Remove and return the gathered notices with their events, oldest first, and how many more there were."""
        known = await self.rows.get(TELLING, address)
        await self.rows.put(TELLING, Telling(address=address, at=now))
        if known is None:
            return [], 0
        return [(one.notice, one.event_uid) for one in known.waiting], known.more

    async def last_digest(self, owner: str) -> datetime | None:
        """Until when `owner` was told what their agents did; None if it is not known."""
        known = await self.rows.get(DIGESTS, owner)
        return known.until if known else None

    async def begin_digest(self, owner: str, until: datetime) -> bool:
        """Record that `owner` gets the digest of the day of `until`; False if they had it, or a later one, before."""
        known = await self.rows.get(DIGESTS, owner)
        if known and known.day >= until.date():
            return False
        await self.rows.put(DIGESTS, Digest(owner=owner, day=until.date(), until=until))
        return True
