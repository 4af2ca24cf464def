"""The tables of plans, orders, and people whom a shop asks to forget."""

ORDERS = """
CREATE TABLE enrolment (
    organizer TEXT PRIMARY KEY, until REAL, reported INTEGER NOT NULL, body TEXT NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX enrolment_ends ON enrolment(until) WHERE reported = 0;
CREATE TABLE purchase (
    order_id TEXT NOT NULL, line TEXT NOT NULL, at REAL NOT NULL, body TEXT NOT NULL, PRIMARY KEY (order_id, line)
) STRICT, WITHOUT ROWID;
CREATE INDEX purchase_by_time ON purchase(at);
CREATE TABLE redaction (
    address TEXT PRIMARY KEY, asked REAL NOT NULL, code TEXT NOT NULL
) STRICT, WITHOUT ROWID
"""
