"""`cis-mcp approval` and `cis-mcp organizer approval`: decide at the machine what waits."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from cis_mcp.cli.main import cli
from tests.support import mails
from tests.support.mails import END, OPERATOR_SERVER, STAMP, START, vevent


@pytest.fixture(autouse=True)
def _own_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("CIS_DATA_DIR", str(tmp_path / "data"))
    monkeypatch.setenv("CIS_AUTHSERV_IDS", OPERATOR_SERVER)


def _run(*arguments: str, stdin: bytes | None = None) -> Result:
    return CliRunner().invoke(cli, arguments, input=stdin, prog_name="cis-mcp")


def _mailed(sequence: int) -> dict[str, str]:
    by = sequence * (END - START)
    event = vevent(start=START + by, end=END + by, sequence=sequence, dtstamp=STAMP + by)
    done = _run("ingest", "--mailbox", "create", stdin=mails.request(event).as_bytes())
    assert done.exit_code == 0, done.output
    found: dict[str, str] = json.loads(done.stdout.splitlines()[-1])
    return found


def test_the_operator_turns_the_switch_sees_what_waits_and_decides() -> None:
    assert _mailed(0)["action"] == "created"
    done = _run("organizer", "approval", "olga@cis.test", "on")
    assert (done.exit_code, done.stdout) == (
        0,
        "olga@cis.test: changes wait until the organizer approves them\n",
    )
    assert _mailed(1)["action"] == "held"
    (line,) = _run("approval", "list").stdout.splitlines()
    held_id = line.split()[0]
    shown = _run("approval", "show", held_id).stdout
    assert "Changes the time:" in shown
    assert "State: waiting" in shown
    (as_json,) = _run("approval", "list", "--json").stdout.splitlines()
    assert "code" not in json.loads(as_json)
    assert _run("approval", "approve", held_id).exit_code == 0
    assert "State: approved" in _run("approval", "show", held_id).stdout
    assert _run("approval", "list").stdout == ""


def test_a_no_needs_a_reason_and_cannot_be_turned_into_a_yes() -> None:
    _mailed(0)
    _run("organizer", "approval", "olga@cis.test", "on", "--approver", "boss@example.org")
    _mailed(1)
    held_id = _run("approval", "list").stdout.split()[0]
    assert _run("approval", "refuse", held_id).exit_code == 2
    assert _run("approval", "refuse", held_id, "--why", "Not on a Monday").exit_code == 0
    refused = _run("approval", "approve", held_id)
    assert refused.exit_code == 2
    assert "held_action_state" in refused.output
    assert "Not on a Monday" in _run("approval", "show", held_id).stdout


def test_an_unknown_id_is_refused_with_what_to_do_next() -> None:
    _run("vendor", "set", "own")
    done = _run("approval", "show", "nothing")
    assert done.exit_code == 2
    assert "cis-mcp approval list" in done.output


def test_the_console_is_opened_by_a_link_that_is_made_at_the_machine() -> None:
    _run("vendor", "set", "own")
    done = _run("console")
    assert done.exit_code == 0
    assert done.stdout.startswith("http://127.0.0.1:8000/signin/")
