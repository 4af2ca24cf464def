"""What the operator does at the command line: organizers, the recount."""

from __future__ import annotations

from collections import Counter
from typing import TypeVar

import click

from cis_mcp.run.runtime import opened
from engine.commands.base import Command, Done
from engine.commands.operators.operators import SuspendOrganizer
from engine.commands.operators.registration import RegisterOrganizer
from engine.engine import Engine
from engine.inbox.intake import recount
from engine.inbox.intake.intake import Inbox
from engine.inbox.routes import confirm
from engine.settings import Settings

D = TypeVar("D", bound=Done)


async def register(settings: Settings, address: str) -> int:
    """Register an organizer, and show what became of the mail that waited for it."""
    async with opened(settings) as engine:
        done = await _apply(engine, RegisterOrganizer(address=address))
        click.echo(f"{done.address}: registered")
        for name in await confirm.look_again(engine):
            for outcome in await Inbox(engine).handle(name):
                click.echo(f"{name}: {' '.join(filter(None, (outcome.action, outcome.uid, outcome.code)))}")
    return 0


async def list_waiting(settings: Settings) -> int:
    """Show whose mail waits for a registration, and how many mails of each."""
    async with opened(settings) as engine:
        waiting = await engine.registrations(engine.local)
    for address, mails in Counter(one.address for one in waiting).items():
        click.echo(f"{address}  {mails} {'mail' if mails == 1 else 'mails'}")
    if not waiting:
        click.echo("No mail waits for a registration.", err=True)
    return 0


async def suspend(settings: Settings, address: str, *, suspended: bool) -> int:
    """Stop an organizer's mail, or let it go on."""
    async with opened(settings) as engine:
        done = await _apply(engine, SuspendOrganizer(address=address, suspended=suspended))
    click.echo(f"{done.address}: {'suspended' if done.suspended else 'may send'}")
    return 0


async def check(settings: Settings) -> int:
    """Show every difference that a recount finds; 1 where there is any."""
    async with opened(settings) as engine:
        differences = [*await engine.check(), *await recount.differences(engine)]
    for difference in differences:
        click.echo(difference)
    if not differences:
        click.echo("Everything adds up.")
    return 1 if differences else 0


async def _apply(engine: Engine, command: Command[D]) -> D:
    return await engine.apply(command, engine.local)
