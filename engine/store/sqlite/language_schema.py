"""The language of an organizer: a step of the migrations."""

ORGANIZER_LANGUAGES = """
ALTER TABLE organizer ADD COLUMN language TEXT NOT NULL DEFAULT '';
"""
