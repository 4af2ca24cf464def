"""Recounts everything and compares it with the counters (promise 10)."""

from __future__ import annotations

import sqlite3
from contextlib import suppress

from engine.model.messages import Kind
from engine.model.people import Partstat
from engine.store.sqlite.budgets import MISCOUNTED as MISCOUNTED_BUDGETS
from engine.store.sqlite.day_limit import MISCOUNTED
from engine.store.sqlite.person_schema import COUNTED, PERSON
from engine.store.sqlite.session import Session, Statements

_LITTLE_PAGES = 500
"""Twice those of a new database, in which a recount takes a millisecond."""
_LABEL = "CASE partstat " + " ".join(f"WHEN '{p.value}' THEN '{p.label}'" for p in Partstat) + " END"
_CALENDAR = ",".join(f"'{k.value}'" for k in Kind if k.calendar)

_ROWS = f"""
WITH a AS (
    SELECT a.event_uid, e.organizer, a.partstat, a.origin, a.prodid FROM attendee a JOIN event e ON e.uid = a.event_uid
    WHERE a.withdrawn IS NULL
), named AS (
    SELECT event_uid, organizer, 'attendees' AS name FROM a
    UNION ALL SELECT event_uid, organizer, 'rsvp.' || {_LABEL} FROM a
    UNION ALL SELECT event_uid, organizer, 'origin.' || origin FROM a
    UNION ALL SELECT event_uid, organizer, 'prodid.' || prodid FROM a WHERE prodid <> ''
    UNION ALL SELECT p.event_uid, e.organizer, 'proposals' FROM proposal p JOIN event e ON e.uid = p.event_uid
        WHERE p.state = 'open'
    UNION ALL SELECT event_uid, organizer, 'delivery.' || state FROM message WHERE kind IN ({_CALENDAR})
), counted AS (
    SELECT 'event' AS scope, event_uid AS key, name, count(*) AS n FROM named GROUP BY 2, 3
    UNION ALL SELECT 'organizer', organizer, name, count(*) FROM named GROUP BY 2, 3
    UNION ALL SELECT 'system', '', name, count(*) FROM named GROUP BY 3
    UNION ALL SELECT 'campaign', campaign_id, 'delivery.' || state, count(*) FROM message
        WHERE campaign_id IS NOT NULL GROUP BY 2, 3
    UNION ALL SELECT 'failure', '', code, count(*) FROM message WHERE state = 'failed' GROUP BY 3
    UNION ALL SELECT 'kept', '', 'mails', count(*) FROM kept_mail
    UNION ALL SELECT 'kept', '', 'bytes', coalesce(sum(bytes), 0) FROM kept_mail
)
"""
COUNTERS = f"{_ROWS} SELECT scope, key, name, n FROM counted WHERE n <> 0"
"""The query for the correct counters."""
_COUNTED = f"""{_ROWS}
SELECT coalesce(c.scope, t.scope) AS scope, coalesce(c.key, t.key) AS key, coalesce(c.name, t.name) AS name,
    coalesce(t.n, 0) AS kept, coalesce(c.n, 0) AS counted
FROM counted c FULL OUTER JOIN (SELECT * FROM tally WHERE scope <> 'dropped') t
    ON t.scope = c.scope AND t.key = c.key AND t.name = c.name
WHERE coalesce(t.n, 0) <> coalesce(c.n, 0)
"""

_OF_DAYS = f"""
WITH counted AS (
    SELECT CAST(created / 86400 AS INTEGER) AS day, {PERSON} AS person, count(*) AS n, sum(prompted) AS prompted
    FROM message WHERE {COUNTED} AND created >= (SELECT min(day) * 86400 FROM person_mail) GROUP BY 1, 2
)
SELECT count(*) AS n FROM person_mail kept LEFT JOIN counted USING (day, person)
    WHERE kept.n IS NOT counted.n OR kept.prompted IS NOT counted.prompted
"""

