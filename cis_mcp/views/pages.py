"""Public pages as data: what tools, the command line and REST show of them."""

from __future__ import annotations

from engine.model.events import Event
from engine.model.pages import Page, PageKind, Show, unlisted_name
from engine.settings import Settings

_PATHS = {PageKind.SCHEDULE: "s", PageKind.UPCOMING: "u"}


def path(page: Page) -> str:
    """Where the page is on our web server; empty for a page of kind events, which is no list."""
    return f"/{_PATHS[page.kind]}/{page.slug}" if page.kind in _PATHS else ""


def url(settings: Settings, page: Page) -> str:
    """The public address of the page; empty for a page of kind events."""
    return settings.public_url.rstrip("/") + path(page) if path(page) else ""


def event_url(settings: Settings, page: Page, event: Event) -> str:
    """The public address of the page that `event`, which `page` has, has of its own."""
    name = unlisted_name(page, event) if page.kind is PageKind.EVENTS else event.id
    return f"{settings.public_url.rstrip('/')}/e/{name}"


def addresses(settings: Settings, page: Page) -> dict[str, str]:
    """The addresses of the page and of what belongs to it, by what they are for; only those that exist."""
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
