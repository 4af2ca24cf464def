"""`cis-mcp forget` and `cis-mcp export`: forget a person, show what is kept about them, or export whole tables."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import click

from cis_mcp.cli.base import run, settings_in_force

_TABLES = ("events", "attendees", "messages", "receipts", "links")
_FORMS = ("csv", "parquet")
_DAY = click.DateTime(["%Y-%m-%d"])


@click.command()
@click.argument("address")
@click.option("--yes", is_flag=True, help="Do not ask.")
def forget(address: str, *, yes: bool) -> None:
    """Forget the person with ADDRESS: their address, name, fields, mails and texts are erased, counts stay.

    This cannot be undone. If the person unsubscribed, a keyed hash of the address still keeps mail from them.
    """
    from cis_mcp.cli import person

    if not yes:
        click.confirm(f"Forget {address}? It cannot be undone", abort=True, err=True)
    run(person.forget(settings_in_force(), address))


@click.command()
@click.argument("address", required=False)
@click.option(
    "--to",
    "folder",
    type=click.Path(file_okay=False, path_type=Path),
    help="Write whole tables into this folder instead.",
)
@click.option(
    "--table", "tables", multiple=True, type=click.Choice(_TABLES), help="Only this table; repeatable."
)
@click.option(
    "--format",
    "forms",
    multiple=True,
    type=click.Choice(_FORMS),
    help="csv (the default) or parquet; repeatable.",
)
@click.option("--organizer", default="", metavar="ADDRESS", help="Only rows of this organizer.")
@click.option("--since", type=_DAY, help="Only rows from this day on (UTC).")
@click.option("--until", type=_DAY, help="Only rows before this day (UTC).")
@click.option("--addresses", is_flag=True, help="Show addresses in full; this is noted in the record.")
def export(
    address: str | None,
    folder: Path | None,
    tables: tuple[str, ...],
    forms: tuple[str, ...],
    organizer: str,
    since: datetime | None,
    until: datetime | None,
    *,
    addresses: bool,
) -> None:
    """Print everything stored about the person with ADDRESS as JSON; or, with --to, write tables of events,
    attendees, messages, receipts and links for analysis (docs/exports.md)."""
    if (address is None) == (folder is None):
        raise click.UsageError("Give either the ADDRESS of a person, or --to with a folder.")
    settings = settings_in_force()
    if folder is None:
        if tables or forms or organizer or since or until or addresses:
            raise click.UsageError("These options belong to --to.")
        from cis_mcp.cli import person

        run(person.export(settings, address or ""))
    else:
        from cis_mcp.cli import tables as writing
        from engine.exporting.files import Form
        from engine.model.exports import Table

        run(
            writing.export(
                settings,
                folder,
                [Table(name) for name in tables or _TABLES],
                [Form(name) for name in forms or ("csv",)],
                organizer=organizer,
                since=since and since.replace(tzinfo=UTC),
                until=until and until.replace(tzinfo=UTC),
                addresses=addresses,
            )
        )
