"""`cis-mcp record …`: export and verify the hash-chained record of commands."""

from __future__ import annotations

from pathlib import Path

import click

from cis_mcp.cli.base import run, settings_in_force


@click.group()
def record() -> None:
    """The hash-chained record of all commands and their outcomes."""


@record.command("export")
@click.option("--old", is_flag=True, help="Print the audit lines from before there was a record.")
def record_export(*, old: bool) -> None:
    """Print the record as JSON lines: its start, each row as it was hashed, the signed head."""
    from cis_mcp.cli import record_actions

    run(record_actions.export_old(settings_in_force()) if old else record_actions.export(settings_in_force()))


@record.command("head")
def record_head() -> None:
    """Print the signed head, to compare with the record later."""
    from cis_mcp.cli import record_actions

    run(record_actions.head(settings_in_force()))


@record.command("key")
def record_key() -> None:
    """Print the public key with which heads are signed, in one line."""
    from cis_mcp.cli import record_actions

    run(record_actions.key(settings_in_force()))


_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)


@record.command("verify")
@click.argument("file", required=False, type=_FILE)
@click.option(
    "--head", "heads", multiple=True, type=_FILE, help="A signed head, or a mail with one; repeatable."
)
@click.option(
    "--key", help="The public key, as “record key” prints it; default: the key of this installation."
)
def record_verify(file: Path | None, heads: tuple[Path, ...], key: str | None) -> None:
    """Verify each row of the record, or of the exported FILE; exit 1 on any difference.

    With --head it must contain that head; this detects a cut end, an old backup or a rewritten past.
    """
    from cis_mcp.cli import record_actions

    if file:
        run(record_actions.verify_file(file, heads, key))
    else:
        run(record_actions.verify(settings_in_force(), heads, key))
