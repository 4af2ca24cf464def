"""Fuzz the reading of mails: `python -m tests.fuzz.fuzz_mail -max_total_time=600` (needs atheris)."""

from __future__ import annotations

from tests.fuzz.fuzzing import fuzz

if __name__ == "__main__":
    fuzz("targets.mail", "seeds.mails")
