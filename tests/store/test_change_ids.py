"""Ids of changes over a table: no two processes give one id to what they note in the same millisecond."""

from __future__ import annotations

import time

import pytest

from engine.store.dynamodb import changes


def test_processes_that_note_something_in_the_same_millisecond_name_it_differently(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    now = time.time_ns()
    monkeypatch.setattr(time, "time_ns", lambda: now)
    found = set()
    for _ in range(16):
        monkeypatch.setattr(changes, "_last", 0)
        found.add(changes._change_id())
    assert len(found) > 2
