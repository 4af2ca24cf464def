"""Runs a target under atheris, with our samples as seeds; its arguments are those of libFuzzer."""

from __future__ import annotations

import hashlib
import resource
import sys
import tempfile
from pathlib import Path

MEMORY = 4_000_000_000
CPU_S = 7_200
"""For all inputs together; libFuzzer itself ends an input after a minute, or one that fills a gigabyte."""


def fuzz(target: str, samples: str) -> None:
    """Fuzz a target with samples, both by name, until stopped or for `-max_total_time=SECONDS`.

    A crash leaves its input behind.
    """
    import atheris  # type: ignore[import-untyped]

    with atheris.instrument_imports(include=["engine"]):
        from tests.fuzz import seeds, targets
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    resource.setrlimit(resource.RLIMIT_CPU, (CPU_S, CPU_S))
    with tempfile.TemporaryDirectory() as folder:
        for seed in getattr(seeds, samples)():
            (Path(folder) / hashlib.sha256(seed).hexdigest()).write_bytes(seed)
        limits = ["-timeout=60", "-rss_limit_mb=1000", "-max_len=20000"]
        atheris.Setup([sys.argv[0], *limits, *sys.argv[1:], folder], getattr(targets, target))
        atheris.Fuzz()
