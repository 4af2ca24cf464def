"""The processes that are measured: our server, a bare server on the SDK, and the mail servers beside them."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from bench.figures import BenchFailed
from bench.wire import HttpWire, StdioWire, watchdog

DOMAIN = "cis.test"
SERVER = (sys.executable, "-m", "cis_mcp", "serve")
BARE = (sys.executable, "-m", "bench.bare")
ROOT = Path(__file__).parent.parent
_LONGEST_S = 300.0
_SINK_LONGEST_S = 7_200.0
"""It outlives every server that sends into it: where it is gone, they wait for it without end."""
_START_S = 120.0
JUDGES = ROOT / ".judges"
_POSTFIX = JUDGES / "postfix" / "usr"


def free_port() -> int:
    """A port of the loopback interface that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def environment(folder: Path, *, outbox: str = "maildir", inbox: str = "") -> dict[str, str]:
    """The settings of a server that keeps everything in `folder`.

    It may write bytecode: an installed package has it, and compiling its sources takes longer than a campaign's start.
    """
    left_out = ("CIS_", "PYTHONDONTWRITEBYTECODE")
    kept = {k: v for k, v in os.environ.items() if not k.startswith(left_out)}
    own = {
        "CIS_DATA_DIR": str(folder),
        "CIS_DOMAIN": DOMAIN,
        "CIS_OUTBOX": outbox,
        "CIS_INBOX": inbox,
        "CIS_INVITE_LIMIT": "0",
        "CIS_UNDO_CAMPAIGN_S": "0",
    }
    return kept | own


@contextmanager
def process(
    command: Sequence[str],
    env: Mapping[str, str],
    log: Path,
    *,
    pipes: bool = False,
    longest_s: float = _LONGEST_S,
) -> Iterator[subprocess.Popen[bytes]]:
    """A process that is ended with the block, and at the latest after `longest_s`; its stderr goes to `log`."""
    pipe = subprocess.PIPE if pipes else subprocess.DEVNULL
    with log.open("ab") as said:
        child = subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=said, env=env, cwd=ROOT)
    timer = watchdog(child, longest_s)
    try:
        yield child
    finally:
        timer.cancel()
        _end(child)


def _end(child: subprocess.Popen[bytes]) -> None:
    """Ask first, as a client would by closing stdin; then insist."""
    if child.stdin:
        with suppress(BrokenPipeError):
            child.stdin.close()
    else:
        child.terminate()
    try:
        child.wait(timeout=10)
    except subprocess.TimeoutExpired:
        child.kill()
        child.wait()
    if child.stdout:
        child.stdout.close()


@contextmanager
def over_stdio(
    command: Sequence[str], env: Mapping[str, str], log: Path, *, longest_s: float = _LONGEST_S
) -> Iterator[StdioWire]:
    """A server process and a client that has shaken hands with it."""
    with process(command, env, log, pipes=True, longest_s=longest_s) as child:
        wire = StdioWire(child)
        wire.open()
        yield wire


@contextmanager
def over_http(command: Sequence[str], port: int, env: Mapping[str, str], log: Path) -> Iterator[HttpWire]:
    """A server process that listens on `port`, and a client of it."""
    with process(command, env, log):
        wait_for(port)
        wire = HttpWire(port)
        try:
            yield wire
        finally:
            wire.close()


@contextmanager
def another_over_http(port: int) -> Iterator[HttpWire]:
    """One more client of a server that listens on `port`."""
    wire = HttpWire(port)
    try:
        yield wire
    finally:
        wire.close()


def wait_for(port: int) -> None:
    """Return once somebody listens on `port`. Raises BenchFailed after two minutes."""
    deadline = time.monotonic() + _START_S
    while time.monotonic() < deadline:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            time.sleep(0.02)
        else:
            return
    raise BenchFailed(f"nobody listens on port {port} after {_START_S:g} s")


@contextmanager
def busy_cores(number: int) -> Iterator[None]:
    """Processes that do nothing but take a core each."""
    loops = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(number)]
    try:
        yield
    finally:
        for loop in loops:
            loop.kill()
            loop.wait()


def postfix(program: str) -> Path | None:
    """Where a program of postfix is, if it is: on PATH, or where bench/install.sh puts it."""
    found = shutil.which(program, path=f"{os.environ.get('PATH', '')}:/usr/sbin")
    own = _POSTFIX / "sbin" / program
    return Path(found) if found else own if own.exists() else None


def postfix_environment() -> dict[str, str]:
    """What a program of postfix needs to find its libraries below .judges."""
    return {**os.environ, "LD_LIBRARY_PATH": str(_POSTFIX / "lib" / "postfix")}


@contextmanager
def slow_way(target: int, round_trip_ms: float, log: Path) -> Iterator[int]:
    """A port that leads to `target`, and makes every round trip so much longer."""
    port = free_port()
    command = [sys.executable, "-m", "bench.delay", str(port), str(target), str(round_trip_ms)]
    with process(command, os.environ, log):
        wait_for(port)
        yield port


@contextmanager
def sink(log: Path) -> Iterator[tuple[int, str]]:
    """A mail server that takes and forgets everything: its port and its name."""
    program, port = postfix("smtp-sink"), free_port()
    env = postfix_environment()
    if program is None:
        command, name = [sys.executable, "-m", "bench.bare_smtp", str(port)], "aiosmtpd"
    else:
        name = "smtp-sink"
        user = ["-u", "nobody"] if os.getuid() == 0 else []
        most = ["-m", "1024"]  # 256 sessions by default: two servers with two processes each want more
        command = [str(program), *user, *most, f"127.0.0.1:{port}", "512"]
    with process(command, env, log, longest_s=_SINK_LONGEST_S):
        wait_for(port)
        yield port, name
