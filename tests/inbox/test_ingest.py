"""`cis-mcp ingest` as a process of its own, as a mail server's pipe runs it."""

from __future__ import annotations

import asyncio
import json
import os
import sqlite3
import time
from contextlib import closing
from pathlib import Path

from engine.inbox.spool.spool import OwnMailbox, Spool
from engine.model.queries import EventQuery
from tests.support import mails
from tests.support.engines import engine_in
from tests.support.forks import cis_mcp
from tests.support.waiting import DEADLINE_S

ROOT = Path(__file__).parents[2]


async def ingest(
    folder: Path, *arguments: str, stdin: bytes = b"", **settings: str
) -> tuple[int, list[dict[str, str]]]:
    """Its exit code and the lines that it printed."""
    settings = {"DATA_DIR": str(folder), "AUTHSERV_IDS": mails.OPERATOR_SERVER, **settings}
    given = {f"CIS_{name}": value for name, value in settings.items()}
    process = await cis_mcp("ingest", *arguments, cwd=ROOT, env=given)
    async with asyncio.timeout(DEADLINE_S):
        out, _ = await process.communicate(stdin)
    assert process.returncode is not None
    return process.returncode, [json.loads(line) for line in out.splitlines()]


def written(folder: Path, name: str, raw: bytes) -> str:
    path = folder / name
    path.write_bytes(raw)
    return str(path)


async def test_files_are_handled_in_order_one_line_each(tmp_path: Path) -> None:
    files = [
        written(tmp_path, "1.eml", mails.request().as_bytes()),
        written(tmp_path, "2.eml", mails.cancel().as_bytes()),
        written(tmp_path, "3.eml", mails.mail("olga@cis.test", "create@cis.test").as_bytes()),
        written(tmp_path, "4.eml", b"From nobody"),
    ]
    code, lines = await ingest(tmp_path, *files)
    assert code == 0
    assert [line["file"] for line in lines] == files
    assert [line["action"] for line in lines] == ["created", "cancelled", "refused", "quarantined"]
    assert lines[0]["uid"] == lines[1]["uid"] != ""
    assert lines[2]["code"] == "no_calendar"
    assert all(set(line) == {"file", "action", "uid", "code", "detail"} for line in lines)
    async with engine_in(tmp_path) as engine:
        found = await engine.search(EventQuery(), engine.local)
        assert [e.uid for e in found.events] == [lines[0]["uid"]]


async def test_a_mail_from_stdin_goes_to_the_mailbox_that_is_named(tmp_path: Path) -> None:
    stray = mails.request()
    stray.replace_header("To", "info@elsewhere.example")
    code, (line,) = await ingest(tmp_path, "--mailbox", "create", stdin=stray.as_bytes())
    assert (code, line["file"], line["action"]) == (0, "-", "created")
    answer = mails.reply(line["uid"], "bob@example.com", to="info@elsewhere.example")
    code, (line,) = await ingest(tmp_path, "--mailbox", "rsvp", stdin=answer.as_bytes())
    assert (code, line["action"]) == (0, "receipt")


async def test_a_mail_that_is_too_large_is_set_aside(tmp_path: Path) -> None:
    raw = mails.request().as_bytes() + b"x" * 20_000
    code, (line,) = await ingest(tmp_path, stdin=raw, MAX_MAIL_BYTES="10000")
    assert (code, line["action"], line["code"]) == (0, "quarantined", "too_large")


async def test_a_file_that_is_not_there_is_75_and_the_others_are_handled(tmp_path: Path) -> None:
    good = written(tmp_path, "good.eml", mails.request().as_bytes())
    code, lines = await ingest(tmp_path, str(tmp_path / "missing.eml"), good)
    assert code == 75
    assert [line["action"] for line in lines] == ["failed", "created"]


async def test_a_spool_that_cannot_be_written_is_75(tmp_path: Path) -> None:
    (tmp_path / "inbox").write_text("in the way")
    code, (line,) = await ingest(tmp_path, stdin=mails.request().as_bytes())
    assert (code, line["action"]) == (75, "failed")


async def test_a_database_that_cannot_be_opened_is_75(tmp_path: Path) -> None:
    (tmp_path / "cis.sqlite3").write_text("This is no database. " * 500)
    code, (line,) = await ingest(tmp_path, stdin=mails.request().as_bytes())
    assert (code, line["action"]) == (75, "failed")


async def test_a_newer_database_is_75(tmp_path: Path) -> None:
    with closing(sqlite3.connect(tmp_path / "cis.sqlite3")) as raw:
        raw.execute("PRAGMA user_version = 999")
    code, (line,) = await ingest(tmp_path, stdin=mails.request().as_bytes())
    assert (code, line["action"]) == (75, "failed")


async def test_a_mail_that_is_stored_and_not_handled_is_75_and_not_lost(tmp_path: Path) -> None:
    async with engine_in(tmp_path):
        pass
    with closing(sqlite3.connect(tmp_path / "cis.sqlite3")) as raw:
        raw.execute("ALTER TABLE intake RENAME TO elsewhere")
    code, (line,) = await ingest(tmp_path, stdin=mails.request().as_bytes())
    assert (code, line["action"]) == (75, "failed")
    assert len(list((tmp_path / "inbox" / "new").iterdir())) == 1


def test_a_held_mail_is_passed_over_while_its_process_may_be_alive(tmp_path: Path) -> None:
    spool = Spool(tmp_path)
    envelope = spool.store(b"x", (OwnMailbox(name="create"),), None, held=True)
    assert list(spool.waiting()) == []
    old = time.time() - 120
    os.utime(tmp_path / "new" / envelope.id, (old, old))
    assert list(spool.waiting()) == [envelope.id]


async def test_a_setting_that_is_wrong_is_trouble_that_passes_and_the_mail_server_keeps_the_mail(
    tmp_path: Path,
) -> None:
    assert await ingest(tmp_path, stdin=mails.request().as_bytes(), FAIL_SHARE="7") == (75, [])


async def test_a_folder_that_cannot_be_used_is_said_and_the_mail_server_keeps_the_mail(
    tmp_path: Path,
) -> None:
    (tmp_path / "secret").write_bytes(b"x" * 32)
    code, (line,) = await ingest(tmp_path, stdin=mails.request().as_bytes(), SECRET="another" * 9)
    assert (code, line["action"]) == (75, "failed")
