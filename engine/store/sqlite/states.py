"""SQL conditions on the states of messages and campaigns."""

from __future__ import annotations

PENDING = "state IN ('queued','deferred')"
SEEN = "state <> 'uploading'"
"""The condition for visible campaigns: a long list is stored, but hidden, before its draft exists."""
DUE = "state IN ('queued','deferred') AND held = 0"
