"""From a claimed ledger row to the mail that leaves."""

from __future__ import annotations

import operator
import re
from collections import OrderedDict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING, NamedTuple, Protocol

from engine import attendee_report
from engine.commands.composing import personal_values, reader_language, reader_zone, revision
from engine.commands.text import LANGUAGE, TIMEZONE
from engine.itip import personal
from engine.mail.outgoing import branding, compose
from engine.mail.outgoing import prepared as mail_prepared
from engine.model.branding import PLAIN, Branding
from engine.model.claims import Claim
from engine.model.events import Event
from engine.model.keys import Standing
from engine.model.messages import Kind, Message, Notice
from engine.model.people import Attendee, NamedAddress, Partstat, Party
from engine.outbox.brands import Brands, FixedBrand
from engine.outbox.transport import Envelope
from engine.refusals import Code, Refused
from engine.settings import Settings
from engine.store.protocol import Reports
from engine.store.protocol.branding import BrandingQuestions

if TYPE_CHECKING:
    from engine.commands.agents.personal_links import PersonalLinks
    from engine.itip import prepared as itip_prepared

_KEPT = 128
"""Revisions that are kept prepared, each for readers of one zone and language: those which are being sent now."""
_OWN_NAME = "Calendar Invite Server"
_MESSAGE_ID = re.compile(r"[!-;=?-~]{1,200}@[!-;=?-~]{1,200}")


class Rendering(Reports, BrandingQuestions, Protocol):
    """What rendering asks of the store."""


_Key = tuple[str, int, datetime, Kind, date | datetime | None, str, str, str, Partstat, bool, str, str]


@dataclass(frozen=True, slots=True)
class _Prepared:
    """One revision, ready to be filled in for each attendee."""

    calendar: itip_prepared.PreparedCalendar
    mail: mail_prepared.PreparedMail
    texts: Mapping[str, personal.PersonalText]
    holes: Mapping[str, str]


class _Last(NamedTuple):
    """For whom the last mail was, and what was prepared for it."""

    event: Event
    brand: Branding
    told: tuple[object, ...]
    prepared: _Prepared
    name: str


class Kept(NamedTuple):
    """What the store holds for a mail beside its claim: the looks of its organizer, and what is attached."""

    brand: Branding
    attachment: tuple[str, bytes] | None = None


