"""`cis-mcp undo`: the operator takes back what a calendar client has just asked for by mail."""

from __future__ import annotations

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
    monkeypatch.setenv("CIS_UNDO_S", "600")


def _run(*arguments: str, stdin: bytes | None = None) -> Result:
    return CliRunner().invoke(cli, arguments, input=stdin, prog_name="cis-mcp")


def test_what_can_be_taken_back_is_listed_and_taken_back_once() -> None:
    _run("vendor", "set", "own")
    listed = _run("undo")
    assert (listed.exit_code, listed.stdout) == (0, "")
    assert "CIS_UNDO_S" in listed.stderr
    for sequence in (0, 1):
        by = sequence * (END - START)
        event = vevent(start=START + by, end=END + by, sequence=sequence, dtstamp=STAMP + by)
        assert _run("ingest", "--mailbox", "create", stdin=mails.request(event).as_bytes()).exit_code == 0
    (line,) = _run("undo").stdout.splitlines()
    assert "UpdateEvent" in line
    undo_id = line.split()[0]
    done = _run("undo", undo_id)
    assert (done.exit_code, done.stdout) == (0, "Undone. Mails withdrawn: 0.\n")
    assert "before" in _run("undo", undo_id).stdout
    assert _run("undo").stdout == ""
    unknown = _run("undo", "nothing")
    assert unknown.exit_code == 2
    assert unknown.stderr.startswith("unknown_undo: ")
