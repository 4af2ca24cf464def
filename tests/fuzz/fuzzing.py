"""Runs a target under atheris, with our samples as seeds; its arguments are those of libFuzzer."""

from __future__ import annotations

import hashlib
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path


def fuzz(target: Callable[[bytes], None], seeds: list[bytes]) -> None:
    """Fuzz until stopped, or for `-max_total_time=SECONDS`; a crash leaves its input behind."""
    import atheris  # type: ignore[import-untyped]

    from tests.fuzz.targets import counted

    atheris.instrument_all()
    with tempfile.TemporaryDirectory() as folder:
        for seed in seeds:
            (Path(folder) / hashlib.sha256(seed).hexdigest()).write_bytes(seed)
        arguments = [sys.argv[0], "-timeout=60", "-max_len=20000", *sys.argv[1:], folder]
        atheris.Setup(arguments, lambda data: counted(target, data))
        atheris.Fuzz()
