"""The pre-flight: six checks before anything is created, and with SES a seventh."""

from __future__ import annotations

from collections.abc import AsyncIterator

from cis_mcp.run.runtime import running
from cis_mcp.verify.returns import returns
from cis_mcp.watch.checks import Check, failed
from cis_mcp.watch.ticks import ticks
from engine.refusals import Refused
from engine.settings import Settings


async def preflight(settings: Settings) -> AsyncIterator[Check]:
    """Check installation, domain, outbox, create@, rsvp@ and notification@; with SES also bounces and complaints."""
    try:
        async with running(settings) as engine:
            async for check in ticks(settings):
                yield check
            if came_back := await returns(engine):
                yield came_back
    except (Refused, ValueError, OSError) as error:
        yield failed("installed", str(error))
