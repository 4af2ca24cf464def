"""`cis-mcp link …` and `cis-mcp vendor …`: links for newsletters, and mail services that insert addresses."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import click

from cis_mcp.cli.base import run, settings_in_force

if TYPE_CHECKING:
    from cis_mcp.views.links import CodeToCopy
    from engine.settings import Settings


@click.group("link")
def link() -> None:
    """Links for newsletters, with a button that sends invites."""


@link.command("create")
@click.argument("name")
@click.option("--event", "events", multiple=True, required=True, metavar="ID", help="Repeatable.")
@click.option(
    "--vendor", required=True, metavar="SERVICE", help="Mail service; “cis-mcp vendor list” names them."
)
@click.option("--button", metavar="TEXT", help="Text of the button.")
@click.option("--landing", metavar="WHERE", help="Slug of a page, or an address on an allowed host.")
@click.option(
    "--budget",
    type=int,
    metavar="N",
    help="After this many presses each one must be confirmed by mail; 0: no limit.",
)
@click.option("--signed", is_flag=True, help="The mail service signs each reader's address.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def link_create(*, as_json: bool, **given: Any) -> None:
    """Make a link named NAME, and print its code to copy."""
    run(
        _create(
            settings_in_force(),
            {name: value for name, value in given.items() if value is not None},
            as_json=as_json,
        )
    )


@link.command("hosts")
@click.argument("hosts", nargs=-1, metavar="[HOST]...")
@click.option("--organizer", metavar="ADDRESS", help="Whose links; default: CIS_ORGANIZER.")
@click.option("--none", "nothing", is_flag=True, help="Allow none.")
def link_hosts(hosts: tuple[str, ...], organizer: str | None, *, nothing: bool) -> None:
    """Set the HOSTS that links and landing= may lead to, such as *.example.com; without HOSTS, show them."""
    run(_hosts(settings_in_force(), hosts, organizer, change=bool(hosts) or nothing))


@link.command("code")
@click.argument("link_id", metavar="ID")
@click.option("--vendor", default="", metavar="SERVICE", help="For another mail service than the link's own.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def link_code(link_id: str, vendor: str, *, as_json: bool) -> None:
    """Print the link ID's code to copy."""
    run(_code(settings_in_force(), link_id, vendor, as_json=as_json))


@link.command("end")
@click.argument("link_id", metavar="ID")
def link_end(link_id: str) -> None:
    """End the link ID: its page disappears."""
    run(_active(settings_in_force(), link_id, active=False))


@link.command("resume")
@click.argument("link_id", metavar="ID")
def link_resume(link_id: str) -> None:
    """Put the link ID back into use."""
    run(_active(settings_in_force(), link_id, active=True))


@link.command("list")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def link_list(*, as_json: bool) -> None:
    """List the links, newest first, with their counts."""
    run(_list(settings_in_force(), as_json=as_json))


@click.group("vendor")
def vendor() -> None:
    """Mail services that links can be made for."""


@vendor.command("list")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def vendor_list(*, as_json: bool) -> None:
    """List the mail services in order, including hidden ones."""
    run(_vendors(settings_in_force(), as_json=as_json))


@vendor.command("set")
@click.argument("vendor_id", metavar="ID")
@click.option("--name")
@click.option(
    "--tag", "email_tag", metavar="TAG", help="Placeholder that it replaces with the reader's address."
)
@click.option("--signed-tag", metavar="TAG", help="The same, signed with {key}.")
@click.option("--encodes/--raw", default=None, help="Whether it percent-encodes the address.")
@click.option("--origin", metavar="ORIGIN", help="Origin under which its invites are counted.")
@click.option(
    "--step", "steps", multiple=True, metavar="TEXT", help="Instruction for inserting the code; repeatable."
)
@click.option("--test", metavar="TEXT", help="How to try it.")
@click.option("--place", type=int, metavar="N", help="Position in the list; the smallest comes first.")
@click.option("--hide/--show", "hidden", default=None, help="Whether it is offered.")
def vendor_set(vendor_id: str, **given: Any) -> None:
    """Add or change the mail service ID."""
    values = {name: value for name, value in given.items() if value not in (None, ())}
    run(_set_vendor(settings_in_force(), vendor_id, values))


