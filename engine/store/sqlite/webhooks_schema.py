"""Tables of webhooks and their postings; and columns for a change's chain and its held action."""

WEBHOOKS = """
ALTER TABLE change ADD COLUMN chain TEXT NOT NULL DEFAULT '';
ALTER TABLE change ADD COLUMN held TEXT NOT NULL DEFAULT '';
CREATE TABLE webhook (id TEXT PRIMARY KEY, organizer TEXT NOT NULL, body TEXT NOT NULL) STRICT, WITHOUT ROWID;
CREATE TABLE posting (
    seq INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, webhook_id TEXT NOT NULL, lane TEXT NOT NULL,
    state TEXT NOT NULL, due REAL, created REAL NOT NULL, body TEXT NOT NULL, payload TEXT NOT NULL
) STRICT;
CREATE INDEX posting_due ON posting(webhook_id, due, seq) WHERE due IS NOT NULL;
CREATE INDEX posting_waiting ON posting(webhook_id, lane, seq) WHERE state = 'waiting';
CREATE INDEX posting_of_webhook ON posting(webhook_id, seq);
CREATE INDEX posting_settled ON posting(created) WHERE state <> 'waiting';
CREATE INDEX change_chained ON change(event_uid, id) WHERE chain <> '';
"""
"""`change.chain`: the change that started it and how many triggers it passed since; empty: it starts one.

`posting.due`: NULL once settled, and while another posting of its lane waits before it.
"""
