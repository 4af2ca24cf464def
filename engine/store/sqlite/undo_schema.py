"""The table of actions that can be undone; jobs that wait until they no longer can."""

UNDO = """
CREATE TABLE undo (
    id TEXT PRIMARY KEY, organizer TEXT NOT NULL, event_uid TEXT NOT NULL, asked REAL NOT NULL, until REAL NOT NULL,
    body TEXT NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX undo_by_event ON undo(event_uid, asked);
CREATE INDEX undo_by_time ON undo(until);
ALTER TABLE fanout ADD COLUMN due REAL
"""
