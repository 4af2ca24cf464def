"""A process that only sends, started by the pool and gone with it (`python -m engine.outbox.processes.sender`)."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from contextlib import suppress

from engine.observe import logs, telemetry
from engine.outbox.account_list import ListingTransport
from engine.outbox.dispatcher import Dispatcher
from engine.outbox.sending import SendingProcess, Sends
from engine.outbox.transport import Transport
from engine.outbox.transports import open_transport
from engine.process import heap, loop
from engine.settings import Settings

_SETTINGS_MAX = 1 << 20


def main() -> None:
    """Send until stdin ends; its first line holds the settings, since what is secret is in no command line."""
    logs.begin()
    heap.one_heap()
    # Ctrl-C and a closed terminal reach all its processes; the one that started this one decides.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, lambda *_: os._exit(0))  # until the loop listens
    told = sys.stdin.buffer.readline(_SETTINGS_MAX)
    if told.endswith(b"\n"):
        loop.run(_send(Settings.model_validate_json(told)))


async def _send(settings: Settings) -> None:
    """Send until whoever started this process closes its stdin or dies, or until SIGTERM."""
    stop, running = asyncio.Event(), asyncio.get_running_loop()
    running.add_signal_handler(signal.SIGTERM, stop.set)
    # No transport: uvloop's closes the descriptor of a file object, and then the object closes that number again.
    running.add_reader(sys.stdin, _listen, stop)
    logs.begin(settings.log, settings.log_level)
    transport = open_transport(settings)
    engine = await _opened(settings, transport)
    tell = telemetry.begin(engine.observer)
    heap.settle()
    try:
        ends = [
            asyncio.create_task(Dispatcher(engine, transport).run()),
            asyncio.create_task(stop.wait()),
        ]
        done, _ = await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
        for task in ends:
            task.cancel()
        await asyncio.gather(*ends, return_exceptions=True)
        for task in done:
            task.result()
    finally:
        await engine.close()
        await telemetry.flushed(tell)


async def _opened(settings: Settings, transport: Transport) -> Sends:
    """What the dispatcher needs. Imports are most of what a second process costs, so that there is a whole engine
    only where commands are applied: what a mail service lists is taken over by one."""
    if isinstance(transport, ListingTransport):
        from engine.engine import Engine

        return await Engine.open(settings)
    return await SendingProcess.open(settings)


def _listen(stop: asyncio.Event) -> None:
    """Whoever started this process says nothing more, so that what comes is the end of stdin."""
    with suppress(OSError):
        if os.read(sys.stdin.fileno(), 1):
            return
    asyncio.get_running_loop().remove_reader(sys.stdin)
    stop.set()


if __name__ == "__main__":
    main()
