"""Runs a target under atheris, with our samples as seeds; its arguments are those of libFuzzer."""

from __future__ import annotations

import hashlib
import resource
import sys
import tempfile
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any

MEMORY = 4_000_000_000
CPU_S = 7_200
"""For all inputs together; libFuzzer itself ends an input after a minute, or one that fills a gigabyte."""


def named(name: str) -> Callable[..., Any]:
    """The function `module.function` of this package."""
    module, _, function = name.partition(".")
    found: Callable[..., Any] = getattr(import_module(f"tests.fuzz.{module}"), function)
    return found


def fuzz(target: str, samples: str) -> None:
    """Fuzz a target with samples, each as `module.function`, until stopped or for `-max_total_time=SECONDS`.

    A crash leaves its input behind.
    """
    import atheris  # type: ignore[import-untyped]

    with atheris.instrument_imports(include=["engine"]):
        run, seeds = named(target), named(samples)
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    resource.setrlimit(resource.RLIMIT_CPU, (CPU_S, CPU_S))
    with tempfile.TemporaryDirectory() as folder:
        for seed in seeds():
            (Path(folder) / hashlib.sha256(seed).hexdigest()).write_bytes(seed)
        limits = ["-timeout=60", "-rss_limit_mb=1000", "-max_len=20000"]
        atheris.Setup([sys.argv[0], *limits, *sys.argv[1:], folder], run)
        atheris.Fuzz()
