"""`cis-mcp ingest` and `cis-mcp import`: mails, calendars and tables from files, a pipe or the web."""

from __future__ import annotations

import sys
from typing import Any

import click

from cis_mcp.cli.base import run, settings_in_force


@click.command()
@click.option(
    "--mailbox",
    type=click.Choice(["create", "rsvp", "bulk"]),
    help="The mailbox it is for; default: its recipient.",
)
@click.argument("files", nargs=-1, type=click.Path())
def ingest(mailbox: str | None, files: tuple[str, ...]) -> None:
    """Feed raw mails from FILES, or from stdin; one JSON line each.

    If a server holds the folder, each mail is stored for it, and the line says so; else it is handled here.
    """
    from cis_mcp.cli import pickup

    code = pickup.main(mailbox or "", files)
    if code is not None:
        sys.exit(code)
    settings_in_force()
    from cis_mcp.cli import ingest as feed

    sys.exit(feed.main(mailbox, list(files)))


@click.command("import")
@click.argument("source", metavar="FILE|URL|dynamodb://TABLE")
@click.option("--organizer", metavar="ADDRESS", help="The organizer of the events; default: CIS_ORGANIZER.")
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

    Repeat it safely: new events are created, changed ones updated, and attendees notified. dynamodb://TABLE, or
    dynamodb-export:FOLDER, takes over a published Calendar Invite Server, and mails no one.
    """
    seconds = _interval(every) if every else None
    settings = settings_in_force()
    from cis_mcp.cli import importing
    from engine.imports.imported import Options

    given = Options(**options)
    if seconds is None:
        run(importing.run(settings, source, given, as_json=as_json))
    elif not importing.is_url(source):
        raise click.UsageError("--every needs a URL.")
    else:
        run(importing.again(settings, source, given, seconds, as_json=as_json))


def _interval(text: str) -> float:
    """Seconds of “15m”, “1h”, “1d”; at least a minute."""
    number, unit = text[:-1], {"m": 60, "h": 3600, "d": 86400}.get(text[-1:])
    if not unit or not number.isdecimal() or not 1 <= int(number) <= 1_000:
        raise click.BadParameter("must be such as 15m, 1h or 1d.", param_hint="--every")
    return float(int(number) * unit)
