"""The migrations of older databases; a new one is created by `newest.sql`, their result."""

from __future__ import annotations

from engine.store.sqlite.bounds_schema import BOUNDS
from engine.store.sqlite.branding_schema import BRANDING
from engine.store.sqlite.budget_schema import BUDGETS
from engine.store.sqlite.bulk_schema import BULK_CHANGES
from engine.store.sqlite.changes import AUTOMATIC_REPLIES
from engine.store.sqlite.contest_schema import CONTESTS
from engine.store.sqlite.day_limit import SENT_HOURS
from engine.store.sqlite.digests import DIGEST_MOMENTS, DIGESTS
from engine.store.sqlite.drafts_schema import ORGANIZER_DRAFTS
from engine.store.sqlite.forgetting_schema import FORGETTING
from engine.store.sqlite.held_schema import HELD
from engine.store.sqlite.ids_schema import SHORT_IDS
from engine.store.sqlite.inbox_messages_schema import INBOX_MESSAGES
from engine.store.sqlite.keys_schema import KEYS
from engine.store.sqlite.landings_schema import LANDING_HOSTS
from engine.store.sqlite.language_schema import ORGANIZER_LANGUAGES
from engine.store.sqlite.lease_schema import LEASES
from engine.store.sqlite.links_schema import LINKS
from engine.store.sqlite.orders_schema import ORDERS
from engine.store.sqlite.organizer_profiles import ORGANIZERS
from engine.store.sqlite.pages_schema import PAGES
from engine.store.sqlite.person_schema import PERSON_MAILS
from engine.store.sqlite.pictures_schema import PICTURES
from engine.store.sqlite.posted_schema import POSTED
from engine.store.sqlite.quota_schema import QUOTAS
from engine.store.sqlite.record_schema import RECORD
from engine.store.sqlite.revision_schema import REVISIONS
from engine.store.sqlite.sealing import SEALED
from engine.store.sqlite.search_schema import SEARCH
from engine.store.sqlite.sessions_schema import SESSIONS
from engine.store.sqlite.states import DUE
from engine.store.sqlite.stops_schema import STOPS
from engine.store.sqlite.strangers_schema import STRANGERS
from engine.store.sqlite.suppressions import SUPPRESSED_DOMAINS
from engine.store.sqlite.triggers_schema import DELIVERY_CONTENT, TRIGGERS
from engine.store.sqlite.undo_schema import UNDO
from engine.store.sqlite.webhooks_schema import WEBHOOKS
from engine.store.sqlite.zones_schema import ATTENDEE_ZONES

