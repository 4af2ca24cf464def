"""The tables of public pages."""

PAGES = """
CREATE TABLE page (
    slug TEXT PRIMARY KEY, organizer TEXT NOT NULL, created REAL NOT NULL, body TEXT NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX page_by_organizer ON page(organizer, created);

CREATE TABLE page_request (
    code TEXT PRIMARY KEY, email TEXT NOT NULL, created REAL NOT NULL, expires REAL NOT NULL,
    open INTEGER NOT NULL, body TEXT NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX page_request_by_email ON page_request(email, created) WHERE open = 1;
CREATE INDEX page_request_by_end ON page_request(expires);
CREATE TABLE confirmed_person (
    organizer TEXT NOT NULL, person TEXT NOT NULL, at REAL NOT NULL, PRIMARY KEY (organizer, person)
) STRICT, WITHOUT ROWID;

CREATE INDEX change_of_events ON change(organizer, id)
    WHERE kind IN ('event_created', 'event_changed', 'event_cancelled');
"""
"""Answers are many: the index finds an organizer's newest change of an event without them."""
