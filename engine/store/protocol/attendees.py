"""Attendees, their receipts, and addresses that take no mail."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import date, datetime
from typing import Protocol

from engine.model.answers import Receipt
from engine.model.people import Attendee, Partstat
from engine.refusals import Code


class Attendees(Protocol):
    """The part of a unit of work that concerns attendees."""

    async def attendee(self, event_uid: str, email: str) -> Attendee | None:
        """The attendee of an event with this address, or None."""
        ...

    async def known_attendees(self, event_uid: str, emails: Collection[str]) -> list[Attendee]:
        """Those with these addresses who are attendees of an event, withdrawn or not."""
        ...

    async def attendee_by_token(self, token: str) -> Attendee | None:
        """The attendee to whom this receipt token belongs, or None."""
        ...

    async def attendee_count(self, event_uid: str) -> int:
        """How many attendees an event had before this unit, by its counter."""
        ...

    async def places_taken(self, event_uid: str) -> int:
        """How many attendees have a place of the event, with what this unit has changed."""
        ...

    async def add_attendees(self, attendees: Sequence[Attendee]) -> None:
        """Add attendees, all of one event. Known ones stay as they are, but become proven if added as proven."""
        ...

    async def lacking(self, event_uid: str, field: str) -> int:
        """How many invited attendees have no value for this personal field."""
        ...

    async def change_attendee(self, old: Attendee, new: Attendee) -> None:
        """Write an answer, a withdrawal or personal values down: counters move from the old to the new."""
        ...

    async def invited(self, event_uid: str, emails: Collection[str]) -> set[str]:
        """Those of `emails` who have the invite, will have it, or proved themselves without one."""
        ...

    async def answers(self, event_uid: str) -> dict[Partstat, int]:
        """How many attendees of an event gave each answer, by its counters."""
        ...

    async def limited_invites(self, event_uid: str) -> int:
        """How many attendees counted towards the event's limit of invites before this unit."""
        ...

    async def record_receipt(self, receipt: Receipt) -> None:
        """Keep an answer in the history, whether it counts or not."""
        ...

    async def counted_receipt(
        self, event_uid: str, email: str, recurrence_id: date | datetime | None = None
    ) -> Receipt | None:
        """The last answer of an attendee that counted, for the whole event or for one instance; None: none is known."""
        ...

    async def note_complaint(
        self, email: str, organizer: str, event_uid: str | None, words: str, now: datetime
    ) -> None:
        """Write into the log of changes that a person called mail of an organizer spam."""
        ...

    async def note_automatic_reply(
        self, event_uid: str, email: str, words: str, now: datetime, most: int
    ) -> bool:
        """Keep what an attendee's mail program answered; False, and nothing is kept, if there are `most` already."""
        ...

    async def barred(self, organizer: str, emails: Collection[str]) -> dict[str, Code]:
        """Those of `emails` that take no mail from this organizer, with the reason (promise 7)."""
        ...

    async def block(self, email: str, organizer: str, now: datetime) -> None:
        """Note that `email` wants no more from this organizer."""
        ...

    async def suppress_for(self, email: str, organizer: str, reason: str, now: datetime) -> None:
        """Note that `email` takes no mail of this organizer: why, stays as it was, but for a complaint.

        That replaces every cause but what the person wished before: to be taken off, or an earlier complaint.
        """
        ...

    async def suppress(self, email: str, reason: str, now: datetime) -> None:
        """Note that `email` takes no mail from any organizer, as `suppress_for` does."""
        ...
