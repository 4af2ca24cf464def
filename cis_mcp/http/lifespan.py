"""The life of an ASGI application where no server runs it (ASGI lifespan 2.0)."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from starlette.types import ASGIApp, Message


@asynccontextmanager
async def living(app: ASGIApp) -> AsyncIterator[None]:
    """While it lasts, `app` has started. Raises RuntimeError with what it says if it does not start."""
    asked: asyncio.Queue[Message] = asyncio.Queue()
    said: asyncio.Queue[Message] = asyncio.Queue()
    asked.put_nowait({"type": "lifespan.startup"})
    life = asyncio.create_task(_run(app, asked, said))
    try:
        if (first := await said.get())["type"] != "lifespan.startup.complete":
            raise RuntimeError(f"the web application does not start: {first.get('message', '')}")
        yield
        asked.put_nowait({"type": "lifespan.shutdown"})
        await said.get()
    finally:
        life.cancel()
        await asyncio.gather(life, return_exceptions=True)


async def _run(app: ASGIApp, asked: asyncio.Queue[Message], said: asyncio.Queue[Message]) -> None:
    try:
        await app({"type": "lifespan", "asgi": {"version": "3.0"}, "state": {}}, asked.get, said.put)
    except Exception as error:
        said.put_nowait({"type": "lifespan.startup.failed", "message": str(error)})
        raise
