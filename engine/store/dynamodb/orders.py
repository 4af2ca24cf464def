"""Organizers' plans, their purchases, and the people whom a shop asks to forget."""

from __future__ import annotations

from datetime import datetime

from engine.model.plans import Enrolment, Purchase, Redaction
from engine.store.dynamodb.events import EVENTS
from engine.store.dynamodb.names import moment, newest_first
from engine.store.dynamodb.rows import KindTable
from engine.store.dynamodb.session import ReadSession, UnitSession

_ALL = "all"

ENROLMENTS = KindTable[Enrolment](
    "enrolment",
    Enrolment,
    key=lambda enrolment: (enrolment.organizer,),
    indexes={"until": lambda e: [(_ALL, moment(e.until))] if e.until and not e.reported else []},
)
PURCHASES = KindTable[Purchase](
    "purchase",
    Purchase,
    key=lambda purchase: (purchase.order, purchase.line),
    indexes={"at": lambda p: [(_ALL, newest_first(p.at))]},
)
REDACTIONS = KindTable[Redaction](
    "redaction",
    Redaction,
    key=lambda redaction: (redaction.address,),
    indexes={
        "asked": lambda r: [(_ALL, moment(r.asked))],
        "open": lambda r: [(_ALL, moment(r.asked))] if r.open else [],
    },
)


class OrderQuestions(ReadSession):
    """Questions about plans and orders."""

    async def enrolment(self, organizer: str) -> Enrolment | None:
        """The organizer's current or last plan; None if there never was one."""
        return await self.rows.get(ENROLMENTS, organizer)

    async def purchases(self, limit: int) -> list[Purchase]:
        """The purchases, newest first."""
        return await self.rows.by(PURCHASES, "at", _ALL, limit=limit)

    async def redactions(self, limit: int, *, open_only: bool = False) -> list[Redaction]:
        """The people still to be forgotten, oldest request first; `open_only`: without those who cannot be."""
        return await self.rows.by(REDACTIONS, "open" if open_only else "asked", _ALL, limit=limit)


class Orders(OrderQuestions, UnitSession):
    """Changes of plans and orders in a unit of work."""

    async def save_enrolment(self, enrolment: Enrolment) -> None:
        """Replace the plan of an organizer."""
        await self.rows.put(ENROLMENTS, enrolment)

    async def end_enrolment(self, organizer: str) -> None:
        """Delete the plan of an organizer."""
        await self.rows.drop(ENROLMENTS, organizer)

    async def ended_enrolments(self, now: datetime, limit: int) -> list[Enrolment]:
        """Ended plans whose organizers were not notified, in order of their ends."""
        return await self.rows.by(ENROLMENTS, "until", _ALL, before=f"{moment(now)}$", limit=limit)

    async def events_made(self, organizer: str, since: datetime | None) -> int:
        """How many events the organizer created since then, or ever, including cancelled ones."""
        entries = await self.items.query(
            EVENTS.listing("organizer", organizer), after=moment(since) if since else ""
        )
        return len(entries)

    async def purchase(self, order: str, line: str) -> Purchase | None:
        """The purchase for a line of an order, or None."""
        return await self.rows.get(PURCHASES, order, line)

    async def add_purchase(self, purchase: Purchase) -> None:
        """Store the purchase for a line of an order."""
        await self.rows.put(PURCHASES, purchase)

    async def save_redaction(self, redaction: Redaction) -> None:
        """Store that a person is to be forgotten, keeping the time of the first request."""
        known = await self.rows.get(REDACTIONS, redaction.address) or redaction
        await self.rows.put(REDACTIONS, redaction.model_copy(update={"asked": known.asked}))

    async def end_redaction(self, address: str) -> None:
        """Delete the request, since the person is forgotten."""
        await self.rows.drop(REDACTIONS, address)
