"""The migration for finding events with two sides as contests, by a marker word beside their owner."""

from engine.store.sqlite.search_schema import INDEX_TEXT, WRITING

CONTEST = "contest"
_MARKED = INDEX_TEXT.replace("'o' || owner", f"'o' || owner || iif(NEW.home <> '', ' {CONTEST}', '')")
_WRITING = "; ".join(_MARKED if statement == INDEX_TEXT else statement for statement in WRITING)

CONTESTS = f"""
INSERT OR IGNORE INTO search_pending SELECT uid FROM event WHERE json_extract(body, '$.recurrence') <> '';
UPDATE event_text SET owner = owner || ' {CONTEST}' WHERE home <> '';
DROP TRIGGER found_insert;
CREATE TRIGGER found_insert INSTEAD OF INSERT ON found BEGIN {_WRITING}; END;
"""
