-- version 52
--
CREATE TABLE organizer (
    address TEXT PRIMARY KEY, name TEXT NOT NULL, suspended INTEGER NOT NULL DEFAULT 0, created REAL NOT NULL
, registered REAL, approval TEXT, zone TEXT NOT NULL DEFAULT '', lists INTEGER NOT NULL DEFAULT 1, named INTEGER NOT NULL DEFAULT 0, language TEXT NOT NULL DEFAULT '', drafts INTEGER NOT NULL DEFAULT 0) STRICT
--
CREATE TABLE event (
    uid TEXT PRIMARY KEY,
    organizer TEXT NOT NULL REFERENCES organizer(address),
    source_uid TEXT,
    status TEXT NOT NULL,
    sequence INTEGER NOT NULL,
    starts REAL NOT NULL,
    ends REAL,
    body TEXT NOT NULL
, short_id TEXT NOT NULL DEFAULT '', key TEXT NOT NULL DEFAULT '') STRICT
--
CREATE UNIQUE INDEX event_by_source ON event(organizer, source_uid) WHERE source_uid IS NOT NULL
--
CREATE INDEX event_by_start ON event(starts, uid)
--
CREATE INDEX event_by_organizer ON event(organizer, starts, uid)
--
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
    receipt_arrived REAL, proven INTEGER NOT NULL DEFAULT 1, withdrawn REAL, zone TEXT NOT NULL DEFAULT '',
    UNIQUE (event_uid, email)
) STRICT
--
CREATE INDEX attendee_by_partstat ON attendee(event_uid, partstat, id)
--
CREATE INDEX attendee_in_order ON attendee(event_uid, id)
--
CREATE TABLE receipt (
    id INTEGER PRIMARY KEY,
    event_uid TEXT NOT NULL REFERENCES event(uid),
    email TEXT NOT NULL,
    arrived REAL NOT NULL,
    counted INTEGER NOT NULL,
    body TEXT NOT NULL
) STRICT
--
CREATE INDEX receipt_by_attendee ON receipt(event_uid, email, id)
--
CREATE TABLE campaign (
    id TEXT PRIMARY KEY,
    event_uid TEXT NOT NULL REFERENCES event(uid),
    organizer TEXT NOT NULL,
    state TEXT NOT NULL,
    at REAL,
    rate REAL,
    created REAL NOT NULL,
    body TEXT NOT NULL
) STRICT
--
CREATE INDEX campaign_by_state ON campaign(state, at)
--
CREATE INDEX campaign_by_organizer ON campaign(organizer, created)
--
CREATE TABLE campaign_row (
    campaign_id TEXT NOT NULL REFERENCES campaign(id),
    row INTEGER NOT NULL,
    email TEXT NOT NULL,
    name TEXT NOT NULL,
    fields TEXT NOT NULL,
    code TEXT NOT NULL, detail TEXT NOT NULL DEFAULT '',
    PRIMARY KEY (campaign_id, row)
) STRICT, WITHOUT ROWID
--
CREATE INDEX campaign_row_skipped ON campaign_row(campaign_id, row) WHERE code <> ''
--
CREATE TABLE fanout (
    id INTEGER PRIMARY KEY,
    event_uid TEXT NOT NULL REFERENCES event(uid),
    campaign_id TEXT REFERENCES campaign(id),
    body TEXT NOT NULL,
    cursor INTEGER NOT NULL
, due REAL) STRICT
--
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
    in_doubt INTEGER NOT NULL DEFAULT 0, note TEXT NOT NULL DEFAULT '', prompted INTEGER NOT NULL DEFAULT 0, key TEXT NOT NULL DEFAULT '') STRICT
--
CREATE UNIQUE INDEX message_owed ON message(event_uid, email, method, sequence, recurrence_id, repeat)
    WHERE method IS NOT NULL
