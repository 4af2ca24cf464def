"""The judges of AWS: ministack answers as its services do, microburst in front of it throttles, cuts off and resets.

moto answers for contact lists of SES, which ministack lacks.

Installed by tests/judges/install.sh; run where `CIS_JUDGES=required`, as `.ci/run` sets it.
"""

from __future__ import annotations

import json
import socket
import subprocess
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from tests.support.ports import free_port
from tests.support.waiting import DEADLINE_S

BIN = Path(__file__).resolve().parents[2] / ".judges/aws/bin"
MOTO = Path(__file__).resolve().parents[2] / ".judges/moto/bin"
REGION = "eu-west-1"
KEYS = {
    "AWS_ACCESS_KEY_ID": "AKIDEXAMPLE",
    "AWS_SECRET_ACCESS_KEY": "secret",
    "AWS_EC2_METADATA_DISABLED": "true",
    "AWS_CONFIG_FILE": "/nowhere",
    "AWS_SHARED_CREDENTIALS_FILE": "/nowhere",
    "AWS_DEFAULT_REGION": REGION,
}
_TRIES = 10 * DEADLINE_S


@contextmanager
def ministack(folder: Path) -> Iterator[str]:
    """Its address, once it answers; ended with all that it held."""
    port = free_port()
    place = {"BIND_HOST": "127.0.0.1", "GATEWAY_PORT": str(port), "MINISTACK_REGION": REGION}
    with _running([str(BIN / "ministack")], folder, port, **place):
        yield f"http://127.0.0.1:{port}"


@contextmanager
def microburst(upstream: str, folder: Path) -> Iterator[str]:
    """Its address: what is asked there goes on to `upstream`, unless a rule of `faults` says otherwise."""
    port = free_port()
    place = ["--upstream", upstream, "--port", str(port), "--host", "127.0.0.1", "--no-resign"]
    with _running([str(BIN / "microburst"), *place], folder, port):
        yield f"http://127.0.0.1:{port}"


@contextmanager
def moto(folder: Path) -> Iterator[str]:
    """The address of moto, which is asked for contact lists of SES alone: of other services it is no judge."""
    port = free_port()
    with _running([str(MOTO / "moto_server"), "-H", "127.0.0.1", "-p", str(port)], folder, port):
        yield f"http://127.0.0.1:{port}"


def faults(proxy: str, rules: Sequence[dict[str, object]]) -> None:
    """What goes wrong from now on."""
    body = json.dumps(list(rules)).encode()
    headers = {"content-type": "application/json"}
    request = urllib.request.Request(f"{proxy}/_microburst/rules", body, headers, method="PATCH")
    with urllib.request.urlopen(request) as answer:
        assert answer.status < 300, answer.read()


def fired(proxy: str) -> int:
    """How many faults there were."""
    return len(_fired(proxy))


def fired_kinds(proxy: str) -> set[str]:
    """What kinds of faults there were: error, reset, a cut answer; each by the words of the proxy."""
    return {str(one["action"]) for one in _fired(proxy)}


def _fired(proxy: str) -> list[dict[str, object]]:
    with urllib.request.urlopen(f"{proxy}/_microburst/fired") as answer:
        found = json.load(answer)
    return list(found if isinstance(found, list) else found["fired"])


@contextmanager
def _running(command: Sequence[str], folder: Path, port: int, **environment: str) -> Iterator[None]:
    log = (folder / f"{Path(command[0]).name}.log").open("wb")
    process = subprocess.Popen(
        command,
        cwd=folder,
        stdout=log,
        stderr=log,
        env={"PATH": "/usr/bin:/bin", "HOME": str(folder), **environment},
    )
    try:
        _wait(port, process, Path(log.name))
        yield
    finally:
        process.terminate()
        process.wait()
        log.close()


def _wait(port: int, process: subprocess.Popen[bytes], log: Path) -> None:
    for _ in range(_TRIES):
        with suppress(subprocess.TimeoutExpired):
            process.wait(0.1)
            raise AssertionError(log.read_text()[-2_000:])
        with suppress(OSError):
            socket.create_connection(("127.0.0.1", port), 1).close()
            return
    raise AssertionError(f"it does not listen: {log.read_text()[-2_000:]}")
