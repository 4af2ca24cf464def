"""The mail of an event as it leaves, for whoever wants to read it: rendered as the dispatcher does, sent to no one."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from email import policy
from email.parser import BytesParser

from pydantic import Field

from engine.commands.composing import SAMPLE_TOKEN
from engine.commands.invites.invites import InviteDone
from engine.engine import Engine
from engine.model.actors import Actor
from engine.model.base import Value
from engine.model.branding import ORGANIZER, Branding, MailText
from engine.model.claims import Claim
from engine.model.events import Event
from engine.model.messages import Kind, Message, Notice
from engine.model.people import Attendee, Origin
from engine.model.times import Span
from engine.outbox.brands import FixedBrand
from engine.outbox.render import Renderer
from engine.outbox.transport import Envelope
from engine.refusals import Code, Refused


class ShownMail(Value):
    """One mail in its parts, and the revisions of which there is one."""

    uid: str
    sequence: int = Field(description="revision that the mail carries")
    sequences: tuple[int, ...] = Field(description="revisions that are kept")
    kind: Kind
    to: str = Field(description="empty: nobody in particular")
    subject: str
    text: str
    html: str
    calendar: str


async def shown(
    engine: Engine, uid: str, actor: Actor, *, email: str = "", sequence: int | None = None
) -> ShownMail:
    """The mail of a revision, as `email` gets it or as someone would of whom nothing is known.

    Without `sequence`: the invite of today. The receipt token in it is none.
    Raises Refused: UNKNOWN_EVENT, UNKNOWN_REVISION, UNKNOWN_ATTENDEE, NOT_ALLOWED.
    """
    known = await engine.revisions(uid, actor)
    event = known[-1] if sequence is None else await engine.revision(uid, sequence, actor)
    attendee = await _reader(engine, event, email)
    kind = _kind(event, current=sequence is None)
    now = engine.clock()
    message = Message(
        kind=kind,
        email=attendee.email,
        organizer=event.organizer,
        message_id=f"{SAMPLE_TOKEN}@{engine.settings.domain}",
        event_uid=event.uid,
        method=kind.method,
        sequence=event.sequence,
        created=now,
        due=now,
    )
    parts = _parts((await _rendered(engine, message, event, attendee)).content)
    return ShownMail(
        uid=event.uid,
        sequence=event.sequence,
        sequences=tuple(one.sequence for one in known),
        kind=kind,
        to=email and attendee.email,
        **parts,
    )


async def handed_over(engine: Engine, done: InviteDone) -> Envelope:
    """The mail of an invite that its asker sends: the same bytes but for its Date, each time it is asked for."""
    assert done.message is not None, "an invite always has its row in the ledger"
    event = await engine.store.event(done.attendee.event_uid)
    assert event is not None, "an attendee belongs to an event"
    return await _rendered(engine, done.message, event, done.attendee)


async def _rendered(engine: Engine, message: Message, event: Event, attendee: Attendee) -> Envelope:
    name = await engine.store.organizer_name(event.organizer)
    language = await engine.organizer_language(event.organizer)
    claim = Claim(message, event, attendee, name, language)
    return await Renderer(engine.settings, engine.store).render(claim, engine.clock())


DEFAULTS: Mapping[MailText, str] = {
    MailText.INVITE: f"{ORGANIZER} invites you.",
    MailText.UPDATE: "This event has been updated.",
    MailText.CANCEL: "This event has been cancelled.",
    MailText.REPORT: "",
    MailText.NOTICE: "",
}
"""The first line of mails where none is set."""
_SAMPLE_KINDS = {
    MailText.INVITE: Kind.INVITE,
    MailText.UPDATE: Kind.UPDATE,
    MailText.CANCEL: Kind.CANCELLATION,
    MailText.REPORT: Kind.REPORT,
    MailText.NOTICE: Kind.NOTICE,
}


class ExampleMail(Value):
    """A mail that is never sent; `html`: empty if it has none."""

    subject: str
    text: str
    html: str


async def copies(engine: Engine, brand: Branding, language: str = "") -> tuple[Notice, ...]:
    """One mail of each kind with the branding `brand`, to be owed to somebody who wants to see them."""
    shown = [(one, await sample(engine, brand, one, language)) for one in MailText]
    return tuple(
        Notice(subject=f"[{one.value}] {mail.subject}", text=mail.text, html=mail.html, as_is=True)
        for one, mail in shown
    )


async def sample(engine: Engine, brand: Branding, mail: MailText, language: str = "") -> ExampleMail:
    """A mail of this kind about an invented event, with the branding `brand`, for a reader of that language."""
    kind, now = _SAMPLE_KINDS[mail], engine.clock()
    organizer = f"organizer@{engine.settings.domain}"
    message = Message(
        kind=kind,
        email=f"guest@{engine.settings.domain}",
        organizer=organizer,
        message_id=f"{SAMPLE_TOKEN}@{engine.settings.domain}",
        method=kind.method if kind.calendar else None,
        notice=None if kind.calendar else Notice(subject=f"A {mail.value}", text="What there is to say.\n"),
        created=now,
        due=now,
    )
    event = _sample_event(organizer, now) if kind.calendar else None
    attendee = await _reader(engine, event, "") if event else None
    renderer = Renderer(engine.settings, engine.store, FixedBrand(brand))
    claim = Claim(message, event, attendee, "The organizer", language)
    parts = _parts((await renderer.render(claim, now)).content)
    return ExampleMail(subject=parts["subject"], text=parts["text"], html=parts["html"])


def _sample_event(organizer: str, now: datetime) -> Event:
    start = now.replace(microsecond=0) + timedelta(days=30)
    span = Span(start=start, end=start + timedelta(hours=2), timezone="UTC")
    return Event(
        uid="sample",
        organizer=organizer,
        organizer_name="The organizer",
        summary="Spring concert",
        location="Main hall",
        description="Doors open half an hour before.",
        span=span,
        created=now,
        dtstamp=start,
        ends_at=span.end_utc,
    )


def _kind(event: Event, *, current: bool) -> Kind:
    """What people are mailed at a revision: a cancellation, the first invite, or an update."""
    if event.cancelled:
        return Kind.CANCELLATION
    return Kind.INVITE if current or not event.sequence else Kind.UPDATE


async def _reader(engine: Engine, event: Event, email: str) -> Attendee:
    if not email:
        return Attendee(
            event_uid=event.uid,
            email=f"guest@{engine.settings.domain}",
            token=SAMPLE_TOKEN,
            origin=Origin.TEST,
            created=engine.clock(),
        )
    found = await engine.store.attendee(event.uid, email.strip().lower())
    if found is None:
        raise Refused(Code.UNKNOWN_ATTENDEE, "That address is not invited to this event.")
    return found.model_copy(update={"token": SAMPLE_TOKEN})


def _parts(content: bytes) -> dict[str, str]:
    mail = BytesParser(policy=policy.default).parsebytes(content)
    return {
        "subject": str(mail["Subject"]),
        **{
            name: next((str(p.get_content()) for p in mail.walk() if p.get_content_type() == media), "")
            for name, media in (("text", "text/plain"), ("html", "text/html"), ("calendar", "text/calendar"))
        },
    }
