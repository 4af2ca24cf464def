"""Events that begin soon or have ended, in windows that leave none out, however many there are."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from engine.commands.base import Work
from engine.model.events import Event
from engine.model.webhooks import WebhookKind

AT_ONCE = 200
"""About how many are looked at in one unit of work; the next goes on where it ended."""
_ONE_SECOND = 100_000
"""Those of one and the same second are not parted."""
_KEEP_LOOKED = timedelta(hours=1)
_SECOND = timedelta(seconds=1)


@dataclass(frozen=True, slots=True)
class Occasion:
    """One instance of an event that begins soon, or has ended."""

    kind: WebhookKind
    event: Event
    start: datetime
    end: datetime


async def occasions(
    work: Work, owner: str | None, since: datetime, lead: timedelta, kinds: Collection[WebhookKind]
) -> tuple[list[Occasion], datetime]:
    """What came to pass after `since`, and up to when that is all: now, or earlier if there is more.

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
        rows = await ask(owner, since + ahead, until + ahead, AT_ONCE)
        until = min(until, _whole(kind, rows, until + ahead) - ahead)
    found = []
    for kind, ahead, ask in asked:
        for uid, start, end in await ask(owner, since + ahead, until + ahead, _ONE_SECOND):
            event = await work.unit.event(uid)
            if event and not event.cancelled:
                found.append(Occasion(kind, event, start, end))
    return found, until


def _whole(kind: WebhookKind, rows: Sequence[tuple[str, datetime, datetime]], asked: datetime) -> datetime:
    """The last second of which `rows`, asked for up to `asked`, leave none out."""
    if len(rows) < AT_ONCE:
        return asked
    moments = [start if kind is WebhookKind.EVENT_STARTING else end for _, start, end in rows]
    return moments[-1] if moments[0] == moments[-1] else moments[-1] - _SECOND


def keeps(work: Work, since: datetime, until: datetime, found: list[Occasion]) -> bool:
    """True if it is worth a write to go on from `until` the next time."""
    return bool(found) or until < work.now or work.now - since > _KEEP_LOOKED
