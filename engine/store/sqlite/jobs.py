"""The kinds of jobs that are due, in one query."""

from __future__ import annotations

from datetime import datetime

from engine.store import rules
from engine.store.protocol import NOTICE_PAUSE, Job
from engine.store.sqlite.bulk_changes import BulkChanges
from engine.store.sqlite.campaigns import Campaigns
from engine.store.sqlite.notices import GatheredNotices
from engine.store.sqlite.session import Statements

_ANY = """
SELECT EXISTS (SELECT 1 FROM campaign WHERE state IN ('running','scheduled','uploading')) AS campaigns,
    EXISTS (SELECT 1 FROM bulk_change) AS changes, EXISTS (SELECT 1 FROM fanout) AS fanouts,
    EXISTS (SELECT 1 FROM telling WHERE due IS NOT NULL) AS notices,
    EXISTS (SELECT 1 FROM person_mail WHERE day < ?) AS days
"""


async def waiting(statements: Statements, now: datetime, fail_share: float) -> frozenset[Job]:
    """The kinds of jobs that are due; one statement rules out most of them, since usually none is."""
    look = Campaigns(statements)
    (any_of,) = await look.all(_ANY, [rules.day(now) - 1])
    waiting: dict[Job, object] = {Job.DROP_DAYS: any_of["days"]}
    if any_of["campaigns"]:
        waiting |= {
            Job.PAUSE_FAILING: fail_share and await look.next_failing(fail_share),
            Job.START_SCHEDULED: await look.next_scheduled(now),
            Job.FINISH: await look.next_drained(),
            Job.DROP_LISTS: await look.abandoned_list(now - rules.LIST_KEPT),
        }
    if any_of["changes"]:
        waiting[Job.BULK_CHANGE] = await BulkChanges(statements).next_bulk_change()
    if any_of["fanouts"]:
        waiting[Job.FAN_OUT] = await look.next_fanout(now)
    if any_of["notices"]:
        waiting[Job.NOTIFY] = await GatheredNotices(statements).next_gathered(now, NOTICE_PAUSE)
    return frozenset(job for job, found in waiting.items() if found)
