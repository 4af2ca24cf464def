"""The table of held actions, which is that of confirmations: one table for everything that waits for a decision."""

HELD = """
ALTER TABLE confirmation ADD COLUMN held TEXT;
ALTER TABLE confirmation ADD COLUMN organizer TEXT NOT NULL DEFAULT '';
ALTER TABLE confirmation ADD COLUMN event_uid TEXT NOT NULL DEFAULT '';
CREATE UNIQUE INDEX held_by_id ON confirmation(held) WHERE held IS NOT NULL;
CREATE INDEX held_in_order ON confirmation(organizer, created, held) WHERE held IS NOT NULL;
CREATE INDEX held_by_time ON confirmation(created, held) WHERE held IS NOT NULL;
CREATE INDEX held_by_event ON confirmation(event_uid) WHERE held IS NOT NULL AND open = 1;
ALTER TABLE organizer ADD COLUMN approval TEXT;
"""
"""`held`: id of the held action, whose body is of another form than that of a confirmation; NULL: a mail waits.

`organizer.approval`: who approves the changes that come by mail from the organizer; NULL: they need no approval.
"""
