"""What proves that bounds held, and what is seen of it: the recount, the record by its tool, the wait for a yes."""

from __future__ import annotations

import asyncio
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from click.testing import CliRunner

from cis_mcp.cli.main import cli
from engine.commands.approvals.deciding import Decide
from engine.commands.invites.invites import SendInvite
from engine.engine import Engine
from engine.model.held import Channel
from engine.model.keys import Key
from tests.bounds.making import made
from tests.support.approvals import held_in
from tests.support.engines import claim, created, deliver, do
from tests.support.waiting import eventually
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
    engine: Engine, *, approve: bool
) -> None:
    key = await made(engine, mode="hold")
    event = await created(engine)
    async with calling(engine, actor=key.actor) as caller:
        held = (await caller.ok("send_invite", uid=event.uid, email=ANN))["held"]
        assert held.keys() >= {"id", "reason", "decided_by", "until", "sent"}
        assert (await caller.ok("get_held_action", id=held["id"]))["held"]["state"] == "waiting"
        waiting = asyncio.create_task(caller.ok("get_held_action", id=held["id"], wait_s=600))
        await eventually(lambda: held_in(engine))
        why = "" if approve else "not them"
        command = Decide(held_id=held["id"], approve=approve, why=why, channel=Channel.COMMAND_LINE)
        await do(engine, command)
        told = (await waiting)["held"]
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
