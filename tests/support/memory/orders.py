"""Plans, orders and whom a shop asks to forget, in memory."""

from __future__ import annotations

from datetime import datetime

from engine.model.plans import Enrolment, Purchase, Redaction
from tests.support.memory.tables import Tables


class OrderUnit:
    """Keeps plans and orders."""

    t: Tables

    async def enrolment(self, organizer: str) -> Enrolment | None:
        found: Enrolment | None = self.t.get("enrolment", organizer)
        return found

    async def save_enrolment(self, enrolment: Enrolment) -> None:
        self.t.put("enrolment", enrolment.organizer, enrolment)

    async def end_enrolment(self, organizer: str) -> None:
        self.t.drop("enrolment", organizer)

    async def ended_enrolments(self, now: datetime, limit: int) -> list[Enrolment]:
        over = self.t.where("enrolment", lambda e: not e.reported and e.until is not None and e.until <= now)
        return sorted(over, key=lambda e: e.until)[:limit]

    async def events_made(self, organizer: str, since: datetime | None) -> int:
        own = [e for e in self.t.of("event").values() if e.organizer == organizer]
        return sum(since is None or e.created >= since for e in own)

    async def purchase(self, order: str, line: str) -> Purchase | None:
        found: Purchase | None = self.t.get("purchase", (order, line))
        return found

    async def add_purchase(self, purchase: Purchase) -> None:
        self.t.put("purchase", (purchase.order, purchase.line), purchase)

    async def save_redaction(self, redaction: Redaction) -> None:
        known = self.t.get("redaction", redaction.address) or redaction
        self.t.put("redaction", redaction.address, redaction.model_copy(update={"asked": known.asked}))

    async def end_redaction(self, address: str) -> None:
        self.t.drop("redaction", address)

    async def purchases(self, limit: int) -> list[Purchase]:
        found = sorted(self.t.of("purchase").values(), key=lambda p: (p.order, p.line))
        return sorted(found, key=lambda p: p.at, reverse=True)[:limit]

    async def redactions(self, limit: int, *, open_only: bool = False) -> list[Redaction]:
        found = [one for one in self.t.of("redaction").values() if one.open or not open_only]
        return sorted(found, key=lambda r: r.asked)[:limit]
