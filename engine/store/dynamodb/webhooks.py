"""Outgoing webhooks and their postings."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime

from engine.model.base import Value
from engine.model.changes import ChangeKind
from engine.model.queries import ChangePage
from engine.model.webhooks import Outgoing, Posting, PostingState, Webhook
from engine.store.dynamodb.change_pages import ChangeQuestions
from engine.store.dynamodb.ids import new_id
from engine.store.dynamodb.names import joined, moment
from engine.store.dynamodb.rows import Entry, KindTable
from engine.store.dynamodb.session import ReadSession, UnitSession

_ALL = "all"
_DROPPED_AT_ONCE = 15
"""The most postings that one unit of work deletes, with their entries."""


class KeptPosting(Value):
    """A posting with its body and its place in the order."""

    place: str
    outgoing: Outgoing

    @property
    def posting(self) -> Posting:
        """The posting."""
        return self.outgoing.posting

    def changed(self, posting: Posting) -> KeptPosting:
        """The same place with another posting."""
        return self.model_copy(update={"outgoing": self.outgoing.model_copy(update={"posting": posting})})


class Gone(Value):
    """A deleted webhook with postings that are still to be deleted."""

    webhook_id: str


def _waiting(kept: KeptPosting) -> Iterable[Entry]:
    p = kept.posting
    if p.state is PostingState.WAITING:
        yield p.webhook_id, kept.place
        yield joined(p.webhook_id, p.lane), kept.place


def _due(kept: KeptPosting) -> Iterable[Entry]:
    if kept.posting.due:
        yield kept.posting.webhook_id, f"{moment(kept.posting.due)}#{kept.place}"


def _settled(kept: KeptPosting) -> Iterable[Entry]:
    if kept.posting.state is not PostingState.WAITING:
        yield _ALL, f"{moment(kept.posting.created)}#{kept.place}"


WEBHOOKS = KindTable[Webhook](
    "webhook",
    Webhook,
    key=lambda webhook: (webhook.id,),
    indexes={
        "made": lambda w: [(place, moment(w.created)) for place in (f"of {w.organizer}", _ALL)],
    },
)
POSTINGS = KindTable[KeptPosting](
    "posting",
    KeptPosting,
    key=lambda kept: (kept.posting.id,),
    indexes={
        "webhook": lambda kept: [(kept.posting.webhook_id, kept.place)],
        "waiting": _waiting,
        "due": _due,
        "settled": _settled,
    },
)
GONE = KindTable[Gone]("webhook-gone", Gone, key=lambda gone: (_ALL, gone.webhook_id), checked=False)


class WebhookQuestions(ReadSession):
    """Questions about webhooks and postings."""

    async def webhook(self, webhook_id: str) -> Webhook | None:
        """The webhook with this id, or None."""
        return await self.rows.get(WEBHOOKS, webhook_id)

    async def webhooks(self, organizer: str | None) -> list[Webhook]:
        """The webhooks of an organizer, or all, oldest first."""
        found = await self.rows.by(WEBHOOKS, "made", _ALL if organizer is None else f"of {organizer}")
        return sorted(found, key=lambda w: (w.created, w.id))

    async def posting(self, posting_id: str) -> Outgoing | None:
        """The posting with this id, or None."""
        kept = await self.rows.get(POSTINGS, posting_id)
        return kept.outgoing if kept else None

    async def postings(
        self, webhook_id: str, state: PostingState | None, limit: int, before: str = ""
    ) -> list[Posting]:
        """Postings of a webhook, newest first; `before`: only those older than the one with this id."""
        last = await self.rows.maybe(POSTINGS, before)
        found: list[Posting] = []
        place = last.place if last else ""
        async for kept in self.rows.each_by(POSTINGS, "webhook", webhook_id, before=place, backwards=True):
            if state in {None, kept.posting.state}:
                found.append(kept.posting)
            if len(found) == limit:
                break
        return found


class Webhooks(WebhookQuestions, ChangeQuestions, UnitSession):
    """Changes of webhooks and postings in a unit of work."""

    async def changes_after(
        self, owner: str | None, since: str | None, limit: int, kinds: Sequence[ChangeKind]
    ) -> ChangePage:
        """As `Store.changes`, as of before this unit. Raises Refused: INVALID_CURSOR."""
        return await self.changes(owner, since, limit, *kinds)

    async def beginning(
        self, owner: str | None, after: datetime, until: datetime, limit: int
    ) -> list[tuple[str, datetime, datetime]]:
        """Events, not cancelled, that start after one moment and up to another: uid, start, end, by start."""
        assert self.context.found is not None, "who asks for occasions opens the store with a file for it"
        return await (await self.context.found()).beginning(owner, after, until, limit)

    async def ending(
        self, owner: str | None, after: datetime, until: datetime, limit: int
    ) -> list[tuple[str, datetime, datetime]]:
        """As `beginning`, for events that end in that time and last at most 31 days."""
        assert self.context.found is not None, "who asks for occasions opens the store with a file for it"
        return await (await self.context.found()).ending(owner, after, until, limit)

    async def add_webhook(self, webhook: Webhook) -> None:
        """Add a webhook."""
        await self.rows.put(WEBHOOKS, webhook)

    async def save_webhook(self, webhook: Webhook) -> None:
        """Replace a webhook."""
        if await self.webhook(webhook.id):
            await self.rows.put(WEBHOOKS, webhook)

    async def drop_webhook(self, webhook_id: str) -> None:
        """Delete a webhook with as many postings as fit into a unit; `drop_postings` deletes the others."""
        await self.rows.drop(WEBHOOKS, webhook_id)
        if await self._drop_postings_of(webhook_id, _DROPPED_AT_ONCE) == _DROPPED_AT_ONCE:
            await self.rows.put(GONE, Gone(webhook_id=webhook_id))

    async def _drop_postings_of(self, webhook_id: str, limit: int) -> int:
        found = await self.rows.by(POSTINGS, "webhook", webhook_id, limit=limit)
        for kept in found:
            await self.rows.drop(POSTINGS, kept.posting.id)
        return len(found)

    async def add_postings(self, postings: Sequence[Outgoing]) -> None:
        """Add postings that wait; of each lane only the first is due."""
        for one in postings:
            p = one.posting
            ahead = await self.items.query(POSTINGS.listing("waiting", joined(p.webhook_id, p.lane)), limit=1)
            for entry in ahead:
                # Rewritten, so that a concurrent unit that settles it conflicts.
                self.items.put(entry.key, entry.value)
            waiting = p.model_copy(update={"due": None if ahead else p.created})
            kept = KeptPosting(place=new_id(), outgoing=one)
            await self.rows.put(POSTINGS, kept.changed(waiting))

    async def waiting_postings(self, webhook_id: str, most: int) -> int:
        """How many postings of a webhook wait, counted up to `most`."""
        return len(await self.items.query(POSTINGS.listing("waiting", webhook_id), limit=most))

    async def claim_postings(
        self, webhook_id: str, now: datetime, until: datetime, limit: int
    ) -> list[Outgoing]:
        """Postings that are due, the oldest first; unless they are settled, they are due again at `until`."""
        most = min(limit, _DROPPED_AT_ONCE)
        found = await self.rows.by(POSTINGS, "due", webhook_id, before=f"{moment(now)}$", limit=most)
        for kept in found:
            await self.rows.put(POSTINGS, kept.changed(kept.posting.model_copy(update={"due": until})))
        return [kept.outgoing for kept in found]

    async def save_posting(self, posting: Posting) -> None:
        """Replace a posting; if it no longer waits, the next of its lane becomes due."""
        kept = await self.rows.get(POSTINGS, posting.id)
        assert kept is not None, "a posting that is saved is kept"
        await self.rows.put(POSTINGS, kept.changed(posting))
        if posting.state is PostingState.WAITING:
            return
        following = await self.rows.first_by(POSTINGS, "waiting", joined(posting.webhook_id, posting.lane))
        if following and following.posting.due is None:
            due = following.posting.model_copy(update={"due": following.posting.created})
            await self.rows.put(POSTINGS, following.changed(due))

    async def drop_postings(self, before: datetime, limit: int) -> int:
        """Delete settled postings from before `before`, those of deleted webhooks first, and return how many."""
        most = min(limit, _DROPPED_AT_ONCE)
        for gone in await self.rows.under(GONE, _ALL, limit=1):
            dropped = await self._drop_postings_of(gone.webhook_id, most)
            if dropped < most:
                await self.rows.drop(GONE, _ALL, gone.webhook_id)
            return dropped
        found = await self.rows.by(POSTINGS, "settled", _ALL, before=moment(before), limit=most)
        for kept in found:
            await self.rows.drop(POSTINGS, kept.posting.id)
        return len(found)
