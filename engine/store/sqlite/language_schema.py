"""The migration for the language of an organizer."""

ORGANIZER_LANGUAGES = """
ALTER TABLE organizer ADD COLUMN language TEXT NOT NULL DEFAULT '';
"""
