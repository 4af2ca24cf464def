"""`cis-mcp bulk`: a draft of invites for a list, and its start."""

from __future__ import annotations

import click

from cis_mcp.cli.base import run, settings_in_force

_JSON = click.option("--json", "as_json", is_flag=True, help="Print JSON.")


@click.group()
def bulk() -> None:
    """Invite a list: the draft checks every row, and nothing is sent until you start it."""


@bulk.command()
@click.argument("uid")
@click.argument("recipients", metavar="LIST")
@click.option("--start", is_flag=True, help="Send at once.")
@_JSON
def draft(uid: str, recipients: str, *, start: bool, as_json: bool) -> None:
    """Draft invites to the event UID for a LIST, and show who would be skipped and why.

    LIST is a CSV file, “-” for stdin, s3://bucket/key (CSV, JSON lines, gzip; ending in a slash: all objects below),
    customer-profiles:DOMAIN/SEGMENT?to=s3://bucket/folder/ or ses-list:NAME[/TOPIC].
    """
    from cis_mcp.cli import drafts

    run(drafts.draft(settings_in_force(), uid, recipients, start=start, as_json=as_json))


@bulk.command()
@click.argument("campaign_id", metavar="ID")
@click.argument("confirm_token", metavar="TOKEN")
@_JSON
def start(campaign_id: str, confirm_token: str, *, as_json: bool) -> None:
    """Start the draft ID, with the TOKEN that “draft” printed."""
    from cis_mcp.cli import drafts

    run(drafts.start(settings_in_force(), campaign_id, confirm_token, as_json=as_json))
