"""The migration for organizers whose mailed lists wait as drafts."""

ORGANIZER_DRAFTS = """
ALTER TABLE organizer ADD COLUMN drafts INTEGER NOT NULL DEFAULT 0;
"""
