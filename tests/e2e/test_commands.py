"""The demo and the verification, as a person runs them."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

from tests.support.forks import launching
from tests.support.ports import free_port
from tests.support.waiting import DEADLINE_S


def _run(*arguments: str, cwd: Path | None = None, **settings: str) -> subprocess.CompletedProcess[str]:
    environment = {k: v for k, v in os.environ.items() if not k.startswith("CIS_")} | settings
    return subprocess.run(
        launching(*arguments),
        env=environment,
        cwd=cwd,
        capture_output=True,
        text=True,
        timeout=2 * DEADLINE_S,
        check=False,
    )


def test_the_demo_tells_the_whole_story_and_exits_0() -> None:
    run = _run("demo")
    assert run.returncode == 0, run.stdout + run.stderr
    assert "Every step gave the expected result." in run.stdout
    assert run.stdout.count("✓") == 9
    assert not run.stderr


def test_the_demo_touches_nothing_that_the_folders_settings_name(tmp_path: Path) -> None:
    store = tmp_path / "real.sqlite3"
    (tmp_path / ".env").write_text(f"CIS_STORE=sqlite:{store}\nCIS_UNDO_S=600\nCIS_KEY=cis_wrong\n")
    run = _run("demo", cwd=tmp_path)
    assert run.returncode == 0, run.stdout + run.stderr
    assert not store.exists()


def test_verify_passes_on_a_new_folder_and_says_what_it_skipped(tmp_path: Path) -> None:
    inbox = f"smtp://127.0.0.1:{free_port()}"
    run = _run("verify", "--json", CIS_DATA_DIR=str(tmp_path), CIS_INBOX=inbox)
    assert run.returncode == 0, run.stdout + run.stderr
    result = json.loads(run.stdout)
    assert result["passed"] is True
    assert [step["mark"] for step in result["steps"]] == ["Verified"] * 9
    assert {c["name"]: c["mark"] for c in result["preflight"]} == {
        "installed": "Verified",
        "domain": "Skipped",
        "way out": "Verified",
        "create@": "Verified",
        "rsvp@": "Verified",
        "notification@": "Verified",
    }


def test_verify_exits_1_where_the_mail_server_does_not_answer(tmp_path: Path) -> None:
    outbox = f"smtp://127.0.0.1:{free_port()}"
    run = _run("verify", "--json", CIS_DATA_DIR=str(tmp_path), CIS_OUTBOX=outbox)
    assert run.returncode == 1
    result = json.loads(run.stdout)
    (way_out,) = [c for c in result["preflight"] if c["name"] == "way out"]
    assert way_out["mark"] == "Failed"
    assert "cannot connect" in way_out["detail"]


def test_check_exits_0_after_a_verification(tmp_path: Path) -> None:
    assert _run("verify", CIS_DATA_DIR=str(tmp_path)).returncode == 0
    run = _run("check", CIS_DATA_DIR=str(tmp_path))
    assert (run.returncode, run.stdout.strip()) == (0, "Everything adds up.")
