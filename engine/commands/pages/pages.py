"""Make, change and unpublish the public pages of an organizer."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from pydantic import Field

from engine.commands import text
from engine.commands.agents.bounds import refuse_links, refuse_links_that_wait
from engine.commands.base import Command, Done, Work
from engine.commands.composing import in_force
from engine.commands.pages import texts
from engine.commands.pages.pictures import named
from engine.commands.randomness import TOKEN_LENGTH
from engine.commands.repeating import digest_of, made_before, remember
from engine.model.pages import (
    SHOWN,
    EventSelection,
    Grouping,
    Layout,
    Page,
    PageKind,
    Show,
)
from engine.model.pictures import PagePicture
from engine.refusals import Code, Refused

_HOURS = frozenset({12, 24})
_TEXTS = ("title", "intro", "closing", "consent")


class PageDone(Done):
    """A page as it is now, and which of its fields changed."""

    page: Page
    changed: tuple[str, ...] = ()


class PageFields(Command[PageDone]):
    """The settings of a page; None: unchanged, or the default for a new page."""

    title: str | None = None
    intro: str | None = None
    closing: str | None = None
    month: str | None = Field(None, description="only events of this month, as 2027-05; empty: of any")
    query: str | None = Field(None, description="text that events must contain; empty: none")
    events: tuple[str, ...] | None = Field(None, description="only these events, by uid or id; empty: all")
    layout: Layout | None = None
    by: Grouping | None = None
    colour: str | None = None
    hours: int | None = None
    show: frozenset[Show] = frozenset()
    hide: frozenset[Show] = frozenset()
    consent: str | None = None
    logo: str | None = Field(None, description="name of a picture that is kept; empty: none")
    banner: str | None = None
    background: str | None = None

    def fields(self) -> dict[str, Any]:
        """The fields that were given, each as it is kept. Raises Refused."""
        given = {
            "title": self.title if self.title is None else texts.title(self.title),
            "intro": self.intro if self.intro is None else texts.paragraphs(self.intro, "intro"),
            "closing": self.closing if self.closing is None else texts.paragraphs(self.closing, "closing"),
            "consent": self.consent if self.consent is None else _consent(self.consent),
            "colour": self.colour if self.colour is None else texts.colour(self.colour),
            "hours": self.hours if self.hours is None else _clock(self.hours),
            "layout": self.layout,
            "by": self.by,
        }
        return {name: value for name, value in given.items() if value is not None}

    def within(self, work: Work) -> dict[str, Any]:
        """As `fields`. Raises Refused: OUT_OF_BOUNDS where it links to where the actor's keys may not link."""
        given = self.fields()
        said = [given[name] for name in _TEXTS if name in given]
        refuse_links(work, work.bounds, said)
        refuse_links_that_wait(work, said)
        return given

    async def pictures(self, work: Work, organizer: str) -> dict[str, PagePicture | None]:
        """The pictures that were given. Raises Refused: UNKNOWN_PICTURE."""
        given = {"logo": self.logo, "banner": self.banner, "background": self.background}
        return {
            field: await named(work, organizer, name) for field, name in given.items() if name is not None
        }

    def shown(self, before: frozenset[Show]) -> frozenset[Show]:
        """What the page shows. Raises Refused if something is to be shown and hidden."""
        if both := self.show & self.hide:
            named = ", ".join(sorted(both))
            raise Refused(
                Code.INVALID_ARGUMENT,
                f"{named}: cannot be both shown and hidden.",
                "Name each in only one of the two.",
            )
        return (before | self.show) - self.hide

    async def selected(self, work: Work, organizer: str, before: EventSelection) -> EventSelection:
        """Which events the page has. Raises Refused: UNKNOWN_EVENT, TOO_LARGE, INVALID_TIME."""
        return EventSelection(
            month=before.month if self.month is None else texts.month(self.month),
            query=before.query if self.query is None else text.bounded(self.query, "query", texts.QUERY_MAX),
            uids=before.uids if self.events is None else await _uids(work, organizer, self.events),
        )


