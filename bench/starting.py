"""How long a server takes from its start to its first list of tools, and what `--help` costs."""

from __future__ import annotations

import re
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

from bench.figures import BenchFailed, Figure
from bench.processes import BARE, ROOT, SERVER, environment, process
from bench.timing import Effort, Round, by_turns, latency
from bench.wire import StdioWire, call

_GROUP = "Starting"
_HELP_S = 0.2
_OF_BARE = 1.1
_Call = tuple[str, Mapping[str, object]]
_NO_CALL: _Call = ("", {})
_HEAVY = {"mcp", "pydantic"}
_IMPORTED = re.compile(r"^import time:[^|]*\|[^|]*\|\s*([\w.]+)\s*$", re.MULTILINE)


def measure(effort: Effort, folder: Path) -> Iterator[Figure]:
    """Starts of `cis-mcp serve` on a new data folder, and of `cis-mcp --help`."""
    peer = "bare SDK server"
    rounds = [_starts(effort, folder / "listed")]
    yield latency(_GROUP, "serve to first tools/list", rounds, 0.5, peer, within=_OF_BARE, unit="s")
    rounds = [_starts(effort, folder / "called", ("list_changes", {}), ("echo", {"text": "x"}))]
    yield latency(_GROUP, "serve to the first call of a tool", rounds, 0.5, peer, unit="s")
    help_command = [_script(), "--help"]
    rounds = [by_turns(_runs(help_command), _runs([sys.executable, "-c", "import click"]), effort.starts)]
    yield latency(_GROUP, "cis-mcp --help", rounds, 0.5, "python -c “import click”", below=_HELP_S, unit="s")
    heavy = float(len(_HEAVY & _imported(help_command)))
    yield Figure(_GROUP, "mcp and pydantic imported by --help", heavy, "modules", below=1)


def _script() -> str:
    """The console script beside this Python."""
    script = Path(sys.executable).parent / "cis-mcp"
    if not script.exists():
        raise BenchFailed(f"{script.name} is not installed beside this Python; run “make”")
    return str(script)


def _starts(effort: Effort, folder: Path, ours: _Call = _NO_CALL, theirs: _Call = _NO_CALL) -> Round:
    """Our server on a new data folder, and the bare one, by turns."""
    folder.mkdir()
    taken, log = Round([], []), folder / "start.log"
    for number in range(effort.starts):
        taken.ours.append(_answered(SERVER, environment(folder / str(number)), log, *ours))
        taken.peer.append(_answered(BARE, environment(folder), log, *theirs))
    return taken


def _answered(
    command: Sequence[str], env: Mapping[str, str], log: Path, tool: str, arguments: Mapping[str, object]
) -> float:
    """Seconds from a server's start to its list of tools, and to the answer of `tool` where one is named."""
    began = time.perf_counter()
    with process(command, env, log, pipes=True) as child:
        wire = StdioWire(child)
        wire.open()
        if not wire.request("tools/list", {})["tools"]:
            raise BenchFailed("the server lists no tools")
        if tool:
            call(wire, tool, **arguments)
        # How it ends is measured elsewhere (stopping).
        return time.perf_counter() - began


def _runs(command: Sequence[str]) -> Callable[[], object]:
    return lambda: subprocess.run(command, check=True, capture_output=True, cwd=ROOT)


def _imported(command: Sequence[str]) -> set[str]:
    """The top-level packages that a Python script imports."""
    run = subprocess.run(
        [sys.executable, "-X", "importtime", *command], check=True, capture_output=True, text=True, cwd=ROOT
    )
    return {name.partition(".")[0] for name in _IMPORTED.findall(run.stderr)}
