"""Pictures of pages, whose bytes are stored once for all organizers."""

from __future__ import annotations

import base64
from datetime import datetime

from engine.model.base import Value
from engine.model.pictures import Picture
from engine.store.dynamodb.branding import BrandingQuestions
from engine.store.dynamodb.pages import PAGES
from engine.store.dynamodb.rows import KindTable
from engine.store.dynamodb.session import ReadSession, UnitSession

_DROPPED_AT_ONCE = 20


class PictureContent(Value):
    """The bytes of a picture, in base64."""

    name: str
    text: str


PICTURES = KindTable[Picture](
    "picture",
    Picture,
    key=lambda picture: (picture.organizer, picture.name),
    indexes={"name": lambda p: [(p.name, "")]},
    checked=False,
)
CONTENTS = KindTable[PictureContent](
    "picture-content", PictureContent, key=lambda content: (content.name,), checked=False
)


class PictureQuestions(ReadSession):
    """Questions about pictures."""

    async def picture_content(self, name: str) -> bytes | None:
        """The bytes of the picture with this name, of any organizer, or None."""
        found = await self.rows.get(CONTENTS, name)
        return base64.b64decode(found.text) if found else None


class Pictures(PictureQuestions, BrandingQuestions, UnitSession):
    """Changes of pictures in a unit of work."""

    async def picture(self, organizer: str, name: str) -> Picture | None:
        """The organizer's picture with this name, or None."""
        return await self.rows.get(PICTURES, organizer, name)

    async def picture_count(self, organizer: str) -> int:
        """How many pictures the organizer has."""
        return len(await self.items.query(PICTURES.partition(organizer)))

    async def save_picture(self, picture: Picture, content: bytes) -> None:
        """Store a picture, or renew its time if it is stored already."""
        await self.rows.put(PICTURES, picture)
        # Written anew also where it is there, so that whoever drops it as nobody's conflicts.
        kept = PictureContent(name=picture.name, text=base64.b64encode(content).decode())
        await self.rows.put(CONTENTS, kept)

    async def drop_pictures(self, organizer: str, before: datetime) -> None:
        """Delete the organizer's pictures stored before then that none of their pages uses."""
        old = [p for p in await self.rows.under(PICTURES, organizer) if p.created < before]
        if not old:
            return
        pages = await self.rows.by(PAGES, "made", f"of {organizer}")
        used = "".join(one.model_dump_json() for one in (*pages, *await self.all_brandings()))
        for picture in [p for p in old if p.name not in used][:_DROPPED_AT_ONCE]:
            if not self.items.room:
                break
            await self.rows.drop(PICTURES, organizer, picture.name)
            if not await self.rows.first_by(PICTURES, "name", picture.name):
                await self.rows.drop(CONTENTS, picture.name)