--
CREATE INDEX message_due ON message(priority, due, id) WHERE state IN ('queued','deferred') AND held = 0
--
CREATE INDEX message_by_campaign ON message(campaign_id, state, settled) WHERE campaign_id IS NOT NULL
--
CREATE TABLE attempt (
    message INTEGER NOT NULL REFERENCES message(id), n INTEGER NOT NULL, at REAL NOT NULL,
    state TEXT NOT NULL, code TEXT NOT NULL, answer TEXT NOT NULL,
    PRIMARY KEY (message, n)
) STRICT, WITHOUT ROWID
--
CREATE TABLE tally (
    scope TEXT NOT NULL, key TEXT NOT NULL, name TEXT NOT NULL, n INTEGER NOT NULL,
    PRIMARY KEY (scope, key, name)
) STRICT, WITHOUT ROWID
--
CREATE TABLE block (
    email TEXT NOT NULL, organizer TEXT NOT NULL, at REAL NOT NULL, reason TEXT NOT NULL DEFAULT '', PRIMARY KEY (email, organizer)
) STRICT, WITHOUT ROWID
--
CREATE TABLE suppression (email TEXT PRIMARY KEY, reason TEXT NOT NULL, at REAL NOT NULL) STRICT
--
CREATE TABLE remembered (
    actor TEXT NOT NULL, key TEXT NOT NULL, digest TEXT NOT NULL, uid TEXT NOT NULL, at REAL NOT NULL,
    PRIMARY KEY (actor, key)
) STRICT, WITHOUT ROWID
--
CREATE TABLE intake (id TEXT PRIMARY KEY, at REAL NOT NULL, body TEXT NOT NULL) STRICT
--
CREATE INDEX intake_by_time ON intake(at)
--
CREATE TABLE audit (
    id INTEGER PRIMARY KEY, at REAL NOT NULL, actor TEXT NOT NULL,
    command TEXT NOT NULL, subject TEXT NOT NULL
) STRICT
--
CREATE TABLE access_key (id TEXT PRIMARY KEY, digest TEXT NOT NULL UNIQUE, body TEXT NOT NULL, address TEXT NOT NULL DEFAULT '') STRICT
--
CREATE TABLE pace (key TEXT PRIMARY KEY, next REAL NOT NULL) STRICT
--
CREATE TABLE instance_answer (
    event_uid TEXT NOT NULL REFERENCES event(uid),
    email TEXT NOT NULL,
    recurrence_id TEXT NOT NULL,
    partstat TEXT NOT NULL,
    sequence INTEGER NOT NULL,
    dtstamp REAL NOT NULL,
    arrived REAL NOT NULL,
    PRIMARY KEY (event_uid, email, recurrence_id)
) STRICT, WITHOUT ROWID
--
CREATE TABLE proposal (
    id TEXT NOT NULL UNIQUE,
    event_uid TEXT NOT NULL REFERENCES event(uid),
    email TEXT NOT NULL,
    state TEXT NOT NULL,
    arrived REAL NOT NULL,
    body TEXT NOT NULL
) STRICT
--
CREATE INDEX proposal_by_event ON proposal(event_uid, state, email)
--
CREATE TABLE delegation (
    event_uid TEXT NOT NULL REFERENCES event(uid),
    delegator TEXT NOT NULL,
    delegate TEXT NOT NULL,
    at REAL NOT NULL, added INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (event_uid, delegator, delegate)
) STRICT, WITHOUT ROWID
--
CREATE TABLE feed (id TEXT PRIMARY KEY, organizer TEXT NOT NULL, body TEXT NOT NULL) STRICT
--
CREATE TABLE feed_entry (
    feed_id TEXT NOT NULL REFERENCES feed(id),
    source_uid TEXT NOT NULL,
    event_uid TEXT NOT NULL REFERENCES event(uid),
    digest TEXT NOT NULL,
    PRIMARY KEY (feed_id, source_uid)
) STRICT, WITHOUT ROWID
--
CREATE INDEX feed_entry_by_event ON feed_entry(event_uid)
--
CREATE TABLE confirmation (
    code TEXT PRIMARY KEY, address TEXT NOT NULL, created REAL NOT NULL, body TEXT NOT NULL
, kind TEXT NOT NULL DEFAULT 'mail', mail TEXT NOT NULL DEFAULT '', expires REAL NOT NULL DEFAULT 0, open INTEGER NOT NULL DEFAULT 1, held TEXT, organizer TEXT NOT NULL DEFAULT '', event_uid TEXT NOT NULL DEFAULT '') STRICT
--
CREATE INDEX confirmation_by_address ON confirmation(address, created)
--
CREATE TABLE search_owner (id INTEGER PRIMARY KEY, address TEXT NOT NULL UNIQUE) STRICT
--
CREATE TABLE findable (
    id INTEGER PRIMARY KEY,
    uid TEXT NOT NULL UNIQUE REFERENCES event(uid),
    owner INTEGER NOT NULL REFERENCES search_owner(id),
    status TEXT NOT NULL,
    ends INTEGER,
    kept_until INTEGER
) STRICT
--
CREATE INDEX findable_cancelled ON findable(status) WHERE status = 'cancelled'
--
CREATE INDEX findable_endless ON findable(kept_until) WHERE kept_until IS NOT NULL
--
CREATE VIRTUAL TABLE event_text USING fts5(
    owner, summary, location, home, away, description, prefix='2 3', tokenize='unicode61 remove_diacritics 2'
)
--
CREATE TABLE occasion (
    owner INTEGER NOT NULL, starts INTEGER NOT NULL, doc INTEGER NOT NULL, ends INTEGER NOT NULL,
    local INTEGER NOT NULL, minute INTEGER, days INTEGER NOT NULL, long INTEGER NOT NULL, single INTEGER NOT NULL,
    PRIMARY KEY (owner, starts, doc)
) STRICT, WITHOUT ROWID
--
CREATE INDEX occasion_by_start ON occasion(starts, doc, days, minute, local, long, single, ends)
--
CREATE INDEX occasion_of_event ON occasion(doc, starts)
--
CREATE INDEX occasion_long ON occasion(starts) WHERE long = 1
--
CREATE TABLE search_word (id INTEGER PRIMARY KEY, word TEXT NOT NULL UNIQUE) STRICT
--
CREATE VIRTUAL TABLE search_gram USING fts5(word, content='', tokenize='trigram')
--
CREATE TRIGGER search_word_grams AFTER INSERT ON search_word
BEGIN INSERT INTO search_gram(rowid, word) VALUES (NEW.id, NEW.word); END
--
CREATE TABLE word_use (
    word TEXT NOT NULL, owner INTEGER NOT NULL, n INTEGER NOT NULL, teams INTEGER NOT NULL, places INTEGER NOT NULL,
    PRIMARY KEY (word, owner)
) STRICT, WITHOUT ROWID
--
CREATE INDEX word_use_of_owner ON word_use(owner, word)
--
CREATE VIEW found AS SELECT uid, '' AS organizer, status, ends, kept_until, '' AS summary, '' AS location,
    '' AS home, '' AS away, '' AS description, '' AS occasions, '' AS words FROM findable
