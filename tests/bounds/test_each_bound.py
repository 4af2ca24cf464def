"""Each bound at the command, again with the key narrowed after owing, and what one command or button makes of it."""

from __future__ import annotations

import asyncio
import shlex
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from click.testing import CliRunner

from cis_mcp.cli.main import cli
from engine.commands.agents.keys import CreateKey, StopKey
from engine.commands.agents.widening import WIDENED, WidenKey, widening
from engine.commands.approvals.deciding import Decide
from engine.commands.base import Command
from engine.commands.campaigns.campaigns import CampaignAction, ControlCampaign, DraftCampaign
from engine.commands.campaigns.validation import ListRow
from engine.commands.events.events import UpdateEvent
from engine.commands.invites.invites import SendInvite
from engine.engine import Engine
from engine.model.actors import Actor
from engine.model.bounds import Bounds
from engine.model.held import Channel
from engine.model.keys import Key
from engine.model.messages import MessageState
from engine.outbox.render import Renderer
from engine.refusals import Code, Refused
from tests.bounds.making import made, narrowed
from tests.support.approvals import held_in
from tests.support.clock import Clock
from tests.support.engines import claim, created, deliver, do, ledger, meeting, settle

ANN, EVE = "ann@customer.com", "eve@evil.com"


def _invite(uid: str, email: str = EVE, **values: Any) -> SendInvite:
    return SendInvite(uid=uid, email=email, **values)


def _list(uid: str) -> DraftCampaign:
    return DraftCampaign(uid=uid, recipients=[ListRow(email=EVE), ListRow(email=ANN)])


def _event(_uid: str) -> Command[Any]:
    return meeting()


class Refusing(NamedTuple):
    """A bound that refuses, with what is refused by it; `more`: what its owner adds."""

    bounds: dict[str, Any]
    asks: Callable[[str], Command[Any]]
    more: str = ""
    code: Code = Code.OUT_OF_BOUNDS


REFUSING: dict[str, Refusing] = {
    "to": Refusing({"to": ["*@customer.com"]}, _invite, "*@evil.com"),
    "not_to": Refusing({"not_to": ["*@evil.com"]}, _invite, "*@evil.com"),
    "links": Refusing({"links": ["a.com"]}, lambda uid: _invite(uid, note="See evil.com"), "evil.com"),
    "day": Refusing({"day": 1}, _invite),
    "new_people_day": Refusing({"new_people_day": 1}, _invite),
    "person_day": Refusing({"person_day": 1}, lambda uid: _invite(uid, ANN)),
    "bulk_max": Refusing({"bulk_max": 1}, _list),
    "events_max": Refusing({"events_max": 2}, _event),
    "horizon_days": Refusing({"horizon_days": 40}, _event),
    "verbs": Refusing({"verbs": "create"}, _invite, "send", Code.NOT_ALLOWED),
}
"""With one event and Ann invited to another."""
WAITING = {"mode": {"mode": "hold"}, "approval": {"approval": ["everything"]}}
"""Bounds by which what is asked waits for a yes."""
LATER = {"hours": {"hours": "20:00-22:00"}, "minute": {"minute": 1}}
"""Bounds by which a mail leaves later."""
SILENT = {
    "timezone": "time zone of `hours`",
    "approval_bulk": "the figure of `approval`",
    "decides_for": "widens what a key decides",
    "attended": "says whose yes counts",
    "expires_days": "ends the key",
    "owner": "says who is asked",
    "probation_days": "a `mode` for some days",
    "probation_ends": "says how that ends",
}
"""What refuses nothing that is asked for, and what it is instead."""


def test_each_bound_is_told_of_here() -> None:
    assert sorted([*REFUSING, *WAITING, *LATER, *SILENT]) == sorted(Bounds.model_fields)


async def _used(engine: Engine, **bounds: Any) -> tuple[Key, str]:
    """A key that has invited Ann to one of its events, under bounds that allow it; and its other event."""
    key = await made(engine, **{"minute": 0, "owner": "boss@example.org"})
    first, other = await created(engine, key.actor), await created(engine, key.actor)
    await do(engine, _invite(first.uid, ANN), key.actor)
    await deliver(engine)
    await narrowed(engine, key, **bounds)
    found = await engine.store.key_by_id(key.id)
    assert found
    return found, other.uid


async def _refused(engine: Engine, command: Command[Any], key: Key) -> Refused:
    with pytest.raises(Refused) as refused:
        await engine.apply(command, key.actor)
    return refused.value


