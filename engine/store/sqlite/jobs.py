"""What waits to be looked after, in one look."""

from __future__ import annotations

from datetime import datetime

from engine.store.protocol import NOTICE_PAUSE, Job
from engine.store.rules import LIST_KEPT
from engine.store.sqlite.bulk_changes import BulkChanges
from engine.store.sqlite.campaigns import Campaigns
from engine.store.sqlite.notices import GatheredNotices
from engine.store.sqlite.session import Statements


async def waiting(statements: Statements, now: datetime, fail_share: float) -> frozenset[Job]:
    """The kinds of work that wait."""
    look = Campaigns(statements)
    waiting = {
        Job.PAUSE_FAILING: fail_share and await look.next_failing(fail_share),
        Job.START_SCHEDULED: await look.next_scheduled(now),
        Job.BULK_CHANGE: await BulkChanges(statements).next_bulk_change(),
        Job.FAN_OUT: await look.next_fanout(now),
        Job.FINISH: await look.next_drained(),
        Job.NOTIFY: await GatheredNotices(statements).next_gathered(now, NOTICE_PAUSE),
        Job.DROP_DAYS: await look.has_old_days(now),
        Job.DROP_LISTS: await look.abandoned_list(now - LIST_KEPT),
    }
    return frozenset(job for job, found in waiting.items() if found)
