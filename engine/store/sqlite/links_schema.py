"""The tables of campaign links."""

LINKS = """
CREATE TABLE link (
    id TEXT PRIMARY KEY, token TEXT NOT NULL UNIQUE, organizer TEXT NOT NULL, created REAL NOT NULL,
    body TEXT NOT NULL, shown INTEGER NOT NULL DEFAULT 0, unmerged INTEGER NOT NULL DEFAULT 0,
    pressed INTEGER NOT NULL DEFAULT 0
) STRICT, WITHOUT ROWID;
CREATE INDEX link_by_organizer ON link(organizer, created);

CREATE TABLE link_invite (link TEXT NOT NULL, token TEXT NOT NULL, PRIMARY KEY (link, token)) STRICT, WITHOUT ROWID;

CREATE TABLE vendor (id TEXT PRIMARY KEY, body TEXT NOT NULL) STRICT, WITHOUT ROWID;
"""
"""Invites are identified by receipt tokens, so that these tables hold no addresses."""
