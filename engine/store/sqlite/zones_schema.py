"""The zone of an attendee's last answer: a step of the migrations."""

ATTENDEE_ZONES = """
ALTER TABLE attendee ADD COLUMN zone TEXT NOT NULL DEFAULT '';
CREATE INDEX attendee_zone ON attendee(email) WHERE zone <> '';
"""
