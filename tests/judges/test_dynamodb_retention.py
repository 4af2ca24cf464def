"""What is old goes from a table of DynamoDB, and what ends is reported, however much it is."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from contextlib import suppress
from pathlib import Path

import pytest

from engine.commands.randomness import SystemRandomness
from engine.commands.triggers.deliveries import EmptyDeliveries
from engine.engine import SYSTEM, Engine
from engine.inbox.cleaning import clean_rows
from engine.inbox.keeping import expire
from engine.itip.recurrence import instances
from engine.jobs import endings
from engine.model.counters import Intake, KeptMail, Rates
from engine.model.triggers import DeliveryState
from engine.model.webhooks import PostingState
from engine.store.dynamodb.session import Context
from engine.triggers import worker
from engine.webhooks.worker import Courier as Worker
from tests.judges.tables import new_table
from tests.store.stores import START
from tests.store.test_confirmations import confirmation
from tests.store.test_held import held
from tests.store.test_orders import enrolment
from tests.store.test_posted import posted
from tests.store.test_triggers import delivery
from tests.store.test_webhooks import outgoing
from tests.support.clock import Clock
from tests.support.engines import do, settings_in
from tests.support.waiting import eventually

pytestmark = pytest.mark.skipif(
    os.environ.get("CIS_JUDGES") != "required", reason="an emulator of AWS: run by .ci/run (make judges)"
)
MANY = 56


@pytest.fixture
async def engine(tmp_path: Path) -> AsyncIterator[Engine]:
    """An engine over a table."""
    clock = Clock()
    async with new_table(Context(Rates(), instances)) as store:
        yield Engine(settings_in(tmp_path), store, clock, SystemRandomness())  # type: ignore[arg-type]


async def test_all_that_is_known_of_old_mails_goes(engine: Engine) -> None:
    for n in range(MANY):
        async with engine.store.unit() as unit:
            await unit.take_in(Intake(id=f"{n}.a::", at=START, mailbox="", action="created"))
            await unit.add_confirmation(confirmation(f"code{n}"))
    engine.clock.move(days=800)  # type: ignore[attr-defined]
    assert await clean_rows(engine) == 2 * MANY
    assert await engine.store.old_requests(engine.clock(), None, 1) == []


async def test_all_mails_that_have_waited_too_long_are_counted_no_longer(engine: Engine) -> None:
    for n in range(MANY):
        mail = KeptMail(mail=f"{n}.a", at=START, size=10, proven=False, share=f"192.0.2.{n}", waits=True)
        async with engine.store.unit() as unit:
            await unit.keep_mail(mail)
    assert (await engine.store.kept_sums()).kept_mails == MANY
    engine.clock.move(days=800)  # type: ignore[attr-defined]
    assert await expire(engine) == MANY
    assert (await engine.store.kept_sums()).kept_mails == 0


async def test_all_plans_and_held_actions_that_ended_at_once_are_reported(engine: Engine) -> None:
    addresses = [f"o{n}@example.org" for n in range(MANY)]
    for address in addresses:
        async with engine.store.unit() as unit:
            await unit.ensure_organizer(address, "", START)
            await unit.save_enrolment(enrolment(organizer=address))
            decider = f"boss-of-{address}"
            await unit.add_held(held(address, organizer=address, address=decider))
    engine.clock.move(days=8)  # type: ignore[attr-defined]
    await endings.step(engine, set())
    async with engine.store.unit() as unit:
        assert await unit.ended_enrolments(engine.clock(), 1) == []
        assert await unit.expired_held(engine.clock(), 1) == []


async def test_the_content_of_all_old_deliveries_goes(engine: Engine) -> None:
    settled = {"state": DeliveryState.DONE, "due": None}
    names = [f"d{n}" for n in range(MANY)]
    for first in range(0, MANY, 14):
        async with engine.store.unit() as unit:
            some = [(delivery(name, **settled), "{}") for name in names[first : first + 14]]
            await unit.add_deliveries(some)
    engine.clock.move(days=800)  # type: ignore[attr-defined]
    await _until(worker.run(engine), lambda: _lacks(engine.store.payload(names[-1])))


async def test_all_old_requests_at_hooks_go(engine: Engine) -> None:
    for n in range(MANY):
        async with engine.store.unit() as unit:
            body = str(n).encode()
            await unit.add_posted("id-deals", posted(body), START, divided=True)
    engine.clock.move(days=800)  # type: ignore[attr-defined]
    units = 0
    while (await do(engine, EmptyDeliveries(), SYSTEM)).worked:
        units += 1
    assert units == 3
    async with engine.store.unit() as unit:
        assert await unit.drop_old_posted(engine.clock(), 0, 1) == 0


async def test_all_old_postings_go(engine: Engine) -> None:
    settled = {"state": PostingState.DELIVERED, "attempts": 1}
    names = [f"p{n}" for n in range(MANY)]
    for first in range(0, MANY, 14):
        async with engine.store.unit() as unit:
            await unit.add_postings([outgoing(name) for name in names[first : first + 14]])
    for name in names:
        async with engine.store.unit() as unit:
            await unit.save_posting(outgoing(name, **settled).posting)
    engine.clock.move(days=800)  # type: ignore[attr-defined]
    await _until(Worker(engine).run(), lambda: _lacks(engine.store.posting(names[-1])))


async def _lacks(what: Awaitable[object]) -> bool:
    return await what is None


async def _until(work: Coroutine[object, object, None], done: Callable[[], Awaitable[bool]]) -> None:
    """Run until that is done."""
    running = asyncio.ensure_future(work)
    await eventually(done)
    running.cancel()
    with suppress(asyncio.CancelledError):
        await running
