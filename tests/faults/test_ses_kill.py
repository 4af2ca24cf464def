"""A worker that sends through Amazon SES is killed: every mail goes, twice only as the same revision (promise 5)."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path

from tests.faults.scene import asked, campaign_to, crowd, killed, leases_run_out
from tests.support.processes import program
from tests.support.ses import ENVIRONMENT, HANG_UP, Answer, Ses, ses

_PEOPLE = 200
_KILLS_AFTER = (20, 120)


async def test_a_campaign_through_ses_whose_worker_is_killed_reaches_everybody(tmp_path: Path) -> None:
    lost = {"p33@example.com", "p150@example.com"}

    def manner(recipient: str) -> Answer | None:
        return HANG_UP if recipient in lost and not lost.discard(recipient) else None

    async with ses(manner=manner) as account, campaign_to(tmp_path, crowd(_PEOPLE)) as story:
        settings = {"OUTBOX": account.outbox, "INVITE_LIMIT": "0", "SENDERS": "1", **ENVIRONMENT}
        for count in _KILLS_AFTER:
            async with program(tmp_path, "worker", **settings) as process:
                account.on_sent = _kill_after(account, count, process)
                await killed(process)
            leases_run_out(tmp_path)
        async with program(tmp_path, "worker", **settings):
            await story.all_sent()
    assert account.errors == []
    revisions = defaultdict(set)
    for sent in account.sent:
        event = sent.arrives.event
        revisions[sent.given.recipient].add(
            (str(event["UID"]), int(event["SEQUENCE"]), sent.given.message_id)
        )
    assert set(revisions) == set(story.people)
    assert all(len(found) == 1 for found in revisions.values())
    names = {str(row[0]) for row in asked(tmp_path, "SELECT transport_id FROM transport_name")}
    assert len(names) == _PEOPLE
    assert names <= {sent.name for sent in account.sent}


def _kill_after(account: Ses, count: int, process: asyncio.subprocess.Process) -> Callable[[], None]:
    def look() -> None:
        if len(account.sent) >= count:
            account.on_sent = lambda: None  # a second signal would take its exit status away
            process.kill()

    return look
