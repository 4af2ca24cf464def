"""Tables of keys' budgets: what each caused in a day, whom it has mailed, what campaigns have reserved."""

from __future__ import annotations

BUDGETS = """
CREATE TABLE key_day (
    key TEXT NOT NULL, day INTEGER NOT NULL, mails INTEGER NOT NULL, people INTEGER NOT NULL,
    changes INTEGER NOT NULL, PRIMARY KEY (key, day)
) STRICT, WITHOUT ROWID;
CREATE TABLE key_person (
    key TEXT NOT NULL, person TEXT NOT NULL, first INTEGER NOT NULL, day INTEGER NOT NULL, n INTEGER NOT NULL,
    PRIMARY KEY (key, person)
) STRICT, WITHOUT ROWID;
CREATE TABLE key_reserve (
    campaign_id TEXT PRIMARY KEY, key TEXT NOT NULL, day INTEGER NOT NULL, mails INTEGER NOT NULL,
    people INTEGER NOT NULL, changes INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX message_held_by_key ON message(key) WHERE held = 1 AND key <> '';
"""
"""`key_person`: `first` is the day on which the key mailed the person first, `n` how many mails on `day`, its last."""