@pytest.mark.parametrize("name", REFUSING)
async def test_it_refuses_by_its_name_until_the_command_that_is_shown_has_widened_it(
    engine: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    case = REFUSING[name]
    key, uid = await _used(engine, **case.bounds)
    refused = await _refused(engine, case.asks(uid), key)
    assert (refused.code, refused.bound) == (case.code, name)
    typed = widening(key, name)
    assert typed
    typed = (
        typed.replace("*@evil.com", "*@else.com") if name == "not_to" else typed.replace("MORE", case.more)
    )
    monkeypatch.setenv("CIS_DATA_DIR", str(tmp_path))
    changed = await asyncio.to_thread(CliRunner().invoke, cli, shlex.split(typed))
    assert changed.exit_code == 0, changed.output
    key = await engine.store.key_by_id(key.id) or key
    await do(engine, case.asks(uid), key.actor)


@pytest.mark.parametrize("name", sorted(set(REFUSING) & WIDENED))
async def test_a_button_widens_it_as_well(engine: Engine, name: str) -> None:
    case = REFUSING[name]
    key, uid = await _used(engine, **case.bounds)
    await _refused(engine, case.asks(uid), key)
    await do(engine, WidenKey(key_id=key.id, bound=name, add=case.more))
    await do(engine, case.asks(uid), key.actor)


async def test_who_may_not_be_mailed_is_taken_out_of_the_bound_by_the_pattern_that_names_them(
    engine: Engine,
) -> None:
    key, uid = await _used(engine, not_to=["*@evil.com", "bob@customer.com"])
    odd = WidenKey(key_id=key.id, bound="not_to", add="eve@evil.com")
    with pytest.raises(Refused, match="not among those"):
        await do(engine, odd)
    await do(engine, WidenKey(key_id=key.id, bound="not_to", add="*@evil.com"))
    await do(engine, _invite(uid), key.actor)
    assert (await _refused(engine, _invite(uid, "bob@customer.com"), key)).bound == "not_to"


@pytest.mark.parametrize("name", WAITING)
@pytest.mark.parametrize("how", ["yes", "command", "button"])
async def test_what_waits_is_carried_out_by_a_yes_or_once_the_bound_is_widened(
    engine: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, how: str
) -> None:
    key, uid = await _used(engine, **WAITING[name])
    assert (await do(engine, _invite(uid), key.actor)).held
    if how == "yes":
        (held,) = await held_in(engine)
        await do(engine, Decide(held_id=held.id, approve=True, channel=Channel.COMMAND_LINE))
    elif how == "button":
        await do(engine, WidenKey(key_id=key.id, bound=name))
    else:
        monkeypatch.setenv("CIS_DATA_DIR", str(tmp_path))
        typed = shlex.split(widening(key, name))
        assert (await asyncio.to_thread(CliRunner().invoke, cli, typed)).exit_code == 0
    if how != "yes":
        assert (await do(engine, _invite(uid), key.actor)).held is None
    assert [m.email for m in await deliver(engine) if m.kind.calendar] == [EVE]


@pytest.mark.parametrize("name", LATER)
@pytest.mark.parametrize("how", ["nothing", "command", "button"])
async def test_what_would_leave_later_leaves_at_once_where_the_bound_is_widened_before(
    engine: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, how: str
) -> None:
    key, uid = await _used(engine, **LATER[name])
    for email in (EVE, ANN):
        await do(engine, _invite(uid, email), key.actor)
    if how == "button":
        await do(engine, WidenKey(key_id=key.id, bound=name))
    elif how == "command":
        monkeypatch.setenv("CIS_DATA_DIR", str(tmp_path))
        typed = shlex.split(widening(key, name))
        assert (await asyncio.to_thread(CliRunner().invoke, cli, typed)).exit_code == 0
    assert len(await deliver(engine)) == (2 if how != "nothing" else int(name == "minute"))


@pytest.mark.parametrize("how", ["command", "button", "narrower", "for a key above"])
async def test_what_hours_put_off_is_judged_anew_once_they_begin_earlier(
    engine: Engine, clock: Clock, how: str
) -> None:
    top = await made(engine, minute=0, hours="20:00-22:00")
    own = top
    if how == "for a key above":
        own = await made(engine, under=top.actor, minute=0, hours="20:00-22:00")
    event = await created(engine, own.actor)
    await do(engine, _invite(event.uid), own.actor)
    assert await deliver(engine) == []
    assert (await ledger(engine, event, EVE)).due.hour == 20
    if how == "command":
        await narrowed(engine, own, hours="")
    elif how == "narrower":
        await narrowed(engine, own, hours="15:00-22:00")
        assert await deliver(engine) == []
        assert (await ledger(engine, event, EVE)).due.hour == 15
        clock.move(hours=6)
    else:
        await do(engine, WidenKey(key_id=own.id, bound="hours"))
    assert [m.email for m in await deliver(engine)] == [EVE]


async def test_hours_that_are_widened_hasten_no_mail_that_is_tried_again_later(engine: Engine) -> None:
    key = await made(engine, minute=0)
    event = await created(engine, key.actor)
    await do(engine, _invite(event.uid), key.actor)
    later = engine.clock() + timedelta(hours=3)
    await settle(engine, await claim(engine), MessageState.DEFERRED, text="451 busy", due=later)
    await narrowed(engine, key, hours="20:00-22:00")
    await narrowed(engine, key, hours="")
    assert await claim(engine) == []
    assert (await ledger(engine, event, EVE)).due == later


@pytest.mark.parametrize("name", sorted({*REFUSING, *WAITING} - {"to", "not_to", "links", "bulk_max"}))
async def test_narrowed_after_owing_it_holds_for_what_is_asked_next_and_what_was_reserved_leaves(
    engine: Engine, name: str
) -> None:
    """Budgets, sizes and verbs are about asking: what is owed was counted when it was asked for."""
    key = await made(engine, minute=0, owner="boss@example.org")
    event, other = await created(engine, key.actor), await created(engine, key.actor)
    await do(engine, _invite(event.uid, ANN), key.actor)
    case = REFUSING.get(name)
    await narrowed(engine, key, **(case.bounds if case else WAITING[name]))
    assert [c.message.email for c in await claim(engine)] == [ANN]
    key = await engine.store.key_by_id(key.id) or key
    if case:
        assert (await _refused(engine, case.asks(other.uid), key)).bound == name
    else:
        assert (await do(engine, _invite(other.uid), key.actor)).held


@pytest.mark.parametrize("name", ["to", "not_to", "links", "hours", "minute", "expires_days"])
async def test_narrowed_after_owing_it_is_judged_when_the_mail_is_claimed(
    engine: Engine, clock: Clock, name: str
) -> None:
    key = await made(engine, minute=0)
    event = await created(engine, key.actor)
    for email in (ANN, EVE):
        await do(engine, _invite(event.uid, email, note="See evil.com"), key.actor)
    clock.move(days=1)
    narrower = {**REFUSING, **LATER}.get(name, {"expires_days": 1})
    await narrowed(engine, key, **(narrower.bounds if isinstance(narrower, Refusing) else narrower))
    claims = await claim(engine)
    left = {c.message.email for c in claims}
    if name == "links":
        assert left == {ANN, EVE}
        for one in claims:
            with pytest.raises(Refused) as refused:
                await Renderer(engine.settings, engine.store).render(one, engine.clock())
            assert refused.value.bound == "links"
        return
    assert left == {"to": {ANN}, "not_to": {ANN}, "minute": {ANN}}.get(name, set())
    kept = await ledger(engine, event, EVE)
    ended = {"to": Code.OUT_OF_BOUNDS, "not_to": Code.OUT_OF_BOUNDS, "expires_days": Code.KEY_ENDED}
    assert (kept.code, kept.state.pending) == (ended.get(name, ""), name in LATER)


async def test_a_list_that_was_drafted_before_the_bound_was_narrowed_is_not_started(engine: Engine) -> None:
    key = await made(engine, minute=0)
    event = await created(engine, key.actor)
    draft = await do(engine, _list(event.uid), key.actor)
    await narrowed(engine, key, bulk_max=1)
    start = ControlCampaign(
        campaign_id=draft.campaign.id, action=CampaignAction.START, confirm_token=draft.confirm_token
    )
    assert (await _refused(engine, start, key)).bound == "bulk_max"
    assert await claim(engine) == []


@pytest.mark.parametrize("name", ["to", "not_to", "links", "day", "horizon_days", "mode"])
async def test_for_a_key_under_another_one_command_widens_both(
    engine: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    case = REFUSING.get(name, Refusing({"mode": "hold"}, _invite))
    top = await made(engine, minute=0, owner="boss@example.org")
    below = await made(engine, under=top.actor)
    first, other = await created(engine, below.actor), await created(engine, below.actor)
    await do(engine, _invite(first.uid, ANN), below.actor)
    for key in (below, top):  # a key stays within the one above
        await narrowed(engine, key, **case.bounds)
    below = await engine.store.key_by_id(below.id) or below
    if name == "mode":
        assert (await do(engine, case.asks(other.uid), below.actor)).held
    else:
        assert (await _refused(engine, case.asks(other.uid), below)).bound == name
    monkeypatch.setenv("CIS_DATA_DIR", str(tmp_path))
    typed = shlex.split(widening(below, name).replace("MORE", case.more))
    changed = await asyncio.to_thread(CliRunner().invoke, cli, typed)
    assert changed.exit_code == 0, changed.output
    assert (await do(engine, case.asks(other.uid), below.actor)).held is None


async def test_of_several_patterns_a_key_above_loses_those_that_it_has(engine: Engine) -> None:
    top = await made(engine, not_to=["bob@customer.com"])
    below = await made(engine, under=top.actor, not_to=["*@evil.com", "bob@customer.com"])
    await do(engine, WidenKey(key_id=below.id, bound="not_to", add="*@evil.com, bob@customer.com"))
    kept = [await engine.store.key_by_id(key.id) for key in (top, below)]
    assert [one.bounds.not_to for one in kept if one and one.bounds] == [(), ()]


async def test_an_owner_widens_no_key_above_that_is_another_s(engine: Engine) -> None:
    top = await made(engine, day=5, owner="top@example.org")
    below = await made(engine, under=top.actor)
    mine = Actor(kind="owner", address="top@example.org")
    eve = Actor(kind="owner", address="eve@example.org")
    wider = WidenKey(key_id=below.id, bound="day")
    with pytest.raises(Refused):
        await engine.apply(wider, eve)
    await do(engine, wider, mine)
    assert [key.bounds.day for key in await engine.keys() if key.bounds] == [10, 10]


async def test_a_key_that_is_stopped_refuses_until_the_command_that_is_shown(
    engine: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    key, uid = await _used(engine)
    await do(engine, StopKey(key_id=key.id))
    assert (await _refused(engine, _invite(uid), key)).bound == "stopped"
    monkeypatch.setenv("CIS_DATA_DIR", str(tmp_path))
    typed = shlex.split(widening(key, "stopped"))
    assert (await asyncio.to_thread(CliRunner().invoke, cli, typed)).exit_code == 0
    await do(engine, _invite(uid), key.actor)


@pytest.mark.parametrize(
    ("bounds", "child"),
    [
        ({"hours": "08:00-20:00"}, {"hours": ""}),
        ({"approval": ["bulk"], "approval_bulk": 5}, {"approval_bulk": 10}),
        ({"expires_days": 30}, {"expires_days": 60}),
        ({}, {"attended": True}),
        ({"decides_for": ["k1"]}, {"decides_for": ["k1", "k2"]}),
        ({"mode": "hold"}, {"mode": "act"}),
    ],
)
async def test_what_a_wider_child_is_refused_by_is_widened_by_the_command_that_is_shown(
    engine: Engine,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    bounds: dict[str, Any],
    child: dict[str, Any],
) -> None:
    name = next(iter(child))
    key = await made(engine, owner="boss@example.org", **bounds)
    ask = CreateKey(name="", bounds=Bounds.model_validate(child))
    assert (await _refused(engine, ask, key)).bound == name
    monkeypatch.setenv("CIS_DATA_DIR", str(tmp_path))
    typed = shlex.split(widening(key, name).replace("MORE", "k2"))
    changed = await asyncio.to_thread(CliRunner().invoke, cli, typed)
    assert changed.exit_code == 0, changed.output
    key = await engine.store.key_by_id(key.id) or key
    await do(engine, ask, key.actor)


@pytest.mark.parametrize("narrower", [{"not_to": ["*@customer.com"]}, {"to": []}])
async def test_a_change_that_would_reach_somebody_outside_waits_for_a_yes(
    engine: Engine, narrower: dict[str, Any]
) -> None:
    event = await created(engine)
    await do(engine, _invite(event.uid, ANN))
    await deliver(engine)
    key = await made(engine, owner="boss@example.org", **narrower)
    held = (await do(engine, UpdateEvent(uid=event.uid, location="Roof"), key.actor)).held
    assert held
    await do(engine, Decide(held_id=held.id, approve=True, channel=Channel.COMMAND_LINE))
    assert [m.email for m in await deliver(engine) if m.kind.calendar] == [ANN]
