"""Public pages as data, as tools, the command line and REST show them."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, Field

from cis_mcp.views.base import Data
from cis_mcp.views.events import utc
from engine.commands.pages import texts
from engine.engine import Engine
from engine.model.events import Event
from engine.model.pages import Grouping, Layout, Page, PageKind, Show, event_path
from engine.model.pages import path as own_path
from engine.settings import Settings

_TEXTS = "shown as it is, without markup"
_URLS_MAX = 20


def path(page: Page) -> str:
    """The path of the page on our web server; empty for a page of kind events, which is not a list."""
    return own_path(page)


def url(settings: Settings, page: Page) -> str:
    """The public address of the page; empty for a page of kind events."""
    return settings.public_url.rstrip("/") + path(page) if path(page) else ""


def event_url(settings: Settings, page: Page, event: Event) -> str:
    """The public URL of the separate page of `event`, which is on `page`."""
    return settings.public_url.rstrip("/") + event_path(page, event)


async def event_urls(engine: Engine, event: Event) -> list[str]:
    """The URLs of an event's own page, the same for all pages that list it."""
    pages = await engine.pages_with(event)
    return list(dict.fromkeys(event_url(engine.settings, page, event) for page in pages))[:_URLS_MAX]


def addresses(settings: Settings, page: Page) -> dict[str, str]:
    """The existing URLs of the page and what belongs to it, by purpose."""
    base = settings.public_url.rstrip("/")
    if page.kind is PageKind.EVENTS:
        return {}
    found = {"page": url(settings, page), "qr_svg": f"{base}/qr/{page.slug}.svg"}
    found["qr_png"] = f"{base}/qr/{page.slug}.png"
    if Show.FEED in page.shows:
        found["feed"] = f"{base}/feed/{page.slug}.ics"
    if Show.EMBED in page.shows:
        found["embed"] = f"{base}/embed{path(page)}"
    return found


def picture_paths(page: Page) -> dict[str, str]:
    """The paths of the page's pictures on our web server, by purpose."""
    found = {"logo": page.logo, "banner": page.banner, "background": page.background}
    return {name: f"/brand/picture/{one.name}" for name, one in found.items() if one}


class PageInfo(Data):
    """A page as it is now."""

    slug: str
    kind: PageKind
    title: str
    organizer: str
    published: bool
    url: str = Field(description="address to give to people; empty for kind events")
    addresses: dict[str, str] = Field(description="of the page, its QR codes, its calendar feed, its frame")
    month: str
    query: str
    named_events: int = Field(description="events that are named one by one; 0: not chosen so")
    layout: Layout
    by: Grouping
    colour: str
    hours: int
    shows: list[Show]
    consent: str
    pictures: dict[str, str] = Field(
        description="addresses of logo, banner and background, where there are any"
    )
    changed: str = Field(description="when it was changed last, UTC")


def page_info(settings: Settings, page: Page) -> PageInfo:
    """A page with its addresses."""
    base = settings.public_url.rstrip("/")
    return PageInfo(
        slug=page.slug,
        kind=page.kind,
        title=page.title,
        organizer=page.organizer,
        published=page.published,
        url=url(settings, page),
        addresses=addresses(settings, page),
        month=page.selection.month,
        query=page.selection.query,
        named_events=len(page.selection.uids),
        layout=page.layout,
        by=page.by,
        colour=page.colour,
        hours=page.hours,
        shows=sorted(page.shows),
        consent=page.consent,
        pictures={name: f"{base}{path}" for name, path in picture_paths(page).items()},
        changed=utc(page.changed),
    )


class PageFields(BaseModel):
    """What may be said of a page when it is made or changed."""

    intro: str | None = Field(None, description=f"text above the events, {_TEXTS}", max_length=texts.TEXT_MAX)
    closing: str | None = Field(
        None, description=f"text below the events, {_TEXTS}", max_length=texts.TEXT_MAX
    )
    month: str | None = Field(
        None, description="only events of this month; empty: any month", max_length=10, examples=["2027-05"]
    )
    query: str | None = Field(
        None,
        description="only events that this search finds; empty: all events",
        max_length=texts.QUERY_MAX,
        examples=["Orioles home games"],
    )
    events: list[str] | None = Field(
        None,
        description="only these events, by uid or id; an empty list: all events",
        max_length=texts.EVENTS_NAMED_MAX,
    )
    layout: Layout | None = Field(None, description="how the events are laid out")
    by: Grouping | None = Field(None, description="how the events are grouped")
    colour: str | None = Field(
        None,
        description="of buttons and links; dark enough for white text",
        max_length=7,
        examples=["#1558b0"],
    )
    hours: int | None = Field(None, description="12-hour or 24-hour clock", examples=[12, 24])
    show: list[Show] = Field([], description="what the page shows in addition", max_length=20)
    hide: list[Show] = Field([], description="what the page no longer shows", max_length=20)
    logo: str | None = Field(
        None,
        description="https address of a PNG, JPEG, WebP or GIF, downloaded once; empty: none",
        max_length=2_000,
    )
    banner: str | None = Field(None, description="as logo; above the title", max_length=2_000)
    background: str | None = Field(None, description="as logo; behind the page", max_length=2_000)
    consent: str | None = Field(
        None,
        description="what visitors must agree to before anything is sent; empty: nothing",
        max_length=texts.CONSENT_MAX,
    )

    def fields(self) -> dict[str, Any]:
        """The given fields in the form that the command takes."""
        given = self.model_dump(include=set(PageFields.model_fields), exclude_none=True)
        given |= {"show": frozenset(self.show), "hide": frozenset(self.hide)}
        if self.events is not None:
            given["events"] = tuple(self.events)
        return given