_VERSION_1 = f"""
CREATE TABLE organizer (
    address TEXT PRIMARY KEY, name TEXT NOT NULL, suspended INTEGER NOT NULL DEFAULT 0, created REAL NOT NULL
) STRICT;

CREATE TABLE event (
    uid TEXT PRIMARY KEY,
    organizer TEXT NOT NULL REFERENCES organizer(address),
    source_uid TEXT,
    status TEXT NOT NULL,
    sequence INTEGER NOT NULL,
    starts REAL NOT NULL,
    ends REAL,
    body TEXT NOT NULL
) STRICT;
CREATE UNIQUE INDEX event_by_source ON event(organizer, source_uid) WHERE source_uid IS NOT NULL;
CREATE INDEX event_by_start ON event(starts, uid);
CREATE INDEX event_by_organizer ON event(organizer, starts, uid);
CREATE VIRTUAL TABLE event_words USING fts5(uid UNINDEXED, summary, location, description, prefix='2 3');

CREATE TABLE attendee (
    id INTEGER PRIMARY KEY,
    event_uid TEXT NOT NULL REFERENCES event(uid),
    email TEXT NOT NULL,
    token TEXT NOT NULL UNIQUE,
    name TEXT NOT NULL,
    partstat TEXT NOT NULL,
    origin TEXT NOT NULL,
    prodid TEXT NOT NULL,
    fields TEXT NOT NULL,
    created REAL NOT NULL,
    receipt_sequence INTEGER NOT NULL,
    receipt_dtstamp REAL,
    receipt_arrived REAL,
    UNIQUE (event_uid, email)
) STRICT;
CREATE INDEX attendee_by_partstat ON attendee(event_uid, partstat, id);
CREATE INDEX attendee_in_order ON attendee(event_uid, id);

CREATE TABLE receipt (
    id INTEGER PRIMARY KEY,
    event_uid TEXT NOT NULL REFERENCES event(uid),
    email TEXT NOT NULL,
    arrived REAL NOT NULL,
    counted INTEGER NOT NULL,
    body TEXT NOT NULL
) STRICT;
CREATE INDEX receipt_by_attendee ON receipt(event_uid, email, id);

CREATE TABLE campaign (
    id TEXT PRIMARY KEY,
    event_uid TEXT NOT NULL REFERENCES event(uid),
    organizer TEXT NOT NULL,
    state TEXT NOT NULL,
    at REAL,
    rate REAL,
    created REAL NOT NULL,
    body TEXT NOT NULL
) STRICT;
CREATE INDEX campaign_by_state ON campaign(state, at);
CREATE INDEX campaign_by_organizer ON campaign(organizer, created);

CREATE TABLE campaign_row (
    campaign_id TEXT NOT NULL REFERENCES campaign(id),
    row INTEGER NOT NULL,
    email TEXT NOT NULL,
    name TEXT NOT NULL,
    fields TEXT NOT NULL,
    code TEXT NOT NULL,
    PRIMARY KEY (campaign_id, row)
) STRICT, WITHOUT ROWID;
CREATE INDEX campaign_row_skipped ON campaign_row(campaign_id, row) WHERE code <> '';

CREATE TABLE fanout (
    id INTEGER PRIMARY KEY,
    event_uid TEXT NOT NULL REFERENCES event(uid),
    campaign_id TEXT REFERENCES campaign(id),
    body TEXT NOT NULL,
    cursor INTEGER NOT NULL
) STRICT;

CREATE TABLE message (
    id INTEGER PRIMARY KEY,
    kind TEXT NOT NULL,
    event_uid TEXT REFERENCES event(uid),
    email TEXT NOT NULL,
    organizer TEXT NOT NULL,
    method TEXT,
    sequence INTEGER NOT NULL,
    recurrence_id TEXT NOT NULL,
    repeat TEXT NOT NULL,
    message_id TEXT NOT NULL UNIQUE,
    campaign_id TEXT REFERENCES campaign(id),
    notice TEXT,
    state TEXT NOT NULL,
    attempts INTEGER NOT NULL DEFAULT 0,
    priority INTEGER NOT NULL,
    held INTEGER NOT NULL DEFAULT 0,
    created REAL NOT NULL,
    due REAL NOT NULL,
    settled REAL,
    code TEXT NOT NULL DEFAULT '',
    answer TEXT NOT NULL DEFAULT '',
    in_doubt INTEGER NOT NULL DEFAULT 0,
    owner TEXT,
    lease REAL
) STRICT;
CREATE UNIQUE INDEX message_owed ON message(event_uid, email, method, sequence, recurrence_id, repeat)
    WHERE method IS NOT NULL;
CREATE INDEX message_due ON message(priority, due, id) WHERE {DUE};
CREATE INDEX message_leased ON message(owner, lease) WHERE state = 'sending';
CREATE INDEX message_by_campaign ON message(campaign_id, state, settled) WHERE campaign_id IS NOT NULL;

CREATE TABLE attempt (
    message INTEGER NOT NULL REFERENCES message(id), n INTEGER NOT NULL, at REAL NOT NULL,
    state TEXT NOT NULL, code TEXT NOT NULL, answer TEXT NOT NULL,
    PRIMARY KEY (message, n)
) STRICT, WITHOUT ROWID;

CREATE TABLE tally (
    scope TEXT NOT NULL, key TEXT NOT NULL, name TEXT NOT NULL, n INTEGER NOT NULL,
    PRIMARY KEY (scope, key, name)
) STRICT, WITHOUT ROWID;

CREATE TABLE block (
    email TEXT NOT NULL, organizer TEXT NOT NULL, at REAL NOT NULL, PRIMARY KEY (email, organizer)
) STRICT, WITHOUT ROWID;
CREATE TABLE suppression (email TEXT PRIMARY KEY, reason TEXT NOT NULL, at REAL NOT NULL) STRICT;

CREATE TABLE remembered (
    actor TEXT NOT NULL, key TEXT NOT NULL, digest TEXT NOT NULL, uid TEXT NOT NULL, at REAL NOT NULL,
    PRIMARY KEY (actor, key)
) STRICT, WITHOUT ROWID;
CREATE TABLE intake (id TEXT PRIMARY KEY, at REAL NOT NULL, body TEXT NOT NULL) STRICT;
CREATE INDEX intake_by_time ON intake(at);
CREATE TABLE audit (
    id INTEGER PRIMARY KEY, at REAL NOT NULL, actor TEXT NOT NULL,
    command TEXT NOT NULL, subject TEXT NOT NULL
) STRICT;
CREATE TABLE access_key (id TEXT PRIMARY KEY, digest TEXT NOT NULL UNIQUE, body TEXT NOT NULL) STRICT;
CREATE TABLE pace (key TEXT PRIMARY KEY, next REAL NOT NULL) STRICT;
"""

