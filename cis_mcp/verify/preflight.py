"""The pre-flight: six ticks before anything is created."""

from __future__ import annotations

from collections.abc import AsyncIterator

from cis_mcp.run.runtime import running
from cis_mcp.verify.returns import returns
from cis_mcp.watch.checks import Check, failed
from cis_mcp.watch.ticks import ticks
from engine.settings import Settings


async def preflight(settings: Settings) -> AsyncIterator[Check]:
    """Installed, domain, a way out, create@, rsvp@, notification@; through SES also what comes back."""
    try:
        async with running(settings) as engine:
            async for check in ticks(settings):
                yield check
            if came_back := await returns(engine):
                yield came_back
    except (ValueError, OSError) as error:
        yield failed("installed", str(error))
