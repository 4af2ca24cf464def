"""`cis-mcp organizer …`: who may create events by mail, and whose mail may leave."""

from __future__ import annotations

import click

from cis_mcp.cli.base import run, settings_in_force


@click.group()
def organizer() -> None:
    """Who may create events by mail, and whose mail may leave."""


@organizer.command("register")
@click.argument("address")
def organizer_register(address: str) -> None:
    """Allow ADDRESS to create events by mail, and process its waiting mail."""
    from cis_mcp.cli import operator

    run(operator.register(settings_in_force(), address))


@organizer.command("waiting")
def organizer_waiting() -> None:
    """List the addresses whose mail waits until they are registered."""
    from cis_mcp.cli import operator

    run(operator.list_waiting(settings_in_force()))


@organizer.command("suspend")
@click.argument("address")
def organizer_suspend(address: str) -> None:
    """Stop all mail of ADDRESS."""
    from cis_mcp.cli import operator

    run(operator.suspend(settings_in_force(), address, suspended=True))


@organizer.command("resume")
@click.argument("address")
def organizer_resume(address: str) -> None:
    """Let ADDRESS send again."""
    from cis_mcp.cli import operator

    run(operator.suspend(settings_in_force(), address, suspended=False))


@organizer.command("approval")
@click.argument("address")
@click.argument("switch", type=click.Choice(["on", "off"]))
@click.option("--approver", default="", metavar="ADDRESS", help="Who decides; default: the organizer.")
def organizer_approval(address: str, switch: str, approver: str) -> None:
    """Turn approval of changes from the calendar of ADDRESS on or off."""
    from cis_mcp.cli import approvals

    run(approvals.switch(settings_in_force(), address, on=switch == "on", approver=approver))


@organizer.command("set")
@click.argument("address")
@click.option("--name", help="Shown as the sender of its invites.")
@click.option("--timezone", metavar="ZONE", help="Time zone for rows of its tables without one.")
@click.option(
    "--language", metavar="TAG", help="Language of its pages and mails, such as de; empty for none."
)
@click.option("--lists/--no-lists", default=None, help="Whether it may send to lists.")
@click.option("--drafts/--no-drafts", default=None, help="Whether lists it mails to bulk@ wait as drafts.")
@click.option("--plan", metavar="NAME", help="A plan of CIS_PLANS; empty for none.")
@click.option("--plan-until", metavar="TIME", help="When the plan ends; default: as the plan says.")
@click.option("--add", multiple=True, metavar="ADDRESS", help="Add a further address; repeatable.")
@click.option("--remove", multiple=True, metavar="ADDRESS", help="Remove a further address; repeatable.")
def organizer_set(
    address: str,
    name: str | None,
    timezone: str | None,
    language: str | None,
    lists: bool | None,
    drafts: bool | None,
    plan: str | None,
    plan_until: str | None,
    add: tuple[str, ...],
    remove: tuple[str, ...],
) -> None:
    """Change the settings of the organizer ADDRESS, and show them; without options, only show them."""
    from cis_mcp.cli import operator

    given = {"name": name, "timezone": timezone, "language": language, "lists": lists, "drafts": drafts}
    run(
        operator.settle(
            settings_in_force(), address, {**given, "plan": plan, "add": add, "remove": remove}, plan_until
        )
    )


@organizer.command("orders")
def organizer_orders() -> None:
    """List the shop's orders and what each did, and the people it asks to forget."""
    from cis_mcp.cli import operator

    run(operator.list_orders(settings_in_force()))