class Renderer:
    """Renders messages with the settings' addresses; each revision of an event is composed once."""

    def __init__(
        self, settings: Settings, store: Rendering, brands: Brands | FixedBrand | None = None
    ) -> None:
        self._settings = settings
        self._store = store
        self._brands = brands or Brands(store)
        self._kept: OrderedDict[_Key, _Prepared] = OrderedDict()
        self._linking: dict[tuple[object, ...], PersonalLinks] = {}
        self._linked: tuple[tuple[Event, Standing, Partstat], tuple[str, str], PersonalLinks] | None = None
        self._last: _Last | None = None
        self._cancelled: tuple[Event, date | datetime, Event] | None = None

    async def render(self, claim: Claim, now: datetime) -> Envelope:
        """The mail for `claim`, with `now` as its Date. Raises Refused: OUT_OF_BOUNDS."""
        return self.composed(claim, now, await self.read(claim, now))

    async def read(self, claim: Claim, now: datetime) -> Kept:
        """What the store holds for the mail; whatever this raises says nothing about the mail itself."""
        message = claim.message
        as_it_is = message.kind is Kind.REPLY or (message.notice is not None and message.notice.as_is)
        brand = PLAIN if as_it_is else await self._brands.of(message.organizer, now)
        return Kept(brand, await self._attachment(message.notice) if message.notice else None)

    def composed(self, claim: Claim, now: datetime, kept: Kept) -> Envelope:
        """The mail for `claim`, of what was read for it. Raises Refused: OUT_OF_BOUNDS."""
        if claim.message.kind.calendar:
            assert claim.event is not None, "calendar messages belong to an event"
            assert claim.attendee is not None, "calendar messages belong to an attendee"
            event = self._told(claim.event, claim.message)
            if claim.standing.bounds_links:
                self._refuse_links(claim, event, claim.attendee)
            return self._invitation(claim, event, claim.attendee, now, kept.brand)
        if claim.message.kind is Kind.REPLY and claim.message.notice:
            host = _outside(claim.standing, (claim.message.notice.subject, claim.message.notice.text))
            if host:
                raise Refused(Code.OUT_OF_BOUNDS, f"It would link to “{host[:80]}”.", bound="links")
        return self._notice(claim.message, now, claim.organizer_language, kept)

    def _told(self, event: Event, message: Message) -> Event:
        """The event that a mail tells: the cancellation of one date tells that date as people have it."""
        instance = message.recurrence_id
        if message.kind is not Kind.CANCELLATION or instance is None or not event.gone:
            return event
        last = self._cancelled
        if last is None or last[0] is not event or last[1] != instance:
            last = self._cancelled = (event, instance, event.with_gone(instance))
        return last[2]

    def _invitation(
        self, claim: Claim, event: Event, attendee: Attendee, now: datetime, brand: Branding
    ) -> Envelope:
        message = claim.message
        prepared, name = self._prepared_for(claim, event, attendee, brand)
        # No one is invited without the values that the text needs. Someone who came by a forwarded invite may
        # lack them; the right time matters more to them than a full sentence.
        said = personal.FilledTexts({**prepared.holes, **personal_values(attendee)} if prepared.holes else {})
        party = NamedAddress(attendee.email, attendee.name)
        receipts = self._settings.mailbox("rsvp", attendee.token)
        personal_part = compose.Personalisation(
            party,
            prepared.calendar.fill(party, NamedAddress(receipts, name), said),
            receipts,
            message.message_id,
            now,
            self._settings.mailbox("unsubscribe", attendee.token),
            self._settings.unsubscribe_url(attendee.token),
        )
        content = prepared.mail.fill(personal_part, {n: said[words] for n, words in prepared.texts.items()})
        # What bounces comes back to the receipt address, whose token tells which message it was.
        return Envelope(receipts, message.email, content, message.id, event.uid)

    def _refuse_links(self, claim: Claim, event: Event, attendee: Attendee) -> None:
        """Refuse a mail that would link to where its keys may not link, by its text as this person reads it."""
        host = self._links_of(claim, event, attendee).outside(personal_values(attendee))
        if host:
            why = f"The mail would link to “{host[:80]}”, which the bounds of its key do not allow."
            raise Refused(Code.OUT_OF_BOUNDS, why, bound="links")

    def _links_of(self, claim: Claim, event: Event, attendee: Attendee) -> PersonalLinks:
        """What all read alike is looked at once for each revision; mails of one claim share event and standing."""
        asked = (event, claim.standing, attendee.partstat)
        told = (claim.message.note, claim.organizer_name)
        last = self._linked
        if last and all(map(operator.is_, last[0], asked)) and last[1] == told:
            return last[2]
        seen = event.seen_by(attendee.partstat)
        part = claim.message.recurrence_id
        revision_of = (event.uid, event.sequence, event.dtstamp, event.linked, seen is event, part)
        about = (*revision_of, *told, claim.standing.links)
        links = self._linking.get(about)
        if links is None:
            # A process that only sends imports commands where a key has bounds alone.
            from engine.commands.agents.personal_links import PersonalLinks

            links = PersonalLinks(claim.standing.linking(event.linked), seen, told)
            self._linking = {**dict(list(self._linking.items())[-_KEPT:]), about: links}
        self._linked = (asked, told, links)
        return links

    def _prepared_for(
        self, claim: Claim, event: Event, attendee: Attendee, brand: Branding
    ) -> tuple[_Prepared, str]:
        """What is the same for all who read alike, and the organizer's name; most mails are like the one before."""
        message, fields = claim.message, attendee.fields
        told = (
            message.kind,
            message.recurrence_id,
            message.note,
            claim.organizer_name,
            claim.organizer_language,
            attendee.partstat,
            attendee.zone,
            (fields.get(TIMEZONE), fields.get(LANGUAGE)) if fields else None,
        )
        last = self._last
        if last and last.event is event and last.brand is brand and last.told == told:
            return last.prepared, last.name
        seen = event.seen_by(attendee.partstat)
        stamped = _stamped(seen, message)
        name = event.organizer_name or claim.organizer_name or event.organizer
        language = reader_language(attendee, claim.organizer_language)
        about = (_partstat(message, attendee), seen is not event, reader_zone(attendee), language)
        prepared = self._prepared(message, stamped, name, about, brand)
        # What is stamped anew differs from message to message.
        self._last = None if message.kind.restamped else _Last(event, brand, told, prepared, name)
        return prepared, name

    def _prepared(
        self,
        message: Message,
        event: Event,
        name: str,
        reader: tuple[Partstat, bool, str, str],
        brand: Branding,
    ) -> _Prepared:
        """The event's revision for such readers, ready to fill; the one that was used longest ago makes room.

        `reader`: the answer that the mail tells, whether text is theirs alone, their zone and language.
        """
        about = (message.kind, message.recurrence_id, name, message.note, brand.mark, *reader)
        key = (event.uid, event.sequence, event.dtstamp, *about)
        found = self._kept.get(key)
        if found is None:
            found = self._kept[key] = _prepare(event, message, name, self._settings, reader, brand)
            if len(self._kept) > _KEPT:
                self._kept.popitem(last=False)
        self._kept.move_to_end(key)
        return found

    def _notice(self, message: Message, now: datetime, language: str, kept: Kept) -> Envelope:
        assert message.notice is not None, "other messages carry a notice"
        brand = kept.brand
        content = compose.notice(
            sender=Party(
                address=self._settings.mailbox("notification"),
                name=message.notice.from_name or brand.title or _OWN_NAME,
            ),
            to=message.email,
            subject=message.notice.subject,
            text=branding.notice_text(brand, message.kind, message.notice.words, language),
            html=message.notice.html,
            message_id=message.message_id,
            date=now,
            reply_to=message.notice.reply_to,
            in_reply_to=_identifier(message.notice.in_reply_to),
            attachment=kept.attachment,
        )
        # The empty sender: nothing ever answers a notice (RFC 3834).
        return Envelope("", message.email, content, row=message.id)

    async def _attachment(self, notice: Notice) -> tuple[str, bytes] | None:
        uid = notice.report_uid
        if uid is None:
            return ("outcomes.csv", notice.outcomes.encode()) if notice.outcomes else None
        lines = [line async for line in attendee_report.csv_lines(self._store.every_attendee(uid))]
        return f"{uid}.csv", "".join(lines).encode()


