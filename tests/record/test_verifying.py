"""What a look at the record finds: changed rows, a cut end, an old backup, a rewritten past. With real files."""

from __future__ import annotations

import json
import shutil
import sqlite3
import threading
from contextlib import closing
from datetime import timedelta
from pathlib import Path

import httpx
import pytest
from click.testing import CliRunner, Result
from starlette.applications import Starlette

from cis_mcp.cli.main import cli
from cis_mcp.watch import status
from cis_mcp.watch.health import Health
from engine.engine import Engine
from engine.jobs import record as looking_after
from engine.record.heads import HEAD_FILE
from engine.record.signing import HeadSigner, opened
from engine.refusals import Refused
from tests.support.clock import Clock
from tests.support.engines import created, engine_in, settings_in
from tests.support.waiting import DEADLINE_S


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A data folder that the command line is set to."""
    monkeypatch.chdir(tmp_path)
    data = tmp_path / "data"
    monkeypatch.setenv("CIS_DATA_DIR", str(data))
    return data


async def _events(folder: Path, count: int) -> str:
    """Make some events; returns the signed head afterwards."""
    engine = await Engine.open(settings_in(folder), clock=Clock())
    try:
        for _ in range(count):
            await created(engine)
        return await engine.signed_head()
    finally:
        await engine.close()


def _run(*arguments: object) -> Result:
    """The command line in a thread of its own, since it begins a loop of its own."""
    found: list[Result] = []

    def alone() -> None:
        found.append(CliRunner().invoke(cli, [str(a) for a in arguments], prog_name="cis-mcp"))

    thread = threading.Thread(target=alone)
    thread.start()
    thread.join()
    return found[0]


def _sql(folder: Path, *statements: str) -> None:
    with closing(sqlite3.connect(folder / "cis.sqlite3", isolation_level=None)) as raw:
        for statement in statements:
            raw.execute(statement)


async def test_a_record_that_nobody_touched_is_verified(folder: Path) -> None:
    await _events(folder, 3)
    done = _run("record", "verify")
    assert (done.exit_code, done.output) == (
        0,
        "3 rows follow one another up to row 3, 1 signed head in it.\n",
    )


@pytest.mark.parametrize(
    "meddling",
    [
        "UPDATE record SET body = replace(body, 'CreateEvent', 'CancelEvent') WHERE seq = 2",
        "UPDATE record SET head = zeroblob(32) WHERE seq = 2",
        "DELETE FROM record WHERE seq = 2",
        "INSERT INTO record(seq, body, head) SELECT 9, body, head FROM record WHERE seq = 3",
    ],
)
async def test_a_row_that_was_changed_taken_out_or_put_in_is_found(folder: Path, meddling: str) -> None:
    await _events(folder, 3)
    _sql(folder, meddling)
    for command in (("record", "verify"), ("check",)):
        done = _run(*command)
        assert done.exit_code == 1
        assert "record: row" in done.output


async def test_a_cut_tail_is_found_by_the_head_beside_the_database_and_by_one_from_a_mail(
    folder: Path, tmp_path: Path
) -> None:
    note = await _events(folder, 3)
    mail = tmp_path / "digest.eml"
    mail.write_bytes(
        b"Subject: Digest\r\n\r\nYour agent did much.\r\n\r\n" + note.replace("\n", "\r\n").encode()
    )
    _sql(folder, "DELETE FROM record WHERE seq = 3")
    assert "ends at row 2, but row 3 was signed" in _run("check").output
    (folder / HEAD_FILE).unlink()
    assert _run("record", "verify").exit_code == 0  # nothing is left here that knows better
    done = _run("record", "verify", "--head", mail)
    assert done.exit_code == 1
    assert "its end was cut off, or an old backup was restored" in done.output


async def test_an_old_backup_that_was_restored_and_went_on_is_found(folder: Path, tmp_path: Path) -> None:
    await _events(folder, 2)
    backup = tmp_path / "backup"
    shutil.copytree(folder, backup)
    note = await _events(folder, 2)
    (tmp_path / "head.txt").write_text(note)
    (folder / "cis.sqlite3").unlink()
    for ending in ("-wal", "-shm"):
        (folder / f"cis.sqlite3{ending}").unlink(missing_ok=True)
    for found in backup.glob("cis.sqlite3*"):
        shutil.copy(found, folder / found.name)
    assert "an old backup was restored" in _run("check").output
    shutil.rmtree(folder)
    shutil.copytree(backup, folder)  # the head beside it is as old now
    await _events(folder, 3)
    assert _run("record", "verify").exit_code == 0
    done = _run("record", "verify", "--head", tmp_path / "head.txt")
    assert done.exit_code == 1
    assert "row 4 is not the one that was signed: the record was rewritten" in done.output


async def test_a_head_that_somebody_else_signed_is_refused(folder: Path, tmp_path: Path) -> None:
    await _events(folder, 1)
    note = await _events(tmp_path / "other", 1)
    (tmp_path / "head.txt").write_text(note)
    done = _run("record", "verify", "--head", tmp_path / "head.txt")
    assert done.exit_code == 2
    assert "not signed with this key" in done.output
    signer = HeadSigner.of(settings_in(folder))
    real = (folder / HEAD_FILE).read_text()
    assert opened(real, signer.verifier).head.seq == 1
    for forged in (real.replace("\n1\n", "\n2\n"), real.replace("— cis.test", "— cis2.test"), "nothing"):
        with pytest.raises(Refused):
            opened(forged, signer.verifier)


async def test_an_exported_record_is_verified_by_whoever_has_the_key(folder: Path, tmp_path: Path) -> None:
    note = await _events(folder, 3)
    out, head = tmp_path / "record.jsonl", tmp_path / "head.txt"
    out.write_text(_run("record", "export").output, encoding="utf-8")
    head.write_text(note)
    key = _run("record", "key").output.strip()
    begins, *rows, end = out.read_text(encoding="utf-8").splitlines()
    assert json.loads(begins)["key"] == key
    assert [json.loads(row)["command"] for row in rows] == ["CreateEvent"] * 3
    shutil.rmtree(folder)
    done = _run("record", "verify", out, "--key", key, "--head", head)
    assert (done.exit_code, done.output) == (
        0,
        "3 rows follow one another up to row 3, 2 signed heads in it.\n",
    )
    for lines in (
        [begins, *rows],
        [begins, *rows[:2], end],
        [begins, rows[1], rows[0], rows[2], end],
        [begins, rows[0], rows[1].replace("CreateEvent", "Create"), rows[2], end],
    ):
        out.write_text("\n".join(lines) + "\n", encoding="utf-8")
        assert _run("record", "verify", out, "--key", key).exit_code == 1
    out.write_text("{}\n")
    assert _run("record", "verify", out).exit_code == 2


async def test_the_past_is_cut_at_a_signed_head_and_the_rest_is_verified(
    tmp_path: Path, clock: Clock
) -> None:
    async with engine_in(tmp_path, clock, record_days=30) as engine:
        for _ in range(4):
            await created(engine)
            clock.move(days=10)
        early = await engine.signed_head()
        clock.move(days=9)
        await looking_after.keep(engine)
        rows = await engine.store.record_rows(0, 100)
        assert [row.seq for row in rows] == [3, 4]
        cut = await engine.store.record_cut()
        assert cut is not None
        assert opened(cut.note, engine.signer.verifier).head == (2, cut.head)
        assert await engine.check() == []
        await created(engine)
        assert opened(early, engine.signer.verifier).head.seq == 4
        assert await looking_after.cut(engine, clock() + timedelta(days=1)) == 2
        assert [row.seq for row in await engine.store.record_rows(0, 100)] == [5]
        assert await looking_after.cut(engine, clock() + timedelta(days=1)) == 0


async def test_a_broken_record_is_not_cut(tmp_path: Path, clock: Clock) -> None:
    engine = await Engine.open(settings_in(tmp_path), clock=clock)
    try:
        for _ in range(3):
            await created(engine)
        _sql_in(engine, "UPDATE record SET body = replace(body, 'Create', 'Cancel') WHERE seq = 1")
        assert await looking_after.cut(engine, clock() + timedelta(days=1)) == 0
        assert len(await engine.store.record_rows(0, 100)) == 3
    finally:
        await engine.close()


def _sql_in(engine: Engine, statement: str) -> None:
    with closing(sqlite3.connect(engine.settings.database)) as raw, raw:
        raw.execute(statement)


async def test_the_lines_of_before_the_record_can_still_be_read(folder: Path) -> None:
    await _events(folder, 1)
    _sql(folder, "INSERT INTO audit(at, actor, command, subject) VALUES (1, 'local:x', 'CreateEvent', 'u')")
    lines = [json.loads(line) for line in _run("record", "export", "--old").output.splitlines()]
    assert lines == [{"at": 1.0, "actor": "local:x", "command": "CreateEvent", "event": "u"}]


async def test_the_public_key_is_published(folder: Path) -> None:
    engine = await Engine.open(settings_in(folder), clock=Clock())
    try:
        app = Starlette(routes=status.routes(engine, Health()))
        way = httpx.ASGITransport(app=app)
        async with httpx.AsyncClient(transport=way, base_url="http://server", timeout=DEADLINE_S) as client:
            (key,) = (await client.get("/.well-known/cis-keys")).json()["keys"]
        assert (key["kty"], key["crv"], key["vkey"]) == ("OKP", "Ed25519", engine.signer.verifier)
        assert opened(await engine.signed_head(), key["vkey"]).head.seq == 0
    finally:
        await engine.close()
