"""What the operator does at the command line: keys, organizers, the recount."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple, TypeVar

import click

from cis_mcp.run.runtime import opened
from engine.commands.base import Command, Done
from engine.commands.operators.operators import SCOPES, CreateKey, Key, RevokeKey, SuspendOrganizer
from engine.commands.operators.registration import RegisterOrganizer
from engine.engine import Engine
from engine.inbox.intake import recount
from engine.inbox.intake.intake import Inbox
from engine.inbox.routes import confirm
from engine.settings import Settings

if TYPE_CHECKING:
    from cis_mcp.mcp.tools import Tier

D = TypeVar("D", bound=Done)


class Limits(NamedTuple):
    """Which of a server's tools a key may use; `tools` comma separated, empty for all of the tier."""

    tier: Tier | None = None
    tools: str = ""
    read_only: bool = False


async def create_key(
    settings: Settings, name: str, address: str | None, scopes: Sequence[str], limits: Limits
) -> int:
    """Make a key and show its secret, the one time that it can be seen."""
    command = CreateKey(
        name=name,
        address=address,
        scopes=frozenset(scopes or SCOPES),
        tier=limits.tier or "",
        tools=_named(limits.tools),
        read_only=limits.read_only,
    )
    async with opened(settings) as engine:
        done = await _apply(engine, command)
    click.echo(_line(done.key), err=True)
    click.echo("Keep this; it is stored nowhere and not shown again:", err=True)
    click.echo(done.secret)
    return 0


def _named(tools: str) -> tuple[str, ...]:
    """The tools of a comma-separated list; raises Refused(INVALID_ARGUMENT) for a name that no tool has."""
    if not tools:
        return ()
    from cis_mcp.mcp.tools.access import names_in

    return names_in(tools)


async def list_keys(settings: Settings) -> int:
    """Show all keys."""
    async with opened(settings) as engine:
        keys = await engine.keys()
    for key in keys:
        click.echo(_line(key))
    if not keys:
        click.echo("There are no keys; make one with “cis-mcp key create”.", err=True)
    return 0


async def revoke_key(settings: Settings, key_id: str) -> int:
    """End a key."""
    async with opened(settings) as engine:
        done = await _apply(engine, RevokeKey(key_id=key_id))
    click.echo(_line(done.key))
    return 0


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


def _line(key: Key) -> str:
    ended = f", revoked {key.revoked:%Y-%m-%d}" if key.revoked else ""
    name = f" “{key.name}”" if key.name else ""
    narrowed = [f"tier {key.tier}"] if key.tier else []
    narrowed += [f"only {','.join(key.tools)}"] if key.tools else []
    narrowed += ["read only"] if key.read_only else []
    may = ", ".join([" ".join(sorted(key.scopes)), *narrowed])
    return f"{key.id}{name} for {key.address}: {may}, made {key.created:%Y-%m-%d}{ended}"
