"""A process that has imported the program and forks for each command: `python forkserver.py`.

What it forks runs `cis-mcp` with its own arguments, environment, folder, stdio, pid and exit code, as a started
process does; only the seconds that the imports cost are spent once, when the first command is wanted. It takes
connections at the descriptor LISTENER and ends with the process that started it. A request is one packet of JSON with
three descriptors; the answers are the pid of the process, and how it ended.
"""

from __future__ import annotations

import atexit
import gc
import importlib
import json
import os
import pkgutil
import select
import signal
import socket
import sys
import threading
import time
from contextlib import suppress
from typing import Any, NoReturn

LISTENER = 3
REQUEST_MAX = 128 * 1024
_WITHOUT = ("__main__", "cis_mcp.manual", "engine.process.reader", "engine.outbox.processes.sender")


_LATER = (
    "anyio._backends._asyncio",
    "jsonschema",
    "rich._emoji_codes",
    "uvicorn.lifespan.on",
    "uvicorn.loops.asyncio",
    "uvicorn.protocols.http.h11_impl",
    "uvloop",
)


def _import_all() -> None:
    """All that a command may import, and what the SDK and the web server import when they start."""
    for name in ("cis_mcp", "engine"):
        package = importlib.import_module(name)
        for found in pkgutil.walk_packages(package.__path__, f"{name}."):
            if not found.name.endswith(_WITHOUT):
                importlib.import_module(found.name)
    for name in _LATER:
        importlib.import_module(name)
    from engine.mail.incoming.dmarc import organizational_domain

    organizational_domain("example.com")  # reads ten thousand suffixes


def _await_request(listener: socket.socket, parent: int) -> None:
    """Return when somebody connects; end with the parent."""
    while not select.select([listener], [], [], 5)[0]:
        if os.getppid() != parent:
            os._exit(0)


def _forked_for(listener: socket.socket, parent: int) -> tuple[dict[str, Any], list[int]]:
    """Serves requests for ever; returns once in each process that was forked, with what it shall do."""
    while True:
        _await_request(listener, parent)
        connection, _ = listener.accept()
        with connection:
            data, descriptors, _, _ = socket.recv_fds(connection, REQUEST_MAX, 3)
            if os.fork() == 0:
                listener.close()
                if pid := os.fork():
                    _attend(connection, descriptors, pid)
                return json.loads(data), descriptors
        for descriptor in descriptors:
            os.close(descriptor)
        with suppress(ChildProcessError):
            while os.waitpid(-1, os.WNOHANG)[0]:
                pass


def _attend(connection: socket.socket, descriptors: list[int], pid: int) -> NoReturn:
    """Tells whoever asked the pid of the process, and how it ended; ends it when they are gone."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    for number in (0, 1, 2, *descriptors):
        os.close(number)
    ended = os.pidfd_open(pid)
    with suppress(OSError):
        connection.send(str(pid).encode())
    if ended not in select.select([ended, connection], [], [])[0]:
        os.kill(pid, signal.SIGKILL)
    how = os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT)
    assert how is not None
    code = how.si_status if how.si_code == os.CLD_EXITED else -how.si_status
    with suppress(OSError):
        connection.send(str(code).encode())
        connection.recv(1)  # nobody else gets that pid before its end is known
    os.waitpid(pid, 0)
    os._exit(0)


def _become(wanted: dict[str, Any], descriptors: list[int]) -> None:
    """What `exec` would have set up."""
    for number, descriptor in enumerate(descriptors):
        os.dup2(descriptor, number)
    os.closerange(3, 64)
    signal.signal(signal.SIGHUP, signal.SIG_IGN if wanted["nohup"] else signal.SIG_DFL)
    os.chdir(wanted["cwd"])
    os.environ.clear()
    os.environ.update(wanted["env"])
    time.tzset()
    sys.argv = ["cis-mcp", *wanted["arguments"]]
    sys.stdin = os.fdopen(0, encoding="utf-8", errors="surrogateescape", closefd=False)
    sys.stdout = os.fdopen(1, "w", encoding="utf-8", errors="surrogateescape", closefd=False)
    sys.stderr = os.fdopen(2, "w", encoding="utf-8", errors="backslashreplace", buffering=1, closefd=False)
    sys.__stdin__, sys.__stdout__, sys.__stderr__ = sys.stdin, sys.stdout, sys.stderr


def _serve() -> str:
    """Returns in each process that was forked, with what it shall execute before its command."""
    parent = os.getppid()
    with socket.socket(fileno=LISTENER) as listener:
        _await_request(listener, parent)
        _import_all()
        gc.collect()
        gc.freeze()
        wanted, descriptors = _forked_for(listener, parent)
    _become(wanted, descriptors)
    return str(wanted["first"])


def _leave(code: int) -> NoReturn:
    """Threads end, functions are called and outputs written as at any program's end; the rest is left to the system.

    Python would take apart all that was imported, and so copy every page that this process shares with the others:
    that took four fifths of the time of a short command.
    """
    threading._shutdown()  # type: ignore[attr-defined]
    atexit._run_exitfuncs()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


if __name__ == "__main__":
    first = _serve()
    # Only a process that was forked comes here; it ends as the console script does, or nearly so.
    try:
        exec(first, {})
        from cis_mcp.cli.main import main

        main()
    except SystemExit as ended:
        if isinstance(ended.code, int):
            _leave(ended.code)
        raise
