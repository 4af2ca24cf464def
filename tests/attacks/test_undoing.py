"""What a key may not take back: what a person did, or another key, to people and in words that it may not name."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from engine.commands.approvals.undoing import UndoCommand
from engine.commands.events.events import UpdateEvent
from engine.commands.invites.withdrawing import WithdrawInvite
from engine.engine import Engine
from engine.refusals import Code
from tests.bounds.making import made
from tests.support.clock import Clock
from tests.support.engines import created, do, engine_in, invite, refusal

ANN, EVE = "ann@customer.com", "eve@evil.com"


@pytest.fixture
async def engine(tmp_path: Path, clock: Clock) -> AsyncIterator[Engine]:
    async with engine_in(tmp_path, clock, undo_s=60) as opened:
        yield opened


async def test_a_key_brings_nobody_back_whom_a_person_took_out(engine: Engine) -> None:
    key = await made(engine, to=["*@customer.com"])
    event = await created(engine, key.actor)
    await invite(engine, event, EVE)
    done = await do(engine, WithdrawInvite(uid=event.uid, email=EVE))
    assert done.undo
    assert await refusal(engine, UndoCommand(undo_id=done.undo.id), key.actor) is Code.NOT_ALLOWED
    attendee = await engine.store.attendee(event.uid, EVE)
    assert attendee
    assert attendee.withdrawn
    await do(engine, UndoCommand(undo_id=done.undo.id))


async def test_a_key_brings_no_text_back_that_a_person_changed(engine: Engine) -> None:
    key = await made(engine, links=[])
    event = await created(engine, key.actor)
    await do(engine, UpdateEvent(uid=event.uid, description="https://evil.com"))
    done = await do(engine, UpdateEvent(uid=event.uid, description="Agenda"))
    assert done.undo
    assert await refusal(engine, UndoCommand(undo_id=done.undo.id), key.actor) is Code.NOT_ALLOWED


async def test_a_key_takes_back_what_it_asked_for_and_what_a_key_under_it_did(engine: Engine) -> None:
    key = await made(engine)
    below, beside = await made(engine, under=key.actor), await made(engine)
    event = await created(engine, key.actor)
    for number, (asks, takes) in enumerate([(key, key), (below, key), (below, below)]):
        done = await do(engine, UpdateEvent(uid=event.uid, location=f"Room {number}"), asks.actor)
        assert done.undo
        assert await refusal(engine, UndoCommand(undo_id=done.undo.id), beside.actor) is Code.NOT_ALLOWED
        await do(engine, UndoCommand(undo_id=done.undo.id), takes.actor)
    done = await do(engine, UpdateEvent(uid=event.uid, location="Hall"), key.actor)
    assert done.undo
    assert await refusal(engine, UndoCommand(undo_id=done.undo.id), below.actor) is Code.NOT_ALLOWED