class CreatePage(PageFields):
    """Make a public page with an organizer's events; it is online at once."""

    kind: PageKind = PageKind.SCHEDULE
    slug: str | None = Field(None, description="its address; None: made of the title")
    organizer: str | None = None
    idempotency_key: str | None = Field(None, max_length=200)
    asked: str = Field(
        "", description="digest of the request before its pictures were fetched; empty: that of the command"
    )

    async def carry_out(self, work: Work) -> PageDone:
        """Raises Refused: NOT_ALLOWED, PAGE_EXISTS, INVALID_ARGUMENT, UNKNOWN_EVENT, ORGANIZER_SUSPENDED, …"""
        return await self.made(work)

    async def made(self, work: Work, reserved: str = "") -> PageDone:
        """The new page, at the slug `reserved` if one is kept for it. Raises Refused as `carry_out` does."""
        work.require("publish")
        if before := await made_before(work, self.idempotency_key, self._digest()):
            return PageDone(page=await owned_page(work, before))
        organizer = _organizer(self.organizer, work)
        await work.refuse_suspended(organizer)
        heading = texts.title(self.title or "")
        page = Page(
            slug=reserved or await self._free_slug(work, heading),
            kind=self.kind,
            organizer=organizer,
            selection=await self.selected(work, organizer, EventSelection()),
            key=work.randomness.word(TOKEN_LENGTH) if self.kind is PageKind.EVENTS else "",
            shows=self.shown(SHOWN),
            created=work.now,
            changed=work.now,
            **{
                **await _defaults(work, organizer),
                **self.within(work),
                **await self.pictures(work, organizer),
                "title": heading,
            },
        )
        await work.unit.save_page(page)
        await remember(work, self.idempotency_key, self._digest(), page.slug)
        return PageDone(page=page, changed=("slug",))

    def _digest(self) -> str:
        return self.asked or digest_of(self)

    async def _free_slug(self, work: Work, heading: str) -> str:
        if self.slug is not None:
            wanted = texts.slug(self.slug.strip().lower())
            if texts.reserved(wanted):
                raise Refused(
                    Code.INVALID_ARGUMENT,
                    f"“{wanted}” is reserved for the page that lists everything an organizer publishes.",
                    "Choose another slug.",
                )
            if await work.unit.page(wanted):
                raise Refused(
                    Code.PAGE_EXISTS, f"There is already a page at “{wanted}”.", "Choose another slug."
                )
            return wanted
        wanted = found = texts.slug_of(heading)
        while texts.reserved(found) or await work.unit.page(found):
            found = f"{wanted}-{work.randomness.word(4)}"
        return found


async def _defaults(work: Work, organizer: str) -> dict[str, Any]:
    """What a new page has where nothing else is asked for: layout and consent of the branding."""
    brand = await in_force(work.unit, organizer)
    return {name: value for name in ("layout", "consent") if (value := getattr(brand, name))}


class PageFound(Done):
    """A page that was made already, if there is one."""

    page: Page | None = None


class FindPage(Command[PageFound]):
    """Find what an earlier request with the same idempotency key made, before its pictures are fetched again."""

    in_record = False
    idempotency_key: str = Field(max_length=200)
    asked: str

    async def carry_out(self, work: Work) -> PageFound:
        """Raises Refused: NOT_ALLOWED, IDEMPOTENCY_CONFLICT."""
        work.require("publish")
        before = await made_before(work, self.idempotency_key, self.asked)
        return PageFound(page=await owned_page(work, before) if before else None)


class UpdatePage(PageFields):
    """Change a page, or take it off the web and put it back; visitors see it at their next look."""

    slug: str
    published: bool | None = None

    async def carry_out(self, work: Work) -> PageDone:
        """Raises Refused: NOT_ALLOWED, UNKNOWN_PAGE, INVALID_ARGUMENT, UNKNOWN_EVENT, …"""
        work.require("publish")
        old = await owned_page(work, self.slug)
        published = old.published if self.published is None else self.published
        fields = {
            **self.within(work),
            **await self.pictures(work, old.organizer),
            "selection": await self.selected(work, old.organizer, old.selection),
            "shows": self.shown(old.shows),
            "published": published,
        }
        changed = tuple(sorted(name for name, value in fields.items() if getattr(old, name) != value))
        if not changed:
            return PageDone(page=old)
        new = old.model_copy(update={**fields, "revision": old.revision + 1, "changed": work.now})
        await work.unit.save_page(new)
        return PageDone(page=new, changed=changed)


async def owned_page(work: Work, slug: str) -> Page:
    """The page at `slug`, or Refused(UNKNOWN_PAGE), also for one of somebody else."""
    page = await work.unit.page(slug.strip().lower())
    if page is None or not work.actor.owns(page.organizer):
        raise unknown_page(slug)
    return page


def unknown_page(slug: str) -> Refused:
    """The refusal of a slug that names no page (UNKNOWN_PAGE)."""
    return Refused(Code.UNKNOWN_PAGE, f"No page has the name “{slug[: texts.SLUG_MAX]}”.")


def _consent(value: str) -> str:
    return " ".join(texts.paragraphs(value, "consent", texts.CONSENT_MAX).split())


def _clock(hours: int) -> int:
    if hours not in _HOURS:
        raise Refused(Code.INVALID_ARGUMENT, f"hours must be 12 or 24, not {hours}.", "Give 12 or 24.")
    return hours


def _organizer(named: str | None, work: Work) -> str:
    organizer = text.address(named) if named else work.actor.address
    if not work.actor.owns(organizer):
        raise Refused(
            Code.NOT_ALLOWED, "Those are another organizer's events.", "Leave organizer out for yours."
        )
    return organizer


async def _uids(work: Work, organizer: str, names: Sequence[str]) -> tuple[str, ...]:
    if len(names) > texts.EVENTS_NAMED_MAX:
        raise Refused(
            Code.TOO_LARGE,
            f"{len(names)} events are too many; at most {texts.EVENTS_NAMED_MAX} can be named.",
            "Choose them by month or by text.",
        )
    uids = []
    for name in dict.fromkeys(names):
        event = await work.owned_event(name)
        if event.organizer != organizer:
            raise Refused(Code.UNKNOWN_EVENT, f"{organizer} has no event “{name[:60]}”.")
        uids.append(event.uid)
    return tuple(dict.fromkeys(uids))
