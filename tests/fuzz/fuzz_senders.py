"""Fuzz who sent a mail: `python -m tests.fuzz.fuzz_senders -max_total_time=600` (needs atheris)."""

from __future__ import annotations

from tests.fuzz.fuzzing import fuzz

if __name__ == "__main__":
    fuzz("senders.tampered", "senders.originals")
