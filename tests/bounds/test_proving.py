"""What proves that bounds held, and what is seen of it: the recount, the record by its tool, the wait for a yes."""

from __future__ import annotations

import asyncio
import json
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from click.testing import CliRunner

from cis_mcp.cli.main import cli
from cis_mcp.mcp.tools import held as held_tools
from engine.commands.approvals.deciding import Decide
from engine.commands.events.events import UpdateEvent
from engine.commands.invites.invites import SendInvite
from engine.commands.revisions import RevisionSource
from engine.engine import Engine
from engine.model.actors import Actor
from engine.model.held import Channel
from engine.model.keys import Key
from engine.signals import Waiter
from tests.bounds.making import made
from tests.support.approvals import held_in
from tests.support.engines import claim, created, deliver, do
from tests.support.waiting import DEADLINE_S
from tests.tools.caller import calling

ANN = "ann@customer.com"


async def test_check_counts_budgets_anew_and_names_a_key_whose_spending_was_changed(
    engine: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    key = await made(engine, day=5)
    event = await created(engine, key.actor)
    await do(engine, SendInvite(uid=event.uid, email=ANN), key.actor)
    assert await engine.check() == []
    _spend(engine, key, 0)
    (difference,) = await engine.check()
    assert "budgets differ from the ledger" in difference
    monkeypatch.setenv("CIS_DATA_DIR", str(tmp_path))
    done = await asyncio.to_thread(CliRunner().invoke, cli, ["check"])
    assert done.exit_code == 1
    assert "budgets differ from the ledger" in done.output
    _spend(engine, key, 1)


def _spend(engine: Engine, key: Key, mails: int) -> None:
    """Write down what a key has spent, past the engine."""
    with closing(sqlite3.connect(engine.settings.database)) as database, database:
        database.execute("UPDATE key_day SET mails = ? WHERE key = ?", [mails, key.id])


async def test_a_key_reads_the_rows_of_its_own_in_the_record_and_no_others(engine: Engine) -> None:
    own, other = await made(engine), await made(engine)
    for key in (own, other):
        await created(engine, key.actor)
    async with calling(engine, actor=own.actor, tier="extended") as caller:
        await caller.refused("send_invite", uid="x" * 40, email=ANN)
        rows = (await caller.ok("list_record"))["rows"]
        assert [(row["command"], row["outcome"]) for row in rows] == [
            ("SendInvite", "refused"),
            ("CreateEvent", "done"),
        ]
        assert other.id not in str(rows)


@pytest.mark.parametrize("approve", [True, False])
async def test_who_waits_for_a_decision_hears_it_as_soon_as_it_is_made(
    engine: Engine, monkeypatch: pytest.MonkeyPatch, *, approve: bool
) -> None:
    monkeypatch.setattr(held_tools, "_LOOK_S", 10 * DEADLINE_S)  # it must be woken
    begun, listen = asyncio.Event(), engine.owed.listen

    def listening() -> Waiter:
        begun.set()
        return listen()

    key = await made(engine, mode="hold")
    event = await created(engine)
    async with calling(engine, actor=key.actor) as caller:
        held = (await caller.ok("send_invite", uid=event.uid, email=ANN))["held"]
        assert held.keys() >= {"id", "reason", "decided_by", "until", "sent"}
        assert (await caller.ok("get_held_action", id=held["id"]))["held"]["state"] == "waiting"
        monkeypatch.setattr(engine.owed, "listen", listening)
        waiting = asyncio.create_task(caller.ok("get_held_action", id=held["id"], wait_s=600))
        await asyncio.wait_for(begun.wait(), DEADLINE_S)
        why = "" if approve else "not them"
        command = Decide(held_id=held["id"], approve=approve, why=why, channel=Channel.COMMAND_LINE)
        await do(engine, command)
        told = (await asyncio.wait_for(waiting, DEADLINE_S))["held"]
        assert (told["state"], told["why"]) == ("approved" if approve else "refused", why)
    assert len([m for m in await deliver(engine) if m.kind.calendar]) == int(approve)


@pytest.mark.parametrize("named", [[], ["agent@cis.test"]])
async def test_one_command_stops_everything_or_an_organizer_at_the_next_claim_and_another_resumes(
    engine: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, named: list[str]
) -> None:
    key = await made(engine, address="agent@cis.test", minute=0)
    event, others = await created(engine, key.actor), await created(engine, organizer="olga@cis.test")
    for one in (event, others):
        await do(engine, SendInvite(uid=one.uid, email=ANN))
    monkeypatch.setenv("CIS_DATA_DIR", str(tmp_path))
    assert (await asyncio.to_thread(CliRunner().invoke, cli, ["stop", *named])).exit_code == 0
    left = [c.message.organizer for c in await claim(engine)]
    assert left == (["olga@cis.test"] if named else [])
    assert (await asyncio.to_thread(CliRunner().invoke, cli, ["resume", *named])).exit_code == 0
    assert len(left) + len(await claim(engine)) == 2


@pytest.mark.parametrize("by", ["command line", "key", "page", "form"])
async def test_the_record_names_the_channel_the_decider_and_the_hash_of_what_was_shown(
    engine: Engine, by: str
) -> None:
    key = await made(engine, mode="hold", owner="boss@example.org", attended=by == "form")
    other = await made(engine, verbs="approve")
    event = await created(engine)
    await do(engine, SendInvite(uid=event.uid, email=ANN), key.actor)
    (held,) = await held_in(engine)
    decide = Decide(held_id=held.id, approve=True, channel=Channel(by.replace(" ", "_")))
    owner = Actor(kind="owner", address="boss@example.org")
    deciders = {"command line": engine.local, "key": other.actor, "page": owner, "form": key.actor}
    await do(engine, decide, deciders[by])
    row = json.loads((await engine.record(engine.local, 1))[0].body)
    assert row["command"] == "Decide"
    assert row["kind"] == {"command line": "local", "page": "owner"}.get(by, "agent")
    assert row.get("key", "") == {"key": other.id, "form": key.id}.get(by, "")
    approval = row["approval"]
    assert (approval["id"], approval["state"], approval["channel"]) == (held.id, "approved", decide.channel)
    assert approval["shown"]
    assert "boss@" not in str(row)
    assert ("who" in row) is (by == "page"), "a commitment to the address, and not the address"


@pytest.mark.parametrize("by", ["tool", "command"])
async def test_the_switch_of_an_organizer_is_turned_by_tool_and_command(
    engine: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, by: str
) -> None:
    olga = "olga@cis.test"
    event = await created(engine, organizer=olga)
    monkeypatch.setenv("CIS_DATA_DIR", str(tmp_path))
    for sequence, on in ((1, True), (2, False)):
        if by == "tool":
            async with calling(engine, tier="operator") as caller:
                await caller.ok("set_organizer_approval", address=olga, on=on)
        else:
            turned = ["organizer", "approval", olga, "on" if on else "off"]
            assert (await asyncio.to_thread(CliRunner().invoke, cli, turned)).exit_code == 0
        source = RevisionSource(uid=event.uid, sequence=sequence)
        moved = UpdateEvent(uid=event.uid, location=f"Room {sequence}", source=source)
        done = await do(engine, moved, Actor(kind="organizer", address=olga))
        assert bool(done.held) is on
