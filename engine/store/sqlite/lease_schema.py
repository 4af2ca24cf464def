"""The migration for leases, and the SQL for the messages that are leased."""

from __future__ import annotations

LEASED = "(SELECT value FROM lease, json_each(lease.run))"
"""The SQL for the ids of the messages that dispatchers hold."""

# messages being sent are held by a row for each run, and keep their state and counters
LEASES = """
CREATE TABLE lease (
    id INTEGER PRIMARY KEY, owner TEXT NOT NULL, until REAL NOT NULL, kind TEXT NOT NULL, event_uid TEXT,
    organizer TEXT NOT NULL, campaign_id TEXT, state TEXT NOT NULL, run TEXT NOT NULL
) STRICT;
CREATE INDEX lease_by_owner ON lease(owner);
CREATE INDEX lease_by_event ON lease(event_uid);
CREATE INDEX lease_by_campaign ON lease(campaign_id);
INSERT INTO lease(owner, until, kind, event_uid, organizer, campaign_id, state, run)
    SELECT coalesce(owner, ''), coalesce(lease, 0), kind, event_uid, organizer, campaign_id, 'queued',
    json_group_array(id) FROM message WHERE state = 'sending' GROUP BY 1, 2, 3, 4, 5, 6;
INSERT INTO tally(scope, key, name, n)
    SELECT scope, key, 'delivery.queued', n FROM tally WHERE name = 'delivery.sending' AND n <> 0
    ON CONFLICT DO UPDATE SET n = n + excluded.n;
DELETE FROM tally WHERE name = 'delivery.sending';
DROP INDEX message_leased;
UPDATE message SET state = 'queued', attempts = max(0, attempts - 1) WHERE state = 'sending';
ALTER TABLE message DROP COLUMN owner;
ALTER TABLE message DROP COLUMN lease;
"""
"""`lease`: the similar messages of one claim, as a JSON array of their ids, in one row however many there are.

Leased messages keep their state until they settle. Those with a result are removed from the run.
"""
