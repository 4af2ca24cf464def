"""Waiting for a campaign within a call: what ends it, and what the caller sees meanwhile."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from mcp.types import CallToolResult

from engine.engine import Engine
from engine.model.messages import MessageState
from tests.support.engines import claim, deliver, jobs_done, settle
from tests.support.waiting import DEADLINE_S, eventually
from tests.tools.caller import Caller, Mode, calling, text_of

Told = tuple[float, float | None, str | None]
PEOPLE = [{"email": f"p{n}@example.com"} for n in range(3)]


class Waiting:
    """A call under way, and the progress that its caller was told."""

    def __init__(self, caller: Caller, tool: str, arguments: dict[str, Any]) -> None:
        self.told: list[Told] = []
        call = caller.client.call_tool(
            tool, arguments, read_timeout_seconds=DEADLINE_S, progress_callback=self._note
        )
        self.task = asyncio.create_task(call)

    async def _note(self, progress: float, total: float | None, message: str | None) -> None:
        self.told.append((progress, total, message))

    async def until_told(self, times: int) -> None:
        await eventually(lambda: len(self.told) >= times)

    async def result(self) -> CallToolResult:
        async with asyncio.timeout(DEADLINE_S):
            result = await self.task
        assert isinstance(result, CallToolResult)
        return result


@asynccontextmanager
async def waiting(caller: Caller, tool: str, **arguments: Any) -> AsyncIterator[Waiting]:
    call = Waiting(caller, tool, arguments)
    try:
        yield call
    finally:
        call.task.cancel()
        await asyncio.gather(call.task, return_exceptions=True)


async def _running(caller: Caller, **arguments: Any) -> str:
    uid = await caller.event()
    data = await caller.ok("bulk_send", uid=uid, recipients=PEOPLE, start=True, **arguments)
    return str(data["campaign"]["id"])


async def _accept_one(engine: Engine) -> None:
    await jobs_done(engine)
    (one,) = await claim(engine, limit=1)
    await settle(engine, [one], MessageState.SENT, text="250 OK")


async def test_a_call_waits_for_the_end_and_sees_progress_meanwhile(engine: Engine, mode: Mode) -> None:
    async with calling(engine, mode) as caller:
        key = await _running(caller)
        async with waiting(caller, "get_campaign", campaign_id=key, wait_s=600) as call:
            await call.until_told(1)
            await _accept_one(engine)
            await call.until_told(2)
            await deliver(engine)
            result = await call.result()
    assert result.structured_content is not None
    assert result.structured_content["campaign"]["state"] == "finished"
    assert result.structured_content["campaign"]["counts"]["sent"] == 3
    assert [(done, total) for done, total, _ in call.told[:2]] == [(0, 3), (1, 3)]
    assert f"Campaign {key} is running: 1 of 3 done: 1 sent" in (call.told[1][2] or "")


async def test_progress_comes_at_most_twice_a_second_and_only_grows(engine: Engine) -> None:
    async with calling(engine) as caller:
        key, began = await _running(caller), time.monotonic()
        async with waiting(caller, "get_campaign", campaign_id=key, wait_s=600) as call:
            for times in (1, 2, 3):
                await call.until_told(times)
                await _accept_one(engine)
            await deliver(engine)
            await call.result()
    took = time.monotonic() - began
    # All of them lie between the call and its answer, whenever they arrived.
    assert len(call.told) <= 1 + 2 * took
    done = [told[0] for told in call.told]
    assert done == sorted(set(done))


@pytest.mark.parametrize(("action", "state"), [("pause", "paused"), ("cancel", "cancelled")])
async def test_a_pause_and_a_cancellation_end_the_wait(
    engine: Engine, mode: Mode, action: str, state: str
) -> None:
    async with calling(engine, mode) as caller:
        key = await _running(caller)
        async with waiting(caller, "get_campaign", campaign_id=key, wait_s=600) as call:
            await call.until_told(1)
            await caller.ok("control_campaign", campaign_id=key, action=action)
            result = await call.result()
    assert result.structured_content is not None
    assert result.structured_content["campaign"]["state"] == state


async def test_starting_can_wait_for_the_end(engine: Engine, mode: Mode) -> None:
    async with calling(engine, mode) as caller:
        uid = await caller.event()
        draft = (await caller.ok("bulk_send", uid=uid, recipients=PEOPLE))["campaign"]
        start = {"campaign_id": draft["id"], "action": "start", "confirm_token": draft["confirm_token"]}
        async with waiting(caller, "control_campaign", **start, wait_s=600) as call:
            await call.until_told(1)
            await deliver(engine)
            result = await call.result()
    assert "finished" in text_of(result)


async def test_when_the_time_is_up_the_call_tells_how_far_it_is(engine: Engine, mode: Mode) -> None:
    async with calling(engine, mode) as caller:
        key = await _running(caller)
        data = await caller.ok("get_campaign", campaign_id=key, wait_s=0.1)
        assert data["campaign"]["state"] == "running"


async def test_a_change_can_be_waited_for(engine: Engine) -> None:
    async with calling(engine) as caller:
        key = await _running(caller)
        await deliver(engine)
        uid = (await caller.ok("get_campaign", campaign_id=key))["campaign"]["uid"]
        change = (await caller.ok("update_event", uid=uid, location="Hall 2", audience="all"))["campaign_id"]
        async with waiting(caller, "get_campaign", campaign_id=change, wait_s=600) as call:
            await call.until_told(1)
            await deliver(engine)
            result = await call.result()
        short = (await engine.event(uid, engine.local)).id
    assert text_of(result).startswith(
        f"Campaign {change}, update for «Season opener» ({short}): finished; 3 people are notified"
    )


async def test_what_does_not_move_by_itself_is_not_waited_for(engine: Engine) -> None:
    async with calling(engine) as caller:
        uid = await caller.event()
        draft = (await caller.ok("bulk_send", uid=uid, recipients=PEOPLE))["campaign"]
        async with asyncio.timeout(DEADLINE_S):
            for action, state in ((None, "draft"), ("cancel", "cancelled")):
                if action:
                    await caller.ok("control_campaign", campaign_id=draft["id"], action=action, wait_s=600)
                shown = await caller.ok("get_campaign", campaign_id=draft["id"], wait_s=600)
                assert shown["campaign"]["state"] == state


async def test_a_call_that_is_given_up_changes_nothing(engine: Engine, mode: Mode) -> None:
    async with calling(engine, mode) as caller:
        uid = await caller.event()
        draft = (await caller.ok("bulk_send", uid=uid, recipients=PEOPLE))["campaign"]
        start = {"campaign_id": draft["id"], "action": "start", "confirm_token": draft["confirm_token"]}
        async with waiting(caller, "control_campaign", **start, wait_s=600) as call:
            await call.until_told(1)
        shown = await caller.ok("get_campaign", campaign_id=draft["id"])
        assert shown["campaign"]["state"] == "running"
        assert len(await deliver(engine)) == 3


async def test_a_wait_needs_a_campaign_and_has_an_end(engine: Engine) -> None:
    async with calling(engine) as caller:
        assert await caller.code("get_campaign", wait_s=5) == "invalid_argument"
        assert await caller.code("get_campaign", campaign_id="nothing", wait_s=600) == "unknown_campaign"
        for seconds in (-1, 601, "nan"):
            assert await caller.code("get_campaign", campaign_id="x", wait_s=seconds) == "invalid_argument"


@pytest.mark.parametrize("action", ["pause", "cancel"])
async def test_a_pause_and_a_cancellation_say_how_many_had_gone(engine: Engine, action: str) -> None:
    async with calling(engine) as caller:
        key = await _running(caller)
        await _accept_one(engine)
        (held,) = await claim(engine, limit=1)
        result = await caller.call("control_campaign", campaign_id=key, action=action)
        assert "1 of 3 valid had gone out by then. 1 more may just be leaving." in text_of(result)
        await settle(engine, [held], MessageState.SENT, text="250 OK")
        again = await caller.call("control_campaign", campaign_id=key, action=action)
    assert "2 of 3 valid had gone out by then." in text_of(again)
