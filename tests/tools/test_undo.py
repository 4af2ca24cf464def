"""What is owed waits for CIS_UNDO_S, and can be taken back before anybody hears of it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from engine.engine import Engine
from engine.model.messages import Kind
from tests.support.clock import Clock
from tests.support.engines import deliver, engine_in
from tests.tools.caller import Caller, calling

ANN = "ann@example.com"


@asynccontextmanager
async def slow(folder: Path, clock: Clock) -> AsyncIterator[tuple[Engine, Caller]]:
    """A server with a minute to take things back, and two for campaigns."""
    async with (
        engine_in(folder, clock, undo_s=60, undo_campaign_s=120) as engine,
        calling(engine) as caller,
    ):
        yield engine, caller


async def test_an_invite_leaves_when_the_time_is_over_and_not_before(tmp_path: Path) -> None:
    clock = Clock()
    async with slow(tmp_path, clock) as (engine, caller):
        await caller.ok("send_invite", uid=await caller.event(), email=ANN)
        clock.move(seconds=59)
        assert await deliver(engine) == []
        clock.move(seconds=1)
        assert [m.email for m in await deliver(engine)] == [ANN]


@pytest.mark.parametrize("taken_back_by", ["withdraw_invite", "cancel_event"])
async def test_within_the_time_an_invite_is_taken_back_and_nobody_hears_of_it(
    tmp_path: Path, taken_back_by: str
) -> None:
    clock = Clock()
    async with slow(tmp_path, clock) as (engine, caller):
        uid = await caller.event()
        await caller.ok("send_invite", uid=uid, email=ANN)
        clock.move(seconds=59)
        await caller.ok(taken_back_by, uid=uid, **({"email": ANN} if "invite" in taken_back_by else {}))
        clock.move(hours=1)
        assert await deliver(engine) == []


async def test_a_campaign_waits_for_its_own_time_and_is_cancelled_unheard(tmp_path: Path) -> None:
    clock = Clock()
    async with slow(tmp_path, clock) as (engine, caller):
        uid = await caller.event()
        sent = await caller.ok("bulk_send", uid=uid, recipients=[{"email": ANN}], start=True)
        assert await deliver(engine) == []
        clock.move(seconds=119)
        assert await deliver(engine) == []
        await caller.ok("control_campaign", campaign_id=sent["campaign"]["id"], action="cancel")
        clock.move(hours=1)
        assert await deliver(engine) == []


async def test_a_campaign_that_is_let_be_leaves(tmp_path: Path) -> None:
    clock = Clock()
    async with slow(tmp_path, clock) as (engine, caller):
        await caller.ok("bulk_send", uid=await caller.event(), recipients=[{"email": ANN}], start=True)
        assert await deliver(engine) == []
        clock.move(seconds=120)
        assert [m.email for m in await deliver(engine)] == [ANN]


async def test_changes_wait_too_and_a_second_one_joins_the_first(tmp_path: Path) -> None:
    clock = Clock()
    async with slow(tmp_path, clock) as (engine, caller):
        uid = await caller.event()
        await caller.ok("send_invite", uid=uid, email=ANN)
        clock.move(seconds=60)
        await deliver(engine)
        for place in ("The wrong room", "The right room"):
            await caller.ok("update_event", uid=uid, location=place, audience="all")
            assert await deliver(engine) == []
        clock.move(seconds=60)
        assert [m.kind for m in await deliver(engine)] == [Kind.UPDATE]
        await caller.ok("cancel_event", uid=uid)
        assert await deliver(engine) == []
        clock.move(seconds=60)
        assert [m.kind for m in await deliver(engine)] == [Kind.CANCELLATION]
