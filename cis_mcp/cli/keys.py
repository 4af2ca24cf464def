"""`cis-mcp key …`: keys with which agents come in over HTTP."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from cis_mcp.cli.base import run, settings_in_force

if TYPE_CHECKING:
    from cis_mcp.mcp.tools import Tier


@click.group()
def key() -> None:
    """Keys with which agents come in over HTTP."""


@key.command("create")
@click.option("--name", default="", help="What you call it.")
@click.option("--for", "address", metavar="ADDRESS", help="Whom it acts for; else CIS_ORGANIZER.")
@click.option(
    "--scope",
    "scopes",
    multiple=True,
    help="read, events, invites, campaigns; repeatable; else all these. admin, for quarantine, must be named.",
)
@click.option(
    "--tier", type=click.Choice(["core", "extended", "operator"]), help="Which tools; else the server's."
)
@click.option("--tools", metavar="A,B", default="", help="Only these tools.")
@click.option("--read-only", is_flag=True, help="Only tools that change nothing.")
def key_create(
    name: str, address: str | None, scopes: tuple[str, ...], tier: Tier | None, tools: str, *, read_only: bool
) -> None:
    """Make a key; it is shown once.

    --tier, --tools and --read-only narrow what the server offers; they never add to it.
    """
    from cis_mcp.cli import operator

    limits = operator.Limits(tier, tools, read_only)
    run(operator.create_key(settings_in_force(), name, address, scopes, limits))


@key.command("list")
def key_list() -> None:
    """List the keys, without their secrets."""
    from cis_mcp.cli import operator

    run(operator.list_keys(settings_in_force()))


@key.command("revoke")
@click.argument("key_id", metavar="ID")
def key_revoke(key_id: str) -> None:
    """End the key ID at once."""
    from cis_mcp.cli import operator

    run(operator.revoke_key(settings_in_force(), key_id))
