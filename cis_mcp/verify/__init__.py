"""`cis-mcp verify`: a pre-flight and the nine steps of CIS Verify."""

from __future__ import annotations

import asyncio
import json

from rich.console import Console
from rich.text import Text

from cis_mcp.verify.preflight import preflight
from cis_mcp.verify.steps import Verification
from cis_mcp.watch.checks import Check, Mark, failed
from engine.refusals import Refused
from engine.settings import Settings

_COLOURS = {Mark.VERIFIED: "green", Mark.SKIPPED: "yellow", Mark.FAILED: "red"}


def main(as_json: bool, settings: Settings | None = None) -> int:
    """Verify the server that the settings name; 0 if nothing failed, else 1."""
    return asyncio.run(_verify(settings or Settings(), as_json=as_json))


async def _verify(settings: Settings, *, as_json: bool) -> int:
    console = Console(quiet=as_json, soft_wrap=True, highlight=False)
    checks: dict[str, list[Check]] = {"preflight": [], "steps": []}
    console.print("\n[bold]Pre-flight[/bold]")
    async for check in preflight(settings):
        checks["preflight"].append(check)
        _show(console, check)
    console.print("\n[bold]Steps[/bold]")
    try:
        async for check in Verification(settings).run():
            checks["steps"].append(check)
            _show(console, check)
    except (Refused, OSError, ValueError) as error:
        checks["steps"].append(failed("steps", str(error)))
        _show(console, checks["steps"][-1])
    everything = [*checks["preflight"], *checks["steps"]]
    broken = [c for c in everything if c.mark is Mark.FAILED]
    skipped = [c for c in everything if c.mark is Mark.SKIPPED]
    console.print(
        f"\n{len(everything) - len(broken) - len(skipped)} verified, {len(skipped)} skipped, {len(broken)} failed.\n"
    )
    if as_json:
        shown = {part: [c.model_dump(mode="json") for c in found] for part, found in checks.items()}
        Console(soft_wrap=True, highlight=False, markup=False).print(
            json.dumps({"passed": not broken, **shown}, ensure_ascii=False), highlight=False
        )
    return 1 if broken else 0


def _show(console: Console, check: Check) -> None:
    mark = (f"{check.mark.value:<9}", f"bold {_COLOURS[check.mark]}")
    console.print(Text.assemble(" ", mark, (f"{check.name:<28}", "bold"), check.detail))
