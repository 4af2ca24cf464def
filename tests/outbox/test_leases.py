"""Leases of a dispatcher that was kept waiting: none begins run out, and none is believed that others took."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import datetime
from typing import Any

from engine.engine import Engine
from engine.outbox.leases import LEASE_S, DispatcherLeases
from engine.store.protocol import Store
from tests.support.clock import Clock
from tests.support.engines import created, invite
from tests.support.waiting import DEADLINE_S, eventually, time_passes

ANN = "ann@example.com"


class AskedClock:
    """A clock that knows how often it was asked."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self.asked = 0

    def __call__(self) -> datetime:
        self.asked += 1
        return self._clock()


@contextmanager
def locked(engine: Engine) -> Iterator[None]:
    """The database while somebody else writes for long."""
    with closing(sqlite3.connect(engine.settings.database, isolation_level=None)) as raw:
        raw.execute("BEGIN IMMEDIATE")
        yield
        raw.execute("ROLLBACK")


async def test_a_lease_whose_claim_waited_for_longer_than_it_lasts_is_no_one_else_s(
    engine: Engine, clock: Clock
) -> None:
    await invite(engine, await created(engine), ANN)
    asked = AskedClock(clock)
    patient = DispatcherLeases(engine.store, "patient", asked)
    with locked(engine):
        claiming = asyncio.create_task(patient.claim(10))
        await eventually(lambda: asked.asked == 2)  # it has looked for lost time, and for what is due
        clock.move(seconds=1.2 * LEASE_S)
    claims = await claiming
    assert [claim.message.email for claim in claims] == [ANN]
    assert await DispatcherLeases(engine.store, "other", clock).claim(10) == []
    assert await patient.still_mine(claims) == claims


async def test_what_others_took_before_the_answer_to_a_claim_was_read_is_not_sent(
    engine: Engine, clock: Clock
) -> None:
    await invite(engine, await created(engine), ANN)
    stalled = DispatcherLeases(engine.store, "stalled", clock)
    claiming = asyncio.create_task(stalled.claim(10))
    while not _taken_over(engine):
        await asyncio.sleep(0)
    # The process stands still here. When it goes on, it looks after its leases before it reads the answer.
    clock.move(seconds=1.2 * LEASE_S)
    time_passes(1.2 * LEASE_S)
    assert not claiming.done()
    await stalled.keep()
    claims = await claiming
    assert [claim.message.email for claim in claims] == [ANN]
    assert await stalled.still_mine(claims) == []


def _taken_over(engine: Engine) -> bool:
    """True once there is a lease, which is another's from then on."""
    with closing(sqlite3.connect(engine.settings.database, timeout=DEADLINE_S)) as raw, raw:
        return raw.execute("UPDATE lease SET owner = 'another'").rowcount > 0


class LateIndex:
    """A store whose index does not show yet what was kept last, when it is first asked what is due."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self.late = False

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)

    async def next_due(self) -> datetime | None:
        self.late, late = False, self.late
        return None if late else await self._store.next_due()


async def test_a_mail_is_claimed_that_the_index_shows_only_after_a_moment(
    engine: Engine, clock: Clock
) -> None:
    event = await created(engine)
    late = LateIndex(engine.store)
    leases = DispatcherLeases(late, "one", clock)  # type: ignore[arg-type]
    assert await leases.claim(10) == []
    await invite(engine, event, ANN)
    late.late = True
    assert await leases.claim(10) == []
    assert not late.late, "it was asked, and the index was late"
    time_passes(LEASE_S / 10)
    assert [claim.message.email for claim in await leases.claim(10)] == [ANN]


async def test_a_mail_is_claimed_although_nobody_said_that_it_is_owed(engine: Engine, clock: Clock) -> None:
    event = await created(engine)
    silent = Silent(engine.store)
    leases = DispatcherLeases(silent, "one", clock)  # type: ignore[arg-type]
    assert await leases.claim(10) == []
    assert await leases.claim(10) == []
    await invite(engine, event, ANN)
    time_passes(LEASE_S / 2)  # it asks no longer each second
    assert await leases.claim(10) == []
    for _ in range(8):
        time_passes(LEASE_S / 4)
        await leases.keep()
    assert [claim.message.email for claim in await leases.claim(10)] == [ANN]


class Silent:
    """A store whose other processes say nothing of what they kept."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)

    async def revision(self) -> int:
        return 0
