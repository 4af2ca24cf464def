"""`cis-mcp verify` beside an installation that is at work: it touches nothing of it."""

from __future__ import annotations

import json
from pathlib import Path

from engine.engine import system_clock
from engine.model.queries import EventQuery
from tests.cli.processes import WITHOUT_DEMO, run
from tests.support.engines import created, engine_in, invite
from tests.support.ports import free_port
from tests.support.waiting import DEADLINE_S


async def _owed(folder: Path) -> str:
    """An event of which one invite waits."""
    async with engine_in(folder, clock=system_clock) as engine:
        event = await created(engine)
        await invite(engine, event, "ann@example.com")
    return event.uid


async def test_mail_that_waits_for_its_server_still_waits_after_a_verification(tmp_path: Path) -> None:
    uid = await _owed(tmp_path)
    outbox = f"smtp://127.0.0.1:{free_port()}"
    code, out, err = await run(
        tmp_path, "verify", "--json", deadline_s=2 * DEADLINE_S, CIS_OUTBOX=outbox, CIS_UNDO_S="600"
    )
    assert code == 1, err
    assert [step["mark"] for step in json.loads(out)["steps"]] == ["Verified"] * 9
    async with engine_in(tmp_path, clock=system_clock) as engine:
        delivery = (await engine.statistics("event", uid, engine.local)).delivery
        found = await engine.search(EventQuery(), engine.local)
    assert (delivery["sent"], delivery["queued"] + delivery["deferred"]) == (0, 1)
    assert [event.uid for event in found.events] == [uid]


async def test_a_folder_that_cannot_be_used_is_a_failed_check_and_no_traceback(tmp_path: Path) -> None:
    code, out, err = await run(tmp_path, "verify", "--json", CIS_INBOX="smtp://0.0.0.0")
    found = json.loads(out)
    assert (code, found["passed"], "Traceback" in err) == (1, False, False)
    (installed,) = [one for one in found["preflight"] if one["name"] == "installed"]
    assert (installed["mark"], "CIS_INBOX" in installed["detail"]) == ("Failed", True)


async def test_verify_needs_no_package_of_the_demo(tmp_path: Path) -> None:
    code, out, _ = await run(tmp_path, "verify", "--json", deadline_s=2 * DEADLINE_S, first=WITHOUT_DEMO)
    assert (code, json.loads(out)["passed"]) == (0, True)
