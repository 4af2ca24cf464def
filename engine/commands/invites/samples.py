"""The mail of an invite as it would leave now, to be looked at."""

from __future__ import annotations

from engine.commands import composing
from engine.commands.base import Work
from engine.commands.composing import personal_values
from engine.itip import personal
from engine.model.events import Event
from engine.model.held import SampleMail
from engine.model.messages import Kind
from engine.model.people import Attendee

TEXT_SHOWN = 20_000
"""Characters of a mail's text."""


async def invite_sample(work: Work, attendee: Attendee, note: str = "") -> SampleMail | None:
    """The invite to one person, as it would leave now; None if the event is not there any more."""
    event = await work.unit.event(attendee.event_uid)
    if event is None:
        return None
    event = personal.personalize(event.seen_by(attendee.partstat), personal_values(attendee))
    name = event.organizer_name or await work.unit.organizer_name(event.organizer) or event.organizer
    zone = composing.reader_zone(attendee)
    language = await language_of(work, event, attendee)
    revision = composing.revision(event, Kind.INVITE, None, name, work.settings, note, zone, language)
    subject, text = composing.plain_text(revision, work.settings)
    return SampleMail(to=attendee.email, subject=subject, text=text[:TEXT_SHOWN])


async def language_of(work: Work, event: Event, reader: Attendee) -> str:
    """The language of the mail to `reader`."""
    return composing.reader_language(reader, await work.unit.organizer_language(event.organizer))
