"""Runs a target under atheris, with our samples as seeds; its arguments are those of libFuzzer."""

from __future__ import annotations

import hashlib
import resource
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

MEMORY = 4_000_000_000
CPU_S = 7_200
"""For all inputs together; libFuzzer itself ends an input after 10 seconds, or one that fills a gigabyte."""


def fuzz(target: Callable[[bytes], None], seeds: list[bytes]) -> None:
    """Fuzz until stopped, or for `-max_total_time=SECONDS`; a crash leaves its input behind."""
    import atheris  # type: ignore[import-untyped]

    atheris.instrument_all()
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    resource.setrlimit(resource.RLIMIT_CPU, (CPU_S, CPU_S))
    with tempfile.TemporaryDirectory() as folder:
        for seed in seeds:
            (Path(folder) / hashlib.sha256(seed).hexdigest()).write_bytes(seed)
        arguments = [
            sys.argv[0],
            "-timeout=10",
            "-rss_limit_mb=1000",
            "-max_len=20000",
            *sys.argv[1:],
            folder,
        ]
        atheris.Setup(arguments, target)
        atheris.Fuzz()
