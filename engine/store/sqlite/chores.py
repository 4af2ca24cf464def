"""What waits to be looked after, in one look."""

from __future__ import annotations

from datetime import datetime

from engine.store.protocol import TELL_PAUSE, Chore
from engine.store.sqlite.campaigns import Campaigns
from engine.store.sqlite.session import Statements
from engine.store.sqlite.tellings import GatheredNotices


async def waiting(statements: Statements, now: datetime, fail_share: float) -> frozenset[Chore]:
    """The kinds of work that wait."""
    look = Campaigns(statements)
    waiting = {
        Chore.PAUSE_FAILING: fail_share and await look.next_failing(fail_share),
        Chore.START_SCHEDULED: await look.next_scheduled(now),
        Chore.FAN_OUT: await look.next_fanout(),
        Chore.FINISH: await look.next_drained(),
        Chore.TELL: await GatheredNotices(statements).next_gathered(now, TELL_PAUSE),
        Chore.DROP_DAYS: await look.has_old_days(now),
    }
    return frozenset(chore for chore, found in waiting.items() if found)
