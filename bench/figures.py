"""Figures: what was measured, its bound and its peer, as a table and as JSON."""

from __future__ import annotations

import json
import os
import platform
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from rich import box
from rich.console import Console
from rich.table import Table


class BenchFailed(Exception):  # noqa: N818 -- reads as what it is
    """Something did not work, so that there is nothing to measure."""


@dataclass(frozen=True)
class Figure:
    """One figure. `below`: bound in `unit`; `within` and `at_least`: bounds on the ratio to the peer; without
    any: information."""

    group: str
    name: str
    value: float
    unit: str
    below: float | None = None
    within: float | None = None
    at_least: float | None = None
    peer: str = ""
    peer_value: float | None = None
    ratio: float | None = None

    @property
    def bound(self) -> str:
        if self.below is not None:
            return f"< {self.below:g} {self.unit}"
        if self.at_least is not None:
            return f"≥ {self.at_least:g} × peer"
        return f"≤ {self.within:g} × peer" if self.within is not None else ""

    @property
    def kept(self) -> bool | None:
        """Whether the bound holds; None for information."""
        if self.below is not None:
            return self.value < self.below
        if self.within is not None:
            return self.ratio is not None and self.ratio <= self.within
        if self.at_least is not None:
            return self.ratio is not None and self.ratio >= self.at_least
        return None


def machine() -> dict[str, Any]:
    """What the figures were measured on."""
    load = os.getloadavg()[0] if hasattr(os, "getloadavg") else None
    return {
        "python": platform.python_version(),
        "system": f"{platform.system()} {platform.machine()}",
        "cores": os.cpu_count(),
        "load": load,
    }


def write_json(path: Path, figures: Sequence[Figure], before: dict[str, Any]) -> None:
    """Write the figures to `path`. Raises OSError."""
    listed = [{**asdict(f), "kept": f.kept} for f in figures]
    text = json.dumps({"machine": before, "figures": listed}, indent=2, ensure_ascii=False)
    path.write_text(text + "\n", encoding="utf-8")


def print_table(console: Console, figures: Sequence[Figure], before: dict[str, Any]) -> None:
    """Print the figures, each group under its name."""
    where = f"{before['cores']} cores, Python {before['python']}, load {before['load']:.1f} at the start"
    table = Table(box=box.SIMPLE_HEAD, caption=f"Medians of several rounds. {where}.")
    for title, justify in (
        ("figure", "left"),
        ("measured", "right"),
        ("bound", "left"),
        ("verdict", "left"),
        ("peer of the same run", "left"),
        ("peer's", "right"),
        ("ratio", "right"),
    ):
        table.add_column(title, justify=justify)  # type: ignore[arg-type]
    group = ""
    for figure in figures:
        if figure.group != group:
            group = figure.group
            table.add_row(f"[bold]{group}[/bold]")
        table.add_row(*_cells(figure))
    console.print(table)


def _cells(figure: Figure) -> list[str]:
    verdict = {None: "[dim]for information[/dim]", True: "[green]kept[/green]", False: "[red]missed[/red]"}
    peer = _number(figure.peer_value, figure.unit) if figure.peer_value is not None else ""
    return [
        f"  {figure.name}",
        _number(figure.value, figure.unit),
        figure.bound,
        verdict[figure.kept],
        figure.peer,
        peer,
        f"{figure.ratio:.2f}" if figure.ratio is not None else "",
    ]


def _number(value: float, unit: str) -> str:
    digits = 0 if value >= 100 or unit == "modules" else 2
    return f"{value:,.{digits}f} {unit}"
