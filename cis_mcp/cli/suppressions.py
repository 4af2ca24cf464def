"""`cis-mcp suppression …`: the do-not-mail list."""

from __future__ import annotations

import click

from cis_mcp.cli.base import run, settings_in_force

_ORGANIZER = click.option(
    "--organizer", default="", metavar="ADDRESS", help="Only this organizer's mail; default: all organizers'."
)


@click.group()
def suppression() -> None:
    """The do-not-mail list: addresses, and domains with their subdomains."""


@suppression.command("list")
@click.argument("address", default="")
@_ORGANIZER
def suppression_list(address: str, organizer: str) -> None:
    """List all entries, or those that block ADDRESS, which may be a domain."""
    from cis_mcp.cli import operator

    run(operator.list_suppressions(settings_in_force(), address, organizer))


@suppression.command("add")
@click.argument("addresses", nargs=-1, required=True)
@_ORGANIZER
def suppression_add(addresses: tuple[str, ...], organizer: str) -> None:
    """Never mail ADDRESSES again; each may be a domain."""
    from cis_mcp.cli import operator

    run(operator.suppress(settings_in_force(), addresses, organizer))


@suppression.command("remove")
@click.argument("addresses", nargs=-1, required=True)
@_ORGANIZER
def suppression_remove(addresses: tuple[str, ...], organizer: str) -> None:
    """Take ADDRESSES off the list."""
    from cis_mcp.cli import operator

    run(operator.unsuppress(settings_in_force(), addresses, organizer))
