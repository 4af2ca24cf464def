"""Holds the raw mails on disk against what the store says became of them."""

from __future__ import annotations

import asyncio

from engine.engine import Engine
from engine.inbox.spool.spool import Spool


async def differences(engine: Engine) -> list[str]:
    """One sentence for each mail that was put away as handled while no line says what became of it."""
    folder = engine.settings.data_dir / "inbox"
    if not await asyncio.to_thread(folder.is_dir):
        return []
    names = await asyncio.to_thread(lambda: list(Spool(folder).handled()))
    lost = [name for name in names if not await engine.store.noted(f"{name}:")]
    return [
        f"inbox/done/{name}: no line says what became of this mail; move it to inbox/new" for name in lost
    ]
