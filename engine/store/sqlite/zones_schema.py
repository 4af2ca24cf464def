"""The zone of an attendee's last answer: a migration."""

ATTENDEE_ZONES = """
ALTER TABLE attendee ADD COLUMN zone TEXT NOT NULL DEFAULT '';
CREATE INDEX attendee_zone ON attendee(email) WHERE zone <> '';
"""
