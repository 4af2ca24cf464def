"""`cis-mcp organizer …`: whose mail may leave."""

from __future__ import annotations

import click

from cis_mcp.cli.base import run, settings_in_force


@click.group()
def organizer() -> None:
    """Whose mail may leave."""


@organizer.command("suspend")
@click.argument("address")
def organizer_suspend(address: str) -> None:
    """Stop all that ADDRESS sends."""
    from cis_mcp.cli import operator

    run(operator.suspend(settings_in_force(), address, suspended=True))


@organizer.command("resume")
@click.argument("address")
def organizer_resume(address: str) -> None:
    """Let ADDRESS send again."""
    from cis_mcp.cli import operator

    run(operator.suspend(settings_in_force(), address, suspended=False))
