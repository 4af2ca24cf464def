"""Shows whether any process wrote anything: each process changes one number, at most once per second or call.

So others notice writes after at most a second, and a process that writes constantly pays for one write per second.
"""

from __future__ import annotations

import asyncio
import logging

from engine.aws.errors import AwsRefused
from engine.store.dynamodb.calls import Calls
from engine.store.dynamodb.names import ALONE
from engine.store.dynamodb.wires import wire_key

LAG_S = 1.0
"""The most seconds until other processes see a write."""
_KEY = ("pulse", ALONE)
_MOVED = "n_moved"
log = logging.getLogger(__name__)


class Pulse:
    """The number, and this process's additions to it."""

    def __init__(self, calls: Calls) -> None:
        self._calls = calls
        self._kept = self._own = 0
        self._moving = asyncio.Lock()
        self._next = 0.0
        self._due: asyncio.Task[None] | None = None

    def kept(self) -> None:
        """Record that this process wrote something."""
        self._kept += 1
        if (
            self._due is None or self._due.done()
        ):  # the end of a serverless function's loop cancels what waits in it
            self._due = asyncio.ensure_future(self._move_soon())

    async def revision(self) -> int:
        """A number that grows with this process's writes and with those that others have announced."""
        async with self._moving:
            found = await self._calls.get([wire_key(_KEY)])
            return self._kept + (int(found[0][_MOVED]["N"]) if found else 0) - self._own

    async def announce(self) -> None:
        """Announce this process's writes to others now; returns once that is done."""
        due, self._due = self._due, None
        if due and not due.done():
            due.cancel()
            await asyncio.gather(due, return_exceptions=True)
            await self._move()
        async with self._moving:
            pass  # an announcement that was under way has ended

    async def _move_soon(self) -> None:
        await asyncio.sleep(max(0.0, self._next - asyncio.get_running_loop().time()))
        self._due = None
        await self._move()

    async def _move(self) -> None:
        asked = {
            "Key": wire_key(_KEY),
            "UpdateExpression": "ADD #n :one",
            "ExpressionAttributeNames": {"#n": _MOVED},
            "ExpressionAttributeValues": {":one": {"N": "1"}},
        }
        async with self._moving:
            self._next = asyncio.get_running_loop().time() + LAG_S
            try:
                await self._calls.call("UpdateItem", asked)
            except (OSError, AwsRefused):
                # The write itself is done; others notice it with the next unit of work.
                log.warning("other processes could not be told that something was kept", exc_info=True)
            else:
                self._own += 1
