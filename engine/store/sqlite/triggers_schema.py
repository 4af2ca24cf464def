"""Tables of triggers, of the deliveries at their hooks, and of the deliveries' objects."""

TRIGGERS = """
CREATE TABLE hook_trigger (
    id TEXT PRIMARY KEY, name TEXT NOT NULL UNIQUE, organizer TEXT NOT NULL, body TEXT NOT NULL,
    refused INTEGER NOT NULL DEFAULT 0
) STRICT, WITHOUT ROWID;
CREATE INDEX trigger_by_organizer ON hook_trigger(organizer, name);
CREATE TABLE delivery (
    seq INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, trigger_id TEXT NOT NULL REFERENCES hook_trigger(id),
    delivery_id TEXT NOT NULL, state TEXT NOT NULL, due REAL, object TEXT NOT NULL DEFAULT '', body TEXT NOT NULL,
    payload TEXT, UNIQUE (trigger_id, delivery_id)
) STRICT;
CREATE INDEX delivery_due ON delivery(due, seq) WHERE due IS NOT NULL;
CREATE INDEX delivery_pending ON delivery(trigger_id, object) WHERE due IS NOT NULL;
CREATE INDEX delivery_by_object ON delivery(trigger_id, object) WHERE object <> '';
CREATE TABLE trigger_object (
    trigger_id TEXT NOT NULL, object TEXT NOT NULL, body TEXT NOT NULL, PRIMARY KEY (trigger_id, object)
) STRICT, WITHOUT ROWID;
"""
"""`refused`: the number of unproven requests at the hook. `payload`: JSON; NULL once the object is forgotten."""

DELIVERY_CONTENT = """
CREATE INDEX delivery_content ON delivery(seq) WHERE payload IS NOT NULL AND due IS NULL;
"""
"""The index to find the oldest content that may be deleted."""
