"""The kinds of jobs that are due."""

from __future__ import annotations

from datetime import datetime

from engine.store.dynamodb.bulk_changes import BulkChangeQuestions
from engine.store.dynamodb.notices import NoticeQuestions
from engine.store.protocol import NOTICE_PAUSE, Job
from engine.store.rules import LIST_KEPT


class DueJobs(NoticeQuestions, BulkChangeQuestions):
    """Questions about due jobs."""

    async def due_jobs(self, now: datetime, fail_share: float = 0) -> frozenset[Job]:
        """The kinds of jobs that are due."""
        waiting = {
            Job.PAUSE_FAILING: fail_share and await self.next_failing(fail_share),
            Job.START_SCHEDULED: await self.next_scheduled(now),
            Job.BULK_CHANGE: await self.next_bulk_change(),
            Job.FAN_OUT: await self.next_fanout(now),
            Job.FINISH: await self.next_drained(),
            Job.NOTIFY: await self.next_gathered(now, NOTICE_PAUSE),
            Job.DROP_LISTS: await self.abandoned_list(now - LIST_KEPT),
        }
        return frozenset(job for job, found in waiting.items() if found)
