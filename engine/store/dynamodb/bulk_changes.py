"""Changes of many messages, in parts.

Those of an event or a campaign go through the event's people, with consistent reads. Those of an organizer, a key or
everyone go through the waiting messages, by an index that is late by moments: the claim judges anyway what such a
change holds or withdraws. What a change releases is searched for once more a little later, in a campaign too.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from datetime import datetime

from engine.model.base import Value
from engine.model.bulk_changes import BulkAction, BulkChange
from engine.model.campaigns import CampaignState
from engine.model.messages import Kind, MessageState
from engine.refusals import Code
from engine.store.dynamodb.campaigns import CampaignQuestions, Campaigns
from engine.store.dynamodb.ids import new_id
from engine.store.dynamodb.names import joined
from engine.store.dynamodb.owed import (
    BUCKETS,
    HELD,
    INVITEES,
    MAILS,
    OLDER,
    Invitee,
    Owed,
    RowPlace,
    mixed,
    row_of,
    turn,
)
from engine.store.dynamodb.rows import KindTable, pointed
from engine.store.dynamodb.table import Index

_ALL = "all"
_LATE_S = 5.0
"""The greatest delay, in seconds, assumed for the index of waiting messages."""
_READ_MOST = 300
"""The most people or messages that one unit examines to find those that a change affects."""
_ONCE_MORE = frozenset({BulkAction.RELEASE, BulkAction.DUE_NOW})
_DECIDING = frozenset({BulkAction.SEND_UNDECIDED, BulkAction.DROP_UNDECIDED})
_OF_UNHELD = frozenset({BulkAction.WITHDRAW, BulkAction.DROP_UNDECIDED, BulkAction.PUT_OFF})
"""Actions that apply only to messages without a lease."""


class KeptChange(Value):
    """A change whose remaining part is applied later, not before `after` (seconds since 1970); `again`: once more."""

    id: str
    change: BulkChange
    after: float = 0.0
    again: bool = False


CHANGES = KindTable[KeptChange](
    "bulk-change",
    KeptChange,
    key=lambda kept: (kept.change.scope,),
    indexes={"age": lambda kept: [(_ALL, kept.id)]},
)


class BulkChangeQuestions(CampaignQuestions):
    """Questions about unfinished changes."""

    async def next_bulk_change(self) -> BulkChange | None:
        """The change that has waited longest, or None."""
        async for kept in self.rows.each_by(CHANGES, "age", _ALL):
            if kept.after <= time.time():
                return kept.change
        return None


class BulkChanges(BulkChangeQuestions, Campaigns):
    """The part of a unit of work that changes many messages, in parts."""

    _applied: frozenset[str] = frozenset()
    """The scopes of the changes that this unit has applied, in whole or in part."""

    async def keep_bulk_change(self, change: BulkChange) -> None:
        """Store a change whose remaining part is applied later; it replaces an older one of the same scope."""
        known = await self.rows.get(CHANGES, change.scope)
        again = known is not None and known.again and known.change.action is change.action
        kept = KeptChange(id=known.id if known else new_id(), change=change, again=again)
        await self.rows.put(CHANGES, kept)

    async def bulk_change(self, scope: str) -> BulkChange | None:
        """The change of this scope whose rest is applied later, or None."""
        kept = await self.rows.get(CHANGES, scope)
        return kept.change if kept else None

    async def end_bulk_change(self, change: BulkChange) -> None:
        """Delete a stored change of this scope; one that releases, and was applied now, is applied once more later.

        The index of waiting messages is late, and a claim that judged them before may have held some meanwhile.
        """
        known = await self.rows.get(CHANGES, change.scope)
        again = known is not None and known.again
        if change.action in _ONCE_MORE and change.scope in self._applied and not again:
            first, later = change.model_copy(update={"cursor": ""}), time.time() + _LATE_S
            id_ = known.id if known else new_id()
            await self.rows.put(CHANGES, KeptChange(id=id_, change=first, after=later, again=True))
        elif known:
            await self.rows.drop(CHANGES, change.scope)

    async def change_messages(self, change: BulkChange, now: datetime) -> str | None:
        """Apply a change to as many messages as fit into a unit, and return the new cursor, None after the last."""
        self._applied |= {change.scope}
        if change.action in _DECIDING:
            return await self._undecided(change, now)
        if change.event_uid or change.campaign_id:
            return await self._of_people(change, now)
        return await self._of_waiting(change, now)

    async def _of_people(self, change: BulkChange, now: datetime) -> str | None:
        """Change messages by address, in the order of the event's people."""
        uid = change.event_uid
        if not uid:
            campaign = await self.campaign(change.campaign_id)
            if campaign is None:
                return None
            uid = campaign.event_uid
        after, read, changed = joined("attendee", change.cursor) if change.cursor else "", 0, 0
        last = change.cursor
        async for invitee in self.rows.each_under(INVITEES, uid, "attendee", after=after):
            read += 1
            meant = await self._meant(change, invitee)
            if await self._apply(change, meant, now) < len(meant):
                return last
            last = invitee.attendee.email
            changed += bool(meant)
            if read == _READ_MOST or changed == self.items_per_unit:
                return last
        return None

    async def _meant(self, change: BulkChange, invitee: Invitee) -> list[Owed]:
        """Those of a person's messages that a change affects."""
        uid, email = invitee.attendee.event_uid, invitee.attendee.email
        again = change.action is BulkAction.OWE_AGAIN
        wanted = [p for p in invitee.messages if (p.state is MessageState.WITHDRAWN) is again]
        wanted = [p for p in wanted if again or p.state.pending]
        rows = await self.rows_at(RowPlace(uid, email, p.id) for p in wanted) if wanted else {}
        return [owed for owed in rows.values() if _concerns(change, owed)]

    async def _of_waiting(self, change: BulkChange, now: datetime) -> str | None:
        """Change waiting messages, bucket by bucket."""
        bucket, _, after = change.cursor.partition("/")
        names = await self._buckets(change)
        for name in names[names.index(bucket) if bucket in names else 0 :]:
            place = after if name == bucket else ""
            items = await self.items.indexed(Index.DUE, name, after=place, limit=_READ_MOST)
            rows = [row for item in items if (row := row_of(item))]
            meant = [row for row in rows if await self._goes_with(change, row)][: self.items_per_unit]
            done = await self._apply(change, meant, now)
            if not done and meant:
                return f"{name}/{place}"
            if done == self.items_per_unit or done < len(meant):
                last = meant[done - 1]
                return f"{name}/{turn(last.priority, last.message.due, last.message.id)}"
            if len(items) == _READ_MOST:
                return f"{name}/{items[-1].attributes['turn']}"
        return None

    async def _buckets(self, change: BulkChange) -> list[str]:
        rated = [joined("rate", c.id) for c in await self.running_with_rate()]
        names = [*(str(n) for n in range(BUCKETS)), *rated]
        return [joined(HELD, name) for name in names] if change.action is BulkAction.RELEASE else names

    async def _goes_with(self, change: BulkChange, owed: Owed) -> bool:
        m = owed.message
        if change.organizer not in {"", m.organizer} or (change.key and change.key not in m.key.split()):
            return False
        if change.due and m.due != change.due:
            return False
        campaign = await self.campaign(m.campaign_id) if m.campaign_id else None
        return not campaign or campaign.state is not CampaignState.PAUSED

    async def _undecided(self, change: BulkChange, now: datetime) -> str | None:
        listings = dict.fromkeys(table.listing("undecided", change.key) for table in (INVITEES, OLDER, MAILS))
        for listing in listings:
            entries = await self.items.query(listing, limit=self.items_per_unit)
            found = await self.items.get_many([pointed(entry) for entry in entries])
            rows = mixed(entries, found)
            done = await self._apply(change, rows, now)
            if done < len(rows) or len(entries) == self.items_per_unit:
                return "more"
        return None

    async def _apply(self, change: BulkChange, rows: Sequence[Owed], now: datetime) -> int:
        """Change as many of these messages as fit into a unit, and return how many."""
        free = await self.unheld(rows) if change.action in _OF_UNHELD else rows
        for n, owed in enumerate(rows):
            if self.full:
                return n
            if owed in free:
                await self._change_one(change, owed, now)
        return len(rows)

    async def _change_one(self, change: BulkChange, owed: Owed, now: datetime) -> None:
        if change.action in {BulkAction.WITHDRAW, BulkAction.DROP_UNDECIDED}:
            await self.settle([owed], MessageState.WITHDRAWN, Code(change.code), now)
        elif change.action is BulkAction.PUT_OFF:
            await self.save_row(owed, owed.changed(due=change.due))
        elif change.action is BulkAction.OWE_AGAIN:
            await self.save_row(owed, await self.owed_again(owed))
        elif change.action is BulkAction.SEND_UNDECIDED:
            free = owed.changed(code="", key="").model_copy(update={"held": False})
            await self.free_of_keys(owed.message)
            await self.save_row(owed.changed(key=""), free)
        elif change.action is BulkAction.DUE_NOW:
            await self.save_row(owed, owed.changed(due=now))
        elif owed.held is not (change.action is BulkAction.HOLD):
            await self.save_row(owed, owed.model_copy(update={"held": not owed.held}))

    async def waiting_mails(self, key_id: str) -> int:
        """How many changes and cancellations of a key wait for a decision, since it ended or was narrowed."""
        listings = dict.fromkeys(table.listing("undecided", key_id) for table in (INVITEES, OLDER, MAILS))
        return sum([len(await self.items.query(listing)) for listing in listings])


def _concerns(change: BulkChange, owed: Owed) -> bool:
    m = owed.message
    if change.campaign_id:
        return m.campaign_id == change.campaign_id
    if change.action is BulkAction.OWE_AGAIN:
        since = change.since
        return m.code == change.code and m.settled is not None and since is not None and m.settled >= since
    if change.action is BulkAction.PUT_OFF:
        assert change.since
        assert change.due
        early = change.since < m.due < change.due
        return early and m.state is MessageState.QUEUED and not m.attempts
    return m.kind is not Kind.WITHDRAWAL and m.sequence < change.before
