"""Public pages as data: what tools, the command line and REST show of them."""

from __future__ import annotations

from engine.model.pages import Page, PageKind, Show
from engine.settings import Settings

_PATHS = {PageKind.SCHEDULE: "s", PageKind.UPCOMING: "u"}


def path(page: Page) -> str:
    """Where the page is on our web server."""
    return f"/{_PATHS[page.kind]}/{page.slug}"


def url(settings: Settings, page: Page) -> str:
    """The public address of the page."""
    return settings.public_url.rstrip("/") + path(page)


def addresses(settings: Settings, page: Page) -> dict[str, str]:
    """The addresses of the page and of what belongs to it, by what they are for; only those that exist."""
    base = settings.public_url.rstrip("/")
    found = {"page": url(settings, page), "qr_svg": f"{base}/qr/{page.slug}.svg"}
    found["qr_png"] = f"{base}/qr/{page.slug}.png"
    if Show.FEED in page.shows:
        found["feed"] = f"{base}/feed/{page.slug}.ics"
    if Show.EMBED in page.shows:
        found["embed"] = f"{base}/embed{path(page)}"
    return found
