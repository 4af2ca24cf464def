"""Short ids of events: their column, and ids for the events of an older database."""

from __future__ import annotations

_LETTER = "substr('23456789abcdefghjkmnpqrstuvwxyz', 1 + (random() & 9223372036854775807) % 31, 1)"
_SHORT_ID = " || ".join([_LETTER] * 8)
_AGAIN = f"""
UPDATE event SET short_id = {_SHORT_ID} WHERE rowid IN (
    SELECT max(rowid) FROM event GROUP BY short_id HAVING count(*) > 1
)"""

# drawn again if two are equal: among a million events one pair in every second database is, after that none
SHORT_IDS = f"""
ALTER TABLE event ADD COLUMN short_id TEXT NOT NULL DEFAULT '';
UPDATE event SET short_id = {_SHORT_ID};
{_AGAIN};
{_AGAIN};
UPDATE event SET body = json_set(body, '$.id', short_id);
CREATE UNIQUE INDEX event_by_short_id ON event(short_id) WHERE short_id <> '';
"""
