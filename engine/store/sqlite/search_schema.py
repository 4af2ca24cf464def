"""The tables of the search index: events' words, their instances, and all known words."""

INDEX_TEXT = """
    INSERT INTO event_text(rowid, owner, summary, location, home, away, description)
    SELECT id, 'o' || owner, NEW.summary, NEW.location, NEW.home, NEW.away, NEW.description
    FROM findable WHERE uid = NEW.uid
    """
WRITING = (
    """
    INSERT INTO search_owner(address) SELECT NEW.organizer WHERE true ON CONFLICT DO NOTHING
    """,
    """
    DELETE FROM event_text WHERE rowid = (SELECT id FROM findable WHERE uid = NEW.uid)
    """,
    """
    DELETE FROM occasion WHERE doc = (SELECT id FROM findable WHERE uid = NEW.uid) AND NEW.occasions <> ''
    """,
    """
    INSERT INTO findable(uid, owner, status, ends, kept_until)
    SELECT NEW.uid, id, NEW.status, NEW.ends, NEW.kept_until FROM search_owner WHERE address = NEW.organizer
    ON CONFLICT(uid) DO UPDATE SET status = excluded.status, ends = excluded.ends, kept_until = excluded.kept_until
    """,
    INDEX_TEXT,
    """
    INSERT OR IGNORE INTO occasion(owner, starts, doc, ends, local, minute, days, long, single)
    SELECT f.owner, o.value ->> 0, f.id, o.value ->> 1, o.value ->> 2, o.value ->> 3, o.value ->> 4, o.value ->> 5,
    o.value ->> 6 FROM findable f, json_each(iif(NEW.occasions = '', '[]', NEW.occasions)) o WHERE f.uid = NEW.uid
    """,
    """
    INSERT OR IGNORE INTO search_word(word) SELECT value ->> 0 FROM json_each(NEW.words)
    """,
    """
    INSERT INTO word_use(word, owner, n, teams, places)
    SELECT w.value ->> 0, f.owner, w.value ->> 1, w.value ->> 2, w.value ->> 3
    FROM findable f, json_each(NEW.words) w WHERE f.uid = NEW.uid
    ON CONFLICT DO UPDATE SET n = n + excluded.n, teams = teams + excluded.teams, places = places + excluded.places
    """,
)
"""The trigger for writing an event through the view `found`: one statement, since each is sent to the database's
thread."""

SEARCH = f"""
DROP TABLE event_words;
CREATE TABLE search_owner (id INTEGER PRIMARY KEY, address TEXT NOT NULL UNIQUE) STRICT;
CREATE TABLE findable (
    id INTEGER PRIMARY KEY,
    uid TEXT NOT NULL UNIQUE REFERENCES event(uid),
    owner INTEGER NOT NULL REFERENCES search_owner(id),
    status TEXT NOT NULL,
    ends INTEGER,
    kept_until INTEGER
) STRICT;
CREATE INDEX findable_cancelled ON findable(status) WHERE status = 'cancelled';
CREATE INDEX findable_endless ON findable(kept_until) WHERE kept_until IS NOT NULL;
CREATE VIRTUAL TABLE event_text USING fts5(
    owner, summary, location, home, away, description, prefix='2 3', tokenize='unicode61 remove_diacritics 2'
);
CREATE TABLE occasion (
    owner INTEGER NOT NULL, starts INTEGER NOT NULL, doc INTEGER NOT NULL, ends INTEGER NOT NULL,
    local INTEGER NOT NULL, minute INTEGER, days INTEGER NOT NULL, long INTEGER NOT NULL, single INTEGER NOT NULL,
    PRIMARY KEY (owner, starts, doc)
) STRICT, WITHOUT ROWID;
CREATE INDEX occasion_by_start ON occasion(starts, doc, days, minute, local, long, single, ends);
CREATE INDEX occasion_of_event ON occasion(doc, starts);
CREATE INDEX occasion_long ON occasion(starts) WHERE long = 1;
CREATE TABLE search_word (id INTEGER PRIMARY KEY, word TEXT NOT NULL UNIQUE) STRICT;
CREATE VIRTUAL TABLE search_gram USING fts5(word, content='', tokenize='trigram');
CREATE TRIGGER search_word_grams AFTER INSERT ON search_word
BEGIN INSERT INTO search_gram(rowid, word) VALUES (NEW.id, NEW.word); END;
CREATE TABLE word_use (
    word TEXT NOT NULL, owner INTEGER NOT NULL, n INTEGER NOT NULL, teams INTEGER NOT NULL, places INTEGER NOT NULL,
    PRIMARY KEY (word, owner)
) STRICT, WITHOUT ROWID;
CREATE INDEX word_use_of_owner ON word_use(owner, word);
CREATE VIEW found AS SELECT uid, '' AS organizer, status, ends, kept_until, '' AS summary, '' AS location,
    '' AS home, '' AS away, '' AS description, '' AS occasions, '' AS words FROM findable;
CREATE TRIGGER found_insert INSTEAD OF INSERT ON found BEGIN {"; ".join(WRITING)}; END;
CREATE TABLE search_pending (uid TEXT PRIMARY KEY) STRICT, WITHOUT ROWID;
INSERT INTO search_pending SELECT uid FROM event
"""
"""The search tables; existing events wait in `search_pending` until the store is opened."""
