"""The next step for a model when the engine refuses: the engine states the fact, this face names the tool, by code."""

from __future__ import annotations

from collections.abc import Mapping

from engine.refusals import Code, Refused

HINTS: Mapping[Code, str] = {
    Code.UNKNOWN_EVENT: "Find it with search_events; its id is also in the mail that confirmed its creation.",
    Code.UNKNOWN_ATTENDEE: "See who is invited with list_attendees.",
    Code.UNKNOWN_CAMPAIGN: "List yours with get_campaign without an id.",
    Code.UNKNOWN_PAGE: "List yours with list_pages.",
    Code.UNKNOWN_LINK: "List yours with list_links.",
    Code.UNKNOWN_TRIGGER: "List them with list_triggers.",
    Code.UNKNOWN_DELIVERY: "List them with list_deliveries.",
    Code.UNKNOWN_WEBHOOK: "List them with list_webhooks.",
    Code.UNKNOWN_POSTING: "List them with list_postings.",
    Code.UNKNOWN_KEY: "List the keys with list_keys.",
    Code.CAMPAIGN_STATE: "See its state with get_campaign.",
    Code.CONFIRM_TOKEN_INVALID: "Pass the confirm_token that bulk_send returned for this draft. If the list or the "
    "event has changed since, make a new draft with bulk_send and look at its sample.",
    Code.UNKNOWN_HELD_ACTION: "The result of the call that waits contains its id, in held.",
    Code.HELD_ACTION_STATE: "See its outcome with get_held_action.",
    Code.UNKNOWN_UNDO: "The result of the call to undo contains its id, in undo.",
    Code.UNDO_OVER: "Call update_event or cancel_event with dry_run true to see whom a correction would mail, "
    "and ask your user.",
    Code.IDEMPOTENCY_CONFLICT: "To change that event use update_event; look at it with get_event.",
    Code.SEQUENCE_MISMATCH: "Read it with get_event and repeat the change with that sequence as expected_sequence.",
    Code.ADDRESS_SUPPRESSED: "list_suppressions says why; or ask the person for another address.",
    Code.ORGANIZER_SUSPENDED: "The operator can lift it with “cis-mcp organizer resume”.",
    Code.NOT_ALLOWED: "Ask the operator, who can do it with “cis-mcp” on the machine or give your key the verb for it.",
    Code.OUT_OF_BOUNDS: "Nothing was sent. Ask your key's owner to widen that bound; do not look for a way around it.",
}


def hint(refused: Refused) -> str:
    """What to do next: the engine's hint for this refusal, or else the one for its code."""
    return refused.hint or HINTS.get(refused.code, "")


def sentence(refused: Refused) -> str:
    """What is wrong and what to do next, on one line."""
    return f"{refused.message} {hint(refused)}".strip()