def _outside(standing: Standing, texts: Iterable[str]) -> str:
    """The first host to which one of `texts` links and the keys may not link; empty if there is none."""
    return next((host for text in texts if (host := standing.outside_links(text))), "")


def _identifier(message_id: str) -> str:
    """The Message-ID without its brackets; empty for what is none, since its words are a stranger's."""
    plain = message_id.strip().removeprefix("<").removesuffix(">")
    return plain if _MESSAGE_ID.fullmatch(plain) else ""


def _stamped(event: Event, message: Message) -> Event:
    """The event with a DTSTAMP of the message's own, if it repeats a revision that calendars have (RFC 5546, 2.1.5)."""
    if not message.kind.restamped:
        return event
    later = max(message.created.replace(microsecond=0), event.dtstamp + timedelta(seconds=1))
    return event.model_copy(update={"dtstamp": later})


def _partstat(message: Message, attendee: Attendee) -> Partstat:
    """What the mail says that the attendee answered: a reminder must not take an answer back."""
    return attendee.partstat if message.kind is Kind.REMINDER else Partstat.NEEDS_ACTION


def _prepare(
    event: Event,
    message: Message,
    name: str,
    settings: Settings,
    reader: tuple[Partstat, bool, str, str],
    brand: Branding,
) -> _Prepared:
    kind, recurrence_id = message.kind, message.recurrence_id
    partstat, _, zone, language = reader
    spoken = revision(event, kind, recurrence_id, name, settings, message.note, zone, language)
    spoken = replace(spoken, brand=brand)
    names = () if event.verbatim else personal.TEXTS
    texts = {n: text for n in names if personal.personal(text := getattr(spoken.part, n))}
    # Imported with the first mail: what writes calendars is 80 modules, and a server that is only asked needs none.
    from engine.itip import prepared as itip_prepared

    return _Prepared(
        calendar=itip_prepared.prepare(event, kind.method, recurrence_id=recurrence_id, partstat=partstat),
        mail=mail_prepared.prepare(spoken, texts.keys()),
        texts={n: personal.words(text) for n, text in texts.items()},
        holes=dict.fromkeys(personal.placeholders(event), ""),
    )