--
CREATE TABLE search_pending (uid TEXT PRIMARY KEY) STRICT, WITHOUT ROWID
--
CREATE TABLE transport_name (
    transport_id TEXT PRIMARY KEY, message INTEGER NOT NULL REFERENCES message(id)
) STRICT, WITHOUT ROWID
--
CREATE TABLE change (
    id INTEGER PRIMARY KEY AUTOINCREMENT, at REAL NOT NULL, kind TEXT NOT NULL, organizer TEXT NOT NULL,
    event_uid TEXT, email TEXT NOT NULL, campaign_id TEXT NOT NULL, sequence INTEGER,
    status TEXT NOT NULL, code TEXT NOT NULL, words TEXT NOT NULL
, chain TEXT NOT NULL DEFAULT '', held TEXT NOT NULL DEFAULT '') STRICT
--
CREATE INDEX change_by_organizer ON change(organizer, id)
--
CREATE INDEX attendee_unproven ON attendee(event_uid, partstat) WHERE proven = 0
--
CREATE TABLE alias (
    event_uid TEXT NOT NULL REFERENCES event(uid), email TEXT NOT NULL, alias TEXT NOT NULL,
    PRIMARY KEY (event_uid, email)
) STRICT, WITHOUT ROWID
--
CREATE TABLE prompted (
    id INTEGER PRIMARY KEY, at REAL NOT NULL, kind TEXT NOT NULL,
    address TEXT NOT NULL, domain TEXT NOT NULL, organizer TEXT NOT NULL
) STRICT
--
CREATE INDEX prompted_by_time ON prompted(at)
--
CREATE INDEX message_report ON message(event_uid, email, created) WHERE kind = 'report'
--
CREATE INDEX confirmation_by_mail ON confirmation(mail)
--
CREATE INDEX confirmation_open ON confirmation(kind, address, created) WHERE open = 1
--
CREATE TABLE organizer_proof (
    organizer TEXT NOT NULL, proof TEXT NOT NULL, first_at REAL NOT NULL, last_at REAL NOT NULL,
    sure INTEGER NOT NULL, warn INTEGER NOT NULL, notice TEXT NOT NULL,
    PRIMARY KEY (organizer, proof)
) STRICT, WITHOUT ROWID
--
CREATE TABLE organizer_trial (
    organizer TEXT PRIMARY KEY, since REAL NOT NULL, mail TEXT NOT NULL, people INTEGER NOT NULL
) STRICT, WITHOUT ROWID
--
CREATE TABLE telling (
    address TEXT PRIMARY KEY, at REAL NOT NULL, due REAL, more INTEGER NOT NULL DEFAULT 0
) STRICT, WITHOUT ROWID
--
CREATE INDEX telling_due ON telling(due, at)
--
CREATE TABLE gathered_notice (
    id INTEGER PRIMARY KEY, address TEXT NOT NULL, event_uid TEXT REFERENCES event(uid), body TEXT NOT NULL
) STRICT
--
CREATE INDEX gathered_by_address ON gathered_notice(address, id)
--
CREATE TABLE kept_mail (
    mail TEXT PRIMARY KEY, at REAL NOT NULL, bytes INTEGER NOT NULL, proven INTEGER NOT NULL, share TEXT NOT NULL,
    waits INTEGER NOT NULL
) STRICT, WITHOUT ROWID
--
CREATE INDEX kept_in_order ON kept_mail(proven, share, at)
--
CREATE INDEX kept_by_age ON kept_mail(at) WHERE waits = 1
--
CREATE TABLE kept_share (
    proven INTEGER NOT NULL, share TEXT NOT NULL, mails INTEGER NOT NULL, bytes INTEGER NOT NULL,
    PRIMARY KEY (proven, share)
) STRICT, WITHOUT ROWID
--
CREATE INDEX kept_largest ON kept_share(proven, bytes)
--
CREATE INDEX kept_very_large ON kept_share(bytes)
--
CREATE UNIQUE INDEX event_by_short_id ON event(short_id) WHERE short_id <> ''
--
CREATE TABLE lease (
    id INTEGER PRIMARY KEY, owner TEXT NOT NULL, until REAL NOT NULL, kind TEXT NOT NULL, event_uid TEXT,
    organizer TEXT NOT NULL, campaign_id TEXT, state TEXT NOT NULL, run TEXT NOT NULL
) STRICT
--
CREATE INDEX lease_by_owner ON lease(owner)
--
CREATE INDEX lease_by_event ON lease(event_uid)
--
CREATE INDEX lease_by_campaign ON lease(campaign_id)
--
CREATE UNIQUE INDEX held_by_id ON confirmation(held) WHERE held IS NOT NULL
--
CREATE INDEX held_in_order ON confirmation(organizer, created, held) WHERE held IS NOT NULL
--
CREATE INDEX held_by_time ON confirmation(created, held) WHERE held IS NOT NULL
--
CREATE INDEX held_by_event ON confirmation(event_uid) WHERE held IS NOT NULL AND open = 1
--
CREATE TABLE person_mail (
    day INTEGER NOT NULL, person TEXT NOT NULL, n INTEGER NOT NULL, prompted INTEGER NOT NULL,
    PRIMARY KEY (day, person)
) STRICT, WITHOUT ROWID
--
CREATE TABLE sent_hour (hour INTEGER PRIMARY KEY, n INTEGER NOT NULL) STRICT
--
CREATE INDEX access_key_by_address ON access_key(address)
--
CREATE TABLE address_list (name TEXT PRIMARY KEY, patterns TEXT NOT NULL) STRICT
--
CREATE INDEX event_by_key ON event(ends, key) WHERE key <> '' AND status = 'confirmed'
--
CREATE TABLE sign_in (
    digest TEXT PRIMARY KEY, expires REAL NOT NULL, body TEXT NOT NULL
) STRICT, WITHOUT ROWID
--
CREATE INDEX sign_in_by_time ON sign_in(expires)
--
CREATE TABLE session (
    digest TEXT PRIMARY KEY, address TEXT NOT NULL, seen REAL NOT NULL, open INTEGER NOT NULL, body TEXT NOT NULL
) STRICT, WITHOUT ROWID
--
CREATE INDEX session_by_address ON session(address) WHERE open = 1
--
CREATE INDEX session_by_use ON session(seen)
--
CREATE TABLE suppressed_domain (
    domain TEXT NOT NULL, organizer TEXT NOT NULL, reason TEXT NOT NULL, at REAL NOT NULL,
    PRIMARY KEY (domain, organizer)
) STRICT, WITHOUT ROWID
--
CREATE INDEX suppressed_domain_by_organizer ON suppressed_domain(organizer, domain)
--
CREATE INDEX block_by_organizer ON block(organizer, email)
--
CREATE TABLE record (
    seq INTEGER PRIMARY KEY, body TEXT NOT NULL, head BLOB NOT NULL, salt BLOB
) STRICT
--
CREATE INDEX record_by_caller ON record(coalesce(json_extract(body, '$.key'), json_extract(body, '$.who')), seq) WHERE coalesce(json_extract(body, '$.key'), json_extract(body, '$.who')) IS NOT NULL
--
CREATE TABLE record_person (address TEXT PRIMARY KEY, salt BLOB NOT NULL) STRICT, WITHOUT ROWID
--
CREATE TABLE record_cut (
    only INTEGER PRIMARY KEY CHECK (only = 1), seq INTEGER NOT NULL, head BLOB NOT NULL, note TEXT NOT NULL
) STRICT
--
CREATE TABLE page (
    slug TEXT PRIMARY KEY, organizer TEXT NOT NULL, created REAL NOT NULL, body TEXT NOT NULL
) STRICT, WITHOUT ROWID
--
CREATE INDEX page_by_organizer ON page(organizer, created)
--
CREATE TABLE page_request (
    code TEXT PRIMARY KEY, email TEXT NOT NULL, created REAL NOT NULL, expires REAL NOT NULL,
    open INTEGER NOT NULL, body TEXT NOT NULL
) STRICT, WITHOUT ROWID
--
CREATE INDEX page_request_by_email ON page_request(email, created) WHERE open = 1
--
CREATE INDEX page_request_by_end ON page_request(expires)
--
CREATE TABLE confirmed_person (
    organizer TEXT NOT NULL, person TEXT NOT NULL, at REAL NOT NULL, PRIMARY KEY (organizer, person)
) STRICT, WITHOUT ROWID
--
CREATE INDEX change_of_events ON change(organizer, id)
    WHERE kind IN ('event_created', 'event_changed', 'event_cancelled')
