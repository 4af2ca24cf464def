"""`cis-mcp ingest` while a server holds the folder: the mail is stored for it, and the server hears of it at once."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

from tests.inbox.test_ingest import ROOT, ingest, written
from tests.support import mails
from tests.support.engines import engine_in
from tests.support.inboxes import receiving
from tests.support.sources import taken
from tests.support.waiting import eventually

_LISTED = """
import sys
from cis_mcp.cli.main import main
try:
    main(["ingest"])
finally:
    print(" ".join(sys.modules), file=sys.stderr)
"""
_HEAVY = {"pydantic", "pydantic_settings", "aiosqlite", "sqlite3"}


async def test_a_mail_from_a_pipe_is_handled_by_the_server_that_holds_the_folder(tmp_path: Path) -> None:
    async with engine_in(tmp_path, authserv_ids=mails.OPERATOR_SERVER) as engine, receiving(engine):
        code, lines = await ingest(tmp_path, "--mailbox", "create", stdin=mails.request().as_bytes())
        assert (code, [line["action"] for line in lines]) == (0, ["stored"])

        async def handled() -> bool:
            return [intake.action for intake in await taken(engine)] == ["created"]

        await eventually(handled)


async def test_a_mail_is_on_the_disk_before_it_is_said_to_be_stored(tmp_path: Path) -> None:
    async with engine_in(tmp_path) as engine, receiving(engine) as post:
        path = written(tmp_path, "1.eml", b"From nobody")
        code, lines = await ingest(tmp_path, path, str(tmp_path / "none.eml"))
        assert code == 75
        assert [(line["file"], line["action"]) for line in lines] == [
            (path, "stored"),
            (str(tmp_path / "none.eml"), "failed"),
        ]
        await eventually(lambda: [path.name for path in post.files("quarantine")] == [lines[0]["detail"]])


async def test_a_full_disk_leaves_the_mail_with_whoever_brought_it(tmp_path: Path) -> None:
    async with engine_in(tmp_path, disk_reserve_mb=1_000_000_000) as engine, receiving(engine) as post:
        code, lines = await ingest(tmp_path, stdin=mails.request().as_bytes())
        assert (code, [line["action"] for line in lines]) == (75, ["failed"])
        assert not post.files("new")


async def test_a_mail_is_handled_on_the_spot_once_the_server_is_gone(tmp_path: Path) -> None:
    async with engine_in(tmp_path, authserv_ids=mails.OPERATOR_SERVER) as engine, receiving(engine):
        pass
    code, lines = await ingest(tmp_path, "--mailbox", "create", stdin=mails.request().as_bytes())
    assert (code, [line["action"] for line in lines]) == (0, ["created"])


async def test_what_hands_a_mail_over_loads_neither_settings_nor_store(tmp_path: Path) -> None:
    async with engine_in(tmp_path) as engine, receiving(engine):
        done = subprocess.run(
            [sys.executable, "-c", _LISTED],
            cwd=ROOT,
            env={**os.environ, "CIS_DATA_DIR": str(tmp_path)},
            input=mails.request().as_bytes(),
            capture_output=True,
            check=True,
        )
    assert json.loads(done.stdout)["action"] == "stored"
    assert not _HEAVY & set(done.stderr.decode().split())
