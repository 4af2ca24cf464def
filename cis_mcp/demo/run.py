"""`cis-mcp demo`: the whole story end to end on this machine."""

from __future__ import annotations

import asyncio
import tempfile
import time
from pathlib import Path

from rich.console import Console

from cis_mcp.demo.stage import Stage
from cis_mcp.demo.story import Story


def main(store: str = "") -> int:
    """Run the story over a store, given as in CIS_STORE; 0 if every step gave the expected result, else 1."""
    console = Console()
    if store.startswith("sqlite:"):
        store = f"sqlite:{Path(store.removeprefix('sqlite:')).absolute()}"
    console.print("\n[bold]Calendar Invite Server[/bold]: a full run on this machine; nothing leaves it.\n")
    stage = Stage(console)
    began = time.perf_counter()
    with tempfile.TemporaryDirectory(prefix="cis-demo-") as folder:
        try:
            asyncio.run(Story(stage, Path(folder), store).tell())
        except Exception:
            if not stage.failed:
                raise
            console.print("\n[red bold]The demo failed at the step above.[/red bold] The server said last:")
            console.print("".join(_log_end(Path(folder))), markup=False)
            return 1
    took = time.perf_counter() - began
    console.print(f"\n[green bold]Every step gave the expected result.[/green bold] Total: {took:.1f} s.\n")
    return 0


def _log_end(folder: Path) -> list[str]:
    log = folder / "server.log"
    return log.read_text().splitlines(keepends=True)[-20:] if log.exists() else []
