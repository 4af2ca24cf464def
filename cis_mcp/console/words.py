"""Refusals in words of this interface: the engine states the fact, the console says where to go on, by code."""

from __future__ import annotations

from collections.abc import Mapping

from engine.refusals import Code, Refused

_OWN: Mapping[Code, str] = {
    Code.UNKNOWN_EVENT: "Find it under Events.",
    Code.UNKNOWN_ATTENDEE: "The event's page shows who is invited.",
    Code.UNKNOWN_CAMPAIGN: "Find it under Lists.",
    Code.UNKNOWN_KEY: "The keys are listed under Agents.",
    Code.UNKNOWN_MAIL: "Agents lists mail: what waits under Quarantine, what people wrote under Mail to agents.",
    Code.UNKNOWN_TRIGGER: "Triggers are listed under Agents.",
    Code.UNKNOWN_HELD_ACTION: "What waits for a decision is listed under Agents.",
    Code.HELD_ACTION_STATE: "Nothing is left to decide here.",
    Code.CAMPAIGN_STATE: "Its page shows what it is doing now, and what can be done.",
    Code.CONFIRM_TOKEN_INVALID: "Upload the list again, and look at the sample once more.",
    Code.SEQUENCE_MISMATCH: "Open the event again: somebody changed it meanwhile.",
    Code.ORGANIZER_SUSPENDED: "The operator can lift that.",
    Code.ADDRESS_SUPPRESSED: "Ask the person for another address, or the operator to take it off the do-not-mail list.",
    Code.ATTENDEE_BLOCKED: "The person asked this organizer for no more invites.",
    Code.NOT_ALLOWED: "Whoever runs this server can do it, or give you the right to.",
    Code.OUT_OF_BOUNDS: "Nothing was sent. The owner of the key can widen its bounds.",
    Code.PERSON_LIMIT: "Nothing was sent. Try again tomorrow.",
    Code.TOO_SOON: "Wait a minute.",
    Code.TOO_MANY: "Wait a while.",
    Code.EVENT_CANCELLED: "Create a new event: a cancelled one stays cancelled.",
    Code.EVENT_FINISHED: "Nothing is sent for an event that is over.",
    Code.TOO_LARGE: "Send it in parts.",
    Code.UNKNOWN_TIMEZONE: "Choose a zone from the list, such as Europe/Berlin.",
    Code.INVALID_ADDRESS: "An address has a name, an @ and a domain.",
}

_ELSE = "Go back and try it otherwise, or begin again at the overview."


def hint(refused: Refused) -> str:
    """What to do next, as a person at a screen does it."""
    return _OWN.get(refused.code) or refused.hint or _ELSE


def sentence(refused: Refused) -> str:
    """What is wrong and what to do next."""
    return f"{refused.message} {hint(refused)}".strip()