_CONTRADICTIONS = {
    "days of keys whose budgets differ from the ledger": MISCOUNTED_BUDGETS,
    "hours that count fewer mails than left in them": MISCOUNTED,
    "counters of the mails that a person was owed on a day differ from the mails": _OF_DAYS,
    "sums of mails that changed nothing differ from the mails": "SELECT count(*) AS n FROM (SELECT * FROM kept_share "
    "EXCEPT SELECT proven, share, count(*), sum(bytes) FROM kept_mail GROUP BY 1, 2)",
    "gathered notices that never leave": "SELECT count(*) AS n FROM gathered_notice g "
    "WHERE NOT EXISTS (SELECT 1 FROM telling t WHERE t.address = g.address AND t.due IS NOT NULL)",
    "messages settled without a time": "SELECT count(*) AS n FROM message "
    "WHERE state IN ('sent','failed','withdrawn') AND settled IS NULL",
    "leases of messages that are not there": "SELECT count(*) AS n FROM lease, json_each(lease.run) r "
    "WHERE r.value NOT IN (SELECT id FROM message)",
    "messages that are held twice": "SELECT count(*) AS n FROM (SELECT r.value FROM lease, json_each(lease.run) r "
    "GROUP BY 1 HAVING count(*) > 1)",
    "invites to people who are not attendees": "SELECT count(*) AS n FROM message m WHERE method IS NOT NULL "
    "AND NOT EXISTS (SELECT 1 FROM attendee a WHERE a.event_uid = m.event_uid AND a.email = m.email)",
    "messages with a revision that does not exist yet": "SELECT count(*) AS n FROM message m "
    "JOIN event e ON e.uid = m.event_uid WHERE m.sequence > e.sequence",
    "attendees whose last counted receipt says something else": "SELECT count(*) AS n FROM attendee a "
    "WHERE a.receipt_arrived IS NOT NULL AND a.partstat <> (SELECT json_extract(r.body, '$.partstat') "
    "FROM receipt r WHERE r.event_uid = a.event_uid AND r.email = a.email AND r.counted = 1 "
    "AND json_extract(r.body, '$.recurrence_id') IS NULL ORDER BY r.id DESC LIMIT 1)",
    "answers for single instances that no counted receipt gave": "SELECT count(*) AS n FROM instance_answer i "
    "WHERE i.partstat IS NOT (SELECT json_extract(r.body, '$.partstat') FROM receipt r "
    "WHERE r.event_uid = i.event_uid AND r.email = i.email AND r.counted = 1 "
    "AND unixepoch(json_extract(r.body, '$.recurrence_id')) = unixepoch(i.recurrence_id) "
    "ORDER BY r.id DESC LIMIT 1)",
    "answers for single instances of people who are not attendees": "SELECT count(*) AS n FROM instance_answer i "
    "WHERE NOT EXISTS (SELECT 1 FROM attendee a WHERE a.event_uid = i.event_uid AND a.email = i.email)",
    "delegations of people who are not attendees": "SELECT count(*) AS n FROM delegation d "
    "WHERE NOT EXISTS (SELECT 1 FROM attendee a WHERE a.event_uid = d.event_uid AND a.email = d.delegator)",
}


async def recounted(connection: Statements) -> list[str]:
    """Every difference at one instant, and what is wrong with the file; others may write meanwhile."""
    recount = Recount(connection)
    await connection.execute("BEGIN")
    try:
        found = await recount.differences()
        await connection.execute("COMMIT")
    except BaseException:
        # Others go on asking by this connection; of some errors SQLite has ended the transaction itself.
        with suppress(sqlite3.Error):
            await connection.execute("ROLLBACK")
        raise
    return found + await recount.damage()


async def recounted_if_little(connection: Statements) -> list[str] | None:
    """As `recounted`, if that takes less time than to open a connection for it; None for a larger file."""
    (row,) = await connection.execute_fetchall("PRAGMA page_count")
    return await recounted(connection) if row[0] <= _LITTLE_PAGES else None


class Recount(Session):
    """Finds every difference between counters and rows."""

    async def differences(self) -> list[str]:
        """One sentence for each difference; empty if all is well."""
        found = [
            f"{row['scope']} {row['key']} {row['name']}: the counter says {row['kept']}, there are {row['counted']}"
            for row in await self.all(_COUNTED)
        ]
        for what, sql in _CONTRADICTIONS.items():
            row = await self.one(sql)
            if row and row["n"]:
                found.append(f"{row['n']} {what}")
        broken = await self.all("PRAGMA foreign_key_check")
        found += [f"table {row['table']}: a row refers to something that is not there" for row in broken]
        return found

    async def damage(self) -> list[str]:
        """What is wrong with the file itself. Outside of a transaction: SQLite 3.44 writes to look at a search."""
        return [row[0] for row in await self.all("PRAGMA integrity_check(20)") if row[0] != "ok"]
