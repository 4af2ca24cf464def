"""Addresses whose mail a program may read: with such an address nobody decides or signs in."""

from __future__ import annotations

from engine.commands.agents.standing import acting_for, live
from engine.commands.base import Work


async def read_by_a_key(work: Work, address: str) -> bool:
    """True if a key acts for `address` that lets somebody in."""
    return bool(await live(work.unit, await acting_for(work.unit, address), work.now))
