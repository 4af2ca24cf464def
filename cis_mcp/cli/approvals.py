"""`cis-mcp approval …`: requests that need approval, at the command line."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from cis_mcp.cli.base import run, settings_in_force

if TYPE_CHECKING:
    from engine.settings import Settings

_LISTED = 100


@click.group()
def approval() -> None:
    """Requests that need approval."""


@approval.command("list")
@click.option("--all", "everything", is_flag=True, help="Also show decided ones.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object per line.")
def list_(*, everything: bool, as_json: bool) -> None:
    """List requests that need approval, newest first."""
    run(_list(settings_in_force(), everything=everything, as_json=as_json))


@approval.command()
@click.argument("held_id", metavar="ID")
def show(held_id: str) -> None:
    """Show who would be mailed, what would change, and a sample mail."""
    run(_show(settings_in_force(), held_id))


@approval.command()
@click.argument("held_id", metavar="ID")
def approve(held_id: str) -> None:
    """Approve a request: do exactly what “show” shows. Safe to repeat."""
    run(_decide(settings_in_force(), held_id, approve=True))


@approval.command()
@click.argument("held_id", metavar="ID")
@click.option("--why", required=True, help="The reason; the requester sees it.")
def refuse(held_id: str, why: str) -> None:
    """Refuse a request, with a reason."""
    run(_decide(settings_in_force(), held_id, approve=False, why=why))


async def _list(settings: Settings, *, everything: bool, as_json: bool) -> int:
    from cis_mcp.run.runtime import opened
    from cis_mcp.views import held as views

    async with opened(settings, existing=True) as engine:
        now = engine.clock()
        found = await engine.held_actions(engine.local, waiting=not everything, limit=_LISTED)
    shown = [held for held in found if everything or held.state_at(now) == "waiting"]
    for held in shown:
        click.echo(held.model_dump_json(exclude={"code", "words"}) if as_json else views.line(held, now))
    if not shown and not as_json:
        click.echo("Nothing waits for a decision.", err=True)
    return 0


async def _show(settings: Settings, held_id: str) -> int:
    from cis_mcp.run.runtime import opened
    from cis_mcp.views import held as views

    async with opened(settings, existing=True) as engine:
        click.echo(views.text(await engine.held_action(held_id, engine.local), engine.clock(), engine.local))
    return 0


async def _decide(settings: Settings, held_id: str, *, approve: bool, why: str = "") -> int:
    """Exit 0 if it was carried out or refused, 1 if it was void."""
    from cis_mcp.run.runtime import opened
    from cis_mcp.views import held as views
    from engine.commands.approvals.deciding import Decide
    from engine.model.held import Channel, HeldState

    command = Decide(held_id=held_id, approve=approve, why=why, channel=Channel.COMMAND_LINE)
    async with opened(settings, existing=True) as engine:
        done = await engine.apply(command, engine.local)
        click.echo(views.line(done.action, engine.clock()))
    if done.action.state is HeldState.VOID:
        click.echo(f"Nothing was carried out: {done.action.why}.", err=True)
        return 1
    return 0


async def switch(settings: Settings, address: str, *, on: bool, approver: str) -> int:
    """Turn an organizer's approval switch, and show how it is set."""
    from cis_mcp.run.runtime import opened
    from engine.commands.agents.switches import SetOrganizerApproval

    async with opened(settings, existing=True) as engine:
        command = SetOrganizerApproval(address=address, on=on, approver=approver)
        done = await engine.apply(command, engine.local)
    who = done.approver or "the organizer"
    click.echo(
        f"{done.address}: {f'changes wait until {who} approves them' if done.on else 'changes need no approval'}"
    )
    return 0


async def console(settings: Settings, *, opens: bool = False) -> int:
    """Print a link that signs the operator in at the console once; `opens`: also open it in a browser."""
    from cis_mcp.run.runtime import opened
    from engine.commands.signing_in import MakeSignInLink

    async with opened(settings, existing=True) as engine:
        made = await engine.apply(MakeSignInLink(), engine.local)
    click.echo("This works once, for 15 minutes, while the server runs:", err=True)
    link = f"{settings.public_url.rstrip('/')}/signin/{made.code}"
    click.echo(link)
    if opens:
        click.launch(link)
    return 0


async def stop(settings: Settings, address: str, *, stopped: bool) -> int:
    """Stop or resume the mail of one organizer, or of all."""
    from cis_mcp.run.runtime import opened
    from engine.commands.agents.stopping import StopSending

    async with opened(settings, existing=True) as engine:
        done = await engine.apply(StopSending(organizer=address, stopped=stopped), engine.local)
    click.echo(f"In {settings.store or settings.database}:", err=True)
    what = done.organizer or "everything"
    click.echo(f"{what}: {'stopped; queued mail waits' if done.stopped else 'resumed'}")
    return 0
