"""The next step for a program when the engine refuses, by code: paths instead of tools."""

from __future__ import annotations

from collections.abc import Mapping

from engine.refusals import Code, Refused

HINTS: Mapping[Code, str] = {
    Code.UNKNOWN_EVENT: "Find it with GET /v1/events.",
    Code.UNKNOWN_ATTENDEE: "See who is invited with GET /v1/events/{uid}/attendees.",
    Code.UNKNOWN_CAMPAIGN: "List yours with GET /v1/campaigns.",
    Code.UNKNOWN_WEBHOOK: "List them with GET /v1/webhooks.",
    Code.UNKNOWN_POSTING: "List them with GET /v1/webhooks/{webhook_id}/postings.",
    Code.UNKNOWN_KEY: "List the keys with GET /v1/keys.",
    Code.UNKNOWN_HELD_ACTION: "List what waits with GET /v1/held-actions.",
    Code.UNKNOWN_PAGE: "List yours with GET /v1/pages.",
    Code.UNKNOWN_LINK: "List yours with GET /v1/links.",
    Code.UNKNOWN_TRIGGER: "List yours with GET /v1/triggers.",
    Code.UNKNOWN_UNDO: "The answer to the change gave its id, in “undo”; GET /v1/undo lists all that can be undone.",
    Code.UNDO_OVER: "See what a correction costs with PATCH /v1/events/{uid}?dry_run=true, or its cancel.",
    Code.CAMPAIGN_STATE: "See its state with GET /v1/campaigns/{campaign_id}.",
    Code.CONFIRM_TOKEN_INVALID: "Give the confirm_token of this draft. If the list or the event changed since, make a "
    "new draft with POST /v1/events/{uid}/campaigns.",
    Code.IDEMPOTENCY_CONFLICT: "Use another Idempotency-Key for another request; change what that one made with PATCH.",
    Code.SEQUENCE_MISMATCH: "Read the event again and repeat the change with its ETag as If-Match.",
    Code.NOT_ALLOWED: "Ask the operator for a key with the verb for it.",
    Code.OUT_OF_BOUNDS: "Ask the key's owner to widen that bound.",
}


def hint(refused: Refused) -> str:
    """What to do next: what the engine says of this refusal, else what to do about its code."""
    return refused.hint or HINTS.get(refused.code, "")
