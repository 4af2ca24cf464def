"""Conditions of SQL on the states of messages and campaigns."""

from __future__ import annotations

PENDING = "state IN ('queued','deferred')"
SEEN = "state <> 'uploading'"
"""Campaigns: before its draft is made a long list is in the store already, and no one sees it."""
DUE = "state IN ('queued','deferred') AND held = 0"
