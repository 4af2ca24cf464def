"""Texts of refusals in the console: the engine states the fact, the console adds the next step, by code."""

from __future__ import annotations

from collections.abc import Mapping

from cis_mcp.locale.languages import ENGLISH
from engine.commands.reasons import REASONS, reason
from engine.mail.locale.language import SOURCE, Language, noop
from engine.refusals import Code, Refused

_OWN: Mapping[Code, str] = {
    Code.UNKNOWN_EVENT: noop("Find it under Events."),
    Code.UNKNOWN_ATTENDEE: noop("The event's page shows who is invited."),
    Code.UNKNOWN_CAMPAIGN: noop("Find it under Lists."),
    Code.UNKNOWN_KEY: noop("The keys are listed under Agents."),
    Code.UNKNOWN_MAIL: noop(
        "Agents lists mail: what waits under Quarantine, what people wrote under Mail to agents."
    ),
    Code.UNKNOWN_TRIGGER: noop("Triggers are listed under Agents."),
    Code.UNKNOWN_HELD_ACTION: noop("What waits for a decision is listed under Agents."),
    Code.HELD_ACTION_STATE: noop("Nothing is left to decide here."),
    Code.CAMPAIGN_STATE: noop("Its page shows what it is doing now, and what can be done."),
    Code.CONFIRM_TOKEN_INVALID: noop("Upload the list again, and look at the sample once more."),
    Code.SEQUENCE_MISMATCH: "Open the event again: somebody changed it meanwhile.",
    Code.ORGANIZER_SUSPENDED: "The operator can lift that.",
    Code.ADDRESS_SUPPRESSED: noop(
        "Ask the person for another address, or the operator to take it off the do-not-mail list."
    ),
    Code.ATTENDEE_BLOCKED: "The person asked this organizer for no more invites.",
    Code.NOT_ALLOWED: "Whoever runs this server can do it, or give you the right to.",
    Code.OUT_OF_BOUNDS: noop("Nothing was sent. The owner of the key can widen its bounds."),
    Code.PERSON_LIMIT: noop("Nothing was sent. Try again tomorrow."),
    Code.TOO_SOON: "Wait a minute.",
    Code.TOO_MANY: "Wait a while.",
    Code.EVENT_CANCELLED: "Create a new event: a cancelled one stays cancelled.",
    Code.EVENT_FINISHED: "Nothing is sent for an event that is over.",
    Code.TOO_LARGE: "Send it in parts.",
    Code.UNKNOWN_TIMEZONE: "Choose a zone from the list, such as Europe/Berlin.",
    Code.INVALID_ADDRESS: noop("An address has a name, an @ and a domain."),
}

_SAID_WITH_THE_REASON = frozenset(code for code in _OWN if code in REASONS) - {
    Code.UNKNOWN_EVENT,
    Code.UNKNOWN_ATTENDEE,
    Code.CAMPAIGN_STATE,
    Code.ADDRESS_SUPPRESSED,
    Code.OUT_OF_BOUNDS,
    Code.PERSON_LIMIT,
    Code.INVALID_ADDRESS,
}
"""Where the reason in other languages says already what to do next."""
_IN_DETAIL = frozenset({Code.INVALID_RULE, Code.INVALID_PAYLOAD, Code.LOOKUP_FAILED})
"""Of rules and payloads, which are written in English: what is wrong in them is told as the engine says it."""
_ELSE = noop("Go back and try another way, or start again at the overview.")
_GONE = noop("What you asked for is not here, or can no longer be done.")


def hint(refused: Refused, language: Language = ENGLISH) -> str:
    """What to do next, as a person at a screen does it; empty if the reason in that language has said it."""
    if language.tag == SOURCE:
        return _OWN.get(refused.code) or refused.hint or _ELSE
    if refused.code in _SAID_WITH_THE_REASON:
        return ""
    return language.say(_OWN.get(refused.code, _ELSE))


def told(refused: Refused, language: Language) -> tuple[str, str]:
    """What is wrong, and what to do next."""
    if language.tag == SOURCE:
        own = refused.hint if refused.code is Code.NOT_ALLOWED else ""
        return refused.message, own or hint(refused)
    known = refused.code in REASONS
    why = reason(refused.code, refused.message, language) if known else language.say(_GONE)
    if refused.code in _IN_DETAIL:
        why = f"{language.say(REASONS[refused.code])} {refused.message}"
    return why, hint(refused, language)


def sentence(refused: Refused, language: Language = ENGLISH) -> str:
    """What is wrong and what to do next, as one text."""
    if language.tag == SOURCE:
        return f"{refused.message} {hint(refused)}".strip()
    return " ".join(told(refused, language)).strip()
