"""Every part of the benchmarks runs; what the figures are is no business of a test."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from bench.figures import Figure
from bench.timing import quantile
from bench.usage import PeakMemory, together, usage
from tests.support.waiting import DEADLINE_S, eventually

ROOT = Path(__file__).parent.parent.parent
REQUIRED = os.environ.get("CIS_BENCH") == "required"
GROUPS = {
    "send_invite, until a mail server took it",
    "A campaign into the sink",
    "A tool that only reads",
    "hostile mail",
    "While a campaign runs in the same process",
    "Starting",
    "Stopping",
    "While strangers' dearest mails are read",
    "One mail read to its command",
    "One mail rendered",
    "Receipts by SMTP",
    "Events by mail to create@",
    "A campaign, from its start to the last 250 written down",
    "A list drafted from CSV",
    "An event with very many attendees",
    "A season's calendar imported (cis-mcp import)",
    "Search in words over a season",
    "Search in words among very many events",
    "AWS",
    "The record",
    "Pages and REST",
    "Deliveries at a hook",
    "Webhooks out",
    "What bounds, budgets and the record cost",
    "A server with nothing to do",
    "The console's hubs",
    "From a delivery at a hook to its invite in a mail server",
}


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    if not REQUIRED:
        pytest.skip("runs the whole benchmark; .ci/run does, or set CIS_BENCH=required")
    file = tmp_path_factory.mktemp("bench") / "figures.json"
    command = [sys.executable, "-m", "bench", "--quick", "--json", str(file)]
    run = subprocess.run(
        command, cwd=ROOT, capture_output=True, text=True, timeout=20 * DEADLINE_S, check=False
    )
    assert run.returncode == 0, run.stdout + run.stderr
    return dict(json.loads(file.read_text(encoding="utf-8")))


def test_every_part_comes_to_its_figures(report: dict[str, Any]) -> None:
    assert {figure["group"] for figure in report["figures"]} == GROUPS


def test_every_figure_that_is_compared_names_its_peer(report: dict[str, Any]) -> None:
    compared = [figure for figure in report["figures"] if figure["ratio"] is not None]
    assert compared
    assert all(figure["peer"] and figure["peer_value"] > 0 for figure in compared)


def test_help_imports_neither_the_sdk_nor_pydantic(report: dict[str, Any]) -> None:
    counted = [figure["value"] for figure in report["figures"] if figure["unit"] == "modules"]
    assert counted == [0]


def test_a_figure_keeps_its_bound_by_value_or_by_ratio() -> None:
    assert Figure("g", "n", 9.9, "ms", below=10).kept is True
    assert Figure("g", "n", 10, "ms", below=10).kept is False
    assert Figure("g", "n", 99, "ms", within=1.5, peer="p", peer_value=66, ratio=1.5).kept is True
    assert Figure("g", "n", 99, "ms", within=1.5, peer="p", peer_value=65, ratio=1.52).kept is False
    assert Figure("g", "n", 99, "mails/s", at_least=4, peer="p", peer_value=20, ratio=4.95).kept is True
    assert Figure("g", "n", 99, "mails/s", at_least=4, peer="p", peer_value=33, ratio=3.0).kept is False
    assert Figure("g", "n", 99, "ms").kept is None


def test_a_quantile_is_one_of_the_measured_values() -> None:
    seconds = [float(i) for i in range(1, 101)]
    assert quantile(seconds, 0.5) == 50
    assert quantile(seconds, 0.99) == 99
    assert quantile([7.0], 0.99) == 7


@pytest.mark.skipif(
    not Path("/proc/self/status").exists(), reason="the usage of processes is read from Linux"
)
def test_what_a_process_has_used_grows_with_its_work_and_its_peak_stays() -> None:
    before = usage(os.getpid())
    held = bytearray(os.urandom(1)) * 50_000_000
    during = usage(os.getpid())
    del held
    after = usage(os.getpid())
    assert during.peak_mb >= during.resident_mb > 0
    assert after.peak_mb >= max(before.peak_mb, after.resident_mb)
    assert after.cpu_s >= before.cpu_s > 0


@pytest.mark.skipif(
    not Path("/proc/self/status").exists(), reason="the usage of processes is read from Linux"
)
def test_processes_together_count_those_that_were_started_and_those_that_ended() -> None:
    before = together(os.getpid())
    work = "sum(range(10_000_000)); print(flush=True); input()"
    with subprocess.Popen(
        [sys.executable, "-c", work], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as child:
        assert child.stdout is not None
        child.stdout.readline()
        during = together(os.getpid())
        child.communicate(b"\n")
    after = together(os.getpid())
    assert during.resident_mb > usage(os.getpid()).resident_mb
    assert after.cpu_s >= during.cpu_s > before.cpu_s


@pytest.mark.skipif(
    not Path("/proc/self/smaps_rollup").exists(), reason="the usage of processes is read from Linux"
)
async def test_memory_at_one_time_counts_a_process_that_was_started_and_has_ended_since() -> None:
    holds = "held = b'x' * 50_000_000; print(flush=True); input()"
    with PeakMemory(os.getpid()) as alone:
        pass
    with PeakMemory(os.getpid()) as memory:
        with subprocess.Popen(
            [sys.executable, "-c", holds], stdin=subprocess.PIPE, stdout=subprocess.PIPE
        ) as child:
            assert child.stdout is not None
            child.stdout.readline()
            await eventually(lambda: memory.mb > alone.mb + 40)
            child.communicate(b"\n")
        held = memory.mb
    assert memory.mb >= held
