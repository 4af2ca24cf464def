"""Keep pictures for an organizer's pages; those that no page shows go after a day."""

from __future__ import annotations

from datetime import timedelta

from pydantic import Field

from engine.commands import text
from engine.commands.base import Command, Done, Work
from engine.commands.pages.picture_files import examined
from engine.commands.pages.picture_metadata import without_metadata
from engine.model.pictures import PagePicture, Picture, is_name
from engine.refusals import Code, Refused

KEPT_MAX = 100
"""Pictures of one organizer."""
_UNSHOWN_KEPT = timedelta(days=1)


class PictureDone(Done):
    """A picture that is kept."""

    picture: Picture


class KeepPicture(Command[PictureDone]):
    """Keep a picture, so that a page of the organizer can show it; the same picture is kept once.

    What no page shows of it (place and time, texts, further frames) is taken out before.
    """

    content: bytes = Field(repr=False)
    organizer: str | None = None

    async def carry_out(self, work: Work) -> PictureDone:
        """Raises Refused: NOT_ALLOWED, TOO_LARGE, UNREADABLE_PICTURE, TOO_MANY, ORGANIZER_SUSPENDED."""
        work.require("publish")
        organizer = text.address(self.organizer) if self.organizer else work.actor.address
        if not work.actor.owns(organizer):
            raise Refused(
                Code.NOT_ALLOWED, "Those are another organizer's pages.", "Leave organizer out for yours."
            )
        await work.refuse_suspended(organizer)
        examined(self.content)
        content = without_metadata(self.content)
        found = examined(content)
        await work.unit.drop_pictures(organizer, work.now - _UNSHOWN_KEPT)
        if await work.unit.picture(organizer, found.name) is None:
            if await work.unit.picture_count(organizer) >= KEPT_MAX:
                raise Refused(
                    Code.TOO_MANY,
                    f"There are {KEPT_MAX} pictures already.",
                    "Take some off your pages: pictures that no page shows are deleted after a day.",
                )
            await work.unit.ensure_organizer(organizer, "", work.now)
        picture = Picture(**found.model_dump(), organizer=organizer, created=work.now)
        await work.unit.save_picture(picture, content)
        return PictureDone(picture=picture)

    def subject(self) -> str:
        """What the record names it by, without secrets."""
        return "picture"

    def committed(self) -> bytes:
        """The picture's bytes."""
        return self.content


async def named(work: Work, organizer: str, name: str) -> PagePicture | None:
    """The organizer's picture with this name; None for an empty one. Raises Refused: UNKNOWN_PICTURE."""
    if not name:
        return None
    found = await work.unit.picture(organizer, name) if is_name(name) else None
    if found is None:
        raise Refused(
            Code.UNKNOWN_PICTURE,
            "There is no such picture.",
            "Give the https address of one, or send the file with the page.",
        )
    return found.shown
