"""Converts the table's items to documents that are independent of the backend, in one Scan."""

from __future__ import annotations

import base64
from collections.abc import AsyncIterator, Awaitable, Callable, Collection
from datetime import datetime
from typing import Any

from engine.model.changes import Change
from engine.model.messages import Attempt, Fanout, Kind, MessageState
from engine.store.dynamodb.campaigns import FANOUTS
from engine.store.dynamodb.change_pages import Places
from engine.store.dynamodb.changes import ENTRIES
from engine.store.dynamodb.day_limit import SENT_HOURS
from engine.store.dynamodb.kinds import TABLES, kind
from engine.store.dynamodb.links import LINKS, counters
from engine.store.dynamodb.names import MOVING, joined
from engine.store.dynamodb.owed import MAILS, Invitee, Owed
from engine.store.dynamodb.pictures import PICTURES
from engine.store.dynamodb.posted import REQUESTS, KeptRequest
from engine.store.dynamodb.quarantine import SUMS
from engine.store.dynamodb.sessions import ROUNDS, SESSIONS, now_as
from engine.store.dynamodb.store import DynamoStore
from engine.store.dynamodb.triggers import DELIVERIES, TRIGGERS, KeptDelivery, counted_at
from engine.store.dynamodb.triggers import FORGOTTEN as GONE_OBJECTS
from engine.store.dynamodb.webhooks import GONE, POSTINGS, WEBHOOKS
from engine.store.dynamodb.wires import Item
from engine.store.protocol.moving import LOST, Document

DERIVED = frozenset(
    {
        "automatic",
        "chain",
        "change-head",
        "kept-share",
        "lease",
        "mailed-domain",
        "marked",
        "message",
        "object-gone",
        "organizer-address",
        "peopled",
        "picture-content",
        "places",
        "posted-size",
        "record-head",
        "rest",
        "search-snapshot",
        "session-round",
        "skip",
        "source-shard",
        "touched",
        "touched-head",
        "trigger-name",
        "webhook-gone",
        "window",
        "zone",
    }
)
"""Kinds of items that are derived, or that are read with others."""
Value = dict[str, Any]


