"""The played systems of record against a real server that is killed in the middle: each thing is applied once."""

from __future__ import annotations

import asyncio
import json
import sqlite3
import sys
from collections import Counter
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from cis_mcp.views.keys import read_bounds
from engine.commands.agents.keys import CreateKey
from engine.commands.triggers.triggers import CreateTrigger, SetTriggerLive, SetTriggerSecrets
from engine.engine import Engine, system_clock
from engine.model.events import Event
from engine.model.people import Attendee
from engine.model.queries import AttendeeQuery
from engine.model.triggers import Proof, Sender
from engine.rules.reading import rules_of
from tests.support.engines import do, engine_in
from tests.support.ports import free_port, listens
from tests.support.processes import ROOT, program
from tests.support.waiting import DEADLINE_S, eventually
from tests.triggers.test_recipes import RECIPES

SECRET = "whsec_c2VjcmV0LW9mLXRoZS1ob29r"
AT_ONCE = {"UNDO_TRIGGER_S": "0"}


async def live_trigger(folder: Path, sender: Sender, recipe: str) -> None:
    async with engine_in(folder, system_clock, undo_trigger_s=0) as engine:
        verbs = {
            "verbs": "create,update,send,trigger",
            "horizon_days": 0,
            "day": 0,
            "new_people_day": 0,
            "events_max": 0,
        }
        key = await do(engine, CreateKey(name="crm", bounds=read_bounds(verbs)))
        proof, rules = Proof(sender=sender), rules_of(RECIPES[recipe])
        await do(engine, CreateTrigger(name="hook", proof=proof, rules=rules, key=key.key.id))
        await do(engine, SetTriggerSecrets(name="hook", secrets=(SECRET,)))
        await do(engine, SetTriggerLive(name="hook", live=True))


def asked(folder: Path, sql: str) -> Any:
    with closing(sqlite3.connect(folder / "cis.sqlite3")) as database:
        return database.execute(sql).fetchone()[0]


async def played(folder: Path, script: str, *arguments: str) -> dict[str, int]:
    """Play the example; the server dies once some deliveries are there, and comes back on its port."""
    port = free_port()
    serve = ("serve", "--http", f"127.0.0.1:{port}", "--no-auth")
    hook = ("--hook", f"http://127.0.0.1:{port}/hooks/hook", "--secret", SECRET, "--pause", "0.01")
    async with program(folder, *serve, **AT_ONCE) as server:
        await eventually(lambda: listens(port))
        process = await asyncio.create_subprocess_exec(
            sys.executable, str(ROOT / "examples" / script), *hook, *arguments, stdout=asyncio.subprocess.PIPE
        )
        await eventually(lambda: asked(folder, "SELECT count(*) >= 8 FROM delivery"))
        server.kill()
        await server.wait()
    async with program(folder, *serve, **AT_ONCE):
        async with asyncio.timeout(DEADLINE_S):
            said, _ = await process.communicate()
        assert process.returncode == 0
        await eventually(lambda: asked(folder, "SELECT count(*) = 0 FROM delivery WHERE due IS NOT NULL"))
    return dict(json.loads(said))


async def outcome(engine: Engine) -> dict[str, tuple[Event, list[str]]]:
    """Each object of the system of record: its event, and who is invited."""
    found = {}
    with closing(sqlite3.connect(engine.settings.database)) as database:
        for name, body in database.execute("SELECT object, body FROM trigger_object").fetchall():
            uid = json.loads(body)["event_uid"]
            if uid:
                event = await engine.event(uid, engine.local)
                found[name] = (event, sorted(a.email for a in await _invited(engine, uid)))
    return found


async def _invited(engine: Engine, uid: str) -> list[Attendee]:
    page = await engine.attendees(AttendeeQuery(uid=uid, limit=100), engine.local)
    return [one for one in page.attendees if one.withdrawn is None]


def invites(folder: Path) -> Counter[tuple[str, str]]:
    with closing(sqlite3.connect(folder / "cis.sqlite3")) as database:
        sql = "SELECT event_uid, email FROM message WHERE kind = 'invite' AND state = 'sent'"
        return Counter(database.execute(sql).fetchall())


async def test_a_crm_is_played_with_repeats_out_of_order_and_over_a_kill(tmp_path: Path) -> None:
    await live_trigger(tmp_path, Sender.STANDARD, "Salesforce")
    how = await played(tmp_path, "crm.py", "--deals", "8")
    assert how["retries"] > 0
    assert asked(tmp_path, "SELECT count(*) FROM delivery") == 8 * 3 + 2
    async with engine_in(tmp_path, system_clock) as engine:
        found = await outcome(engine)
        for number in range(8):
            lost = number % 4 == 3
            if lost and f"deal-{number}" not in found:
                continue
            event, people = found[f"deal-{number}"]
            assert event.cancelled is lost
            if not lost:
                assert event.summary == f"Demo {number}, version 3"
                assert people == [f"ann{number}@example.com", f"cid{number}@example.com"]
        assert asked(tmp_path, "SELECT count(*) FROM event") == len(found)
    assert set(invites(tmp_path).values()) <= {1}


async def test_billing_is_played_the_same_way(tmp_path: Path) -> None:
    await live_trigger(tmp_path, Sender.STRIPE, "Stripe")
    await played(tmp_path, "billing.py", "--invoices", "9")
    assert asked(tmp_path, "SELECT count(*) FROM delivery") == 9 * 2 + 3
    async with engine_in(tmp_path, system_clock) as engine:
        found = await outcome(engine)
        for number in range(9):
            paid = number % 3 == 2
            if paid and f"in_{number}" not in found:
                continue
            event, people = found[f"in_{number}"]
            assert event.cancelled is paid
            if not paid:
                assert (f"{event.span.start}", people) == ("2031-03-06", [f"customer{number}@example.com"])
    assert set(invites(tmp_path).values()) <= {1}


@pytest.mark.parametrize("script", ["crm.py", "billing.py"])
def test_an_example_says_what_it_takes(script: str) -> None:
    import subprocess

    done = subprocess.run(
        [sys.executable, str(ROOT / "examples" / script), "--help"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert "--hook" in done.stdout
