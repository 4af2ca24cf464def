"""Whatever a transport reports: each claim gets its answer, so that nothing stays with a dispatcher for ever."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from contextlib import closing

from engine.commands.campaigns.campaigns import CampaignAction
from engine.engine import Engine
from engine.outbox.transport import Accepted, Envelope, Settle
from tests.support.engines import control, created, drafted, working
from tests.support.waiting import eventually

PEOPLE = [f"p{n}@example.com" for n in range(60)]


class Nonsense:
    """A transport that reports what no one can read."""

    connections = 2

    async def send_many(self, envelopes: Sequence[Envelope], settled: Settle) -> None:
        for index, _ in enumerate(envelopes):
            settled(index, Accepted(answer=None))  # type: ignore[arg-type]

    async def close(self) -> None:
        pass


def left(engine: Engine) -> tuple[int, int]:
    """How many messages were put off, and how many leases there are."""
    with closing(sqlite3.connect(engine.settings.database)) as raw:
        (late,) = raw.execute("SELECT count(*) FROM message WHERE state = 'deferred'").fetchone()
        (held,) = raw.execute("SELECT count(*) FROM lease").fetchone()
    return late, held


async def test_mails_whose_outcome_cannot_be_read_are_tried_again(engine: Engine) -> None:
    draft = await drafted(engine, await created(engine), PEOPLE)
    async with working(engine, Nonsense()):
        await control(engine, draft, CampaignAction.START)
        await eventually(lambda: left(engine) == (len(PEOPLE), 0))
