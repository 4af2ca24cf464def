"""`cis-mcp forget` and `cis-mcp export`: one person, forgotten or shown what is kept of them."""

from __future__ import annotations

import click

from cis_mcp.cli.base import run, settings_in_force


@click.command()
@click.argument("address")
@click.option("--yes", is_flag=True, help="Do not ask.")
def forget(address: str, *, yes: bool) -> None:
    """Forget the person with ADDRESS: address, name, fields, mails and texts go, and counts stay.

    It cannot be undone. If the person wanted no more mail, a keyed hash of the address keeps that wish.
    """
    from cis_mcp.cli import person

    if not yes:
        click.confirm(f"Forget {address}? It cannot be undone", abort=True, err=True)
    run(person.forget(settings_in_force(), address))


@click.command()
@click.argument("address")
def export(address: str) -> None:
    """Print all that is kept of the person with ADDRESS, as JSON, for them to read."""
    from cis_mcp.cli import person

    run(person.export(settings_in_force(), address))
