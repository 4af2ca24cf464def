"""`cis-mcp …`: the command line. Whatever is heavy is imported by the command that needs it."""

from __future__ import annotations

import asyncio
import gc
import logging
import sys
from collections.abc import Coroutine
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from cis_mcp.tools import Tier
    from engine.settings import Settings

_BAD_SETTING = 2


def _show_version(context: click.Context, _option: click.Parameter, *, wanted: bool) -> None:
    if wanted:
        from cis_mcp.version import version

        click.echo(f"cis-mcp {version()}")
        context.exit()


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.option(
    "--version",
    is_flag=True,
    is_eager=True,
    expose_value=False,
    callback=lambda context, option, wanted: _show_version(context, option, wanted=wanted),
    help="Show the version.",
)
def cli() -> None:
    """Calendar Invite Server for AI agents: calendar invites by MCP and mail."""


@cli.command()
@click.option("--http", "address", metavar="HOST:PORT", help="Streamable HTTP at /mcp instead of stdio.")
@click.option("--no-auth", is_flag=True, help="Ask for no keys; loopback only.")
@click.option(
    "--tier",
    type=click.Choice(["core", "extended"]),
    default="core",
    show_default=True,
    help="Which tools: the twelve of the main job, or also those that explain.",
)
def serve(address: str | None, tier: Tier, *, no_auth: bool) -> None:
    """Serve MCP, over stdio unless --http is given, and run inbox and dispatcher beside it."""
    # What is imported stays for good: collecting garbage meanwhile takes a fifth of the start for nothing.
    gc.disable()
    from cis_mcp import serving

    if address is None:
        if no_auth:
            raise click.UsageError("--no-auth goes with --http; stdio has no keys.")
        _run(serving.over_stdio(_settings(), tier))
    else:
        host, port = _host_and_port(address)
        _run(serving.over_http(_settings(), host, port, tier, no_auth=no_auth))


@cli.command()
def worker() -> None:
    """Run inbox and dispatcher alone."""
    from cis_mcp import serving

    _run(serving.worker(_settings()))


@cli.command()
@click.option(
    "--mailbox",
    type=click.Choice(["create", "rsvp", "bulk"]),
    help="Whose mail it is; else by its recipient.",
)
@click.argument("files", nargs=-1, type=click.Path())
def ingest(mailbox: str | None, files: tuple[str, ...]) -> None:
    """Feed raw mails from FILES, or from stdin; one JSON line each."""
    _settings()
    from cis_mcp import ingest as feed

    sys.exit(feed.main(mailbox, list(files)))


@cli.command()
def demo() -> None:
    """Show the whole story end to end on this machine."""
    from cis_mcp import demo as story

    sys.exit(story.main())


@cli.command()
@click.option("--json", "as_json", is_flag=True, help="For machines.")
def verify(*, as_json: bool) -> None:
    """Verify the configured server in nine steps."""
    _settings()
    from cis_mcp import verify as steps

    sys.exit(steps.main(as_json))


@cli.group()
def key() -> None:
    """Keys with which agents come in over HTTP."""


@key.command("create")
@click.option("--name", default="", help="What you call it.")
@click.option("--for", "address", metavar="ADDRESS", help="Whom it acts for; else CIS_ORGANIZER.")
@click.option(
    "--scope", "scopes", multiple=True, help="read, events, invites, campaigns; repeatable; else all."
)
def key_create(name: str, address: str | None, scopes: tuple[str, ...]) -> None:
    """Make a key; it is shown once."""
    from cis_mcp import operator

    _run(operator.create_key(_settings(), name, address, scopes))


@key.command("list")
def key_list() -> None:
    """List the keys, without their secrets."""
    from cis_mcp import operator

    _run(operator.list_keys(_settings()))


@key.command("revoke")
@click.argument("key_id", metavar="ID")
def key_revoke(key_id: str) -> None:
    """End the key ID at once."""
    from cis_mcp import operator

    _run(operator.revoke_key(_settings(), key_id))


@cli.group()
def organizer() -> None:
    """Whose mail may leave."""


@organizer.command("suspend")
@click.argument("address")
def organizer_suspend(address: str) -> None:
    """Stop all that ADDRESS sends."""
    from cis_mcp import operator

    _run(operator.suspend(_settings(), address, suspended=True))


@organizer.command("resume")
@click.argument("address")
def organizer_resume(address: str) -> None:
    """Let ADDRESS send again."""
    from cis_mcp import operator

    _run(operator.suspend(_settings(), address, suspended=False))


@cli.command()
@click.argument("campaign_id", metavar="[ID]", required=False)
@click.option("--follow", is_flag=True, help="Stay until it has ended, then exit 0; Ctrl-C leaves it alone.")
def campaign(campaign_id: str | None, *, follow: bool) -> None:
    """List the newest campaigns, or show how far the campaign ID is; changes nothing."""
    from cis_mcp import follow as following

    if campaign_id is None:
        if follow:
            raise click.UsageError("--follow needs the ID of a campaign; “cis-mcp campaign” lists them.")
        _run(following.list_campaigns(_settings()))
    elif follow:
        _run(following.follow_campaign(_settings(), campaign_id))
    else:
        _run(following.show_campaign(_settings(), campaign_id))


@cli.command()
def check() -> None:
    """Recount statistics, ledger and files; exit 1 on any difference."""
    from cis_mcp import operator

    _run(operator.check(_settings()))


@cli.command()
def config() -> None:
    """Show the settings in force, secrets masked."""
    settings = _settings()
    from cis_mcp import config as shown

    for line in shown.lines(settings):
        click.echo(line)


def main() -> None:
    """The console script."""
    _log_to_stderr()
    cli(prog_name="cis-mcp")


def _log_to_stderr() -> None:
    """Logs go to stderr: over stdio, stdout is the wire."""
    logging.basicConfig(
        level=logging.INFO, stream=sys.stderr, format="%(asctime)s %(levelname)s %(name)s: %(message)s"
    )
    for noisy in ("mcp", "uvicorn", "mail.log"):
        logging.getLogger(noisy).setLevel(logging.WARNING)


def _settings() -> Settings:
    """The settings in force; a bad one ends the command with a line for each problem and exit 2."""
    from cis_mcp.config import problems_in
    from engine.settings import Settings

    try:
        return Settings()
    except ValueError as error:
        for problem in problems_in(error):
            click.echo(problem, err=True)
        sys.exit(_BAD_SETTING)


def _run(work: Coroutine[Any, Any, int]) -> None:
    """Run `work` and exit with its code; a refusal is a line and exit 2, an OS error a line and exit 1."""
    from engine.refusals import Refused

    try:
        sys.exit(asyncio.run(work))
    except Refused as refused:
        click.echo(f"{refused.code}: {refused}", err=True)
        sys.exit(_BAD_SETTING)
    except OSError as error:
        click.echo(f"{error.strerror or error}: {error.filename or 'network'}", err=True)
        sys.exit(1)


def _host_and_port(address: str) -> tuple[str, int]:
    host, colon, port = address.rpartition(":")
    if not colon or not host or not port.isdecimal() or int(port) > 65535:
        raise click.BadParameter("must be HOST:PORT, for example 127.0.0.1:8000.", param_hint="--http")
    return host, int(port)
