"""Why queued mail waits once the installation has reached its limit of mails in 24 hours."""

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
