"""What the SQLite store promises beyond the contract: migrations, several processes, one file."""

from __future__ import annotations

import asyncio
import sqlite3
import sys
from contextlib import closing
from pathlib import Path

import pytest

from engine.refusals import Code, Refused
from engine.store.sqlite.migrating import NewerDatabase
from engine.store.sqlite.schema import MIGRATIONS
from engine.store.sqlite.store import SqliteStore
from tests.store.stores import sqlite, with_event
from tests.support.engines import engine_in
from tests.support.waiting import DEADLINE_S

_PROCESSES = 4
_UNITS = 200
_WRITERS = """
import asyncio, os, sys
from pathlib import Path
from engine.store.sqlite.store import SqliteStore
from tests.store import stores

async def main(path, name, units):
    store = await SqliteStore.open(Path(path))
    for n in range(units):
        email = f"{name}-{n}@example.com"
        async with store.unit() as unit:
            await unit.ensure_organizer(stores.ORGANIZER, "", stores.START)
            if await unit.event("shared") is None:
                await unit.add_event(stores.event("shared"))
            await unit.add_attendees([stores.attendee(email, "shared")])
            message = stores.message(email, "shared", message_id=f"{name}-{n}@example.org")
            await unit.add_messages([message], priority=0)
    await store.close()

for number in range(int(sys.argv[2])):
    if os.fork() == 0:
        sys.exit(asyncio.run(main(sys.argv[1], f"w{number}", int(sys.argv[3]))))
statuses = [os.wait()[1] for _ in range(int(sys.argv[2]))]
sys.exit(any(statuses))
"""
"""A process that imports all that is needed, and forks before it opens anything."""

_ATTENDEE = (
    "INSERT INTO attendee VALUES ({n},'u1','{email}','t{n}','','accepted','{origin}','','{{}}',{n},0,5,5);"
)
_OLD = "\n".join(
    [
        "INSERT INTO organizer VALUES ('o','',0,0);",
        "INSERT INTO event VALUES ('u1','o',NULL,'confirmed',0,0,NULL,'{}');",
        *(
            _ATTENDEE.format(n=n, email=email, origin="api" if email == "invited" else "shared")
            for n, email in enumerate(("invited", "guest", "sent", "named", "flagged"), start=1)
        ),
        *(
            "INSERT INTO receipt(event_uid, email, arrived, counted, body) VALUES "
            f'(\'u1\',\'{email}\',5,1,\'{{"code":"{code}","partstat":"accepted","recurrence_id":null}}\');'
            for email, code in (
                ("invited", ""),
                ("guest", ""),
                ("sent", ""),
                ("named", ""),
                ("flagged", "sender_unauthenticated"),
            )
        ),
        "INSERT INTO message(kind, event_uid, email, organizer, method, sequence, recurrence_id, repeat, message_id, "
        "state, priority, created, due, settled) VALUES "
        "('invite','u1','sent','o','REQUEST',0,'','','m1','accepted',0,0,0,1);",
        "INSERT INTO delegation VALUES ('u1','invited','sent',3),('u1','invited','named',4);",
        "INSERT INTO block VALUES ('gone','o',0);",
        *(
            f"INSERT INTO tally SELECT '{scope}','{key}',name,n FROM (SELECT 'attendees' AS name, 5 AS n UNION ALL "
            "SELECT 'rsvp.accepted',5 UNION ALL SELECT 'origin.shared',4 UNION ALL SELECT 'origin.api',1 "
            "UNION ALL SELECT 'delivery.accepted',1);"
            for scope, key in (("event", "u1"), ("organizer", "o"), ("system", ""))
        ),
    ]
)
"""Rows as version 8 kept them."""


async def test_a_new_file_gets_the_newest_tables(tmp_path: Path) -> None:
    async with sqlite(tmp_path / "a" / "new" / "folder") as store:
        await with_event(store, "ann@example.com")
    with sqlite3.connect(tmp_path / "a" / "new" / "folder" / "store.sqlite3") as raw:
        assert raw.execute("PRAGMA user_version").fetchone() == (len(MIGRATIONS),)
        assert raw.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    raw.close()


async def test_opening_again_changes_nothing(tmp_path: Path) -> None:
    async with sqlite(tmp_path) as store:
        made = await with_event(store, "ann@example.com")
    async with sqlite(tmp_path) as store:
        assert await store.event(made.uid) == made


def _older(folder: Path) -> None:
    raw = sqlite3.connect(folder / "store.sqlite3", isolation_level=None)
    for script in MIGRATIONS[:8]:
        raw.executescript(script)
    raw.executescript(_OLD)
    raw.execute("PRAGMA user_version = 8")
    raw.close()


