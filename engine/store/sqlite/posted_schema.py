"""The table of requests as they were posted at hooks."""

POSTED = """
CREATE TABLE posted (
    id INTEGER PRIMARY KEY, trigger_id TEXT NOT NULL REFERENCES hook_trigger(id), received REAL NOT NULL,
    divided INTEGER NOT NULL, digest TEXT NOT NULL, size INTEGER NOT NULL, head TEXT NOT NULL, body TEXT, bytes BLOB
) STRICT;
CREATE UNIQUE INDEX posted_whole ON posted(trigger_id, digest) WHERE divided = 0;
ALTER TABLE delivery ADD COLUMN posted INTEGER;
CREATE INDEX delivery_posted ON delivery(posted) WHERE posted IS NOT NULL;
"""
"""`divided`: its deliveries exist. `body`: the body if UTF-8, else it is in `bytes`. `delivery.posted`: its request."""
