"""Organizers whose mailed lists wait as drafts: a step of the migrations."""

ORGANIZER_DRAFTS = """
ALTER TABLE organizer ADD COLUMN drafts INTEGER NOT NULL DEFAULT 0;
"""
