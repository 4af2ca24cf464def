"""The signals that end a server."""

from __future__ import annotations

import signal


def ending_signals() -> list[signal.Signals]:
    """SIGTERM, SIGINT, and SIGHUP of a closed terminal, unless whoever started it has that ignored, as nohup does."""
    kept = signal.getsignal(signal.SIGHUP) is signal.SIG_IGN
    return [signal.SIGTERM, signal.SIGINT, *([] if kept else [signal.SIGHUP])]
