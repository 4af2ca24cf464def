"""A database of before leases had a table: what was being sent is held by a lease, and counts as before."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from datetime import timedelta
from pathlib import Path

from engine.store.sqlite.lease_schema import LEASES
from engine.store.sqlite.schema import MIGRATIONS
from engine.store.sqlite.store import SqliteStore
from tests.store.stores import START, claim, emails, event, states

_ROWS = """
INSERT INTO organizer(address, name, created) VALUES ('olga@example.org', 'Olga', 0);
INSERT INTO event(uid, organizer, status, sequence, starts, ends, body)
    VALUES ('event1', 'olga@example.org', 'confirmed', 0, {start}, {start}, '{body}');
INSERT INTO attendee(event_uid, email, token, name, partstat, origin, prodid, fields, created, receipt_sequence)
    SELECT 'event1', value || '@example.com', value, '', 'needs-action', 'api', '', '{{}}', 0, 0
    FROM json_each('["ann", "bob"]');
INSERT INTO message(kind, event_uid, email, organizer, method, sequence, recurrence_id, repeat, message_id, state,
    attempts, priority, created, due, owner, lease)
    VALUES ('invite', 'event1', 'ann@example.com', 'olga@example.org', 'REQUEST', 0, '', '', 'a@x', 'sending', 1, 0, 0,
    0, 'one', {lease}), ('invite', 'event1', 'bob@example.com', 'olga@example.org', 'REQUEST', 0, '', '', 'b@x',
    'queued', 0, 0, 0, 0, NULL, NULL);
INSERT INTO tally(scope, key, name, n) SELECT s.value ->> 0, s.value ->> 1, n.value ->> 0, n.value ->> 1
    FROM json_each('[["event","event1"],["organizer","olga@example.org"],["system",""]]') s,
    json_each('[["attendees",2],["rsvp.noaction",2],["origin.api",2],["delivery.queued",1],["delivery.sending",1]]') n;
"""


def older(database: Path, body: str) -> None:
    before = MIGRATIONS.index(LEASES)
    lease = (START + timedelta(seconds=20)).timestamp()
    with closing(sqlite3.connect(database)) as raw, raw:
        for script in MIGRATIONS[:before]:
            raw.executescript(script)
        raw.executescript(_ROWS.format(start=START.timestamp(), lease=lease, body=body))
        raw.execute(f"PRAGMA user_version = {before}")


async def test_what_was_being_sent_is_held_until_its_lease_runs_out(tmp_path: Path) -> None:
    older(tmp_path / "store.sqlite3", event().model_dump_json().replace("'", "''"))
    store = await SqliteStore.open(tmp_path / "store.sqlite3")
    try:
        assert await states(store) == {"sending": 1, "queued": 1}
        assert await store.recount() == []
        assert emails(await claim(store)) == ["bob@example.com"]
        later = START + timedelta(seconds=60)
        (again, _) = sorted(await claim(store, "two", now=later), key=lambda c: c.message.email)
        assert (again.message.email, again.message.in_doubt) == ("ann@example.com", True)
        assert await store.recount() == []
    finally:
        await store.close()
