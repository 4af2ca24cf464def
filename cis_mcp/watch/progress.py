"""Logs a line every few seconds while this process sends a campaign: counts and rate, no addresses."""

from __future__ import annotations

import asyncio
import logging

from cis_mcp.watch.pace import Throughput, in_words, sent
from engine.engine import SYSTEM, Engine
from engine.model.campaigns import Campaign, CampaignState

log = logging.getLogger(__name__)

EVERY_S = 5.0
_CAMPAIGNS_SEEN = 500
"""How many of the newest campaigns are looked through for those that run."""


async def run(engine: Engine) -> None:
    """Watch until cancelled; if one look fails, the next is tried."""
    watch = CampaignWatch(engine)
    while True:
        signal = engine.answered.listen()
        await asyncio.sleep(EVERY_S)
        try:
            await watch.look(worked=await signal.wait(0))
        except Exception:
            log.exception("campaigns cannot be looked at; trying again")


class CampaignWatch:
    """Tells the campaigns that this process sends from those of other processes."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._paces: dict[str, Throughput] = {}
        self._sent: dict[str, int] = {}
        self._ours: set[str] = set()

    async def look(self, *, worked: bool) -> None:
        """Log a line for each campaign that this process sends; `worked`: it had an answer since the last look."""
        if not worked and not self._ours:
            return
        found = await self._engine.newest_campaigns(SYSTEM, _CAMPAIGNS_SEEN)
        running = {c.id for c in found if c.state is CampaignState.RUNNING}
        for campaign in found:
            if campaign.id in running | self._ours:
                await self._look_at(campaign, worked=worked)
        for gone in self._paces.keys() - running:
            del self._paces[gone], self._sent[gone]
        self._ours &= running

    async def _look_at(self, campaign: Campaign, *, worked: bool) -> None:
        counts = await self._engine.campaign_counts(campaign, SYSTEM)
        pace = self._pace(campaign)
        pace.see(self._engine.clock().timestamp(), counts)
        # Whoever had no answer while the campaign got on is not the one that sends it.
        if sent(counts) > self._sent[campaign.id]:
            (self._ours.add if worked else self._ours.discard)(campaign.id)
        self._sent[campaign.id] = sent(counts)
        if campaign.id in self._ours:
            words = in_words(counts, campaign.total)
            log.info("campaign %s %s: %s; %.1f/s", campaign.id, campaign.state, words, pace.rate or 0.0)

    def _pace(self, campaign: Campaign) -> Throughput:
        """The pace of a campaign since the last look, or since it began."""
        if campaign.id not in self._paces:
            pace = self._paces[campaign.id] = Throughput(EVERY_S)
            pace.see((campaign.started or campaign.created).timestamp(), {})
            self._sent[campaign.id] = 0
        return self._paces[campaign.id]
