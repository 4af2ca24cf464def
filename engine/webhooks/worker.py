"""Posts webhooks: in order for each event, and to several receivers at once, so that a slow one delays no other."""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from datetime import datetime
from email.utils import parsedate_to_datetime

from engine.commands.webhooks.feeding import FeedWebhook
from engine.commands.webhooks.settling import (
    LEASE,
    ClaimPostings,
    DropPostings,
    PostingAttempt,
    SettlePostings,
    open_now,
)
from engine.engine import SYSTEM, Engine
from engine.model.webhooks import Outgoing, Webhook
from engine.publicweb.outside import Outside, OutsideResponse, why_not
from engine.quiet import Quiet
from engine.refusals import Refused
from engine.signals import Waiter
from engine.webhooks.signing import signature

log = logging.getLogger(__name__)

SECONDS = 15.0
"""The most seconds for one attempt, from connecting to the end of the response."""
ANSWER_MAX = 16_384
"""The most bytes read of a response; if there are more, the connection is closed."""
_FOR_ONE, _FOR_ALL = 8, 64
"""The most concurrent attempts: for one webhook, and in total."""
_ITEMS = 6
"""Of the items of a unit of work one in so many may be an attempt to write down: one may pause its webhook, too."""
_SHOWN = 200
_LOOK_S = 2.0
_IDLE_S = 0.5
_PAUSE_S = 0.02
"""The pause, in seconds, between two steps, so that many changes are posted in batches."""
_AFTER_FAILURE_S = 5.0
_CLEAN_S = 3_600.0


