"""Runs a story step by step: each step is checked, timed and printed."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.text import Text


class StepFailed(Exception):  # noqa: N818 -- reads as what it is
    """A step gave another result than expected."""


class StoryStep:
    """What one step did, line by line."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def say(self, line: str) -> None:
        """Add a line below the step's title."""
        self.lines.append(line)

    def expect(self, what: str, found: object, wanted: object) -> None:
        """Raise StepFailed unless `found` is what it must be."""
        if found != wanted:
            raise StepFailed(f"{what}: expected {wanted!r}, found {found!r}")


class Stage:
    """Runs and prints the steps of a story."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._count = 0
        self.failed = False

    @contextmanager
    def step(self, title: str) -> Iterator[StoryStep]:
        """One step of the story; its outcome is printed when it ends."""
        self._count += 1
        step = StoryStep()
        began = time.perf_counter()
        try:
            yield step
        except BaseException as error:
            self.failed = True
            self._print(title, step, began, "red", "✗")
            self._console.print(f"      [red]{type(error).__name__}: {error}[/red]", highlight=False)
            raise
        self._print(title, step, began, "green", "✓")

    def _print(self, title: str, step: StoryStep, began: float, colour: str, mark: str) -> None:
        took = (time.perf_counter() - began) * 1000
        head = Text.assemble(
            (f" {mark} ", f"bold {colour}"),
            (f"{self._count:>2}  ", "dim"),
            (title, "bold"),
            (f"  {took:,.0f} ms", "dim"),
        )
        self._console.print(head, highlight=False)
        for line in step.lines:
            self._console.print(Text(f"       {line}"), highlight=False)
