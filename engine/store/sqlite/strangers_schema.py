"""The migration for unproven attendees, their other addresses, and mails that strangers prompt."""

from __future__ import annotations

_INVITED = """EXISTS (SELECT 1 FROM message m WHERE m.event_uid = {0}.event_uid AND m.email = {0}.{1}
    AND m.method IS NOT NULL AND m.kind = 'invite')"""

# people who came by another's token or by unproven mail received changes before
STRANGERS = f"""
ALTER TABLE attendee ADD COLUMN proven INTEGER NOT NULL DEFAULT 1;
UPDATE attendee SET proven = 0 WHERE origin = 'shared' AND NOT {_INVITED.format("attendee", "email")}
    AND (EXISTS (SELECT 1 FROM delegation d WHERE d.event_uid = attendee.event_uid AND d.delegate = attendee.email)
    OR NOT EXISTS (SELECT 1 FROM receipt r WHERE r.event_uid = attendee.event_uid AND r.email = attendee.email
        AND r.counted = 1 AND json_extract(r.body, '$.code') = ''));
CREATE INDEX attendee_unproven ON attendee(event_uid, partstat) WHERE proven = 0;
ALTER TABLE delegation ADD COLUMN added INTEGER NOT NULL DEFAULT 0;
UPDATE delegation SET added = 1 WHERE {_INVITED.format("delegation", "delegate")}
    AND EXISTS (SELECT 1 FROM attendee a WHERE a.event_uid = delegation.event_uid AND a.email = delegation.delegate
    AND a.origin = 'shared' AND a.created = delegation.at);
CREATE TABLE alias (
    event_uid TEXT NOT NULL REFERENCES event(uid), email TEXT NOT NULL, alias TEXT NOT NULL,
    PRIMARY KEY (event_uid, email)
) STRICT, WITHOUT ROWID;
ALTER TABLE block ADD COLUMN reason TEXT NOT NULL DEFAULT '';
CREATE TABLE prompted (
    id INTEGER PRIMARY KEY, at REAL NOT NULL, kind TEXT NOT NULL,
    address TEXT NOT NULL, domain TEXT NOT NULL, organizer TEXT NOT NULL
) STRICT;
CREATE INDEX prompted_by_time ON prompted(at);
"""
