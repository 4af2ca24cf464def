"""Events that begin soon or have ended, in windows that leave none out, however many there are."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import NamedTuple

from engine.commands.base import Work
from engine.model.events import Event
from engine.model.webhooks import WebhookKind

AT_ONCE = 200
"""At most so many, or as many as a unit of work takes beside changes; the next goes on where it ended."""
_ONE_SECOND = 100_000
"""Those of one and the same second that are looked at."""
_ITEMS = 8
"""Of the items of a unit one in so many may come from the clock."""
_KEEP_LOOKED = timedelta(hours=1)
_SECOND = timedelta(seconds=1)


@dataclass(frozen=True, slots=True)
class Occasion:
    """One instance of an event that begins soon, or has ended."""

    kind: WebhookKind
    event: Event
    start: datetime
    end: datetime


class _Row(NamedTuple):
    """What came to pass, as it is sorted: when, and where among those of the same second."""

    at: datetime
    name: str
    kind: WebhookKind
    uid: str
    start: datetime
    end: datetime


@dataclass(frozen=True, slots=True)
class Told:
    """Up to when all was told, and of the second behind it up to which name."""

    until: datetime
    name: str = ""

    def before(self, row: _Row) -> bool:
        """True for what is still to be told."""
        return row.at > self.until + _SECOND or row.name > self.name


async def occasions(
    work: Work, owner: str | None, since: Told, lead: timedelta, kinds: Collection[WebhookKind]
) -> tuple[list[Occasion], Told]:
    """What came to pass after `since`, as many as fit in order of time, and up to where that is all.

    `lead`: how long before its start an event is starting.
    """
    asked = [
        (kind, ahead, ask)
        for kind, ahead, ask in (
            (WebhookKind.EVENT_STARTING, lead, work.unit.beginning),
            (WebhookKind.EVENT_ENDED, timedelta(), work.unit.ending),
        )
        if kind in kinds
    ]
    until = work.now
    for kind, ahead, ask in asked:
        first = await ask(owner, since.until + ahead, until + ahead, AT_ONCE)
        until = min(until, _whole(kind, first, until + ahead) - ahead)
    rows = [
        _row(kind, ahead, *found)
        for kind, ahead, ask in asked
        for found in await ask(owner, since.until + ahead, until + ahead, _ONE_SECOND)
    ]
    return await _fitting(work, sorted(row for row in rows if since.before(row)), until)


def _row(kind: WebhookKind, ahead: timedelta, uid: str, start: datetime, end: datetime) -> _Row:
    at = start - ahead if kind is WebhookKind.EVENT_STARTING else end
    return _Row(at, f"{kind.value} {uid} {int(start.timestamp())}", kind, uid, start, end)


async def _fitting(work: Work, rows: list[_Row], until: datetime) -> tuple[list[Occasion], Told]:
    """As many as a unit takes; those of one second may be parted."""
    room = max(1, min(AT_ONCE, work.unit.items_per_unit // _ITEMS))
    found: list[Occasion] = []
    last: _Row | None = None
    for row in rows:
        if last and len(found) == room:
            return found, Told(last.at - _SECOND, last.name)
        event = await work.unit.event(row.uid)
        if event and not event.cancelled:
            found.append(Occasion(row.kind, event, row.start, row.end))
        last = row
    return found, Told(until)


def _whole(kind: WebhookKind, rows: Sequence[tuple[str, datetime, datetime]], asked: datetime) -> datetime:
    """The last second of which `rows`, asked for up to `asked`, leave none out."""
    if len(rows) < AT_ONCE:
        return asked
    moments = [start if kind is WebhookKind.EVENT_STARTING else end for _, start, end in rows]
    return moments[-1] if moments[0] == moments[-1] else moments[-1] - _SECOND


def keeps(work: Work, since: Told, told: Told, found: list[Occasion]) -> bool:
    """True if it is worth a write to go on from there the next time."""
    return bool(found) or told.until < work.now or work.now - since.until > _KEEP_LOOKED
