"""The process that only sends, before it has been told what to do."""

from __future__ import annotations

import signal
import subprocess
from pathlib import Path

import pytest

from engine.process.program import command, environment
from tests.support.forks import cis_mcp
from tests.support.waiting import DEADLINE_S, eventually

SENDER = command("engine.outbox.processes.sender")


@pytest.mark.parametrize("said", [b"", b'{"secret": "s3cr3t", "data_dir'], ids=["nothing", "half a line"])
def test_a_sender_that_is_not_told_all_ends_without_a_word(said: bytes) -> None:
    done = subprocess.run(
        SENDER, input=said, env=environment(), capture_output=True, timeout=DEADLINE_S, check=False
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="what a process heeds is told in /proc")
async def test_a_sender_that_is_ended_before_it_was_told_anything_ends_well(tmp_path: Path) -> None:
    sends = "from engine.outbox.processes.sender import main; main()"
    sender = await cis_mcp(cwd=tmp_path, env=environment(), first=sends)
    await eventually(lambda: _heeds(sender.pid, signal.SIGTERM))
    sender.terminate()
    await sender.communicate()
    assert sender.returncode == 0


def _heeds(pid: int, number: int) -> bool:
    """True if a process has a handler of its own for a signal."""
    status = Path(f"/proc/{pid}/status").read_text()
    (mask,) = (line.split()[1] for line in status.splitlines() if line.startswith("SigCgt:"))
    return bool(int(mask, 16) & 1 << number - 1)
