"""Tables of forgetting: the key of the hashes that stay, made with the first, and who is being forgotten just now."""

FORGETTING = """
CREATE TABLE forgetting_key (only INTEGER PRIMARY KEY CHECK (only = 1), key BLOB NOT NULL) STRICT;
CREATE TABLE forgetting (address TEXT PRIMARY KEY, alias TEXT NOT NULL) STRICT, WITHOUT ROWID;
"""
