"""The tables of the record."""

CALLER = "coalesce(json_extract(body, '$.key'), json_extract(body, '$.who'))"
"""The SQL for a row's caller: the key that acted, else the person's commitment."""

RECORD = f"""
CREATE TABLE record (
    seq INTEGER PRIMARY KEY, body TEXT NOT NULL, head BLOB NOT NULL, salt BLOB
) STRICT;
CREATE INDEX record_by_caller ON record({CALLER}, seq) WHERE {CALLER} IS NOT NULL;
CREATE TABLE record_person (address TEXT PRIMARY KEY, salt BLOB NOT NULL) STRICT, WITHOUT ROWID;
CREATE TABLE record_cut (
    only INTEGER PRIMARY KEY CHECK (only = 1), seq INTEGER NOT NULL, head BLOB NOT NULL, note TEXT NOT NULL
) STRICT;
"""
"""`record`: the canonical text of each row, the head after it, and the salt of its commitments, which is not hashed.

The lines of `audit`, which the record replaces, remain.
"""
