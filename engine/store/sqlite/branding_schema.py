"""The table of brandings."""

BRANDING = """
CREATE TABLE branding (scope TEXT PRIMARY KEY, body TEXT NOT NULL) STRICT, WITHOUT ROWID;
"""