class Courier:
    """Posts the webhooks of one engine."""

    def __init__(self, engine: Engine, outside: Outside | None = None) -> None:
        self._engine = engine
        self._outside = outside or Outside(engine.settings)
        self._under_way: dict[asyncio.Task[PostingAttempt], str] = {}
        self._settled: list[PostingAttempt] = []
        self._ended = asyncio.Event()

    async def run(self) -> None:
        """Run until cancelled; attempts that this interrupts are repeated after their lease."""
        quiet, loop = Quiet(self._engine.store), asyncio.get_running_loop()
        look = clean = 0.0
        try:
            while True:
                heard, self._ended = self._engine.owed.listen(), asyncio.Event()
                worked = False
                try:
                    if loop.time() >= clean:
                        clean = loop.time() + _CLEAN_S
                        if (await self._engine.apply(DropPostings(), SYSTEM)).worked:
                            clean = loop.time()
                    if self._settled or not await quiet.since_last() or loop.time() >= look:
                        look = loop.time() + _LOOK_S
                        worked = await self.step()
                except Exception:
                    log.exception("webhooks could not be posted; trying again")
                    await asyncio.sleep(_AFTER_FAILURE_S)
                if not worked and not self._settled:
                    await self._wait(heard)
        finally:
            await self.close()

    async def _wait(self, heard: Waiter) -> None:
        """Wait until something was written, an attempt ended, or half a second passed."""
        if not self._under_way:
            if await heard.rest(_IDLE_S):
                await asyncio.sleep(_PAUSE_S)
            return
        await asyncio.sleep(_PAUSE_S)
        waits = [asyncio.create_task(heard.wait(_IDLE_S)), asyncio.create_task(self._ended.wait())]
        try:
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for one in waits:
                one.cancel()
            await asyncio.gather(*waits, return_exceptions=True)

    async def close(self) -> None:
        """Cancel running attempts and close all connections."""
        for task in self._under_way:
            task.cancel()
        await asyncio.gather(*self._under_way, return_exceptions=True)
        await self._outside.close()

    async def step(self) -> bool:
        """Record ended attempts, create new postings and start those that are due; True if there was anything to do."""
        settled = await self._settle()
        webhooks = await self._engine.store.webhooks(None)
        fed = False
        for webhook in webhooks:
            if webhook.active:
                fed |= (await self._engine.apply(FeedWebhook(webhook_id=webhook.id), SYSTEM)).worked
        return await self._begin(webhooks) or fed or settled

    async def _settle(self) -> bool:
        """Write down what attempts came to, in parts that units of work take; what fails is tried again."""
        size = max(1, self._engine.store.items_per_unit // _ITEMS)
        worked = False
        while some := tuple(self._settled[:size]):
            await self._engine.apply(SettlePostings(attempts=some), SYSTEM)
            del self._settled[: len(some)]
            worked = True
        return worked

    async def _begin(self, webhooks: list[Webhook]) -> bool:
        """Start what is due, first of those webhooks that have the fewest attempts under way."""
        busy, now, began = Counter(self._under_way.values()), self._engine.clock(), False
        for webhook in sorted(webhooks, key=lambda one: busy[one.id]):
            free = _FOR_ALL - len(self._under_way)
            most = min(free, (1 if webhook.failures else _FOR_ONE) - busy[webhook.id])
            if most > 0 and open_now(webhook, now):
                for one in await self._claimed(webhook, most):
                    began = True
                    task = asyncio.create_task(self._attempt(webhook, one))
                    self._under_way[task] = webhook.id
                    task.add_done_callback(self._end)
        return began

    async def _claimed(self, webhook: Webhook, most: int) -> tuple[Outgoing, ...]:
        """What we may post now. Where the store kept us waiting for half a lease, nothing: it is due again soon."""
        asked = self._engine.clock()
        claimed = await self._engine.apply(ClaimPostings(webhook_id=webhook.id, most=most), SYSTEM)
        return claimed.postings if self._engine.clock() - asked < LEASE / 2 else ()

    def _end(self, task: asyncio.Task[PostingAttempt]) -> None:
        del self._under_way[task]
        if not task.cancelled():
            self._settled.append(task.result())
        self._ended.set()

    async def drain(self) -> None:
        """Run until nothing is due and no attempt is running; for tests and the command line."""
        while await self.step() or self._under_way or self._settled:
            if self._under_way:
                await asyncio.wait(list(self._under_way), return_when=asyncio.FIRST_COMPLETED)

    async def _attempt(self, webhook: Webhook, one: Outgoing) -> PostingAttempt:
        try:
            answer = await self._post(webhook, one)
        except Exception as error:  # noqa: BLE001 -- whatever a receiver does is its attempt's outcome
            if not isinstance(error, Refused | OSError | TimeoutError):
                log.info("a webhook could not be posted: %s", type(error).__name__)
            return PostingAttempt(posting_id=one.posting.id, detail=why_not(error))
        return PostingAttempt(
            posting_id=one.posting.id,
            status=answer.status,
            detail=_failure(answer),
            retry_after_s=_retry_after(answer, self._engine.clock()),
        )

    async def _post(self, webhook: Webhook, one: Outgoing) -> OutsideResponse:
        body, at = one.body.encode(), int(self._engine.clock().timestamp())
        headers = {
            "content-type": "application/json",
            "user-agent": "cis-mcp",
            "webhook-id": one.posting.id,
            "webhook-timestamp": str(at),
            "webhook-signature": signature(self._engine.signer, webhook.secrets, one.posting.id, at, body),
        }
        return await self._outside.request(
            "POST", webhook.url, headers, body, seconds=SECONDS, most=ANSWER_MAX
        )


def _failure(answer: OutsideResponse) -> str:
    if 200 <= answer.status < 300:
        return ""
    if 300 <= answer.status < 400:
        return "It redirects, which is not followed."
    return answer.body.decode("utf-8", errors="replace")[:_SHOWN]


def _retry_after(answer: OutsideResponse, now: datetime) -> int | None:
    """The seconds of the receiver's Retry-After, or None (RFC 9110, 10.2.3)."""
    value = answer.headers.get("retry-after", "").strip()
    if value.isascii() and value.isdigit() and len(value) <= 9:
        return int(value)
    try:
        return max(0, int((parsedate_to_datetime(value) - now).total_seconds()))
    except (ValueError, TypeError, OverflowError):
        return None