_ANSWERS = """
CREATE TABLE instance_answer (
    event_uid TEXT NOT NULL REFERENCES event(uid),
    email TEXT NOT NULL,
    recurrence_id TEXT NOT NULL,
    partstat TEXT NOT NULL,
    sequence INTEGER NOT NULL,
    dtstamp REAL NOT NULL,
    arrived REAL NOT NULL,
    PRIMARY KEY (event_uid, email, recurrence_id)
) STRICT, WITHOUT ROWID;

CREATE TABLE proposal (
    id TEXT NOT NULL UNIQUE,
    event_uid TEXT NOT NULL REFERENCES event(uid),
    email TEXT NOT NULL,
    state TEXT NOT NULL,
    arrived REAL NOT NULL,
    body TEXT NOT NULL
) STRICT;
CREATE INDEX proposal_by_event ON proposal(event_uid, state, email);

CREATE TABLE delegation (
    event_uid TEXT NOT NULL REFERENCES event(uid),
    delegator TEXT NOT NULL,
    delegate TEXT NOT NULL,
    at REAL NOT NULL,
    PRIMARY KEY (event_uid, delegator, delegate)
) STRICT, WITHOUT ROWID;
"""

_FEEDS = """
CREATE TABLE feed (id TEXT PRIMARY KEY, organizer TEXT NOT NULL, body TEXT NOT NULL) STRICT;
CREATE TABLE feed_entry (
    feed_id TEXT NOT NULL REFERENCES feed(id),
    source_uid TEXT NOT NULL,
    event_uid TEXT NOT NULL REFERENCES event(uid),
    digest TEXT NOT NULL,
    PRIMARY KEY (feed_id, source_uid)
) STRICT, WITHOUT ROWID;
CREATE INDEX feed_entry_by_event ON feed_entry(event_uid);
"""

_CONFIRMATIONS = """
CREATE TABLE confirmation (
    code TEXT PRIMARY KEY, address TEXT NOT NULL, created REAL NOT NULL, body TEXT NOT NULL
) STRICT;
CREATE INDEX confirmation_by_address ON confirmation(address, created);
"""

# beside the ledger, not in it: only messages that leave by such a service have one
_TRANSPORT_NAMES = """
CREATE TABLE transport_name (
    transport_id TEXT PRIMARY KEY, message INTEGER NOT NULL REFERENCES message(id)
) STRICT, WITHOUT ROWID;
"""

