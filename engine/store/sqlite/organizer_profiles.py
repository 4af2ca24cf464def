"""Settings of organizers, and their further addresses."""

from __future__ import annotations

import aiosqlite

from engine.model.organizers import OrganizerProfile
from engine.store.sqlite.orders import OrderAnswers
from engine.store.sqlite.session import Session

# `named`: the operator gave the name, so that no event changes it
ORGANIZERS = """
ALTER TABLE organizer ADD COLUMN zone TEXT NOT NULL DEFAULT '';
ALTER TABLE organizer ADD COLUMN lists INTEGER NOT NULL DEFAULT 1;
ALTER TABLE organizer ADD COLUMN named INTEGER NOT NULL DEFAULT 0;
CREATE TABLE organizer_address (
    address TEXT PRIMARY KEY, organizer TEXT NOT NULL REFERENCES organizer(address)
) STRICT, WITHOUT ROWID;
CREATE INDEX organizer_addresses ON organizer_address(organizer);
"""


class OrganizerProfiles(Session):
    """The part of a unit of work for organizers."""

    async def organizer_profile(self, address: str) -> OrganizerProfile | None:
        row = await self.one("SELECT * FROM organizer WHERE address = ?", [address])
        if row is None:
            return None
        sql = "SELECT address FROM organizer_address WHERE organizer = ? ORDER BY address"
        return OrganizerProfile(
            address=address,
            name=row["name"],
            zone=row["zone"],
            language=row["language"],
            lists=bool(row["lists"]),
            drafts=bool(row["drafts"]),
            suspended=bool(row["suspended"]),
            registered=row["registered"] is not None,
            addresses=tuple(one["address"] for one in await self.all(sql, [address])),
        )

    async def save_organizer(self, profile: OrganizerProfile) -> None:
        await self.run(
            "UPDATE organizer SET named = max(named, name <> ?1), name = ?1, zone = ?2, lists = ?3, language = ?4, "
            "drafts = ?5 WHERE address = ?6",
            [
                profile.name,
                profile.zone,
                int(profile.lists),
                profile.language,
                int(profile.drafts),
                profile.address,
            ],
        )
        await self.run("DELETE FROM organizer_address WHERE organizer = ?", [profile.address])
        for address in profile.addresses:
            await self.run("INSERT INTO organizer_address VALUES (?,?)", [address, profile.address])

    async def organizer_language(self, organizer: str) -> str:
        row = await self.one("SELECT language FROM organizer WHERE address = ?", [organizer])
        return str(row["language"]) if row else ""

    async def organizer_of(self, address: str) -> str:
        row = await self.one("SELECT organizer FROM organizer_address WHERE address = ?", [address])
        return str(row["organizer"]) if row else ""


class ProfileQuestions(OrderAnswers):
    """The store's questions about organizers and their plans, on its reading connection."""

    _reader: aiosqlite.Connection

    async def organizer_profile(self, address: str) -> OrganizerProfile | None:
        return await OrganizerProfiles(self._reader).organizer_profile(address)

    async def organizer_of(self, address: str) -> str:
        return await OrganizerProfiles(self._reader).organizer_of(address)
