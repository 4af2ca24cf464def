"""The table of stops: of one organizer's mail, or everyone's."""

STOPS = """
CREATE TABLE stop (organizer TEXT PRIMARY KEY, since REAL NOT NULL, stopped_by TEXT NOT NULL) STRICT, WITHOUT ROWID;
"""
"""`organizer`: empty for everything."""
