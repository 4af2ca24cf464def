"""The mail that asks the owner of an address whether they want what was asked for on a page."""

from __future__ import annotations

from collections.abc import Sequence

from engine.itip.personal import for_all
from engine.mail.locale.language import ENGLISH, Language
from engine.mail.outgoing import words
from engine.model.events import Event
from engine.model.messages import Notice
from engine.model.pages import PageRequest
from engine.settings import Settings

LISTED = 40
"""Events that the mail and its page name; more are counted."""


def please_confirm(place: str, request: PageRequest, events: Sequence[Event], settings: Settings) -> Notice:
    """What was asked for, where, and the address of the page with the button that sends it."""
    count = len(events)
    what = "a calendar invite" if count == 1 else f"{count} calendar invites"
    link = f"{settings.public_url.rstrip('/')}/confirm/send/{request.code}"
    listed = "\n".join(f"- {line(event)}" for event in events[:LISTED])
    more = f"\n- and {count - LISTED} more" if count > LISTED else ""
    text = (
        f"{place} someone asked for {what} for {request.email}.\n\n"
        f"If that was you, open this page and press its button:\n{link}\n\n{listed}{more}\n\n"
        "If it was not you, do nothing: nothing else is sent.\n\n"
        f"The link works until {words.day(request.expires)}.\n"
    )
    return Notice(subject=f"Do you want {what}?", text=text)


def line(event: Event, language: Language = ENGLISH) -> str:
    """An event in one line, in words for nobody in particular."""
    return f"{for_all(event).summary}, {words.when(event.span, language)}"
