"""`cis-mcp …`: the command line. Whatever is heavy is imported by the command that needs it."""

from __future__ import annotations

import asyncio
import gc
import sys
from collections.abc import Coroutine, Sequence
from typing import TYPE_CHECKING, Any

import click

from cis_mcp.cli.quarantine import quarantine
from engine.observe import logs
from engine.process.private import private_from_now_on

if TYPE_CHECKING:
    from cis_mcp.mcp.tools import Selection, Tier
    from engine.settings import Settings

_BAD_SETTING = 2


def _show_version(context: click.Context, _option: click.Parameter, *, wanted: bool) -> None:
    if wanted:
        from cis_mcp.views.version import version

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
    type=click.Choice(["core", "extended", "operator"]),
    default="core",
    show_default=True,
    help="Which tools: the twelve of the main job, also the rarer ones, or also the operator's.",
)
@click.option("--tools", metavar="A,B", default="", help="Only these tools, of whatever tier.")
@click.option("--exclude-tools", "exclude", metavar="A,B", default="", help="Without these tools.")
@click.option("--read-only", is_flag=True, help="Only tools that change nothing.")
def serve(
    address: str | None, tier: Tier, tools: str, exclude: str, *, read_only: bool, no_auth: bool
) -> None:
    """Serve MCP, over stdio unless --http is given, and run inbox and dispatcher beside it."""
    # What is imported stays for good: collecting garbage meanwhile takes a fifth of the start for nothing.
    gc.disable()
    from cis_mcp.run import serving

    selection = _selection(tier, tools, exclude, read_only=read_only)
    if address is None:
        if no_auth:
            raise click.UsageError("--no-auth goes with --http; stdio has no keys.")
        _run(serving.over_stdio(_settings(), selection))
    else:
        host, port = _host_and_port(address)
        _run(serving.over_http(_settings(), host, port, selection, no_auth=no_auth))


def _selection(tier: Tier, tools: str, exclude: str, *, read_only: bool) -> Selection:
    from cis_mcp.mcp.tools import Selection
    from engine.refusals import Refused

    try:
        selection = Selection.of(tier, tools, exclude, read_only=read_only)
    except Refused as refused:
        raise click.UsageError(str(refused)) from None
    if not selection.specs:
        raise click.UsageError("These options together leave no tool.")
    return selection


@cli.command()
def worker() -> None:
    """Run inbox and dispatcher alone."""
    from cis_mcp.run import serving

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
    from cis_mcp.cli import ingest as feed

    sys.exit(feed.main(mailbox, list(files)))


@cli.command("import")
@click.argument("source", metavar="FILE|URL")
@click.option("--organizer", metavar="ADDRESS", help="Whose events they are; else CIS_ORGANIZER.")
@click.option(
    "--calendar", "name", metavar="NAME", default="", help="Which calendar it is; else its file name or URL."
)
@click.option("--timezone", metavar="ZONE", help="Of times that name none, for example Europe/Paris.")
@click.option(
    "--gone",
    type=click.Choice(["cancel", "keep"]),
    default="cancel",
    show_default=True,
    help="What to do with coming events of an earlier import that the calendar no longer has.",
)
@click.option("--force", is_flag=True, help="Cancel them even where many are gone.")
@click.option("--every", metavar="TIME", help="Import a URL again and again: 15m, 1h, 1d.")
@click.option("--dry-run", is_flag=True, help="Only show what would be done.")
@click.option("--json", "as_json", is_flag=True, help="For machines.")
def import_(source: str, every: str | None, *, as_json: bool, **options: Any) -> None:
    """Make events from a calendar (.ics, or its https address), or carry out a CSV of commands; “-” is stdin.

    Repeating it makes no doubles: what is new is created, what changed is updated, and people are told.
    """
    seconds = _interval(every) if every else None
    settings = _settings()
    from cis_mcp.cli import importing
    from engine.imports.imported import Options

    given = Options(**options)
    if seconds is None:
        _run(importing.run(settings, source, given, as_json=as_json))
    elif not importing.is_url(source):
        raise click.UsageError("--every goes with a URL.")
    else:
        _run(importing.again(settings, source, given, seconds, as_json=as_json))


def _interval(text: str) -> float:
    """Seconds of “15m”, “1h”, “1d”; at least a minute."""
    number, unit = text[:-1], {"m": 60, "h": 3600, "d": 86400}.get(text[-1:])
    if not unit or not number.isdecimal() or not 1 <= int(number) <= 1_000:
        raise click.BadParameter("must be such as 15m, 1h or 1d.", param_hint="--every")
    return float(int(number) * unit)


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
    _run(operator.create_key(_settings(), name, address, scopes, limits))


@key.command("list")
def key_list() -> None:
    """List the keys, without their secrets."""
    from cis_mcp.cli import operator

    _run(operator.list_keys(_settings()))


@key.command("revoke")
@click.argument("key_id", metavar="ID")
def key_revoke(key_id: str) -> None:
    """End the key ID at once."""
    from cis_mcp.cli import operator

    _run(operator.revoke_key(_settings(), key_id))


@cli.group()
def organizer() -> None:
    """Whose mail may leave."""


@organizer.command("suspend")
@click.argument("address")
def organizer_suspend(address: str) -> None:
    """Stop all that ADDRESS sends."""
    from cis_mcp.cli import operator

    _run(operator.suspend(_settings(), address, suspended=True))


@organizer.command("resume")
@click.argument("address")
def organizer_resume(address: str) -> None:
    """Let ADDRESS send again."""
    from cis_mcp.cli import operator

    _run(operator.suspend(_settings(), address, suspended=False))


@cli.command()
@click.argument("campaign_id", metavar="[ID]", required=False)
@click.option("--follow", is_flag=True, help="Stay until it has ended, then exit 0; Ctrl-C leaves it alone.")
def campaign(campaign_id: str | None, *, follow: bool) -> None:
    """List the newest campaigns, or show how far the campaign ID is; changes nothing."""
    from cis_mcp.cli import campaign as following

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
    from cis_mcp.cli import operator

    _run(operator.check(_settings()))


@cli.command()
def config() -> None:
    """Show the settings in force, secrets masked."""
    settings = _settings()
    from cis_mcp.cli import config as shown

    for line in shown.lines(settings):
        click.echo(line)


cli.add_command(quarantine)


def main(arguments: Sequence[str] | None = None) -> None:
    """The console script; `arguments` stand in for those of the command line."""
    private_from_now_on()
    # To stderr, always: over stdio, stdout is the wire.
    logs.begin()
    cli(arguments, prog_name="cis-mcp")


def _settings() -> Settings:
    """The settings in force; a bad one ends the command with a line for each problem and exit 2."""
    from cis_mcp.cli.config import problems_in
    from engine.settings import Settings

    try:
        settings = Settings()
    except ValueError as error:
        for problem in problems_in(error):
            click.echo(problem, err=True)
        sys.exit(_BAD_SETTING)
    logs.adjust(settings.log, settings.log_level)
    return settings


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


settings_in_force, run = _settings, _run
"""For groups of commands that have a module of their own."""
