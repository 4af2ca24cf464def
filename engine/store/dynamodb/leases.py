"""Leases on messages: taken, renewed, and ended if the dispatcher died (promise 6)."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime

from engine.model.campaigns import Campaign, CampaignState
from engine.model.messages import Attempt, MessageState
from engine.store import rules
from engine.store.dynamodb.held_now import ALL, LEASES, ClaimedRun, Holding, Lease
from engine.store.dynamodb.ledger import Ledger, LedgerQuestions
from engine.store.dynamodb.owed import Owed, place

_LOST = "the sender stopped before an answer was written down; the mail may have gone"
_PACED = frozenset({CampaignState.RUNNING, CampaignState.PAUSED})
_PLACES_MOST = 30
"""The most messages whose leases one unit of work ends."""


class LeaseQuestions(LedgerQuestions):
    """Questions about messages that are being sent."""

    def shared(self, now: datetime) -> float:
        """This machine's time as DynamoDB has it, by which all machines judge leases, in seconds since 1970."""
        return now.timestamp() + self.items.ahead_s

    async def sending(self) -> dict[str, Owed]:
        """The messages that are being sent, by id."""
        places = [
            row.place
            for lease in (await self.leases()).values()
            for run in lease.runs.values()
            for row in run.rows
        ]
        found = await self.rows_at(places)
        return {id_: owed for id_, owed in found.items() if owed.message.state.pending}

    async def left_today(self, limit: int, now: datetime) -> int:
        """How many mails may still be claimed, given those that left within 24 hours and those leased now."""
        return rules.left_of_day(limit, await self.sent_within_day(now) + len(await self.sending()))


class Leases(LeaseQuestions, Ledger):
    """The part of a unit of work for leases on messages."""

    _now: dict[str, Lease] | None = None

    @abstractmethod
    async def fixed_campaign(self, campaign_id: str) -> Campaign | None:
        """The campaign with this id, which must be unchanged when this unit is kept."""

    async def leases(self) -> dict[str, Lease]:
        """The leases by bucket, read once, including this unit's changes."""
        if self._now is None:
            self._now = await super().leases()
        return self._now

    async def take(self, owner: str, claimed: Iterable[Owed], until: float, name: str) -> None:
        """Lease the claimed messages to `owner`, and remove settled ones from its runs."""
        by_bucket: dict[str, list[Owed]] = {}
        for owed in claimed:
            by_bucket.setdefault(owed.bucket, []).append(owed)
        leases = await self.leases()
        before = {bucket: leases[bucket].runs.get(owner) for bucket in by_bucket if bucket in leases}
        still = set(await self._still_owed([row for run in before.values() if run for row in run.rows]))
        for bucket in by_bucket.keys() - leases.keys():
            self.items.not_found(LEASES.at(ALL, bucket))  # or two first claims of it would both be kept
        for bucket, some in by_bucket.items():
            lease, mine = leases.get(bucket) or Lease(bucket=bucket), before.get(bucket)
            kept = [row for row in mine.rows if row in still] if mine else []
            run = ClaimedRun(until=until, rows=(*kept, *(_holding(owed, name) for owed in some)))
            await self.keep(lease, {**lease.runs, owner: run})

    async def _still_owed(self, rows: Sequence[Holding]) -> tuple[Holding, ...]:
        found = await self.rows_at(row.place for row in rows)
        return tuple(row for row in rows if row.id in found and found[row.id].message.state.pending)

    async def keep(self, lease: Lease, runs: Mapping[str, ClaimedRun]) -> None:
        """Store the leases of a bucket."""
        left = {owner: run for owner, run in runs.items() if run.rows}
        kept = lease.model_copy(update={"runs": left})
        await self.rows.put(LEASES, kept)
        self._now = {**await self.leases(), lease.bucket: kept}

    async def renew(self, owner: str, until: float) -> set[str]:
        """Extend the leases of `owner`, and return the ids of their messages."""
        held: set[str] = set()
        for lease in (await self.leases()).values():
            if owner not in lease.runs:
                continue
            rows = await self._still_owed(lease.runs[owner].rows)
            held |= {row.id for row in rows}
            await self.keep(lease, {**lease.runs, owner: ClaimedRun(until=until, rows=rows)})
        return held

    async def reclaim(self, now: datetime, lease_s: float) -> None:
        """End expired leases of dispatchers that died; their messages may have left already.

        A lease that ends later than any granted now was written before the clock was set back, and ends too.
        """
        leases = await self.leases()
        # Its answer tells the time of the table, which leases are written in.
        left, at = _PLACES_MOST, self.shared(now)
        for lease in leases.values():
            runs = dict(lease.runs)
            for owner, run in lease.runs.items():
                if left <= 0 or at <= run.until <= at + 2 * lease_s:
                    continue
                lost = run.rows[:left]
                left -= len(lost)
                await self._in_doubt(lost, now)
                runs[owner] = run.model_copy(update={"rows": run.rows[len(lost) :]})
            if runs != lease.runs:
                await self.keep(lease, runs)

    async def _in_doubt(self, lost: Sequence[Holding], now: datetime) -> None:
        """Owe messages again that may have left, and count the attempt."""
        tried = Attempt(at=now, state=MessageState.QUEUED, code="in_doubt", answer=_LOST)
        for owed in (await self.rows_at(row.place for row in lost)).values():
            m = owed.message
            if m.state.pending:
                back = owed.changed(state=MessageState.QUEUED, in_doubt=True, attempts=m.attempts + 1)
                kept = back.model_copy(update={"attempts": (*owed.attempts, tried)})
                await self.save_row(owed, await self.as_campaign_is(kept))

    async def owed_again(self, owed: Owed) -> Owed:
        """A withdrawn row as it waits again; what still has to be held is held again by the claim."""
        again = owed.changed(state=MessageState.QUEUED, code="", settled=None)
        return await self.as_campaign_is(again.model_copy(update={"held": False}))

    async def as_campaign_is(self, owed: Owed) -> Owed:
        """A row that is owed still: not held by a campaign that was cancelled, nor paced by one that is over.

        It may have been leased when the campaign ended, and such waiting has no end.
        """
        campaign_id = owed.message.campaign_id if owed.held or owed.rated else None
        if not campaign_id or not owed.message.state.pending:
            return owed
        campaign = await self.fixed_campaign(campaign_id)
        state = campaign.state if campaign else None
        held, rated = owed.held and state is not CampaignState.CANCELLED, owed.rated and state in _PACED
        return owed.model_copy(update={"held": held, "rated": rated})


def _holding(owed: Owed, lease: str) -> Holding:
    found = place(owed.message)
    return Holding(found.uid, found.email, found.id, lease)
