"""Closes campaigns whose messages are all settled, with a row of the record that commits to their mails."""

from __future__ import annotations

from engine.commands.campaigns.fan_out import FinishCampaign
from engine.engine import SYSTEM, Engine
from engine.model.record import Tree

_AT_ONCE = 1_000
"""The most Message-IDs that one unit of work reads."""


async def step(engine: Engine) -> bool:
    """Close the next campaign whose messages are all settled; True if there was one."""
    async with engine.store.unit() as unit:
        campaign = await unit.next_drained()
    if campaign is None:
        return False
    tree = await _sent(engine, campaign.id)
    command = FinishCampaign(campaign_id=campaign.id, sent=tree.size, root=tree.root().hex())
    return (await engine.apply(command, SYSTEM)).worked


async def _sent(engine: Engine, campaign_id: str) -> Tree:
    """The Message-IDs of the sent mails in the order of sending, which no longer changes."""
    tree, after = Tree(), ""
    while True:
        async with engine.store.unit() as unit:
            found, after = await unit.sent_of_campaign(campaign_id, after, _AT_ONCE)
        for message_id in found:
            tree.add(message_id.encode())
        if not after:
            return tree
