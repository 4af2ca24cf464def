"""The mail that asks the owner of an address whether they want what was asked for on a page."""

from __future__ import annotations

from collections.abc import Sequence

from engine.itip.personal import for_all
from engine.mail.locale.language import ENGLISH, SOURCE, Language
from engine.mail.outgoing import words
from engine.model.events import Event
from engine.model.messages import Notice
from engine.model.pages import PageRequest
from engine.settings import Settings

LISTED = 40
"""Events that the mail and its page name; more are counted."""


def please_confirm(
    place: str, request: PageRequest, events: Sequence[Event], settings: Settings, language: Language
) -> Notice:
    """What was asked for, where, and the address of the page with the button that sends it."""
    say, count = language.say, len(events)
    asked = language.some(
        "{place} someone asked for a calendar invite for {email}.",
        "{place} someone asked for {n} calendar invites for {email}.",
        count,
        place=place,
        email=request.email,
    )
    link = f"{settings.public_url.rstrip('/')}/confirm/send/{request.code}"
    if language.tag != SOURCE:
        link += f"?lang={language.tag}"
    listed = "\n".join(f"- {line(event, language)}" for event in events[:LISTED])
    more = language.some("and {n} more", "and {n} more", count - LISTED) if count > LISTED else ""
    text = (
        f"{asked}\n\n{say('If that was you, open this page and press its button:')}\n{link}\n\n{listed}"
        + (f"\n- {more}" if more else "")
        + f"\n\n{say('If it was not you, do nothing: nothing else is sent.')}\n\n"
        + say("The link works until {day}.", day=words.day(request.expires, language))
        + "\n"
    )
    subject = language.some("Do you want a calendar invite?", "Do you want {n} calendar invites?", count)
    return Notice(subject=subject, text=text)


def line(event: Event, language: Language = ENGLISH) -> str:
    """An event in one line, without anybody's personal values."""
    return f"{for_all(event).summary}, {words.when(event.span, language)}"
