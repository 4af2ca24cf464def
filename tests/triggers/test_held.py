"""What of a trigger waits for a yes: going live, and deliveries of keys whose requests wait."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from cis_mcp.hooks import hooks
from cis_mcp.views.keys import read_bounds
from engine.commands.agents.keys import ChangeKey, CreateKey
from engine.commands.approvals.deciding import Decide
from engine.commands.approvals.endings import ExpireHeld
from engine.commands.operators.operators import SuspendOrganizer
from engine.commands.triggers.deliveries import ReplayDelivery
from engine.commands.triggers.triggers import CreateTrigger, SetTriggerLive, TriggerDone
from engine.engine import SYSTEM, Engine
from engine.inbox import forgetting
from engine.model.actors import Actor
from engine.model.held import Channel, HeldState, HoldReason
from engine.model.triggers import DeliveryState, Proof, Sender
from engine.refusals import Code
from engine.rules.reading import rules_of
from engine.store.sqlite.unit import SqliteUnit
from engine.triggers import asking
from tests.support.clock import Clock
from tests.support.engines import deliver, do, refusal
from tests.support.waiting import DEADLINE_S
from tests.support.webs import served
from tests.tools.caller import calling
from tests.triggers.crm import (
    RULES,
    deal,
    delivered,
    deliveries,
    events,
    handled,
    invited,
    people,
    signed,
    trigger,
)


async def proposed(engine: Engine, **bounds: Any) -> tuple[Actor, TriggerDone]:
    values = {"verbs": "create,update,send,trigger", "owner": "boss@example.com", **bounds}
    key = (await do(engine, CreateKey(name="crm", bounds=read_bounds(values)))).key
    command = CreateTrigger(name="deals", proof=Proof(sender=Sender.BEARER), rules=rules_of(RULES))
    return key.actor, await do(engine, command, key.actor)


async def decided(engine: Engine, held_id: str, *, approve: bool = True) -> HeldState:
    why = "" if approve else "not now"
    decide = Decide(held_id=held_id, approve=approve, channel=Channel.COMMAND_LINE, why=why)
    return (await do(engine, decide)).action.state


@pytest.mark.parametrize("approve", [True, False])
async def test_a_key_proposes_to_go_live_and_its_owner_decides(engine: Engine, approve: bool) -> None:
    actor, _ = await proposed(engine)
    done = await do(engine, await asking.going_live(engine, "deals", actor), actor)
    assert done.held
    assert done.held.reasons == (HoldReason.TRIGGER,)
    assert (done.held.address, done.held.preview.title) == ("boss@example.com", "deals")
    assert "Demo: {{ event.title }}" in done.held.preview.differences[0].after
    assert not (await asking.trigger(engine, "deals", actor)).live
    assert [m.email for m in await deliver(engine)] == ["boss@example.com"]
    await decided(engine, done.held.id, approve=approve)
    assert (await asking.trigger(engine, "deals", actor)).live is approve


async def test_rules_that_changed_since_they_were_proposed_do_not_go_live(engine: Engine) -> None:
    actor, made = await proposed(engine)
    done = await do(engine, await asking.going_live(engine, "deals", actor), actor)
    assert done.held
    other = RULES.replace("Demo:", "Buy now:")
    await do(engine, CreateTrigger(name="deals", proof=made.trigger.proof, rules=rules_of(other)), actor)
    assert await decided(engine, done.held.id) is HeldState.VOID
    assert not (await asking.trigger(engine, "deals", actor)).live
    stale = SetTriggerLive(name="deals", live=True, rules="0" * 64)
    assert await refusal(engine, stale, actor) is Code.TRIGGER_STATE


async def test_an_agent_asks_by_its_tool_and_is_told_that_it_waits(engine: Engine) -> None:
    actor, _ = await proposed(engine)
    key = await engine.store.key_by_id(actor.key)
    assert key
    async with calling(engine, actor=actor, tier="extended") as caller:
        answer = await caller.ok("make_trigger_live", name="deals")
        assert answer["held"]["sent"] is False
        assert await caller.code("make_trigger_live", name="other") == "unknown_trigger"


async def test_the_operator_makes_live_at_once(engine: Engine) -> None:
    await proposed(engine)
    done = await do(engine, await asking.going_live(engine, "deals", engine.local))
    assert (done.held, done.trigger.live) == (None, True)


@pytest.mark.parametrize(
    "bounds", [{"mode": "hold"}, {"approval": ["everything"]}, {"approval": ["new-domain"]}]
)
async def test_a_delivery_of_a_key_whose_requests_wait_is_held_whole(
    engine: Engine, bounds: dict[str, Any]
) -> None:
    hook = await trigger(engine, **bounds)
    held = await delivered(engine, hook, deal())
    assert held.state is DeliveryState.HELD
    assert (await events(engine), (await deliver(engine))[0].email) == ([], "boss@example.com")
    await handled(engine)
    (action,) = await engine.store.held_actions(None, waiting=True, limit=10)
    assert action.preview.people == 2
    assert action.preview.first == ("ann@example.com", "ben@example.com")
    assert await decided(engine, action.id) is HeldState.APPROVED
    (event,) = await events(engine)
    assert await invited(engine, event) == ["ann@example.com", "ben@example.com"]
    (done,) = await deliveries(engine, hook)
    assert (done.state, done.detail) == (DeliveryState.DONE, "")
    assert await delivered(engine, hook, deal()) == done


async def test_a_yes_counts_though_the_delivery_was_asked_for_again_and_is_not_due_yet(
    engine: Engine, clock: Clock
) -> None:
    hook = await trigger(engine, RULES.replace("undo_s: 0", "undo_s: 60"), mode="hold")
    held = await delivered(engine, hook, deal())
    assert held.state is DeliveryState.WAITING
    clock.move(minutes=2)
    await handled(engine)
    (action,) = await engine.store.held_actions(None, waiting=True, limit=10)
    await do(engine, ReplayDelivery(trigger="deals", delivery_id=held.id))
    await handled(engine)
    assert await decided(engine, action.id) is HeldState.APPROVED
    (event,) = await events(engine)
    assert await invited(engine, event) == ["ann@example.com", "ben@example.com"]
    assert [one.state for one in await deliveries(engine, hook)] == [DeliveryState.DONE]


@pytest.mark.parametrize("bounds", [{"mode": "hold"}, {"approval": ["bulk"], "approval_bulk": 4}])
async def test_a_delivery_that_is_carried_out_in_parts_waits_once_and_whole(
    engine: Engine, monkeypatch: pytest.MonkeyPatch, bounds: dict[str, Any]
) -> None:
    monkeypatch.setattr(SqliteUnit, "items_per_unit", 4)
    hook = await trigger(engine, **bounds)
    names = [f"p{n}" for n in range(5)]
    held = await delivered(engine, hook, deal(people=people(*names)))
    assert (held.state, await events(engine)) == (DeliveryState.HELD, [])
    (action,) = await engine.store.held_actions(None, waiting=True, limit=10)
    assert action.preview.people == 5
    assert await decided(engine, action.id) is HeldState.APPROVED
    await handled(engine)
    (done,) = await deliveries(engine, hook)
    assert (done.state, done.code, done.invited, done.approved) == (DeliveryState.DONE, "", 5, "")
    (event,) = await events(engine)
    assert await invited(engine, event) == [f"{name}@example.com" for name in names]
    assert await engine.store.held_actions(None, waiting=True, limit=10) == []
    again = await delivered(engine, hook, deal(version=2, people=[], title="Acme 2"))
    assert again.state is DeliveryState.HELD


async def test_the_parts_of_a_delivery_wait_anew_if_its_keys_bounds_changed_since_the_yes(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(SqliteUnit, "items_per_unit", 4)
    hook = await trigger(engine, mode="hold")
    await delivered(engine, hook, deal(people=people(*(f"p{n}" for n in range(5)))))
    (action,) = await engine.store.held_actions(None, waiting=True, limit=10)
    await decided(engine, action.id)
    key = await engine.store.key_by_id(hook.key)
    assert key
    assert key.bounds
    narrower = key.bounds.model_copy(update={"to": ("*@example.com",)})
    await do(engine, ChangeKey(key_id=key.id, bounds=narrower))
    await handled(engine)
    (held,) = await deliveries(engine, hook)
    assert (held.state, held.invited) == (DeliveryState.HELD, 2)
    (again,) = await engine.store.held_actions(None, waiting=True, limit=10)
    await decided(engine, again.id)
    await handled(engine)
    (done,) = await deliveries(engine, hook)
    assert (done.state, done.invited) == (DeliveryState.DONE, 5)


@pytest.mark.parametrize("became", [HeldState.REFUSED, HeldState.EXPIRED, HeldState.VOID])
async def test_a_delivery_that_is_not_approved_fails_and_says_so_and_can_be_asked_for_again(
    engine: Engine, clock: Clock, became: HeldState
) -> None:
    hook = await trigger(engine, mode="hold")
    await delivered(engine, hook, deal())
    (action,) = await engine.store.held_actions(None, waiting=True, limit=10)
    if became is HeldState.EXPIRED:
        clock.now = action.expires
        assert (await do(engine, ExpireHeld(), SYSTEM)).worked
    else:
        await do(engine, SuspendOrganizer(address=hook.organizer, suspended=became is HeldState.VOID))
        assert await decided(engine, action.id, approve=became is HeldState.VOID) is became
    (failed,) = await deliveries(engine, hook)
    assert (failed.state, failed.code) == (DeliveryState.FAILED, Code.HELD_ACTION_STATE)
    assert action.id in failed.detail
    await do(engine, SuspendOrganizer(address=hook.organizer, suspended=False))
    await do(engine, ReplayDelivery(trigger="deals", delivery_id=failed.id))
    await handled(engine)
    (again,) = await engine.store.held_actions(None, waiting=True, limit=10)
    assert again.id != action.id
    assert await decided(engine, again.id) is HeldState.APPROVED
    assert [one.state for one in await deliveries(engine, hook)] == [DeliveryState.DONE]


@pytest.mark.parametrize("approve", [True, False])
async def test_a_delivery_that_waits_for_a_yes_fails_once_its_object_is_forgotten(
    engine: Engine, approve: bool
) -> None:
    hook = await trigger(engine, mode="hold")
    waits = await delivered(engine, hook, deal())
    (action,) = await engine.store.held_actions(None, waiting=True, limit=10)
    await delivered(engine, hook, deal(stage="forget"))
    found = await engine.store.held_actions(None, waiting=True, limit=10)
    (forget,) = [one for one in found if one.id != action.id]
    assert await decided(engine, forget.id) is HeldState.APPROVED
    await decided(engine, action.id, approve=approve)
    failed = await engine.store.delivery(waits.id)
    assert failed
    assert (failed.state, failed.code, failed.held) == (DeliveryState.FAILED, Code.FORGOTTEN, "")
    assert await events(engine) == []


async def test_a_delivery_that_waits_for_a_yes_fails_once_somebody_whom_it_names_is_forgotten(
    engine: Engine,
) -> None:
    hook = await trigger(engine, mode="hold")
    await delivered(engine, hook, deal())
    other = await delivered(engine, hook, deal(id=8, people=people("cy")))
    await deliver(engine)
    await forgetting.forget(engine, "ann@example.com", engine.local)
    failed = (await deliveries(engine, hook))[1]
    assert (failed.state, failed.code) == (DeliveryState.FAILED, Code.HELD_ACTION_STATE)
    assert "is void: a person whom it concerns was forgotten" in failed.detail
    (action,) = await engine.store.held_actions(None, waiting=True, limit=10)
    assert action.id == other.held


async def test_of_two_versions_that_wait_the_newer_wins_whichever_is_approved_first(
    engine: Engine, clock: Clock
) -> None:
    hook = await trigger(engine, mode="hold")
    await delivered(engine, hook, deal(version=1))
    clock.move(seconds=1)
    await delivered(engine, hook, deal(version=2, title="Newer"))
    newer, older = await engine.store.held_actions(None, waiting=True, limit=10)
    assert await decided(engine, newer.id) is HeldState.APPROVED
    await decided(engine, older.id)
    assert [e.summary for e in await events(engine)] == ["Demo: Newer"]
    assert {d.state for d in await deliveries(engine, hook)} == {DeliveryState.DONE, DeliveryState.STALE}


async def test_who_shares_a_network_with_a_stranger_is_not_put_off(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    hook = await trigger(engine)
    monkeypatch.setattr(hooks, "_FAILURES_AT_ONCE", 3)
    monkeypatch.setattr(hooks, "_FAILURES_A_SECOND", 0.001)
    import json

    body = json.dumps(deal()).encode()
    async with served(engine) as address, httpx.AsyncClient(timeout=DEADLINE_S) as web:
        url = f"{address}/hooks/deals"
        codes = [(await web.post(url, content=body)).status_code for _ in range(8)]
        assert codes[-1] == 429
        assert (await web.post(url, content=body, headers=signed(body))).status_code == 200
    await handled(engine)
    assert len(await deliveries(engine, hook)) == 1
