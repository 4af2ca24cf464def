"""`cis-mcp …`: the command line. Each command imports what it needs, so that the others start fast."""

from __future__ import annotations

import sys
from collections.abc import Sequence

import click

from cis_mcp.cli.approvals import approval
from cis_mcp.cli.aws import aws
from cis_mcp.cli.base import run, settings_in_force
from cis_mcp.cli.bulk import bulk
from cis_mcp.cli.keys import key
from cis_mcp.cli.links import link, vendor
from cis_mcp.cli.mails import import_, ingest
from cis_mcp.cli.organizers import organizer
from cis_mcp.cli.pages import page
from cis_mcp.cli.people import export, forget
from cis_mcp.cli.quarantine import quarantine
from cis_mcp.cli.record import record
from cis_mcp.cli.serving import serve, worker
from cis_mcp.cli.suppressions import suppression
from cis_mcp.cli.triggers import trigger
from cis_mcp.cli.undo import undo
from cis_mcp.cli.webhooks import webhook
from engine.observe import logs
from engine.process.private import private_from_now_on


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
@click.option(
    "--store", default="", help="Use another store, such as a new DynamoDB table (as in CIS_STORE)."
)
def demo(*, store: str) -> None:
    """Run a demo on this machine: the whole story, from the invite to the answers."""
    try:
        from cis_mcp.demo import run as story
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] != "aiosmtpd":
            raise
        raise click.ClickException('The demo needs one more package: pip install "cis-mcp[demo]"') from error
    sys.exit(story.main(store))


@cli.command()
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def verify(*, as_json: bool) -> None:
    """Verify the configured server in nine steps."""
    settings_in_force()
    from cis_mcp import verify as steps

    sys.exit(steps.main(as_json))


@cli.command()
@click.argument("campaign_id", metavar="[ID]", required=False)
@click.option(
    "--follow", is_flag=True, help="Wait until it has ended, then exit 0; Ctrl-C does not stop the campaign."
)
def campaign(campaign_id: str | None, *, follow: bool) -> None:
    """List the newest campaigns, or show the progress of the campaign ID."""
    from cis_mcp.cli import campaign as following

    if campaign_id is None:
        if follow:
            raise click.UsageError("--follow needs the ID of a campaign; “cis-mcp campaign” lists them.")
        run(following.list_campaigns(settings_in_force()))
    elif follow:
        run(following.follow_campaign(settings_in_force(), campaign_id))
    else:
        run(following.show_campaign(settings_in_force(), campaign_id))


@cli.command()
@click.option("--no-open", is_flag=True, help="Only print the link.")
def console(*, no_open: bool) -> None:
    """Open the console in your browser with a link that signs you in once, and print the link."""
    from cis_mcp.cli import approvals

    run(approvals.console(settings_in_force(), opens=not no_open and sys.stdout.isatty()))


@cli.command()
@click.argument("address", metavar="[ADDRESS]", required=False)
def stop(address: str | None) -> None:
    """Stop all mail, or only that of the organizer ADDRESS; queued mail waits until “resume”."""
    from cis_mcp.cli import approvals

    run(approvals.stop(settings_in_force(), _one_or_all(address), stopped=True))


@cli.command()
@click.argument("address", metavar="[ADDRESS]", required=False)
def resume(address: str | None) -> None:
    """Resume stopped mail: all, or only that of the organizer ADDRESS."""
    from cis_mcp.cli import approvals

    run(approvals.stop(settings_in_force(), _one_or_all(address), stopped=False))


def _one_or_all(address: str | None) -> str:
    """Empty for all. An empty argument is a variable of a script that was not set."""
    if address is not None and not address.strip():
        raise click.UsageError("ADDRESS is empty; leave it out to mean all mail.")
    return address or ""


@cli.command()
def check() -> None:
    """Recount statistics, ledger and files; exit 1 on any difference."""
    from cis_mcp.cli import operator

    run(operator.check(settings_in_force()))


@cli.command()
@click.option("--from", "source", required=True, metavar="STORE", help="An SQLite file, or dynamodb://…")
@click.option(
    "--to", "target", required=True, metavar="STORE", help="An empty store, or one that does not exist yet."
)
def move(*, source: str, target: str) -> None:
    """Move everything to another store, and compare and check both; exit 1 on any difference.

    Stop servers and workers first. If a move is interrupted, start it again.
    """
    settings_in_force()
    from cis_mcp.cli import moving

    run(moving.move(source, target))


@cli.command()
def config() -> None:
    """Show the settings in force, secrets masked."""
    settings = settings_in_force()
    from cis_mcp.views.settings import lines

    for line in lines(settings):
        click.echo(line)


for command in (
    serve,
    worker,
    ingest,
    import_,
    bulk,
    aws,
    key,
    organizer,
    page,
    link,
    vendor,
    approval,
    quarantine,
    suppression,
    record,
    forget,
    export,
    trigger,
    undo,
    webhook,
):
    cli.add_command(command)


def main(arguments: Sequence[str] | None = None) -> None:
    """The console script; `arguments` replace those of the command line."""
    private_from_now_on()
    # To stderr, always: over stdio, stdout is the wire.
    logs.begin()
    cli(arguments, prog_name="cis-mcp")
