"""Waits within a call until a campaign comes to rest, and reports its progress to the caller."""

from __future__ import annotations

import asyncio

from cis_mcp.mcp.tools.base import CallContext
from cis_mcp.watch.pace import Throughput, in_words, settled
from engine.engine import SYSTEM
from engine.model.campaigns import Campaign, CampaignState

WAIT_MAX_S = 600
_LOOK_S = 0.05
"""The seconds between checks whether another process has ended the campaign, each of which reads one row."""
_REPORT_S = 0.5
_MOVING = {CampaignState.SCHEDULED, CampaignState.RUNNING}


async def until_at_rest(call: CallContext, campaign_id: str, seconds: float) -> None:
    """Return when the campaign is finished, paused or cancelled, `seconds` have passed, or the server stops.

    A draft does not change without a call and is not waited for. The caller's access must have been
    checked before, by what it did: a key may change without reading.
    """
    loop = asyncio.get_running_loop()
    deadline = loop.time() + seconds
    reporter = _Teller(call)
    while True:
        signal = call.engine.owed.listen()
        campaign = await call.engine.campaign_alone(campaign_id, SYSTEM)
        left = 0.0 if call.leaving() else deadline - loop.time()
        if campaign.state not in _MOVING or left <= 0:
            return
        await reporter.report(campaign, loop.time())
        await signal.wait(min(left, _LOOK_S))


class _Teller:
    """Reports a campaign's progress, not too often and only if it has grown, as the protocol requires."""

    def __init__(self, call: CallContext) -> None:
        self._call = call
        self._pace = Throughput()
        self._next = 0.0
        self._reported = -1

    async def report(self, campaign: Campaign, now: float) -> None:
        if now < self._next:
            return
        self._next = now + _REPORT_S
        counts = await self._call.engine.campaign_counts(campaign, SYSTEM)
        self._pace.see(now, counts)
        done = settled(counts)
        if done > self._reported:
            self._reported = done
            await self._call.report(done, campaign.total, self._sentence(campaign, counts))

    def _sentence(self, campaign: Campaign, counts: dict[str, int]) -> str:
        rate = f"; {self._pace.rate:.1f} a second" if self._pace.rate else ""
        return f"Campaign {campaign.id} is {campaign.state}: {in_words(counts, campaign.total)}{rate}."
