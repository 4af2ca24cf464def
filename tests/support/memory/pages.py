"""A unit of work over a snapshot: public pages."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection
from datetime import datetime, timedelta

from engine.model.branding import Branding
from engine.model.changes import ChangeKind
from engine.model.events import Event
from engine.model.pages import Page, PageRequest
from engine.model.pictures import Picture
from tests.support.memory.ledger import LedgerUnit

_OF_EVENTS = {ChangeKind.EVENT_CREATED, ChangeKind.EVENT_CHANGED, ChangeKind.EVENT_CANCELLED}


def of_whom(organizer: str, whose: str | None) -> bool:
    """True if what that organizer has is of `whose`: an organizer's, a domain's, everybody's."""
    domain = f"@{organizer.rpartition('@')[2]}"
    return whose in {None, organizer, domain}


class PageUnit(LedgerUnit):
    """The part of a unit of work that concerns pages, with the questions about them."""

    async def page(self, slug: str) -> Page | None:
        return self.t.get("page", slug)

    async def save_page(self, page: Page) -> None:
        self.t.put("page", page.slug, page)

    async def page_request(self, code: str) -> PageRequest | None:
        return self.t.get("page_request", code)

    async def save_page_request(self, request: PageRequest) -> None:
        for code, old in list(self.t.of("page_request").items()):
            if old.expires < request.created - timedelta(days=30):
                self.t.drop("page_request", code)
        self.t.put("page_request", request.code, request)

    async def open_page_requests(self, email: str, since: datetime) -> list[PageRequest]:
        return list(
            self.t.where("page_request", lambda r: r.email == email and r.created > since and not r.used)
        )

    async def confirmed_once(self, organizer: str, person: str) -> bool:
        return (organizer, person) in self.t.of("confirmed_person")

    async def note_confirmed(self, organizer: str, person: str, now: datetime) -> None:
        if not await self.confirmed_once(organizer, person):
            self.t.put("confirmed_person", (organizer, person), now)

    async def picture(self, organizer: str, name: str) -> Picture | None:
        return self.t.get("picture", (organizer, name))

    async def picture_count(self, organizer: str) -> int:
        return len(list(self.t.where("picture", lambda p: p.organizer == organizer)))

    async def save_picture(self, picture: Picture, content: bytes) -> None:
        self.t.put("picture", (picture.organizer, picture.name), picture)
        self.t.put("picture_content", picture.name, content)

    async def drop_pictures(self, organizer: str, before: datetime) -> None:
        shown = "".join(p.model_dump_json() for p in self.t.where("page", lambda p: p.organizer == organizer))
        shown += "".join(b.model_dump_json() for b in self.t.of("branding").values())
        for key, picture in list(self.t.of("picture").items()):
            if picture.organizer == organizer and picture.created < before and picture.name not in shown:
                self.t.drop("picture", key)
                if not any(True for _ in self.t.where("picture", lambda p, n=picture.name: p.name == n)):
                    self.t.drop("picture_content", picture.name)

    async def picture_content(self, name: str) -> bytes | None:
        return self.t.get("picture_content", name)

    async def pages(self, organizer: str | None, limit: int) -> list[Page]:
        found = self.t.where("page", lambda p: of_whom(p.organizer, organizer))
        return sorted(found, key=lambda p: (-p.created.timestamp(), p.slug))[:limit]

    async def written_mark(self) -> int:
        return self.t.version

    async def shown_revision(self, organizer: str) -> tuple[int, str, tuple[Branding, ...]]:
        changes = self.t.where("change", lambda c: c.organizer == organizer and c.kind in _OF_EVENTS)
        kept = self.t.get("profile", organizer)
        brandings = (self.t.get("branding", scope) for scope in ("", organizer))
        newest = max((c.id for c in changes), default=0)
        return newest, kept.language if kept else "", tuple(one for one in brandings if one)

    async def places_taken_of(self, uids: Collection[str]) -> dict[str, int]:
        held = self.t.where(
            "attendee", lambda a: a.event_uid in uids and not a.withdrawn and a.partstat.holds_place
        )
        return dict(Counter(a.event_uid for a in held))

    async def events_of(self, organizer: str, limit: int) -> list[Event]:
        found = self.t.where("event", lambda e: e.organizer == organizer)
        return sorted(found, key=lambda e: (e.span.start_utc, e.uid))[-limit:]
