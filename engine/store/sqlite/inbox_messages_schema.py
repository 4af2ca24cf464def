"""The table of messages that people write to agents."""

INBOX_MESSAGES = """
CREATE TABLE inbox_message (
    id TEXT PRIMARY KEY, organizer TEXT NOT NULL, sender TEXT NOT NULL, at REAL NOT NULL, auto INTEGER NOT NULL,
    body TEXT NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX inbox_message_by_organizer ON inbox_message(organizer, id);
CREATE INDEX inbox_message_by_sender ON inbox_message(organizer, sender, at);
CREATE INDEX inbox_message_by_time ON inbox_message(organizer, at);
"""