class Said:
    """Reads the stored values as documents, by each kind's reader if it has one."""

    def __init__(self, store: DynamoStore, now: datetime) -> None:
        self._store = store
        self._now = now
        self._held: Collection[str] = ()
        self._list = ""
        self._numbered: set[int] = set()
        self._waiting: set[tuple[str, str]] = set()
        self._readers: dict[str, Callable[[Any], Awaitable[list[Document]]]] = {
            "attendee": self._attendee,
            MAILS.name: self._mail,
            "rows": self._rows,
            "revision": self._revision,
            FANOUTS.name: self._fanout,
            "bulk-change": self._bulk_change,
            ENTRIES.name: self._changes,
            "organizer": self._organizer,
            "approval": self._approval,
            "landing-hosts": self._hosts,
            SESSIONS.name: self._session,
            PICTURES.name: self._picture,
            LINKS.name: self._link,
            REQUESTS.name: self._posted,
            TRIGGERS.name: self._trigger,
            DELIVERIES.name: self._delivery,
            WEBHOOKS.name: self._webhook,
            POSTINGS.name: self._posting,
        }

    async def documents(self) -> AsyncIterator[list[Document]]:
        """The documents of all items, in the order of the Scan; counters that are not derived come last."""
        rows = self._store.rows
        self._held = await self._store.held_ids()
        self._dropped = {gone.webhook_id for gone in await rows.under(GONE, "all")}
        self._emptied = await rows.under(GONE_OBJECTS, "all")
        self._dropped_requests = {
            kept.posted
            for gone in self._emptied
            async for kept in rows.each_by(DELIVERIES, "about", joined(gone.trigger_id, gone.name))
            if kept.place < gone.place
        }
        hours: dict[int, int] = {}
        async for item in self._store.rows.items.scan():
            if item.key[0] == SENT_HOURS:
                hour = int(item.key[1].partition("#")[0])
                hours[hour] = hours.get(hour, 0) + sum(item.numbers.values())
            elif not item.numbers and item.key != MOVING:
                yield await self._said(item)
        yield [Document("sent-hour", {"hour": hour, "n": n}) for hour, n in hours.items()]
        sums = (await rows.items.numbers([SUMS]))[SUMS]
        gone = {name: sums.get(f"dropped_{name}", 0) for name in ("mails", "bytes")}
        yield [Document("dropped", gone)] if any(gone.values()) else []

    async def _said(self, item: Item) -> list[Document]:
        name = kind(item.key)
        if not name or name in DERIVED:
            return []
        value = TABLES[name].value(item)
        reader = self._readers.get(name)
        return await reader(value) if reader else [Document(name, TABLES[name].plain(value))]

    # the ledger

    async def _attendee(self, invitee: Invitee) -> list[Document]:
        owed = [*await self._store.older(invitee), *([invitee.newest] if invitee.newest else [])]
        attendee = invitee.attendee.model_dump(mode="json")
        return [Document("attendee", {"attendee": attendee, "messages": [self._owed(one) for one in owed]})]

    async def _mail(self, owed: Owed) -> list[Document]:
        return [Document("mail", self._owed(owed))]

    def _owed(self, owed: Owed) -> Value:
        """A message with its attempts; one that was being sent is in doubt."""
        m = owed.message
        if m.id in self._held and m.state.pending:
            lost = Attempt(at=self._now, state=MessageState.QUEUED, code="in_doubt", answer=LOST)
            back = owed.changed(state=MessageState.QUEUED, in_doubt=True, attempts=m.attempts + 1)
            owed = back.model_copy(update={"attempts": (*owed.attempts, lost)})
        said = owed.model_dump(mode="json")
        del said["rated"]
        return said

    async def _rows(self, chunk: Any) -> list[Document]:
        """All rows of a list, at its first item, with later skips applied."""
        if chunk.list_id == self._list:
            return []
        self._list = chunk.list_id
        found = [row async for row in self._store.each_row(chunk.list_id, 0)]
        names = ("row", "email", "name", "code", "detail")
        said = [{**{n: getattr(row, n) for n in names}, "fields": dict(row.fields)} for row in found]
        return [Document("row", {"list_id": chunk.list_id, "row": row}) for row in said]

    async def _revision(self, replaced: Any) -> list[Document]:
        return [Document("revision", replaced.event.model_dump(mode="json"))]

    async def _fanout(self, job: Fanout) -> list[Document]:
        of_list = bool(job.campaign_id) and job.kind is Kind.INVITE
        cursor = (job.cursor if job.cursor != "0" else "") if of_list else ""
        return [Document(FANOUTS.name, job.model_copy(update={"cursor": cursor}).model_dump(mode="json"))]

    async def _bulk_change(self, kept: Any) -> list[Document]:
        change = kept.change.model_copy(update={"cursor": ""})
        return [Document("bulk-change", {"id": kept.id, "change": change.model_dump(mode="json")})]

    async def _changes(self, entry: Any) -> list[Document]:
        """The changes of an entry; of two processes' changes with one id the second has the next free one."""
        said = []
        for change in entry.changes:
            change_id = change.id
            while change_id in self._numbered:
                change_id += 1
            self._numbered.add(change_id)
            said.append(Document("change", {**change.model_dump(mode="json"), "id": change_id}))
        return said

    async def _posted(self, kept: KeptRequest) -> list[Document]:
        """A request, unless it was about something forgotten; of equal ones that wait to be divided only one."""
        waits = (kept.trigger_id, kept.digest)
        if (kept.id in self._dropped_requests) if kept.divided else (waits in self._waiting):
            return []
        if not kept.divided:
            self._waiting.add(waits)
        return [Document(REQUESTS.name, kept.model_dump(mode="json"))]

    # what is kept in parts

    async def _organizer(self, organizer: Any) -> list[Document]:
        said = organizer.model_dump(mode="json")
        return [Document("organizer", {**said, "addresses": sorted(said["addresses"])})]

    async def _approval(self, approver: Any) -> list[Document]:
        """Who approves an organizer's changes; of an organizer who was forgotten nobody."""
        known = await self._store.organizer(approver.organizer)
        return [Document("approval", approver.model_dump(mode="json"))] if known else []

    async def _hosts(self, hosts: Any) -> list[Document]:
        return [Document("landing-hosts", hosts.model_dump(mode="json"))] if hosts.hosts else []

    async def _session(self, kept: Any) -> list[Document]:
        last = await self._store.rows.get(ROUNDS, kept.session.address)
        return [Document("session", now_as(kept, last).model_dump(mode="json"))]

    async def _picture(self, picture: Any) -> list[Document]:
        content = await self._store.picture_content(picture.name) or b""
        said = picture.model_dump(mode="json")
        return [Document("picture", {"picture": said, "content": base64.b64encode(content).decode()})]

    async def _link(self, link: Any) -> list[Document]:
        counted = await self._numbers(counters(link.id))
        counts = {name: counted.get(name, 0) for name in ("shown", "unmerged", "pressed")}
        return [Document("link", {"link": link.model_dump(mode="json"), **counts})]

    async def _trigger(self, trigger: Any) -> list[Document]:
        unproven = (await self._numbers(counted_at(trigger.id))).get("unproven", 0)
        said = await self._pointed(trigger.model_dump(mode="json"))
        return [Document("trigger", {"trigger": said, "unproven": unproven})]

    async def _webhook(self, webhook: Any) -> list[Document]:
        return [Document("webhook", await self._pointed(webhook.model_dump(mode="json")))]

    async def _pointed(self, said: Value) -> Value:
        """The value with the last change that was received in place of its cursor."""
        return {**said, "cursor": await self._told(said["cursor"]) if said["cursor"] else None}

    async def _told(self, cursor: str) -> int:
        """The change before the first one after the cursor; the newest of all if none is after it."""
        places, heads = Places.of(cursor), await self._store.heads()
        left: list[Change] = []
        async for entry in self._store.entries_since(places.entries, heads):
            left += places.left(entry)
        if left:
            return min(change.id for change in left) - 1
        newest = await self._store.changes(None, None, 1)
        return max((change.id for change in newest.changes), default=0)

    async def _delivery(self, kept: KeptDelivery) -> list[Document]:
        emptied = any(
            (gone.trigger_id, gone.name) == (kept.delivery.trigger_id, kept.delivery.object)
            and kept.place < gone.place
            for gone in self._emptied
        )
        said = kept.model_copy(update={"payload": None}) if emptied else kept
        return [Document("delivery", said.model_dump(mode="json"))]

    async def _posting(self, kept: Any) -> list[Document]:
        dropped = kept.posting.webhook_id in self._dropped
        return [] if dropped else [Document("posting", kept.model_dump(mode="json"))]

    async def _numbers(self, key: tuple[str, str]) -> dict[str, int]:
        return (await self._store.rows.items.numbers([key]))[key]
