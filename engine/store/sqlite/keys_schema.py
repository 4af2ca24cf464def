"""The migration for keys with bounds: whom a key acts for, and which keys caused a message or an event."""

from __future__ import annotations

KEYS = """
ALTER TABLE access_key ADD COLUMN address TEXT NOT NULL DEFAULT '';
UPDATE access_key SET address = coalesce(json_extract(body, '$.address'), '');
CREATE INDEX access_key_by_address ON access_key(address);
CREATE TABLE address_list (name TEXT PRIMARY KEY, patterns TEXT NOT NULL) STRICT;

ALTER TABLE message ADD COLUMN key TEXT NOT NULL DEFAULT '';
ALTER TABLE event ADD COLUMN key TEXT NOT NULL DEFAULT '';
CREATE INDEX event_by_key ON event(ends, key) WHERE key <> '' AND status = 'confirmed';
"""
"""`key`: ids of the keys whose bounds apply to it, the highest first, separated by spaces; empty: none.

`address_list`: patterns of addresses under a name that bounds refer to, as a JSON array.
"""
