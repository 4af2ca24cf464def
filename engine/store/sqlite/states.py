"""SQL conditions on the states of messages and campaigns."""

from __future__ import annotations

PENDING = "state IN ('queued','deferred')"
SEEN = "state <> 'uploading'"
"""The condition for visible campaigns: a long list is stored, but hidden, before its draft exists."""
OF_CANCELLED = "EXISTS (SELECT 1 FROM campaign k WHERE k.id = message.campaign_id AND k.state = 'cancelled')"
"""The condition that a message belongs to a cancelled campaign: nobody would ever release it."""
DUE = "state IN ('queued','deferred') AND held = 0"
