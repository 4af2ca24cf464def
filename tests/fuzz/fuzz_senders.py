"""Fuzz who sent a mail: `python -m tests.fuzz.fuzz_senders -max_total_time=600` (needs atheris)."""

from __future__ import annotations

from tests.fuzz import senders
from tests.fuzz.fuzzing import fuzz


def target(data: bytes) -> None:
    """A signed mail, tampered with; and the first line of it as an envelope."""
    senders.replayed(data)
    senders.read_alike(data)
    sender, _, helo = data[:400].partition(b"\n")[0].decode("utf-8", "replace").partition(" ")
    senders.envelope(sender, helo)


if __name__ == "__main__":
    fuzz(target, list(senders.originals()))
