"""The migration for replaced revisions, and for the mails that made or changed an event."""

from __future__ import annotations

REVISIONS = """
CREATE TABLE revision (
    event_uid TEXT NOT NULL, sequence INTEGER NOT NULL, body TEXT NOT NULL, PRIMARY KEY (event_uid, sequence)
) STRICT, WITHOUT ROWID;
CREATE INDEX intake_by_event ON intake(json_extract(body, '$.uid'))
    WHERE json_extract(body, '$.action') IN ('created', 'updated', 'cancelled');
"""
