"""Pictures of pages."""

from __future__ import annotations

from datetime import datetime

from engine.model.pictures import Picture
from engine.store.sqlite.session import Session


class Pictures(Session):
    """The part of a unit of work, and of the questions, for pictures."""

    async def picture(self, organizer: str, name: str) -> Picture | None:
        row = await self.one("SELECT body FROM picture WHERE organizer = ? AND name = ?", [organizer, name])
        return Picture.model_validate_json(row["body"]) if row else None

    async def picture_count(self, organizer: str) -> int:
        row = await self.one("SELECT count(*) AS n FROM picture WHERE organizer = ?", [organizer])
        return int(row["n"]) if row else 0

    async def save_picture(self, picture: Picture, content: bytes) -> None:
        await self.run(
            "INSERT INTO picture(organizer, name, created, body, content) VALUES (?,?,?,?,?) "
            "ON CONFLICT DO UPDATE SET created = excluded.created, body = excluded.body",
            [
                picture.organizer,
                picture.name,
                picture.created.timestamp(),
                picture.model_dump_json(),
                content,
            ],
        )

    async def drop_pictures(self, organizer: str, before: datetime) -> None:
        await self.run(
            "DELETE FROM picture WHERE organizer = ?1 AND created < ?2 AND NOT EXISTS (SELECT 1 FROM page p "
            "WHERE p.organizer = ?1 AND instr(p.body, picture.name) > 0) "
            "AND NOT EXISTS (SELECT 1 FROM branding b WHERE instr(b.body, picture.name) > 0)",
            [organizer, before.timestamp()],
        )

    async def picture_content(self, name: str) -> bytes | None:
        row = await self.one("SELECT content FROM picture WHERE name = ? LIMIT 1", [name])
        return bytes(row["content"]) if row else None