# AUTOINCREMENT: a number is never given twice, so that a cursor never skips what comes later
_CHANGES = """
CREATE TABLE change (
    id INTEGER PRIMARY KEY AUTOINCREMENT, at REAL NOT NULL, kind TEXT NOT NULL, organizer TEXT NOT NULL,
    event_uid TEXT, email TEXT NOT NULL, campaign_id TEXT NOT NULL, sequence INTEGER,
    status TEXT NOT NULL, code TEXT NOT NULL, words TEXT NOT NULL
) STRICT;
CREATE INDEX change_by_organizer ON change(organizer, id);
"""

# failed messages by code are counted as they fail; here those that failed before
_FAILURES = """
INSERT INTO tally(scope, key, name, n) SELECT 'failure', '', code, count(*) FROM message
    WHERE state = 'failed' GROUP BY code;
"""

# how long ago a report of an event was last owed to someone
_REPORTS = """
CREATE INDEX message_report ON message(event_uid, email, created) WHERE kind = 'report';
"""

# a mail server took it; accepted is what an attendee answers
_SENT = """
UPDATE message SET state = 'sent' WHERE state = 'accepted';
UPDATE OR REPLACE tally SET name = 'delivery.sent' WHERE name = 'delivery.accepted';
"""

# proposals that wait for an answer are counted as they come; here those that came before
_PROPOSALS = """
INSERT INTO tally(scope, key, name, n) SELECT 'event', event_uid, 'proposals', count(*) FROM proposal
    WHERE state = 'open' GROUP BY 2;
INSERT INTO tally(scope, key, name, n) SELECT 'organizer', e.organizer, 'proposals', count(*)
    FROM proposal p JOIN event e ON e.uid = p.event_uid WHERE p.state = 'open' GROUP BY 2;
INSERT INTO tally(scope, key, name, n) SELECT 'system', '', 'proposals', count(*) FROM proposal
    WHERE state = 'open' HAVING count(*) > 0;
"""

# which column of a row that is not invited is at fault, and why
_REASONS = """
ALTER TABLE campaign_row ADD COLUMN detail TEXT NOT NULL DEFAULT '';
"""

# a line above the text of a message, and people who were taken out of an event
_WITHDRAWN = """
ALTER TABLE message ADD COLUMN note TEXT NOT NULL DEFAULT '';
ALTER TABLE attendee ADD COLUMN withdrawn REAL;
"""

# when someone, or the operator, registered the address; who made events before stays as `CIS_ORGANIZERS` has it
_REGISTRATION = """
ALTER TABLE organizer ADD COLUMN registered REAL;
"""

MIGRATIONS = (
    _VERSION_1,
    _ANSWERS,
    _FEEDS,
    _CONFIRMATIONS,
    SEARCH,
    _TRANSPORT_NAMES,
    _CHANGES,
    _FAILURES,
    STRANGERS,
    _REPORTS,
    BOUNDS,
    _SENT,
    _PROPOSALS,
    SHORT_IDS,
    _REASONS,
    LEASES,
    _WITHDRAWN,
    _REGISTRATION,
    HELD,
    PERSON_MAILS,
    SENT_HOURS,
    KEYS,
    SESSIONS,
    SUPPRESSED_DOMAINS,
    RECORD,
    PAGES,
    FORGETTING,
    AUTOMATIC_REPLIES,
    STOPS,
    BUDGETS,
    DIGESTS,
    QUOTAS,
    TRIGGERS,
    INBOX_MESSAGES,
    ATTENDEE_ZONES,
    BULK_CHANGES,
    WEBHOOKS,
    CONTESTS,
    REVISIONS,
    LINKS,
    UNDO,
    ORGANIZERS,
    DELIVERY_CONTENT,
    ORGANIZER_LANGUAGES,
    ORDERS,
    POSTED,
    PICTURES,
    ORGANIZER_DRAFTS,
    BRANDING,
    LANDING_HOSTS,
    SEALED,
    DIGEST_MOMENTS,
)
"""Step n migrates a database from version n to n + 1; a released step is never changed."""
