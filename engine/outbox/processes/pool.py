"""More processes that send: started while very much is owed, ended when nothing is or when this one ends."""

from __future__ import annotations

import asyncio
import logging

from pydantic import SecretStr
from pydantic_core import to_json

from engine.engine import Engine
from engine.process.child import Child
from engine.process.program import command, environment
from engine.quiet import Quiet
from engine.settings import Settings

log = logging.getLogger(__name__)

_MANY = 2_000
"""With this many owed messages, starting another process pays off."""
_LOOK_S = 1.0
_IDLE_S = 60.0
_SLOW = 1_000.0
"""Messages a second that one process sends with ease: where no more are allowed, it stays alone."""
_RESTART_S = 1.0
_RESTART_LONGEST_S = 60.0
_END_S = 4.6
"""How long a sender may take to end: it has 4.3 s for what is in flight, and all ends within 5 s (SIGTERM)."""
_COMMAND = command("engine.outbox.processes.sender")


class SenderPool:
    """Sender processes beside the dispatcher of this process, so that a campaign uses more than one core.

    Each claims and sends like any other dispatcher (promise 6). It ends when its stdin does, so it
    outlives no one; where it dies, the messages that it held come back when their leases have run out.
    """

    def __init__(
        self, engine: Engine, connections: int, *, many: int = _MANY, idle_s: float = _IDLE_S
    ) -> None:
        self._engine = engine
        self._most = most_senders(engine.settings, connections)
        self._many = many
        self._idle_s = idle_s
        self._senders: list[Child] = []
        self._needed = float("-inf")
        self._quiet, self._little = Quiet(engine.store), False
        self._deaths = 0
        self._not_before = float("-inf")

    @property
    def pids(self) -> list[int]:
        """The processes at work."""
        return [sender.pid for sender in self._senders]

    async def run(self) -> None:
        """Run until cancelled; all senders have ended by then."""
        if self._most < 2:
            return await _for_ever()
        try:
            while True:
                signal = self._engine.owed.listen()
                try:
                    await self._look()
                except OSError as error:
                    log.warning("a further sender could not be started: %s", error.strerror or error)
                except Exception:
                    log.exception("the store did not say how much is to be sent; asking again")
                if await signal.rest(_LOOK_S):
                    await asyncio.sleep(_LOOK_S / 10)  # a campaign signals each chunk
        finally:
            await asyncio.shield(asyncio.create_task(self._end_all()))

    async def _look(self) -> None:
        """Start a sender where there is much to do, end all if there was not for long."""
        now = asyncio.get_running_loop().time()
        self._forget_dead(now)
        if await self._quiet.since_last() and self._little and not self._senders:
            return
        self._little = False  # should the question fail
        self._little = await self._engine.store.backlog() < self._many
        if not self._little:
            self._needed = now
            if now >= self._not_before and await self._wanted():
                await self._start()
        elif self._senders and now - self._needed > self._idle_s:
            await self._end_all()

    async def _wanted(self) -> bool:
        """True if fewer processes send than may, whoever started them."""
        return max(1 + len(self._senders), await self._engine.store.senders()) < self._most

    async def _start(self) -> None:
        sender = Child(_COMMAND, environment(), output=False)
        self._senders.append(sender)
        sender.tell(as_json(self._engine.settings) + b"\n")
        log.info("sending with one process more: %s", sender.pid)

    def _forget_dead(self, now: float) -> None:
        """Forget those that died; what dies again and again is replaced ever more slowly."""
        dead = [sender for sender in self._senders if sender.returncode is not None]
        for sender in dead:
            self._senders.remove(sender)
            sender.kill()
            wait = min(_RESTART_S * 2**self._deaths, _RESTART_LONGEST_S)
            self._deaths = min(self._deaths + 1, 10)
            self._not_before = now + wait
            log.warning(
                "a sender process ended unexpectedly (%s); its messages are sent again", sender.returncode
            )

    async def _end_all(self) -> None:
        """Close the stdin of all senders and wait for them: they finish what is in flight and write it down."""
        senders, self._senders = self._senders, []
        self._deaths = 0
        await asyncio.gather(*(_ended(sender) for sender in senders))


async def _ended(sender: Child) -> None:
    try:
        async with asyncio.timeout(_END_S):
            await sender.hang_up()
            await sender.wait()
    except TimeoutError:
        log.warning("a further sender did not end in time and was killed; what it held may go twice")
        sender.kill()
        await sender.wait()


async def _for_ever() -> None:
    await asyncio.get_running_loop().create_future()


def most_senders(settings: Settings, connections: int) -> int:
    """How many processes make sense: not more than connections, and one where the rate is low anyway."""
    if 0 < settings.send_rate <= _SLOW:
        return 1
    return min(settings.senders, connections)


def as_json(settings: Settings) -> bytes:
    """The settings in full, secrets too: only a pipe sees them."""
    values = settings.model_dump()
    return to_json({k: v.get_secret_value() if isinstance(v, SecretStr) else v for k, v in values.items()})