--
CREATE TABLE forgetting_key (only INTEGER PRIMARY KEY CHECK (only = 1), key BLOB NOT NULL) STRICT
--
CREATE TABLE forgetting (address TEXT PRIMARY KEY, alias TEXT NOT NULL) STRICT, WITHOUT ROWID
--
CREATE INDEX change_automatic ON change(event_uid, email, id) WHERE kind = 'automatic_reply'
--
CREATE TABLE stop (organizer TEXT PRIMARY KEY, since REAL NOT NULL, stopped_by TEXT NOT NULL) STRICT, WITHOUT ROWID
--
CREATE TABLE key_day (
    key TEXT NOT NULL, day INTEGER NOT NULL, mails INTEGER NOT NULL, people INTEGER NOT NULL,
    changes INTEGER NOT NULL, PRIMARY KEY (key, day)
) STRICT, WITHOUT ROWID
--
CREATE TABLE key_person (
    key TEXT NOT NULL, person TEXT NOT NULL, first INTEGER NOT NULL, day INTEGER NOT NULL, n INTEGER NOT NULL,
    PRIMARY KEY (key, person)
) STRICT, WITHOUT ROWID
--
CREATE TABLE key_reserve (
    campaign_id TEXT PRIMARY KEY, key TEXT NOT NULL, day INTEGER NOT NULL, mails INTEGER NOT NULL,
    people INTEGER NOT NULL, changes INTEGER NOT NULL
) STRICT, WITHOUT ROWID
--
CREATE INDEX message_held_by_key ON message(key) WHERE held = 1 AND key <> ''
--
CREATE TABLE digest (owner TEXT PRIMARY KEY, day TEXT NOT NULL, until REAL) STRICT, WITHOUT ROWID
--
CREATE TABLE quota (
    name TEXT PRIMARY KEY, rate REAL NOT NULL, part REAL NOT NULL DEFAULT 1, remaining INTEGER,
    read REAL NOT NULL, slowed REAL NOT NULL DEFAULT 0
) STRICT
--
CREATE TABLE hook_trigger (
    id TEXT PRIMARY KEY, name TEXT NOT NULL UNIQUE, organizer TEXT NOT NULL, body TEXT NOT NULL,
    refused INTEGER NOT NULL DEFAULT 0
, sealed TEXT NOT NULL DEFAULT '') STRICT, WITHOUT ROWID
--
CREATE INDEX trigger_by_organizer ON hook_trigger(organizer, name)
--
CREATE TABLE delivery (
    seq INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, trigger_id TEXT NOT NULL REFERENCES hook_trigger(id),
    delivery_id TEXT NOT NULL, state TEXT NOT NULL, due REAL, object TEXT NOT NULL DEFAULT '', body TEXT NOT NULL,
    payload TEXT, posted INTEGER, UNIQUE (trigger_id, delivery_id)
) STRICT
--
CREATE INDEX delivery_due ON delivery(due, seq) WHERE due IS NOT NULL
--
CREATE INDEX delivery_pending ON delivery(trigger_id, object) WHERE due IS NOT NULL
--
CREATE INDEX delivery_by_object ON delivery(trigger_id, object) WHERE object <> ''
--
CREATE TABLE trigger_object (
    trigger_id TEXT NOT NULL, object TEXT NOT NULL, body TEXT NOT NULL, PRIMARY KEY (trigger_id, object)
) STRICT, WITHOUT ROWID
--
CREATE TABLE inbox_message (
    id TEXT PRIMARY KEY, organizer TEXT NOT NULL, sender TEXT NOT NULL, at REAL NOT NULL, auto INTEGER NOT NULL,
    body TEXT NOT NULL
) STRICT, WITHOUT ROWID
--
CREATE INDEX inbox_message_by_organizer ON inbox_message(organizer, id)
--
CREATE INDEX inbox_message_by_sender ON inbox_message(organizer, sender, at)
--
CREATE INDEX inbox_message_by_time ON inbox_message(organizer, at)
--
CREATE INDEX attendee_zone ON attendee(email) WHERE zone <> ''
--
CREATE TABLE bulk_change (id INTEGER PRIMARY KEY, scope TEXT NOT NULL UNIQUE, body TEXT NOT NULL) STRICT
--
CREATE TABLE webhook (id TEXT PRIMARY KEY, organizer TEXT NOT NULL, body TEXT NOT NULL, sealed TEXT NOT NULL DEFAULT '') STRICT, WITHOUT ROWID
--
CREATE TABLE posting (
    seq INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, webhook_id TEXT NOT NULL, lane TEXT NOT NULL,
    state TEXT NOT NULL, due REAL, created REAL NOT NULL, body TEXT NOT NULL, payload TEXT NOT NULL
) STRICT
--
CREATE INDEX posting_due ON posting(webhook_id, due, seq) WHERE due IS NOT NULL
--
CREATE INDEX posting_waiting ON posting(webhook_id, lane, seq) WHERE state = 'waiting'
--
CREATE INDEX posting_of_webhook ON posting(webhook_id, seq)
--
CREATE INDEX posting_settled ON posting(created) WHERE state <> 'waiting'
--
CREATE INDEX change_chained ON change(event_uid, id) WHERE chain <> ''
--
CREATE TRIGGER found_insert INSTEAD OF INSERT ON found BEGIN 
    INSERT INTO search_owner(address) SELECT NEW.organizer WHERE true ON CONFLICT DO NOTHING
    ; 
    DELETE FROM event_text WHERE rowid = (SELECT id FROM findable WHERE uid = NEW.uid)
    ; 
    DELETE FROM occasion WHERE doc = (SELECT id FROM findable WHERE uid = NEW.uid) AND NEW.occasions <> ''
    ; 
    INSERT INTO findable(uid, owner, status, ends, kept_until)
    SELECT NEW.uid, id, NEW.status, NEW.ends, NEW.kept_until FROM search_owner WHERE address = NEW.organizer
    ON CONFLICT(uid) DO UPDATE SET status = excluded.status, ends = excluded.ends, kept_until = excluded.kept_until
    ; 
    INSERT INTO event_text(rowid, owner, summary, location, home, away, description)
    SELECT id, 'o' || owner || iif(NEW.home <> '', ' contest', ''), NEW.summary, NEW.location, NEW.home, NEW.away, NEW.description
    FROM findable WHERE uid = NEW.uid
    ; 
    INSERT OR IGNORE INTO occasion(owner, starts, doc, ends, local, minute, days, long, single)
    SELECT f.owner, o.value ->> 0, f.id, o.value ->> 1, o.value ->> 2, o.value ->> 3, o.value ->> 4, o.value ->> 5,
    o.value ->> 6 FROM findable f, json_each(iif(NEW.occasions = '', '[]', NEW.occasions)) o WHERE f.uid = NEW.uid
    ; 
    INSERT OR IGNORE INTO search_word(word) SELECT value ->> 0 FROM json_each(NEW.words)
    ; 
    INSERT INTO word_use(word, owner, n, teams, places)
    SELECT w.value ->> 0, f.owner, w.value ->> 1, w.value ->> 2, w.value ->> 3
    FROM findable f, json_each(NEW.words) w WHERE f.uid = NEW.uid
    ON CONFLICT DO UPDATE SET n = n + excluded.n, teams = teams + excluded.teams, places = places + excluded.places
    ; END
