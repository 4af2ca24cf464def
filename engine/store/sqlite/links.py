"""Campaign links, their use, and the mail services that operators added."""

from __future__ import annotations

import secrets
import sqlite3
from abc import abstractmethod
from collections.abc import Callable, Coroutine, Sequence
from typing import TypeVar

from engine.model.campaign_links import CampaignLink, LinkCounts, Vendor
from engine.store.sqlite.session import Session, Statements, of_whom

T = TypeVar("T")

_INVITED = "SELECT count(*) FROM link_invite i JOIN attendee a ON a.token = i.token WHERE i.link = link.id"
_COUNTS = (
    "SELECT shown, unmerged, pressed, "
    f"({_INVITED} AND a.withdrawn IS NULL) AS sent, "
    f"({_INVITED} AND a.withdrawn IS NULL AND a.partstat <> 'needs-action') AS answered FROM link WHERE id = ?"
)


_LINK = "body, sealed, opened(sealed, id) AS opened_key"
_KEY_BYTES = 32


def _link(row: sqlite3.Row) -> CampaignLink:
    """The link of a row; if its key does not open it stays signed, with one that nobody has."""
    lost = row["sealed"] and not row["opened_key"]
    key = secrets.token_urlsafe(_KEY_BYTES) if lost else row["opened_key"]
    return CampaignLink.model_validate_json(row["body"]).model_copy(update={"key": key})


class Links(Session):
    """The part of a unit of work, and of the questions, for campaign links."""

    async def link(self, link_id: str) -> CampaignLink | None:
        row = await self.one(f"SELECT {_LINK} FROM link WHERE id = ?", [link_id])
        return _link(row) if row else None

    async def link_by_token(self, token: str) -> CampaignLink | None:
        row = await self.one(f"SELECT {_LINK} FROM link WHERE token = ?", [token])
        return _link(row) if row else None

    async def save_link(self, link: CampaignLink) -> None:
        await self.run(
            "INSERT INTO link(id, token, organizer, created, body, sealed) VALUES (?1,?2,?3,?4,?5,seal(?6, ?1)) "
            # The key of a link stays as it was made, also where it does not open now.
            "ON CONFLICT(id) DO UPDATE SET body = excluded.body",
            [
                link.id,
                link.token,
                link.organizer,
                link.created.timestamp(),
                link.model_dump_json(exclude={"key"}),
                link.key,
            ],
        )

    async def landing_hosts(self, organizer: str) -> tuple[str, ...]:
        found = await self.all("SELECT host FROM landing_host WHERE organizer = ? ORDER BY host", [organizer])
        return tuple(row["host"] for row in found)

    async def save_landing_hosts(self, organizer: str, hosts: Sequence[str]) -> None:
        await self.run("DELETE FROM landing_host WHERE organizer = ?", [organizer])
        await self.many("INSERT INTO landing_host VALUES (?,?)", [(organizer, host) for host in hosts])

    async def count_link(self, link_id: str, *, shown: int = 0, unmerged: int = 0, pressed: int = 0) -> None:
        await self.run(
            "UPDATE link SET shown = shown + ?, unmerged = unmerged + ?, pressed = pressed + ? WHERE id = ?",
            [shown, unmerged, pressed, link_id],
        )

    async def link_pressed(self, link_id: str) -> int:
        row = await self.one("SELECT pressed FROM link WHERE id = ?", [link_id])
        return int(row["pressed"]) if row else 0

    async def note_link_invite(self, link_id: str, token: str) -> None:
        await self.run(
            "INSERT INTO link_invite(link, token) VALUES (?,?) ON CONFLICT DO NOTHING", [link_id, token]
        )

    async def save_vendor(self, vendor: Vendor) -> None:
        await self.run(
            "INSERT INTO vendor(id, body) VALUES (?,?) ON CONFLICT(id) DO UPDATE SET body = excluded.body",
            [vendor.id, vendor.model_dump_json()],
        )

    async def vendors(self) -> list[Vendor]:
        found = await self.all("SELECT body FROM vendor ORDER BY id")
        return [Vendor.model_validate_json(row["body"]) for row in found]

    async def links(self, organizer: str | None, limit: int) -> list[CampaignLink]:
        of, values = of_whom(organizer)
        found = await self.all(
            f"SELECT {_LINK} FROM link {of} ORDER BY created DESC, id LIMIT ?", [*values, limit]
        )
        return [_link(row) for row in found]

    async def link_counts(self, link_id: str) -> LinkCounts:
        row = await self.one(_COUNTS, [link_id])
        return LinkCounts(**dict(row)) if row else LinkCounts()


class LinkAnswers:
    """The store's questions about campaign links."""

    @abstractmethod
    async def _in_loop(self, ask: Callable[[Statements], Coroutine[object, object, T]]) -> T: ...

    @abstractmethod
    async def _in_thread(self, ask: Callable[[Statements], Coroutine[object, object, T]]) -> T: ...

    async def landing_hosts(self, organizer: str) -> tuple[str, ...]:
        return await self._in_loop(lambda s: Links(s).landing_hosts(organizer))

    async def link(self, link_id: str) -> CampaignLink | None:
        return await self._in_loop(lambda s: Links(s).link(link_id))

    async def link_by_token(self, token: str) -> CampaignLink | None:
        return await self._in_loop(lambda s: Links(s).link_by_token(token))

    async def links(self, organizer: str | None, limit: int) -> list[CampaignLink]:
        return await self._in_loop(lambda s: Links(s).links(organizer, limit))

    async def link_counts(self, link_id: str) -> LinkCounts:
        return await self._in_thread(lambda s: Links(s).link_counts(link_id))

    async def vendors(self) -> list[Vendor]:
        return await self._in_loop(lambda s: Links(s).vendors())
