"""What hostile mails cost from file to outcome: CPU seconds and memory, each in a process of its own."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from pydantic import SecretStr

from bench.figures import BenchFailed, Figure
from bench.hostile_mails import NAMES, made
from bench.timing import Effort
from bench.usage import together
from engine.engine import Engine
from engine.inbox.contents.readers import Readers
from engine.inbox.intake.router import Router
from engine.inbox.spool.spool import OwnMailbox, ReceivedEnvelope, Spooled
from engine.settings import Settings

_CPU_S = 2.0
_MEMORY_MB = 200
"""Of the server and of the process that reads for it: nobody else waits meanwhile."""
_WAIT_S = 120
_RESET_PEAK = "5"


def measure(effort: Effort, folder: Path) -> Iterator[Figure]:
    """The dearest of all hostile mails, in time and in memory."""
    costs = {name: cost(name, folder / str(n)) for n, name in enumerate(NAMES[:: effort.hostile])}
    slowest = max(costs, key=lambda name: costs[name][0])
    largest = max(costs, key=lambda name: costs[name][1])
    yield _figure("CPU, s", len(costs), slowest, costs[slowest][0], _CPU_S)
    yield _figure("memory, MB", len(costs), largest, costs[largest][1], _MEMORY_MB)


def _figure(unit: str, count: int, name: str, value: float, bound: float) -> Figure:
    return Figure(
        "hostile mail",
        f"dearest of {count} in {unit.partition(',')[0]}: {name}",
        value,
        unit[-2:].strip(),
        below=bound,
    )


def cost(name: str, folder: Path) -> tuple[float, float, str]:
    """CPU seconds, megabytes and the outcome of handling the mail called `name`."""
    folder.mkdir()
    file = folder / "mail"
    file.write_bytes(made(name))
    command = [sys.executable, "-m", "bench.hostile", str(file), str(folder / "data")]
    done = subprocess.run(command, capture_output=True, text=True, timeout=_WAIT_S, check=False)
    if done.returncode:
        raise BenchFailed(f"“{name}” could not be handled: {done.stderr[-500:]}")
    found = json.loads(done.stdout)
    return found["cpu_s"], found["mb"], found["outcome"]


async def _handle(file: Path, folder: Path) -> dict[str, object]:
    """Handle the mail in `file`, and say what it cost this process and the one that reads for it."""
    settings = Settings(
        _env_file=None, data_dir=folder, sender_auth="off", organizers="*", outbox=SecretStr("maildir")
    )
    engine = await Engine.open(settings)
    readers, pid = Readers(), os.getpid()
    router = Router(engine, readers)
    try:
        await _warm(router)
        for process in (pid, *readers.pids):
            Path(f"/proc/{process}/clear_refs").write_text(_RESET_PEAK)
        before = together(pid)
        (outcome,) = await router.handle(_spooled("cold", file.read_bytes()))
        after = together(pid)
    finally:
        await readers.close()
        await engine.close()
    said = f"{outcome.action} {outcome.code}"
    return {"cpu_s": after.cpu_s - before.cpu_s, "mb": after.peak_mb - before.resident_mb, "outcome": said}


async def _warm(router: Router) -> None:
    """Handle two mails first, the second by a reader, so that loading the program is not measured."""
    mail = b"From: Joe <joe@example.org>\r\nContent-Type: text/calendar\r\n\r\nBEGIN:VCALENDAR\r\nEND:VCALENDAR\r\n"
    await router.handle(_spooled("warm", mail))
    await router.handle(_spooled("large", mail + b"\r\n" * 50_000))


def _spooled(name: str, raw: bytes) -> Spooled:
    envelope = ReceivedEnvelope(id=name, mailboxes=(OwnMailbox(name="create"),), sender="joe@example.org")
    return Spooled(envelope=envelope, raw=raw)


if __name__ == "__main__":
    print(json.dumps(asyncio.run(_handle(Path(sys.argv[1]), Path(sys.argv[2])))))
