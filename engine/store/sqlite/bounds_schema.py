"""Tables that limit what a forger can do: kinds of confirmations, proofs, waiting notices, mails without effect."""

BOUNDS = """
ALTER TABLE confirmation ADD COLUMN kind TEXT NOT NULL DEFAULT 'mail';
ALTER TABLE confirmation ADD COLUMN mail TEXT NOT NULL DEFAULT '';
ALTER TABLE confirmation ADD COLUMN expires REAL NOT NULL DEFAULT 0;
ALTER TABLE confirmation ADD COLUMN open INTEGER NOT NULL DEFAULT 1;
UPDATE confirmation SET mail = json_extract(body, '$.mail'),
    expires = coalesce(unixepoch(json_extract(body, '$.expires')), 0),
    open = json_extract(body, '$.used') IS NULL;
CREATE INDEX confirmation_by_mail ON confirmation(mail);
CREATE INDEX confirmation_open ON confirmation(kind, address, created) WHERE open = 1;

CREATE TABLE organizer_proof (
    organizer TEXT NOT NULL, proof TEXT NOT NULL, first_at REAL NOT NULL, last_at REAL NOT NULL,
    sure INTEGER NOT NULL, warn INTEGER NOT NULL, notice TEXT NOT NULL,
    PRIMARY KEY (organizer, proof)
) STRICT, WITHOUT ROWID;

CREATE TABLE organizer_trial (
    organizer TEXT PRIMARY KEY, since REAL NOT NULL, mail TEXT NOT NULL, people INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE telling (
    address TEXT PRIMARY KEY, at REAL NOT NULL, due REAL, more INTEGER NOT NULL DEFAULT 0
) STRICT, WITHOUT ROWID;
CREATE INDEX telling_due ON telling(due, at);
CREATE TABLE gathered_notice (
    id INTEGER PRIMARY KEY, address TEXT NOT NULL, event_uid TEXT REFERENCES event(uid), body TEXT NOT NULL
) STRICT;
CREATE INDEX gathered_by_address ON gathered_notice(address, id);

CREATE TABLE kept_mail (
    mail TEXT PRIMARY KEY, at REAL NOT NULL, bytes INTEGER NOT NULL, proven INTEGER NOT NULL, share TEXT NOT NULL,
    waits INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX kept_in_order ON kept_mail(proven, share, at);
CREATE INDEX kept_by_age ON kept_mail(at) WHERE waits = 1;
CREATE TABLE kept_share (
    proven INTEGER NOT NULL, share TEXT NOT NULL, mails INTEGER NOT NULL, bytes INTEGER NOT NULL,
    PRIMARY KEY (proven, share)
) STRICT, WITHOUT ROWID;
CREATE INDEX kept_largest ON kept_share(proven, bytes);
CREATE INDEX kept_very_large ON kept_share(bytes);
"""
"""`organizer_proof`: sure: someone vouched for it; warn: its first notice says that it is new; notice: which that is.

`organizer_trial`: how many people mails with new proofs have reached in an organizer's name since a moment.

`telling`: when an address had its last notice, when the gathered ones leave, how many more than those kept there are.
`kept_mail`: raw mails that changed nothing, those that wait among them, with their sums by sender.
"""