async def test_an_older_database_calls_mails_that_a_server_took_sent(tmp_path: Path) -> None:
    _older(tmp_path)
    async with sqlite(tmp_path):
        pass
    with sqlite3.connect(tmp_path / "store.sqlite3") as raw:
        assert raw.execute("SELECT state FROM message").fetchall() == [("sent",)]
        counted = raw.execute("SELECT DISTINCT name, n FROM tally WHERE name LIKE 'delivery.%'").fetchall()
        assert counted == [("delivery.sent", 1)]
    raw.close()


async def test_an_older_database_mails_nobody_who_turned_up_at_anothers_word(tmp_path: Path) -> None:
    """Of those who came without an invite of ours, who proved themselves stays told; so do invited delegates."""
    _older(tmp_path)
    async with sqlite(tmp_path) as store:
        found = {a.email: a.proven async for a in store.every_attendee("u1")}
        assert found == {"invited": True, "guest": True, "sent": True, "named": False, "flagged": False}
        added = {d.delegate: d.added for d in await store.delegations("u1", "invited")}
        assert added == {"sent": True, "named": False}
        async with store.unit() as unit:
            assert await unit.barred("o", ["gone"]) == {"gone": Code.ATTENDEE_BLOCKED}


async def test_a_newer_database_is_refused_and_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "newer.sqlite3"
    raw = sqlite3.connect(path)
    raw.execute("PRAGMA user_version = 999")
    raw.commit()
    raw.close()
    with pytest.raises(NewerDatabase, match="newer program"):
        await SqliteStore.open(path)
    raw = sqlite3.connect(path)
    assert raw.execute("SELECT count(*) FROM sqlite_master").fetchone() == (0,)
    raw.close()


async def test_a_file_that_is_no_database_is_an_os_error(tmp_path: Path) -> None:
    path = tmp_path / "text.sqlite3"
    path.write_text("This is not a database, and long enough to be seen as none." * 100)
    with pytest.raises(OSError, match="not a database"):
        await SqliteStore.open(path)


async def test_many_that_open_a_new_file_at_once_all_succeed(tmp_path: Path) -> None:
    path = tmp_path / "store.sqlite3"
    stores = await asyncio.gather(*(SqliteStore.open(path) for _ in range(12)))
    try:
        assert [await store.recount() for store in stores] == [[]] * 12
    finally:
        for store in stores:
            await store.close()


async def test_who_opens_a_new_file_waits_for_whoever_is_making_it(tmp_path: Path) -> None:
    path = tmp_path / "new.sqlite3"
    first = sqlite3.connect(path, isolation_level=None)
    try:
        first.execute("BEGIN IMMEDIATE")
        opening = asyncio.create_task(SqliteStore.open(path))
        done, _ = await asyncio.wait({opening}, timeout=0.3)
        assert not done, "what it waits for has not happened yet"
    finally:
        first.close()
    async with asyncio.timeout(DEADLINE_S):
        store = await opening
    await store.close()


async def test_several_processes_write_into_one_file(tmp_path: Path) -> None:
    path = tmp_path / "store.sqlite3"
    writers = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", _WRITERS, str(path), str(_PROCESSES), str(_UNITS)),
        cwd=Path(__file__).parents[2],
        stderr=asyncio.subprocess.PIPE,
    )
    async with asyncio.timeout(DEADLINE_S):
        _, errors = await writers.communicate()
    assert (errors.decode(), writers.returncode) == ("", 0)
    async with sqlite(tmp_path) as store:
        assert (await store.statistics("event", "shared")).attendees == _PROCESSES * _UNITS


async def test_a_recount_sees_one_instant_and_lets_others_write_meanwhile(tmp_path: Path) -> None:
    async with sqlite(tmp_path) as store:
        await with_event(store, "ann@example.com")
        with closing(sqlite3.connect(tmp_path / "store.sqlite3", isolation_level=None)) as writing:
            writing.execute("BEGIN IMMEDIATE")
            writing.execute("DELETE FROM tally")
            assert await store.recount() == []
            writing.execute("ROLLBACK")


async def test_a_recount_that_fails_leaves_nothing_open(tmp_path: Path) -> None:
    async with sqlite(tmp_path) as store:
        await with_event(store, "ann@example.com")
        with closing(sqlite3.connect(tmp_path / "store.sqlite3", isolation_level=None)) as raw:
            raw.execute("ALTER TABLE tally RENAME TO mislaid")
            with pytest.raises(sqlite3.OperationalError, match="tally"):
                await store.recount()
            raw.execute("ALTER TABLE mislaid RENAME TO tally")
        assert await store.recount() == []


async def test_an_sqlite_that_is_too_old_is_named_at_the_start(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sqlite3, "sqlite_version_info", (3, 7, 17))
    with pytest.raises(Refused, match="too old"):
        async with engine_in(tmp_path):
            pass
