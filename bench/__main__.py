"""`python -m bench [--quick] [--only PART] [--json FILE]`: measure, print the table; exit 1 where a bound is missed."""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

from rich.console import Console

from bench import (
    aws,
    beside,
    bounding,
    busy,
    campaign,
    consoles,
    costly,
    hooking,
    hostile,
    hubs,
    idle,
    importing,
    mailed,
    parsing,
    peers,
    reading,
    receiving,
    recording,
    search,
    sending,
    starting,
    stopping,
    triggered,
    web,
)
from bench.figures import BenchFailed, Figure, machine, print_table, write_json
from bench.processes import busy_cores, postfix
from bench.timing import FULL, QUICK, Effort

Part = Callable[[Effort, Path], Iterator[Figure]]
_PARTS: dict[str, Part] = {
    "sending": sending.measure,
    "reading": reading.measure,
    "starting": starting.measure,
    "stopping": stopping.measure,
    "idle": idle.measure,
    "busy": busy.measure,
    "costly": costly.measure,
    "parsing": parsing.measure,
    "receiving": receiving.measure,
    "mailed": mailed.measure,
    "campaign": campaign.measure,
    "hostile": hostile.measure,
    "importing": importing.measure,
    "search": search.measure,
    "record": recording.measure,
    "bounds": bounding.measure,
    "aws": aws.measure,
    "web": web.measure,
    "beside": beside.measure,
    "hubs": hubs.measure,
    "consoles": consoles.measure,
    "hooks": hooking.measure,
    "triggered": triggered.measure,
}
_NO_SINK = (
    "smtp-sink is not here, so a slower aiosmtpd takes the mails: "
    "run “bash bench/install.sh”, or install postfix, for the figures of the README."
)
_INSTALL = "“bash bench/install.sh” fetches the peers."


def main(arguments: list[str] | None = None) -> int:
    """Measure, print, and say by the exit code whether every bound was kept."""
    wanted = _parser().parse_args(arguments)
    console = Console(stderr=False, width=None if sys.stdout.isatty() else 160)
    before, began = machine(), time.perf_counter()
    if postfix("smtp-sink") is None:
        console.print(f"[yellow]{_NO_SINK}[/yellow]")
    if absent := peers.missing():
        console.print(f"[yellow]{' and '.join(absent)}: not here, so not compared with. {_INSTALL}[/yellow]")
    with (
        tempfile.TemporaryDirectory(prefix="cis-bench-", ignore_cleanup_errors=True) as folder,
        busy_cores(wanted.busy),
    ):
        try:
            figures = _measured(console, wanted.only, _effort(wanted), Path(folder))
        except BenchFailed as failed:
            console.print(f"[red]{failed}[/red]\n{_last_words(Path(folder))}", markup=True)
            return 2
    print_table(console, figures, before)
    if wanted.json:
        write_json(wanted.json, figures, before)
    console.print(f"{time.perf_counter() - began:.0f} s in all", style="dim")
    return 1 if any(figure.kept is False for figure in figures) and not wanted.quick else 0


def _effort(wanted: argparse.Namespace) -> Effort:
    effort = QUICK if wanted.quick else FULL
    given = {n: getattr(wanted, n) for n in ("recipients", "attendees") if getattr(wanted, n) is not None}
    return replace(effort, **given)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m bench", description="The figures of the project.")
    parser.add_argument(
        "--quick",
        action="store_true",
        help="few rounds: shows that all runs; bounds do not set the exit code",
    )
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures there as well")
    parser.add_argument("--only", action="append", choices=list(_PARTS), help="only this part; repeatable")
    parser.add_argument(
        "--busy",
        type=int,
        default=0,
        metavar="CORES",
        help="keep so many cores busy meanwhile, as others would",
    )
    parser.add_argument("--recipients", type=int, metavar="N", help="of a campaign; 10,000 by default")
    parser.add_argument("--attendees", type=int, metavar="N", help="of the large event; 100,000 by default")
    return parser


def _measured(console: Console, names: list[str] | None, effort: Effort, folder: Path) -> list[Figure]:
    figures: list[Figure] = []
    for name in names or _PARTS:
        with console.status(f"measuring {name}"):
            part = folder / name
            part.mkdir()
            figures += _PARTS[name](effort, part)
    return figures


def _last_words(folder: Path) -> str:
    """What the servers said last."""
    logs = sorted(folder.glob("*/*.log"))
    return "\n".join(line for log in logs for line in log.read_text(errors="replace").splitlines()[-10:])


if __name__ == "__main__":
    sys.exit(main())
