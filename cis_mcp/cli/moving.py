"""`cis-mcp move`: copy everything from one store to another, and recount both."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import click

from cis_mcp.run.runtime import opened
from engine.moving import MovedKind, move_store
from engine.settings import Settings


async def move(source: str, target: str) -> int:
    """Move, show the number of rows of each kind on both sides, and check both; 1 if anything differs."""
    kinds = await move_store(source, target)
    for line in table(kinds):
        click.echo(line)
    if not all(kind.same for kind in kinds):
        click.echo("The target differs from the source, so no server will open it. The source is unchanged.")
        return 1
    differences = [*await _checked("source", source), *await _checked("target", target)]
    for difference in differences:
        click.echo(difference)
    if differences:
        return 1
    click.echo(
        "Both sides add up, and the record verifies. Set CIS_STORE to the target, and start the server."
    )
    return 0


def table(kinds: Sequence[MovedKind]) -> Iterator[str]:
    """A header, one line per kind, and the sums."""
    yield f"{'kind':<16}{'source':>12}{'target':>12}"
    for kind in kinds:
        differs = "" if kind.same else "  differs"
        yield f"{kind.name:<16}{kind.source:>12,}{kind.target:>12,}{differs}"
    sums = sum(kind.source for kind in kinds), sum(kind.target for kind in kinds)
    yield f"{'everything':<16}{sums[0]:>12,}{sums[1]:>12,}"


async def _checked(side: str, address: str) -> list[str]:
    async with opened(Settings(store=address)) as engine:
        head = (await engine.verified()).head
        click.echo(f"{side}: the record has {head.seq:,} rows and the head {head.head.hex()}")
        return [f"{side}: {difference}" for difference in await engine.check()]
