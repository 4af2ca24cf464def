"""The switch that publishes all that an organizer has: each event on a page of its own, and the page of what comes."""

from __future__ import annotations

import base64
import hashlib

from engine.commands import text
from engine.commands.base import Command, Done, Work
from engine.commands.notices import language_of
from engine.commands.pages import texts
from engine.commands.pages.pages import CreatePage, UpdatePage
from engine.mail.locale.language import noop
from engine.model.pages import Page, PageKind
from engine.refusals import Code, Refused

_TITLE = noop("Upcoming events")
_LENGTH = 10


class PublishingDone(Done):
    """The page of all that comes, and whether it is on the web now; None if it was never made."""

    page: Page | None
    on: bool
    changed: bool = False


class PublishEvents(Command[PublishingDone]):
    """Publish every event of an organizer, now and later, and the page that lists them; or take all of it offline.

    Pages that were made one by one stay as they are.
    """

    on: bool
    organizer: str | None = None

    async def carry_out(self, work: Work) -> PublishingDone:
        """Raises Refused: NOT_ALLOWED, INVALID_ADDRESS, ORGANIZER_SUSPENDED, PAGE_EXISTS."""
        work.require("publish")
        organizer = text.address(self.organizer) if self.organizer else work.actor.address
        if not work.actor.owns(organizer):
            raise Refused(
                Code.NOT_ALLOWED, "Those are another organizer's events.", "Leave organizer out for yours."
            )
        known = await work.unit.page(slug_of_all(organizer))
        if known is None:
            return await self._made(work, organizer)
        done = await UpdatePage(slug=known.slug, published=self.on).carry_out(work)
        return PublishingDone(page=done.page, on=self.on, changed=bool(done.changed))

    async def _made(self, work: Work, organizer: str) -> PublishingDone:
        if not self.on:
            return PublishingDone(page=None, on=False)
        profile = await work.unit.organizer_profile(organizer)
        title = (profile.name if profile else "") or (await language_of(work, organizer)).say(_TITLE)
        command = CreatePage(
            kind=PageKind.UPCOMING,
            title=title[: texts.TITLE_MAX],
            organizer=organizer,
        )
        done = await command.made(work, slug_of_all(organizer))
        return PublishingDone(page=done.page, on=True, changed=True)

    def subject(self) -> str:
        """What the record names it by, without secrets."""
        return "publishing"


def slug_of_all(organizer: str) -> str:
    """The slug of the page that the switch makes; always the same, and it reveals no address."""
    digits = base64.b32encode(hashlib.sha256(organizer.encode()).digest()).decode("ascii").lower()
    return f"upcoming-{digits[:_LENGTH]}"
