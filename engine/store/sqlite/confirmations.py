"""Requests that wait until the owner of an address confirms them."""

from __future__ import annotations

from datetime import datetime

from engine.model.confirmations import Confirmation, ConfirmationKind
from engine.store.sqlite.session import Session


class Confirmations(Session):
    """The part of a unit of work for confirmations."""

    async def knows_organizer(self, address: str) -> bool:
        """True if `address` has created an event here."""
        return await self.one("SELECT 1 FROM organizer WHERE address = ?", [address]) is not None

    async def add_confirmation(self, confirmation: Confirmation) -> None:
        await self.run(
            "INSERT INTO confirmation(code, address, created, kind, mail, expires, open, body) "
            "VALUES (?,?,?,?,?,?,?,?)",
            [
                confirmation.code,
                confirmation.address,
                confirmation.created.timestamp(),
                confirmation.kind.value,
                confirmation.mail,
                confirmation.expires.timestamp(),
                confirmation.used is None,
                confirmation.model_dump_json(),
            ],
        )

    async def confirmation(self, code: str) -> Confirmation | None:
        row = await self.one("SELECT body FROM confirmation WHERE code = ? AND held IS NULL", [code])
        return Confirmation.model_validate_json(row["body"]) if row else None

    async def confirmations_of(self, mail: str) -> list[Confirmation]:
        """All confirmations that were stored for the mail with that id."""
        found = await self.all("SELECT body FROM confirmation WHERE mail = ? LIMIT 100", [mail])
        return [Confirmation.model_validate_json(row["body"]) for row in found]

    async def save_confirmation(self, confirmation: Confirmation) -> None:
        await self.run(
            "UPDATE confirmation SET body = ?, open = ? WHERE code = ?",
            [confirmation.model_dump_json(), confirmation.used is None, confirmation.code],
        )

    async def asked_since(
        self, address: str, since: datetime, kind: ConfirmationKind = ConfirmationKind.MAIL
    ) -> bool:
        """True if `address` was asked for a confirmation of that kind after `since`."""
        row = await self.one(
            "SELECT 1 FROM confirmation WHERE address = ? AND created > ? AND kind = ? LIMIT 1",
            [address, since.timestamp(), kind.value],
        )
        return row is not None

    async def open_since(
        self, address: str, since: datetime, kind: ConfirmationKind, limit: int
    ) -> list[Confirmation]:
        """The open confirmations that were requested from an address after `since`, newest first."""
        found = await self.all(
            "SELECT body FROM confirmation WHERE open = 1 AND kind = ? AND address = ? AND created > ? "
            "AND json_extract(body, '$.asked') ORDER BY created DESC LIMIT ?",
            [kind.value, address, since.timestamp(), limit],
        )
        return [Confirmation.model_validate_json(row["body"]) for row in found]

    async def registrations(self, address: str | None, limit: int) -> list[Confirmation]:
        one = "AND address = ?" if address is not None else ""
        found = await self.all(
            f"SELECT body FROM confirmation WHERE open = 1 AND kind = ? {one} ORDER BY address, created LIMIT ?",
            [ConfirmationKind.REGISTRATION.value, *([address] if address is not None else []), limit],
        )
        return [Confirmation.model_validate_json(row["body"]) for row in found]

    async def proven_since(self, now: datetime, limit: int) -> list[Confirmation]:
        """Confirmations that wait for a proof or a registration that now exists."""
        found = await self.all(
            "SELECT c.body FROM confirmation c WHERE c.open = 1 AND c.expires > ? AND (c.kind = ? AND EXISTS ("
            "SELECT 1 FROM organizer_proof p WHERE p.organizer = c.address AND p.sure = 1 "
            "AND p.proof IN (SELECT value FROM json_each(c.body, '$.proofs'))) OR c.kind = ? AND EXISTS ("
            "SELECT 1 FROM organizer o WHERE o.address = c.address AND o.registered IS NOT NULL)) "
            "ORDER BY c.created LIMIT ?",
            [
                now.timestamp(),
                ConfirmationKind.FIRST_PROOF.value,
                ConfirmationKind.REGISTRATION.value,
                limit,
            ],
        )
        return [Confirmation.model_validate_json(row["body"]) for row in found]

    async def drop_confirmations(self, before: datetime, limit: int) -> int:
        return await self.run(
            "DELETE FROM confirmation WHERE code IN "
            "(SELECT code FROM confirmation WHERE held IS NULL AND expires < ? LIMIT ?)",
            [before.timestamp(), limit],
        )
