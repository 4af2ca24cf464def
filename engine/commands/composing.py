"""What a calendar mail says, composed from a revision: for the mail that leaves, and for its sample in a preview."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime

from engine.commands.text import LANGUAGE, TIMEZONE
from engine.itip import recurrence, zones
from engine.mail.locale.choosing import matched
from engine.mail.locale.language import SOURCE
from engine.mail.locale.language import language as locale
from engine.mail.outgoing import compose
from engine.model.branding import INSTALLATION, Branding, merged
from engine.model.events import Event
from engine.model.messages import Kind
from engine.model.people import Attendee, Party
from engine.settings import Settings
from engine.store.protocol.branding import BrandingQuestions

SAMPLE_TOKEN = "sample"


def revision(
    event: Event,
    kind: Kind,
    recurrence_id: date | datetime | None,
    name: str,
    settings: Settings,
    note: str = "",
    reader_zone: str = "",
    language: str = "",
) -> compose.RevisionMail:
    """What a message says to all attendees alike; `name` is the organizer's, `reader_zone` and `language` are theirs,
    as far as they are known."""
    return compose.RevisionMail(
        event=event,
        part=event if recurrence_id is None else recurrence.instance(event, recurrence_id),
        kind=kind,
        sender=Party(address=settings.mailbox("rsvp"), name=name),
        reply_to=Party(address=event.organizer, name=name),
        public_url=settings.public_url,
        note=note,
        reader_zone=reader_zone,
        language=locale(language or SOURCE),
    )


def personal_values(attendee: Attendee) -> dict[str, str]:
    """What `{{placeholders}}` may name: the fields given, and always name and email."""
    return given(attendee.email, attendee.name, attendee.fields)


def given(email: str, name: str, fields: Mapping[str, str]) -> dict[str, str]:
    """The values that are there: an empty one is missing, for nobody is addressed by a hole in a sentence."""
    if not fields and name and email:
        return {"name": name, "email": email}
    return {key: value for key, value in {**fields, "name": name, "email": email}.items() if value}


def reader_zone(attendee: Attendee) -> str:
    """A reader's time zone, from their list or else from their last answer; empty if it is not known."""
    given = attendee.fields.get(TIMEZONE, "") if attendee.fields else ""
    return (zones.resolve(given) if given else "") or attendee.zone


def reader_language(attendee: Attendee, organizers: str) -> str:
    """A reader's language, from their list or else the organizer's; empty if neither is known."""
    given = attendee.fields.get(LANGUAGE, "") if attendee.fields else ""
    return (matched(given) if given else "") or organizers


async def in_force(asked: BrandingQuestions, organizer: str) -> Branding:
    """The branding in force for an organizer; without one, the installation's."""
    scopes = dict.fromkeys((INSTALLATION, organizer))
    return merged([one for scope in scopes if (one := await asked.branding(scope))])


def plain_text(said: compose.RevisionMail, settings: Settings, token: str = SAMPLE_TOKEN) -> tuple[str, str]:
    """Subject and plain text of the mail to one attendee, whose own values the revision has already."""
    texts = {name: getattr(said.part, name) for name in compose.TEXTS}
    text, _ = compose.rendered(said, compose.shown(texts, settings.mailbox("rsvp", token), said.language))
    return compose.subject(said, texts["summary"]), text
