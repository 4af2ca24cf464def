"""Why a mail changed nothing, for people who are told in another language than English.

English tells it in the sentence of the refusal; in other languages each code has one sentence, which the names that the
refusal quotes follow.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from engine.mail.locale.language import SOURCE, Language, noop
from engine.refusals import Code

_QUOTED = re.compile(r"“([^”]{1,120})”")
_NAMED_MAX = 3
REASONS: Mapping[Code, str] = {
    Code.INVALID_ARGUMENT: noop("A value in it is not one that can be used."),
    Code.INVALID_TIME: noop("A time in it cannot be read. Write it as 2027-05-02T19:30."),
    Code.UNKNOWN_TIMEZONE: noop(
        "It names a time zone that does not exist. Use a name such as Europe/Berlin."
    ),
    Code.END_BEFORE_START: noop("The event would end before it starts."),
    Code.INVALID_RECURRENCE: noop("How it repeats cannot be understood."),
    Code.INVALID_ADDRESS: noop("An address in it is not a mail address that can be used."),
    Code.EMPTY_LIST: noop("The list is empty."),
    Code.INVALID_TEMPLATE: noop("A placeholder in its text is written wrongly."),
    Code.MISSING_FIELD: noop("A required value is missing."),
    Code.TOO_LARGE: noop("It is too large. Send it in parts."),
    Code.UNKNOWN_EVENT: noop("No event of yours has that uid or id."),
    Code.AMBIGUOUS_EVENT: noop("Several events have that name. Name the event by its uid."),
    Code.UNKNOWN_ATTENDEE: noop("That person is not invited to this event."),
    Code.EVENT_EXISTS: noop("There is already an event with this uid."),
    Code.EVENT_IN_PAST: noop("The event lies in the past."),
    Code.EVENT_CANCELLED: noop("The event is cancelled, and stays cancelled. Create a new one."),
    Code.EVENT_FINISHED: noop("The event is over. Nothing is sent for it any more."),
    Code.EVENT_FULL: noop("All places of the event are taken."),
    Code.SEQUENCE_MISMATCH: noop("The event was changed meanwhile. Look at it again."),
    Code.NOT_ALLOWED: noop("You may not do that here. Ask whoever runs this server."),
    Code.ORGANIZER_SUSPENDED: noop("This organizer is suspended. Ask whoever runs this server."),
    Code.ORGANIZER_NOT_ALLOWED: noop(
        "This address may not create events here. Ask whoever runs this server."
    ),
    Code.OUT_OF_BOUNDS: noop("It is outside the bounds that hold here."),
    Code.KEY_ENDED: noop("The key that made it has ended."),
    Code.ATTENDEE_BLOCKED: noop("That person wants no more mail from this organizer."),
    Code.ADDRESS_SUPPRESSED: noop("That address is on the do-not-mail list."),
    Code.INVITE_LIMIT_REACHED: noop("The event has reached its limit of invites."),
    Code.EVENT_LIMIT_REACHED: noop("You have as many events as your plan allows."),
    Code.FREE_TRIAL_ENDED: noop("Your free trial has ended."),
    Code.PERSON_LIMIT: noop("That person has received as many invites today as one person may."),
    Code.ALREADY_INVITED: noop("That person was invited before."),
    Code.MISSING_UID: noop("A row names no event."),
    Code.CSV_NO_HEADER: noop(
        "The table lacks the line with the names of its columns, or a column that is needed."
    ),
    Code.CSV_UNREADABLE: noop("The table cannot be read."),
    Code.UNREADABLE_MAIL: noop("The mail cannot be read."),
    Code.TOO_COSTLY: noop("Reading it would take too long. Send it in parts."),
    Code.PROCESS_DIED: noop("Reading it would take too long. Send it in parts."),
    Code.ENCRYPTED_MAIL: noop("The mail is encrypted. Send it unencrypted."),
    Code.TNEF_UNREADABLE: noop(
        "The file winmail.dat cannot be read. Send the calendar as an ordinary attachment."
    ),
    Code.NO_CALENDAR: noop("There is no calendar in it. Invite this address to an event in your calendar."),
    Code.INVALID_CALENDAR: noop("The calendar in it cannot be understood."),
    Code.NOT_AN_EVENT: noop("The calendar in it has no event."),
    Code.MISSING_UID_IN_CALENDAR: noop("The event in it has no uid."),
    Code.UNSUPPORTED_METHOD: noop("That kind of calendar mail is not understood here."),
    Code.NO_LIST: noop("There is no list in it. Attach one with a column named email."),
    Code.NO_SENDER: noop("It does not say who sent it."),
    Code.SENDER_UNAUTHENTICATED: noop("Nothing proves who sent it."),
    Code.FIRST_PROOF: noop("It would reach many people, and what proves its sender is new here."),
    Code.FOR_OPERATOR: noop("It waits for whoever runs this server to read it."),
    Code.UNKNOWN_TOKEN: noop("The address it was sent to is not known here."),
    Code.STALE: noop("It is older than what is known."),
    Code.UNKNOWN_INSTANCE: noop("The series has no such date."),
    Code.TOO_SOON: noop("It was asked for a moment ago. Try again later."),
    Code.TOO_MANY: noop("There are too many of them. Try again later."),
    Code.BUSY: noop("The server is busy. Try again later."),
    Code.CAMPAIGN_STATE: noop("What is asked for cannot be done with this list now."),
    Code.CAMPAIGN_CANCELLED: noop("The campaign was cancelled."),
    Code.URL_NOT_ALLOWED: noop("That address may not be read from here."),
    Code.URL_NOT_READABLE: noop("That address could not be read."),
    Code.LOOP: noop("What it does seems to trigger it again."),
    Code.INVALID_RULE: noop("A rule cannot be applied."),
    Code.INVALID_PAYLOAD: noop("The payload cannot be read."),
    Code.LOOKUP_FAILED: noop("What a rule looks up could not be fetched."),
    Code.TRIGGER_STATE: noop("What is asked for cannot be done with this trigger now."),
    Code.WEBHOOK_STATE: noop("What is asked for cannot be done with this webhook now."),
    Code.GONE: noop("Its receiver answered 410: it is gone for good."),
    Code.FAILING: noop("Its receiver has failed for 72 hours."),
    Code.INTERNAL: noop("Something went wrong here. Whoever runs this server can look it up."),
}


def reason(code: str, english: str, language: Language) -> str:
    """Why something was refused, in a language; `english`: the sentence of the refusal."""
    known = REASONS.get(Code(code)) if code in set(Code) else None
    if language.tag == SOURCE or known is None:
        return english
    return with_quoted(language.say(known), english, language)


def with_quoted(told: str, english: str, language: Language) -> str:
    """`told`, and after it the names that an English sentence quotes."""
    names = list(dict.fromkeys(_QUOTED.findall(english)))[:_NAMED_MAX]
    listed = language.term("between the names of a list", ", ").join(names)
    return f"{told} {language.say('It concerns: {what}.', what=listed)}" if names else told
