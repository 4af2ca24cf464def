"""The text of a refusal for a visitor, in their language."""

from __future__ import annotations

from starlette.responses import Response

from engine.mail.locale.language import SOURCE, Language, noop
from engine.refusals import Code, Refused

_BY_CODE = {
    Code.INVALID_ADDRESS: noop(
        "This is not an address that mail can be sent to. Check it for typing errors."
    ),
    Code.EMPTY_LIST: noop("Nothing is chosen. Tick what you want in your calendar."),
    Code.TOO_LARGE: noop("That is too much at once. Choose less."),
    Code.UNKNOWN_EVENT: noop(
        "Some of what you ticked is no longer on this page. Look at what is ticked, and send again."
    ),
    Code.UNKNOWN_PAGE: noop("The address may be mistyped, or the page was taken down."),
    Code.UNKNOWN_LINK: noop("The address may be mistyped, or the page was taken down."),
    Code.EVENT_CANCELLED: noop("It was cancelled; no one is invited any more."),
    Code.EVENT_FULL: noop("No place is free any more. Choose others, and send again."),
    Code.EVENT_FINISHED: noop("This is over."),
    Code.EVENT_IN_PAST: noop("This is over."),
    Code.PERSON_LIMIT: noop(
        "This address was sent as many invites as one person gets in a day. Try again tomorrow."
    ),
    Code.INVITE_LIMIT_REACHED: noop("No more invites are sent for this event. Ask the organizer."),
    Code.TOO_MANY: noop("There are too many requests just now. Try again in an hour."),
    Code.TOO_SOON: noop("There are too many requests just now. Try again in an hour."),
    Code.BUSY: noop("The server is busy. Try again in a minute."),
    Code.CONFIRM_TOKEN_INVALID: noop("This link has expired or was used already. Ask for a new one."),
    Code.UNKNOWN_TOKEN: noop("No invite was sent with this address."),
    Code.UNKNOWN_HELD_ACTION: noop("There is nothing to decide at this address."),
    Code.HELD_ACTION_STATE: noop("This was decided already."),
    Code.INVALID_ARGUMENT: noop(
        "Something in the form is missing or cannot be read. Look at what you entered."
    ),
    Code.NOT_ALLOWED: noop("You may not do this."),
    Code.ORGANIZER_SUSPENDED: noop("The organizer is not sending any mail at the moment."),
}
_OTHERWISE = noop("This was not possible just now. Try again later, or ask the organizer.")
_CONSENT = "The box below your address is not ticked."
_BY_SENTENCE = {_CONSENT: noop("The box below your address is not ticked. Tick it if you agree.")}
"""Sentences of the engine whose code alone says too little."""
_OF_AGENTS = frozenset({Code.UNKNOWN_HELD_ACTION})
"""Codes of which the engine's own sentence is in the terms of agents."""
_RETRY_S = {Code.PERSON_LIMIT: 86_400, Code.TOO_MANY: 3_600}
"""When to come again, as the sentences above say it."""
_GONE = frozenset({Code.EVENT_CANCELLED, Code.EVENT_FINISHED})


def problem(refused: Refused, language: Language) -> str:
    """What went wrong, and what to do next: the engine's own sentences in English, else ours for its code."""
    if language.tag == SOURCE and refused.code not in _OF_AGENTS:
        return f"{refused.message} {refused.hint}".strip()
    return language.say(_BY_SENTENCE.get(refused.message) or _BY_CODE.get(refused.code, _OTHERWISE))


def status_of(refused: Refused, *, single: bool = False) -> int:
    """The status of the page that shows a refusal; `single`: the page is of that event alone."""
    if refused.code in _RETRY_S:
        return 429
    return 410 if single and refused.code in _GONE else 422


def with_wait(made: Response, refused: Refused | None) -> Response:
    """The page that shows a refusal, with Retry-After in seconds where it may be tried again (RFC 6585, 4)."""
    if refused and (wait := _RETRY_S.get(refused.code)):
        made.headers["Retry-After"] = str(wait)
    return made
