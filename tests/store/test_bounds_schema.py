"""A database of before the second line: its confirmations still wait, and say until when."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from datetime import timedelta
from pathlib import Path

from engine.model.confirmations import Confirmation
from engine.store.sqlite.bounds_schema import BOUNDS
from engine.store.sqlite.schema import MIGRATIONS
from tests.support.clock import START
from tests.support.engines import engine_in


def older(folder: Path, *confirmations: Confirmation) -> None:
    """A database as the version before made it."""
    before = MIGRATIONS.index(BOUNDS)
    with closing(sqlite3.connect(folder / "cis.sqlite3")) as raw, raw:
        for script in MIGRATIONS[:before]:
            raw.executescript(script)
        for found in confirmations:
            body = found.model_dump_json(exclude={"kind", "asked", "proofs"})
            raw.execute(
                "INSERT INTO confirmation(code, address, created, body) VALUES (?,?,?,?)",
                [found.code, found.address, found.created.timestamp(), body],
            )
        raw.execute(f"PRAGMA user_version = {before}")


def waiting(code: str, **values: object) -> Confirmation:
    return Confirmation(
        code=code,
        mail=f"mail-{code}",
        mailbox="create",
        address="olga@cis.test",
        what="It cancels an event.",
        created=START,
        expires=START + timedelta(days=7),
        **values,  # type: ignore[arg-type]
    )


async def test_confirmations_of_an_older_database_are_kept(tmp_path: Path) -> None:
    older(tmp_path, waiting("open"), waiting("used", used=START))
    async with engine_in(tmp_path) as engine:
        assert await engine.store.confirmation("open") == waiting("open")
        with closing(sqlite3.connect(tmp_path / "cis.sqlite3")) as raw:
            found = raw.execute(
                "SELECT code, kind, mail, expires, open FROM confirmation ORDER BY code"
            ).fetchall()
        expires = waiting("open").expires.timestamp()
        assert found == [("open", "mail", "mail-open", expires, 1), ("used", "mail", "mail-used", expires, 0)]
        async with engine.store.unit() as unit:
            assert await unit.asked_since("olga@cis.test", START - timedelta(days=1))
