"""Mails that wait until the owner of an address confirms them."""

from __future__ import annotations

from datetime import datetime

from engine.model import Confirmation
from engine.store.sqlite.session import Session


class Confirmations(Session):
    """The part of a unit of work that speaks of confirmations."""

    async def knows_organizer(self, address: str) -> bool:
        """True where `address` has made an event here."""
        return await self.one("SELECT 1 FROM organizer WHERE address = ?", [address]) is not None

    async def add_confirmation(self, confirmation: Confirmation) -> None:
        await self.run(
            "INSERT INTO confirmation(code, address, created, body) VALUES (?,?,?,?)",
            [
                confirmation.code,
                confirmation.address,
                confirmation.created.timestamp(),
                confirmation.model_dump_json(),
            ],
        )

    async def confirmation(self, code: str) -> Confirmation | None:
        row = await self.one("SELECT body FROM confirmation WHERE code = ?", [code])
        return Confirmation.model_validate_json(row["body"]) if row else None

    async def save_confirmation(self, confirmation: Confirmation) -> None:
        body = confirmation.model_dump_json()
        await self.run("UPDATE confirmation SET body = ? WHERE code = ?", [body, confirmation.code])

    async def asked_since(self, address: str, since: datetime) -> bool:
        """True where `address` was asked for a confirmation after `since`."""
        row = await self.one(
            "SELECT 1 FROM confirmation WHERE address = ? AND created > ? LIMIT 1",
            [address, since.timestamp()],
        )
        return row is not None
