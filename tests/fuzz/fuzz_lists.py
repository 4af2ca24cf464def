"""Fuzz the reading of lists and zips: `python -m tests.fuzz.fuzz_lists -max_total_time=600` (needs atheris)."""

from __future__ import annotations

from tests.fuzz.fuzzing import fuzz

if __name__ == "__main__":
    fuzz("targets.lists", "seeds.lists")
