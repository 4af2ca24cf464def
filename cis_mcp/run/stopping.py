"""Stop cleanly on SIGTERM, SIGINT or SIGHUP (a closed terminal): work in progress is finished, and all is closed.

It waits for no client, no look-up and no thread.
"""

from __future__ import annotations

import asyncio
import atexit
import logging
import os
import sys
import threading
from contextlib import suppress
from typing import NoReturn

from engine.process.ending import ending_signals

log = logging.getLogger(__name__)

_LONGEST_S = 10.0
"""Dispatchers and SMTP clients have 5 s to finish what is in flight; what takes longer is abandoned."""


def stop_event() -> asyncio.Event:
    """An event that ending_signals set in the running loop; the process then ends soon, whatever hangs."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in ending_signals():
        loop.add_signal_handler(number, _stopping, stop)
    return stop


def _stopping(stop: asyncio.Event) -> None:
    stop.set()
    end_soon()


def end_soon() -> None:
    """End the process later if it has not ended by then; unfinished work is repeated after the next start."""
    timer = threading.Timer(_LONGEST_S, _give_up)
    timer.daemon = True
    timer.start()


def _give_up() -> NoReturn:
    log.warning("not everything could be closed within %d s", _LONGEST_S)
    leave(0)


def leave(code: int) -> NoReturn:
    """End the process once everything is closed, without joining threads as Python would."""
    atexit._run_exitfuncs()
    for stream in (sys.stdout, sys.stderr):
        with suppress(OSError, ValueError):
            stream.flush()
    os._exit(code)