async def _hosts(settings: Settings, hosts: tuple[str, ...], organizer: str | None, *, change: bool) -> int:
    from cis_mcp.run.runtime import opened
    from engine.commands.pages.landing_hosts import SettleLandingHosts

    async with opened(settings, existing=True) as engine:
        if change:
            await engine.apply(SettleLandingHosts(hosts=hosts, organizer=organizer), engine.local)
        found = await engine.landing_hosts((organizer or engine.local.address).strip().lower())
    click.echo("\n".join(found) or "No hosts are allowed.")
    return 0


async def _create(settings: Settings, given: dict[str, Any], *, as_json: bool) -> int:
    from cis_mcp.run.runtime import opened
    from cis_mcp.views.links import LinkFields, code_to_copy

    async with opened(settings) as engine:
        command = await LinkFields(**given).command(engine)
        done = await engine.apply(command, engine.local)
        code = await code_to_copy(engine, done.link, engine.local)
    _show(done.link.id, code, as_json=as_json)
    return 0


async def _code(settings: Settings, link_id: str, vendor_id: str, *, as_json: bool) -> int:
    from cis_mcp.run.runtime import opened
    from cis_mcp.views.links import code_to_copy

    async with opened(settings, existing=True) as engine:
        found = await engine.link(link_id, engine.local)
        code = await code_to_copy(engine, found, engine.local, vendor_id)
    _show(found.id, code, as_json=as_json)
    return 0


def _show(link_id: str, code: CodeToCopy, *, as_json: bool) -> None:
    if as_json:
        click.echo(json.dumps({"id": link_id, **code.model_dump()}, ensure_ascii=False))
        return
    steps = "\n".join(f"{n}. {step}" for n, step in enumerate(code.steps, 1))
    click.echo(f"Link {link_id} for {code.vendor}\n\n{code.button_html}\n\n{code.plain_link}\n\n{steps}\n")
    click.echo(f"To try it: {code.test}")


async def _active(settings: Settings, link_id: str, *, active: bool) -> int:
    from cis_mcp.run.runtime import opened
    from engine.commands.pages.links import UpdateLink

    async with opened(settings, existing=True) as engine:
        done = await engine.apply(UpdateLink(link=link_id, active=active), engine.local)
    click.echo(f"{done.link.id} is {'in use' if done.link.active else 'ended'}")
    return 0


async def _list(settings: Settings, *, as_json: bool) -> int:
    from cis_mcp.run.runtime import opened
    from cis_mcp.views.links import link_info
    from engine.model.queries import WHOLE_LIST

    async with opened(settings, existing=True) as engine:
        infos = [await link_info(engine, each) for each in await engine.links(engine.local, WHOLE_LIST)]
    for info in infos:
        n = info.counts
        counts = f"shown {n.shown}, pressed {n.pressed}, sent {n.sent}, answered {n.answered}"
        line = f"{info.id}  {'' if info.active else '(ended) '}{info.name}: {counts}"
        click.echo(info.model_dump_json() if as_json else line)
    return 0


async def _vendors(settings: Settings, *, as_json: bool) -> int:
    from cis_mcp.run.runtime import opened
    from cis_mcp.views import vendors

    async with opened(settings, existing=True) as engine:
        every = await vendors.vendors(engine, hidden=True)
    for each in every:
        line = f"{each.id}  {'(hidden) ' if each.hidden else ''}{each.name}: {each.email_tag or 'no tag'}"
        click.echo(each.model_dump_json() if as_json else line)
    return 0


async def _set_vendor(settings: Settings, vendor_id: str, values: dict[str, Any]) -> int:
    from pydantic import ValidationError

    from cis_mcp.run.runtime import opened
    from cis_mcp.views import vendors
    from engine.commands.pages.vendors import SaveVendor
    from engine.model.campaign_links import Vendor

    async with opened(settings) as engine:
        known = {each.id: each for each in await vendors.vendors(engine, hidden=True)}
        before = known[vendor_id].model_dump() if vendor_id in known else {"id": vendor_id, "name": vendor_id}
        try:
            wanted = Vendor.model_validate({**before, **values})
        except ValidationError as error:
            raise click.UsageError("; ".join(f"{e['loc'][0]}: {e['msg']}" for e in error.errors())) from None
        done = await engine.apply(SaveVendor(vendor=wanted), engine.local)
    click.echo(f"{done.vendor.id}  {done.vendor.name}")
    return 0
