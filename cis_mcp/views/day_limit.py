"""What queued mail waits for while the installation has sent as many mails as it may in 24 hours."""

from __future__ import annotations

from engine.engine import Engine


async def day_limit(engine: Engine) -> str:
    """Why queued mail waits, if the installation's day limit is reached; else empty."""
    if not await engine.day_limit_reached():
        return ""
    return (
        f"the installation has sent the {engine.settings.day_limit:,} mails that it may send in 24 hours; "
        "what is queued leaves as that allows"
    )
