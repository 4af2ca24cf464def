"""`cis-mcp serve` and `cis-mcp worker`: the server, and only its background work."""

from __future__ import annotations

import gc
from pathlib import Path
from typing import TYPE_CHECKING

import click

from cis_mcp.cli.base import run, settings_in_force
from engine.process import loop

if TYPE_CHECKING:
    from cis_mcp.mcp.tools import Selection, Tier


@click.command()
@click.option("--http", "address", metavar="HOST:PORT", help="Streamable HTTP at /mcp instead of stdio.")
@click.option("--no-auth", is_flag=True, help="Require no keys; loopback only.")
@click.option(
    "--tier",
    type=click.Choice(["core", "extended", "operator"]),
    default="core",
    show_default=True,
    help="Which tools: the core ones, also the rarer ones (extended), or also the operator's.",
)
@click.option("--tools", metavar="A,B", default="", help="Only these tools, of any tier.")
@click.option("--exclude-tools", "exclude", metavar="A,B", default="", help="Without these tools.")
@click.option("--read-only", is_flag=True, help="Only tools that change nothing.")
@click.option(
    "--key-file",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Over stdio: act with the key in this file, within its bounds; default: CIS_KEY.",
)
def serve(
    address: str | None,
    tier: Tier,
    tools: str,
    exclude: str,
    *,
    read_only: bool,
    no_auth: bool,
    key_file: Path | None,
) -> None:
    """Serve MCP over stdio, or over HTTP with --http; also receives and sends mail."""
    # What is imported stays for good: collecting garbage meanwhile takes a fifth of the start for nothing.
    gc.disable()
    if address is None:
        if no_auth:
            raise click.UsageError("--no-auth needs --http; stdio has no keys.")
        settings = settings_in_force()
        secret = key_file.read_text(encoding="utf-8").strip() if key_file else settings.key.get_secret_value()
        selection = _selection(tier, tools, exclude, read_only=read_only)
        from cis_mcp.stdio import opening

        # What a key may see is in the store, which is not open yet.
        begun = None if secret else opening.begun(settings, selection)
        from cis_mcp.run import serving

        run(serving.over_stdio(settings, selection, secret, begun), loop.run)
    else:
        if key_file:
            raise click.UsageError("--key-file is for stdio; over HTTP each caller sends its own key.")
        from cis_mcp.run import serving

        selection = _selection(tier, tools, exclude, read_only=read_only)
        host, port = _host_and_port(address)
        run(serving.over_http(settings_in_force(), host, port, selection, no_auth=no_auth), loop.run)


def _selection(tier: Tier, tools: str, exclude: str, *, read_only: bool) -> Selection:
    from cis_mcp.mcp.tools import Selection
    from engine.refusals import Refused

    try:
        selection = Selection.of(tier, tools, exclude, read_only=read_only)
    except Refused as refused:
        raise click.UsageError(str(refused)) from None
    if not selection.listed:
        raise click.UsageError("These options together exclude every tool.")
    return selection


@click.command()
def worker() -> None:
    """Only receive and send mail, without serving MCP or HTTP."""
    from cis_mcp.run import serving

    run(serving.worker(settings_in_force()), loop.run)


def _host_and_port(address: str) -> tuple[str, int]:
    host, colon, port = address.rpartition(":")
    if not colon or not host or not port.isdecimal() or int(port) > 65535:
        raise click.BadParameter("must be HOST:PORT, for example 127.0.0.1:8000.", param_hint="--http")
    return host, int(port)
