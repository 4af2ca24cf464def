"""Public pages, and the events that they show."""

from __future__ import annotations

import json
from collections.abc import Collection
from datetime import datetime, timedelta

from engine.model.branding import Branding
from engine.model.events import Event
from engine.model.pages import Page, PageRequest
from engine.store.sqlite import rows
from engine.store.sqlite.attendees import PLACES
from engine.store.sqlite.session import IN_LIST, Session, as_list, of_whom

_KEPT = timedelta(days=30)


class Pages(Session):
    """The part of a unit of work, and of the questions, for pages."""

    async def page(self, slug: str) -> Page | None:
        row = await self.one("SELECT body FROM page WHERE slug = ?", [slug])
        return Page.model_validate_json(row["body"]) if row else None

    async def save_page(self, page: Page) -> None:
        await self.run(
            "INSERT INTO page(slug, organizer, created, body) VALUES (?,?,?,?) "
            "ON CONFLICT(slug) DO UPDATE SET body = excluded.body",
            [page.slug, page.organizer, page.created.timestamp(), page.model_dump_json()],
        )

    async def page_request(self, code: str) -> PageRequest | None:
        row = await self.one("SELECT body FROM page_request WHERE code = ?", [code])
        return PageRequest.model_validate_json(row["body"]) if row else None

    async def save_page_request(self, request: PageRequest) -> None:
        await self.run("DELETE FROM page_request WHERE expires < ?", [(request.created - _KEPT).timestamp()])
        await self.run(
            "INSERT INTO page_request(code, email, created, expires, open, body) VALUES (?,?,?,?,?,?) "
            "ON CONFLICT(code) DO UPDATE SET open = excluded.open, body = excluded.body",
            [
                request.code,
                request.email,
                request.created.timestamp(),
                request.expires.timestamp(),
                not request.used,
                request.model_dump_json(),
            ],
        )

    async def open_page_requests(self, email: str, since: datetime) -> list[PageRequest]:
        found = await self.all(
            "SELECT body FROM page_request WHERE open = 1 AND email = ? AND created > ? LIMIT 100",
            [email, since.timestamp()],
        )
        return [PageRequest.model_validate_json(row["body"]) for row in found]

    async def confirmed_once(self, organizer: str, person: str) -> bool:
        sql = "SELECT 1 FROM confirmed_person WHERE organizer = ? AND person = ?"
        return await self.one(sql, [organizer, person]) is not None

    async def note_confirmed(self, organizer: str, person: str, now: datetime) -> None:
        await self.run(
            "INSERT INTO confirmed_person(organizer, person, at) VALUES (?,?,?) ON CONFLICT DO NOTHING",
            [organizer, person, now.timestamp()],
        )

    async def pages(self, organizer: str | None, limit: int) -> list[Page]:
        of, values = of_whom(organizer)
        found = await self.all(
            f"SELECT body FROM page {of} ORDER BY created DESC, slug LIMIT ?", [*values, limit]
        )
        return [Page.model_validate_json(row["body"]) for row in found]

    async def shown_revision(self, organizer: str) -> tuple[int, str, tuple[Branding, ...]]:
        row = await self.one(
            "SELECT (SELECT id FROM change WHERE organizer = ?1 "
            "AND kind IN ('event_created', 'event_changed', 'event_cancelled') ORDER BY id DESC LIMIT 1) AS id, "
            "(SELECT language FROM organizer WHERE address = ?1) AS language, "
            "(SELECT json_group_array(body) FROM branding WHERE scope IN ('', ?1)) AS brandings",
            [organizer],
        )
        assert row is not None, "it selects without a table"
        brandings = tuple(Branding.model_validate_json(body) for body in json.loads(row["brandings"]))
        return row["id"] or 0, row["language"] or "", brandings

    async def places_taken_of(self, uids: Collection[str]) -> dict[str, int]:
        signs = " ".join(f"WHEN '{name}' THEN {sign} * n" for name, sign in PLACES.items())
        found = await self.all(
            f"SELECT key, sum(CASE name {signs} END) AS taken FROM tally "
            f"WHERE scope = 'event' AND key {IN_LIST} AND name {IN_LIST} GROUP BY key",
            [as_list(uids), as_list(PLACES)],
        )
        return {row["key"]: int(row["taken"]) for row in found if row["taken"]}

    async def events_of(self, organizer: str, limit: int) -> list[Event]:
        found = await self.all(
            "SELECT body FROM event WHERE organizer = ? ORDER BY starts DESC, uid DESC LIMIT ?",
            [organizer, limit],
        )
        return [rows.event(row) for row in reversed(found)]
