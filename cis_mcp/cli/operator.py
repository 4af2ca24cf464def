"""What the operator does at the command line: organizers, orders, the do-not-mail list, the recount."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import TypeVar

import click

from cis_mcp.run.runtime import opened
from cis_mcp.views.events import moment
from cis_mcp.views.organizers import organizer_line
from engine.commands.base import Command, Done
from engine.commands.invites.suppressing import Suppress, Unsuppress, suppressed_in_parts
from engine.commands.operators.operators import SuspendOrganizer
from engine.commands.operators.organizers import SettleOrganizer
from engine.commands.operators.registration import RegisterOrganizer
from engine.engine import Engine
from engine.inbox.intake import recount
from engine.inbox.intake.intake import Inbox
from engine.inbox.routes import confirm
from engine.model.plans import Purchase
from engine.model.suppressions import Suppression
from engine.refusals import Code
from engine.settings import Settings

D = TypeVar("D", bound=Done)

_PAGE = 500
"""Entries of a long list that are read at a time."""


async def register(settings: Settings, address: str) -> int:
    """Register an organizer, and show what became of the mail that waited for it."""
    async with opened(settings) as engine, Inbox(engine) as inbox:
        done = await _apply(engine, RegisterOrganizer(address=address))
        click.echo(f"{done.address}: registered")
        for name in await confirm.look_again(engine):
            for outcome in await inbox.handle(name):
                click.echo(f"{name}: {' '.join(filter(None, (outcome.action, outcome.uid, outcome.code)))}")
    return 0


async def settle(
    settings: Settings, address: str, given: Mapping[str, object], plan_until: str | None = None
) -> int:
    """Change the settings of an organizer, and show them."""
    until = moment(plan_until, "--plan-until")
    async with opened(settings) as engine:
        command = SettleOrganizer.model_validate({"address": address, **given, "plan_until": until})
        done = await _apply(engine, command)
        click.echo(organizer_line(done.profile, done.enrolment, engine.clock()))
    return 0


async def list_orders(settings: Settings) -> int:
    """Show the shop's orders, and the people it asks to forget."""
    async with opened(settings, existing=True) as engine:
        bought, redactions = await engine.purchases(engine.local), await engine.redactions(engine.local)
    for one in bought:
        click.echo(f"{one.at:%Y-%m-%d %H:%M} UTC  order {one.order}  {one.buyer}  {_became(one)}")
    for who in redactions:
        click.echo(f"{who.asked:%Y-%m-%d} to be forgotten: {who.address}  {who.code or 'soon'}")
    if not bought and not redactions:
        click.echo("Nothing was ordered.", err=True)
    return 0


def _became(bought: Purchase) -> str:
    """What a line of an order did, or why it did nothing."""
    if bought.code == Code.DATA_REQUESTED:
        return f"asks for their data: cis-mcp export {bought.buyer}"
    does = f"plan {bought.plan} for {bought.organizer}" if bought.plan else f"invited to {bought.event_uid}"
    return bought.code or does


async def list_waiting(settings: Settings) -> int:
    """Show the addresses whose mail waits for their registration, and how many mails of each."""
    async with opened(settings, existing=True) as engine:
        waiting = await engine.registrations(engine.local)
    for address, mails in Counter(one.address for one in waiting).items():
        click.echo(f"{address}  {mails} {'mail' if mails == 1 else 'mails'}")
    if not waiting:
        click.echo("No mail waits for a registration.", err=True)
    return 0


async def suspend(settings: Settings, address: str, *, suspended: bool) -> int:
    """Stop or resume an organizer's mail."""
    async with opened(settings, existing=True) as engine:
        done = await _apply(engine, SuspendOrganizer(address=address, suspended=suspended))
    click.echo(f"{done.address}: {'suspended' if done.suspended else 'may send'}")
    return 0


async def list_suppressions(settings: Settings, address: str, organizer: str) -> int:
    """Show the do-not-mail list, or its entries that block one address."""
    shown, after = 0, None
    async with opened(settings, existing=True) as engine:
        while True:
            found = await _suppressions(engine, address, organizer, after)
            for entry in found:
                of = entry.organizer or "anybody"
                words = "" if entry.cause.value in {"asked", "unsubscribed"} else f"  {entry.reason}"
                click.echo(f"{entry.target}  {entry.cause}  mail of {of}  since {entry.at:%Y-%m-%d}{words}")
            shown += len(found)
            if address or len(found) < _PAGE:
                break
            after = (found[-1].target, found[-1].organizer)
    if not shown:
        click.echo("The list is empty." if not address else "Nothing blocks mail to it.", err=True)
    return 0


async def _suppressions(
    engine: Engine, address: str, organizer: str, after: tuple[str, str] | None
) -> list[Suppression]:
    if address:
        return await engine.suppressions_of(engine.local, organizer, address)
    return await engine.suppressions(engine.local, organizer, _PAGE, after)


async def suppress(settings: Settings, addresses: tuple[str, ...], organizer: str) -> int:
    """Put addresses and domains on the do-not-mail list."""
    async with opened(settings, existing=True) as engine:
        command = Suppress(targets=addresses, organizer=organizer)
        done = await suppressed_in_parts(command, engine.items_per_unit, lambda part: _apply(engine, part))
    for target in done.targets:
        click.echo(f"{target}: blocked for mail of {done.organizer or 'all organizers'}")
    return 0


async def unsuppress(settings: Settings, addresses: tuple[str, ...], organizer: str) -> int:
    """Take addresses and domains off the do-not-mail list."""
    async with opened(settings, existing=True) as engine:
        done = await _apply(engine, Unsuppress(targets=addresses, organizer=organizer))
    for target in done.removed:
        click.echo(f"{target}: off the list")
    for target in done.not_listed:
        click.echo(f"{target}: was not on the list", err=True)
    for entry in done.still:
        click.echo(
            f"{entry.target}: still blocked for mail of {entry.organizer or 'all organizers'}", err=True
        )
    return 0


async def check(settings: Settings) -> int:
    """Show every difference that a recount finds; 1 if there is any."""
    async with opened(settings, existing=True) as engine:
        differences = [*await engine.check(), *await recount.differences(engine)]
    for difference in differences:
        click.echo(difference)
    if not differences:
        click.echo("Everything adds up.")
    return 1 if differences else 0


async def _apply(engine: Engine, command: Command[D]) -> D:
    return await engine.apply(command, engine.local)
