"""From a claimed ledger row to the mail that leaves."""

from __future__ import annotations

from datetime import datetime

from engine import report
from engine.commands.invites import personal_values
from engine.itip import personal, write
from engine.mail import compose
from engine.model import Attendee, Event, Kind, Message, Party
from engine.outbox.transport import Envelope
from engine.settings import Settings
from engine.store.protocol import Claim, Store


class Renderer:
    """Renders messages with the settings' addresses."""

    def __init__(self, settings: Settings, store: Store) -> None:
        self._settings = settings
        self._store = store

    async def render(self, claim: Claim, now: datetime) -> Envelope:
        """The mail for `claim`, with `now` as its Date."""
        if claim.message.kind.calendar:
            assert claim.event is not None, "calendar messages belong to an event"
            assert claim.attendee is not None, "calendar messages belong to an attendee"
            return self._invitation(claim.message, claim.event, claim.attendee, claim.organizer_name, now)
        return await self._notice(claim.message, now)

    def _invitation(
        self, message: Message, event: Event, attendee: Attendee, organizer_name: str, now: datetime
    ) -> Envelope:
        event = _personal(event, attendee)
        name = event.organizer_name or organizer_name or event.organizer
        receipt_address = self._settings.mailbox("rsvp", attendee.token)
        make = write.cancel if message.kind is Kind.CANCELLATION else write.request
        calendar = make(
            event,
            Party(address=attendee.email, name=attendee.name),
            Party(address=receipt_address, name=name),
            recurrence_id=message.recurrence_id,
        )
        content = compose.invitation(
            event=event,
            kind=message.kind,
            attendee=attendee,
            calendar=calendar,
            sender=Party(address=self._settings.mailbox("rsvp"), name=name),
            reply_to=Party(address=event.organizer, name=name),
            receipt_address=receipt_address,
            message_id=message.message_id,
            date=now,
            unsubscribe=self._settings.mailbox("unsubscribe", attendee.token),
            public_url=self._settings.public_url,
            recurrence_id=message.recurrence_id,
        )
        # What bounces comes back to the receipt address, whose token tells which message it was.
        return Envelope(sender=receipt_address, recipient=message.email, content=content)

    async def _notice(self, message: Message, now: datetime) -> Envelope:
        assert message.notice is not None, "other messages carry a notice"
        content = compose.notice(
            sender=Party(address=self._settings.mailbox("notification"), name="Calendar Invite Server"),
            to=message.email,
            subject=message.notice.subject,
            text=message.notice.text,
            message_id=message.message_id,
            date=now,
            attachment=await self._attachment(message.notice.report_uid),
        )
        # The empty sender: nothing ever answers a notice (RFC 3834).
        return Envelope(sender="", recipient=message.email, content=content)

    async def _attachment(self, uid: str | None) -> tuple[str, bytes] | None:
        if uid is None:
            return None
        lines = [line async for line in report.csv_lines(self._store.every_attendee(uid))]
        return f"{uid}.csv", "".join(lines).encode()


def _personal(event: Event, attendee: Attendee) -> Event:
    """The event in the attendee's own words.

    Nobody is invited without the values that the text needs. Somebody who came by a forwarded invite may lack
    them; the right time matters more to them than a full sentence.
    """
    values = personal_values(attendee)
    holes = dict.fromkeys(personal.placeholders(event), "")
    return personal.personalize(event, {**holes, **values})