--
CREATE TABLE revision (
    event_uid TEXT NOT NULL, sequence INTEGER NOT NULL, body TEXT NOT NULL, PRIMARY KEY (event_uid, sequence)
) STRICT, WITHOUT ROWID
--
CREATE INDEX intake_by_event ON intake(json_extract(body, '$.uid'))
    WHERE json_extract(body, '$.action') IN ('created', 'updated', 'cancelled')
--
CREATE TABLE link (
    id TEXT PRIMARY KEY, token TEXT NOT NULL UNIQUE, organizer TEXT NOT NULL, created REAL NOT NULL,
    body TEXT NOT NULL, shown INTEGER NOT NULL DEFAULT 0, unmerged INTEGER NOT NULL DEFAULT 0,
    pressed INTEGER NOT NULL DEFAULT 0
, sealed TEXT NOT NULL DEFAULT '') STRICT, WITHOUT ROWID
--
CREATE INDEX link_by_organizer ON link(organizer, created)
--
CREATE TABLE link_invite (link TEXT NOT NULL, token TEXT NOT NULL, PRIMARY KEY (link, token)) STRICT, WITHOUT ROWID
--
CREATE TABLE vendor (id TEXT PRIMARY KEY, body TEXT NOT NULL) STRICT, WITHOUT ROWID
--
CREATE TABLE undo (
    id TEXT PRIMARY KEY, organizer TEXT NOT NULL, event_uid TEXT NOT NULL, asked REAL NOT NULL, until REAL NOT NULL,
    body TEXT NOT NULL
) STRICT, WITHOUT ROWID
--
CREATE INDEX undo_by_event ON undo(event_uid, asked)
--
CREATE INDEX undo_by_time ON undo(until)
--
CREATE TABLE organizer_address (
    address TEXT PRIMARY KEY, organizer TEXT NOT NULL REFERENCES organizer(address)
) STRICT, WITHOUT ROWID
--
CREATE INDEX organizer_addresses ON organizer_address(organizer)
--
CREATE INDEX delivery_content ON delivery(seq) WHERE payload IS NOT NULL AND due IS NULL
--
CREATE TABLE enrolment (
    organizer TEXT PRIMARY KEY, until REAL, reported INTEGER NOT NULL, body TEXT NOT NULL
) STRICT, WITHOUT ROWID
--
CREATE INDEX enrolment_ends ON enrolment(until) WHERE reported = 0
--
CREATE TABLE purchase (
    order_id TEXT NOT NULL, line TEXT NOT NULL, at REAL NOT NULL, body TEXT NOT NULL, PRIMARY KEY (order_id, line)
) STRICT, WITHOUT ROWID
--
CREATE INDEX purchase_by_time ON purchase(at)
--
CREATE TABLE redaction (
    address TEXT PRIMARY KEY, asked REAL NOT NULL, code TEXT NOT NULL
) STRICT, WITHOUT ROWID

--
CREATE TABLE posted (
    id INTEGER PRIMARY KEY, trigger_id TEXT NOT NULL REFERENCES hook_trigger(id), received REAL NOT NULL,
    divided INTEGER NOT NULL, digest TEXT NOT NULL, size INTEGER NOT NULL, head TEXT NOT NULL, body TEXT, bytes BLOB
) STRICT
--
CREATE UNIQUE INDEX posted_whole ON posted(trigger_id, digest) WHERE divided = 0
--
CREATE INDEX delivery_posted ON delivery(posted) WHERE posted IS NOT NULL
--
CREATE TABLE picture (
    organizer TEXT NOT NULL, name TEXT NOT NULL, created REAL NOT NULL, body TEXT NOT NULL, content BLOB NOT NULL,
    PRIMARY KEY (organizer, name)
) STRICT
--
CREATE INDEX picture_by_name ON picture(name)
--
CREATE TABLE branding (scope TEXT PRIMARY KEY, body TEXT NOT NULL) STRICT, WITHOUT ROWID
--
CREATE TABLE landing_host (
    organizer TEXT NOT NULL, host TEXT NOT NULL, PRIMARY KEY (organizer, host)
) STRICT, WITHOUT ROWID
