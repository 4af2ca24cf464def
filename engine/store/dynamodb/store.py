"""The store on DynamoDB: one table, used by several machines at once."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from typing import Any, TypeVar

from engine.store.dynamodb.calls import Calls, Consumed
from engine.store.dynamodb.campaign_pages import CampaignPages
from engine.store.dynamodb.checking import CheckQuestions
from engine.store.dynamodb.dispatching import Dispatching
from engine.store.dynamodb.events import EventQuestions
from engine.store.dynamodb.exports import ExportQuestions
from engine.store.dynamodb.forgetting import TraceQuestions
from engine.store.dynamodb.held import HeldQuestions
from engine.store.dynamodb.inbox_messages import InboxMessageQuestions
from engine.store.dynamodb.items import Items, TooMany
from engine.store.dynamodb.jobs import DueJobs
from engine.store.dynamodb.keys import KeyQuestions
from engine.store.dynamodb.links import LinkQuestions
from engine.store.dynamodb.orders import OrderQuestions
from engine.store.dynamodb.pages import PageQuestions
from engine.store.dynamodb.pictures import PictureQuestions
from engine.store.dynamodb.pulse import Pulse
from engine.store.dynamodb.quarantine import QuarantineQuestions
from engine.store.dynamodb.questions import Questions
from engine.store.dynamodb.recipients import Recipients
from engine.store.dynamodb.record import RecordQuestions
from engine.store.dynamodb.requests import RequestQuestions
from engine.store.dynamodb.revisions import RevisionQuestions
from engine.store.dynamodb.rows import Rows
from engine.store.dynamodb.searching import Derived
from engine.store.dynamodb.session import Context
from engine.store.dynamodb.sessions import SessionQuestions
from engine.store.dynamodb.suppressions import SuppressionQuestions
from engine.store.dynamodb.tallies import Tallies
from engine.store.dynamodb.timing import TimingQuestions
from engine.store.dynamodb.triggers import TriggerQuestions
from engine.store.dynamodb.unit import DynamoUnit
from engine.store.dynamodb.webhooks import WebhookQuestions
from engine.store.protocol import Conflict
from engine.store.repeating import TRIES, repeated

T = TypeVar("T")
_PAUSE_S = 0.02
"""The longest pause, in seconds, before a unit of work is retried; it doubles up to fifty times that."""
_FEW = 5
"""How many people a unit of work takes that came to too many items with its usual number of them."""


class DynamoStore(
    TraceQuestions,
    CheckQuestions,
    DueJobs,
    CampaignPages,
    TimingQuestions,
    Questions,
    RevisionQuestions,
    ExportQuestions,
    Recipients,
    QuarantineQuestions,
    HeldQuestions,
    InboxMessageQuestions,
    RecordQuestions,
    KeyQuestions,
    RequestQuestions,
    SessionQuestions,
    SuppressionQuestions,
    Dispatching,
    OrderQuestions,
    TriggerQuestions,
    WebhookQuestions,
    LinkQuestions,
    PageQuestions,
    PictureQuestions,
    EventQuestions,
    Tallies,
):
    """Stores everything in one table."""

    def __init__(self, calls: Calls, context: Context) -> None:
        self._calls = calls
        self.context = context
        self._one_by_one = asyncio.Lock()
        context.found = self.search_file
        self.pulse = Pulse(calls)
        self.derived = Derived()

    @property
    def rows(self) -> Rows:
        """The current values: each question reads them again and changes nothing."""
        return Rows(Items(self._calls))

    @property
    def calls(self) -> Calls:
        """The calls to the table."""
        return self._calls

    @property
    def consumed(self) -> Consumed:
        """The capacity that this process has consumed, as reported by DynamoDB."""
        return self._calls.consumed

    async def written_mark(self) -> int:
        """A number that changes with every write; writes of other processes show after at most a second."""
        return await self.revision()

    async def close(self) -> None:
        """Close the connections."""
        await self.derived.close()
        if self.context.images:
            await self.context.images.close()
        await self.pulse.announce()
        await self._calls.close()

    @asynccontextmanager
    async def unit(self) -> AsyncIterator[DynamoUnit]:
        """A unit of work, committed when the block ends and discarded if it raises; it cannot be run again.

        Such units of one process wait for each other; they may conflict with those of other processes.
        """
        async with self._one_by_one:
            unit = self._begin()
            yield unit
            await self._keep(unit)

    async def transact(self, work: Callable[[Any], Coroutine[object, object, T]]) -> T:
        """The result of `work` in a unit of work; once begun it is completed, even if the caller is cancelled."""
        return await asyncio.shield(asyncio.ensure_future(self._transacted(work)))

    async def _transacted(self, work: Callable[[Any], Coroutine[object, object, T]]) -> T:
        """Run `work` concurrently at first; after a conflict one at a time in this process, with growing pauses."""
        try:
            return await self._once(work)
        except Conflict:
            tries = 1

        async def attempt() -> T:
            nonlocal tries
            try:
                return await self._once(work)
            except Conflict:
                await asyncio.sleep(random.uniform(0, _PAUSE_S * min(50, 2**tries)))  # noqa: S311 -- jitter
                tries += 1
                raise

        async with self._one_by_one:
            return await repeated(attempt, TRIES - 1)

    async def _once(self, work: Callable[[Any], Coroutine[object, object, T]]) -> T:
        try:
            return await self._in(self._begin(), work)
        except TooMany:  # what belongs to its people took more than is usual; some works take fewer of them
            unit = self._begin()
            unit.items_per_unit, unit.invites_per_unit = _FEW, _FEW
            return await self._in(unit, work)

    async def _in(self, unit: DynamoUnit, work: Callable[[Any], Coroutine[object, object, T]]) -> T:
        result = await work(unit)
        await self._keep(unit)
        return result

    def _begin(self) -> DynamoUnit:
        return DynamoUnit(Rows(Items(self._calls)), self.context)

    async def _keep(self, unit: DynamoUnit) -> None:
        await unit.flush()
        await unit.rows.clean_up()
        await unit.items.commit()
        if unit.writes:
            self.pulse.kept()
