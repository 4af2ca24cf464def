"""Tables of sessions of web pages, and of the links that begin them."""

SESSIONS = """
CREATE TABLE sign_in (
    digest TEXT PRIMARY KEY, expires REAL NOT NULL, body TEXT NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX sign_in_by_time ON sign_in(expires);
CREATE TABLE session (
    digest TEXT PRIMARY KEY, address TEXT NOT NULL, seen REAL NOT NULL, open INTEGER NOT NULL, body TEXT NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX session_by_address ON session(address) WHERE open = 1;
CREATE INDEX session_by_use ON session(seen);
"""
"""`open`: 1 until it is ended; a session unused for too long has ended too."""
