"""Stands for `cis-mcp` where a client starts it: `python -I -S forklaunch.py NAME ARGUMENTS`.

It has the server of forks at NAME run the command over its own stdio, passes signals on and ends as it ended. It
starts in a fiftieth of a second, so it imports nothing but what it needs.
"""

from __future__ import annotations

import json
import os
import signal
import socket
import sys


def request(
    arguments: tuple[str, ...],
    cwd: str,
    env: dict[str, str],
    *,
    nohup: bool = False,
    first: str = "",
) -> bytes:
    """What to run, as the server of forks reads it; it must be followed by the descriptors of its stdio.

    `nohup`: as that command starts it, with the closing of a terminal ignored. `first`: executed before the command.
    """
    wanted = {"arguments": arguments, "cwd": cwd, "env": env, "nohup": nohup, "first": first}
    return json.dumps(wanted).encode()


def _launch(name: str, *arguments: str) -> int:
    with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as connection:
        connection.connect(f"\0{name}")
        wanted = request(arguments, os.path.realpath("."), dict(os.environ))
        socket.send_fds(connection, [wanted], [0, 1, 2])
        pid = int(connection.recv(16))
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda given, _: os.kill(pid, given))
        for number in range(3):
            os.close(number)
        code = int(connection.recv(16))
    if code < 0:
        os.kill(os.getpid(), -code)
    return code


if __name__ == "__main__":
    os._exit(_launch(*sys.argv[1:]))
