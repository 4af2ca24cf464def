"""The peers of a campaign: nodemailer with ical-generator, and postfix's smtp-source, into the same sink."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import time
from pathlib import Path

from bench.figures import BenchFailed
from bench.processes import JUDGES, ROOT, postfix, postfix_environment

NODEMAILER = "nodemailer pool of 5, ical-generator"
SMTP_SOURCE = "smtp-source -s 8, a ready mail"
_CONNECTIONS = 5
_SESSIONS = 8
_MODULES = JUDGES / "node_modules"
_LONGEST_S = 600


def missing() -> list[str]:
    """The names of the peers that are not installed."""
    here = {"nodemailer": _node() is not None, "smtp-source": postfix("smtp-source") is not None}
    return [name for name, found in here.items() if not found]


def _node() -> str | None:
    return shutil.which("node") if (_MODULES / "nodemailer" / "package.json").exists() else None


def by_nodemailer(port: int, messages: int, size: int) -> float | None:
    """Mails a second, each built anew and of at least `size` bytes; None if it is not installed."""
    node = _node()
    if node is None:
        return None
    command = [node, "bench/nodemailer.cjs", str(port), str(messages), str(size), str(_CONNECTIONS)]
    said = _run(command, {**os.environ, "NODE_PATH": str(_MODULES)})
    return messages / float(json.loads(said)["seconds"])


def by_smtp_source(port: int, messages: int, size: int) -> float | None:
    """Mails a second of `size` bytes over kept connections; None if it is not installed."""
    program = postfix("smtp-source")
    if program is None:
        return None
    options = ["-d", "-s", str(_SESSIONS), "-m", str(messages), "-l", str(size)]
    people = ["-f", "rsvp@example.org", "-t", "guest@example.com"]
    began = time.perf_counter()
    _run([str(program), *options, *people, f"127.0.0.1:{port}"], postfix_environment())
    return messages / (time.perf_counter() - began)


def _run(command: list[str], env: dict[str, str]) -> str:
    run = subprocess.run(
        command, env=env, cwd=ROOT, capture_output=True, text=True, timeout=_LONGEST_S, check=False
    )
    if run.returncode:
        raise BenchFailed(f"{Path(command[0]).name} failed: {run.stderr.strip()[-500:]}")
    return run.stdout
