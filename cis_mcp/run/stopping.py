"""Stop in good order on SIGTERM or SIGINT: what is being done is finished, what is open is closed.

Nobody is waited for: no client, no look-up, no thread.
"""

from __future__ import annotations

import asyncio
import atexit
import logging
import os
import signal
import sys
import threading
from contextlib import suppress
from typing import NoReturn

log = logging.getLogger(__name__)

_LONGEST_S = 10.0
"""Dispatchers and clients of the listener have 5 s for what is in flight; whatever holds on longer is left."""


def stop_event() -> asyncio.Event:
    """An event that SIGTERM and SIGINT set in the running loop; the process ends soon after it, come what may."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, _stopping, stop)
    return stop


def _stopping(stop: asyncio.Event) -> None:
    stop.set()
    end_soon()


def end_soon() -> None:
    """End the process in a while where it has not by then: what is half done is done again after the next start."""
    timer = threading.Timer(_LONGEST_S, _give_up)
    timer.daemon = True
    timer.start()


def _give_up() -> NoReturn:
    log.warning("not everything could be closed within %d s", _LONGEST_S)
    leave(0)


def leave(code: int) -> NoReturn:
    """End the process once all is closed, without waiting for threads: Python itself would join them."""
    atexit._run_exitfuncs()
    for stream in (sys.stdout, sys.stderr):
        with suppress(OSError, ValueError):
            stream.flush()
    os._exit(code)
