"""The migration for changes of many messages that are applied in parts."""

from __future__ import annotations

BULK_CHANGES = """
CREATE TABLE bulk_change (id INTEGER PRIMARY KEY, scope TEXT NOT NULL UNIQUE, body TEXT NOT NULL) STRICT;
"""
