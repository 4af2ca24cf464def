"""`cis-mcp ingest` and `cis-mcp import`: mails, calendars and tables from files, a pipe or the web."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Any

import click

from cis_mcp.cli.base import run, settings_in_force


@click.command()
@click.option(
    "--mailbox",
    type=click.Choice(["create", "rsvp", "bulk"]),
    help="The mailbox they are for; default: the mail's recipient.",
)
@click.argument("files", nargs=-1, type=click.Path())
def ingest(mailbox: str | None, files: tuple[str, ...]) -> None:
    """Take in raw mails from FILES, or one from stdin; prints one JSON line per mail.

    If a server is using the data folder, the mails are stored for it; otherwise this command processes them.
    """
    from cis_mcp.cli.lines import EX_TEMPFAIL, say

    try:
        code = _fed(mailbox, files)
    except SystemExit:
        # What is wrong with the settings is said. A mail server bounces for good on any code but this one.
        code = EX_TEMPFAIL
    except Exception as error:  # noqa: BLE001 -- said, and the mail server keeps the mail
        say({"action": "failed", "detail": f"{type(error).__name__}: {error}"})
        code = EX_TEMPFAIL
    sys.exit(code)


def _fed(mailbox: str | None, files: Sequence[str]) -> int:
    from cis_mcp.cli import pickup

    code = pickup.main(mailbox or "", files)
    if code is not None:
        return code
    settings_in_force()
    from cis_mcp.cli import ingest as feed

    return feed.main(mailbox, list(files))


@click.command("import")
@click.argument("source", metavar="FILE|URL|dynamodb://TABLE")
@click.option("--organizer", metavar="ADDRESS", help="The organizer of the events; default: CIS_ORGANIZER.")
@click.option(
    "--calendar",
    "name",
    metavar="NAME",
    default="",
    help="Name of the calendar; default: its file name or URL.",
)
@click.option("--timezone", metavar="ZONE", help="Time zone for times without one, for example Europe/Paris.")
@click.option(
    "--gone",
    type=click.Choice(["cancel", "keep"]),
    default="cancel",
    show_default=True,
    help="What to do with future events of an earlier import that the calendar no longer has.",
)
@click.option("--force", is_flag=True, help="Cancel them even if many are missing.")
@click.option("--every", metavar="TIME", help="Import a URL again and again: 15m, 1h, 1d.")
@click.option("--dry-run", is_flag=True, help="Only show what would be done.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def import_(source: str, every: str | None, *, as_json: bool, **options: Any) -> None:
    """Import a calendar (.ics, or its https address), or apply a CSV of commands; “-” is stdin.

    Safe to repeat: new events are created, changed ones updated, and attendees notified. dynamodb://TABLE or
    dynamodb-export:FOLDER imports a published Calendar Invite Server, and mails no one.
    """
    seconds = _interval(every) if every else None
    settings = settings_in_force()
    from cis_mcp.cli import importing
    from engine.imports.imported import ImportOptions

    given = ImportOptions(**options)
    if seconds is None:
        run(importing.run(settings, source, given, as_json=as_json))
    elif not importing.is_url(source):
        raise click.UsageError("--every needs a URL.")
    else:
        run(importing.again(settings, source, given, seconds, as_json=as_json))


def _interval(text: str) -> float:
    """The seconds of an interval such as “15m”, “1h” or “1d”; at least a minute."""
    number, unit = text[:-1], {"m": 60, "h": 3600, "d": 86400}.get(text[-1:])
    if not unit or not number.isdecimal() or not 1 <= int(number) <= 1_000:
        raise click.BadParameter("must be such as 15m, 1h or 1d.", param_hint="--every")
    return float(int(number) * unit)
