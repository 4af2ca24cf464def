"""Tables for forgetting: the key of the remaining hashes, and the people who are being forgotten now."""

FORGETTING = """
CREATE TABLE forgetting_key (only INTEGER PRIMARY KEY CHECK (only = 1), key BLOB NOT NULL) STRICT;
CREATE TABLE forgetting (address TEXT PRIMARY KEY, alias TEXT NOT NULL) STRICT, WITHOUT ROWID;
"""
