"""`cis-mcp undo`: list what can be undone, and undo it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from cis_mcp.cli.base import run, settings_in_force

if TYPE_CHECKING:
    from engine.settings import Settings


@click.command()
@click.argument("undo_id", metavar="[ID]", required=False)
def undo(undo_id: str | None) -> None:
    """Undo the change ID; without ID, list what can still be undone."""
    settings = settings_in_force()
    run(_undo(settings, undo_id) if undo_id else _list(settings))


async def _list(settings: Settings) -> int:
    from cis_mcp.run.runtime import opened
    from cis_mcp.views import undo as views
    from engine.commands.approvals.undoing import ShowUndos

    async with opened(settings, existing=True) as engine:
        done = await engine.apply(ShowUndos(), engine.local)
    for undoable in done.undos:
        click.echo(views.line(undoable))
    if not done.undos:
        click.echo("Nothing can be undone now; CIS_UNDO_S sets how long a change can be.", err=True)
    return 0


async def _undo(settings: Settings, undo_id: str) -> int:
    from cis_mcp.run.runtime import opened
    from cis_mcp.views import undo as views
    from engine.commands.approvals.undoing import UndoCommand

    async with opened(settings, existing=True) as engine:
        done = await engine.apply(UndoCommand(undo_id=undo_id), engine.local)
    click.echo(views.undone_line(done))
    return 0
