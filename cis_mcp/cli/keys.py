"""`cis-mcp key …`: keys that agents act with, and their bounds."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypeVar

import click

from cis_mcp.cli.base import run, settings_in_force

if TYPE_CHECKING:
    from cis_mcp.mcp.tools import Tier

F = TypeVar("F", bound=Callable[..., Any])

_DAYS = re.compile(r"(\d{1,5})\s*(d|days?)?")


class Days(click.ParamType[int]):
    """A number of days such as `90d`."""

    name = "DAYS"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        """The number of days; fails as click's types do."""
        found = _DAYS.fullmatch(str(value).strip())
        if not found:
            self.fail(f"“{value}” is not a number of days; write 90d.", param, ctx)
        return int(found[1])


_TEXTS = {
    "verbs": "What it may do: read, create, update, send, bulk, report, publish, reply, suppress, trigger, delegate, "
    "approve, admin, comma separated; default: read, create, send, bulk, update, report.",
    "to": "Who it may mail: patterns such as *@example.com, or @name of a list; '' for no one; default: anyone.",
    "not-to": "Who it may not mail; overrides --to.",
    "links": "Hosts that its texts may link to, such as example.com,*.example.com; '': none; default: any.",
    "hours": "When its mail may leave, such as 08:00-20:00; default: always.",
    "timezone": "Time zone of --hours; default: UTC.",
    "owner": "The person responsible: an address that no agent reads; default: CIS_OWNER.",
    "decides-for": "Ids of keys, or *, whose requests it may decide although it may make them itself; default: none.",
    "approval": "What needs the owner's approval: bulk:N, new-domain, links, outside-hours, time-changes, changes, "
    "everything, comma separated; default: nothing.",
}
_NUMBERS = {
    "day": "Mails a day; 0: no limit; default: 500.",
    "minute": "Mails a minute, further ones wait; default: 60.",
    "new-people-day": "People a day that this key has never mailed before; default: 100.",
    "person-day": "Mails a day to one person; default: 20.",
    "bulk-max": "Rows of one list; default: 100.",
    "events-max": "Active events at one time; default: 200.",
}


def bounded(command: F) -> F:
    """Give a command the options that set bounds, and `--bounds FILE`."""
    for name, words in reversed(_TEXTS.items()):
        command = click.option(f"--{name}", name.replace("-", "_"), help=words)(command)
    for name, words in reversed(_NUMBERS.items()):
        command = click.option(f"--{name}", name.replace("-", "_"), type=click.IntRange(0), help=words)(
            command
        )
    for option in (
        click.option(
            "--horizon", "horizon_days", type=Days(), help="How far ahead events may start; default: 400d."
        ),
        click.option(
            "--expires", "expires_days", type=Days(), help="When the key ends; 0: never; default: 90d."
        ),
        click.option(
            "--mode",
            type=click.Choice(["observe", "hold", "act"]),
            help="observe: bounds are only recorded; hold: every request needs approval.",
        ),
        click.option(
            "--probation", "probation_days", type=Days(), help="How many days a new key stays in mode hold."
        ),
        click.option(
            "--probation-stays", is_flag=True, help="The probation ends only when the owner ends it."
        ),
        click.option("--attended", is_flag=True, help="A person at the client may approve there."),
        click.option(
            "--bounds",
            "bounds_file",
            type=click.Path(exists=True, dir_okay=False, path_type=Path),
            help="Read bounds as JSON from this file; other options override it.",
        ),
    ):
        command = option(command)
    return command


def given_bounds(options: Mapping[str, Any]) -> dict[str, Any]:
    """The bounds that options gave, by their names in the model."""
    values = {name: value for name, value in options.items() if value is not None and value is not False}
    stays = values.pop("probation_stays", False)
    for name in ("to", "not_to", "links", "decides_for"):
        if name in values:
            values[name] = _listed(values[name])
    approval = _listed(values["approval"]) if "approval" in values else []
    if "approval" in values:
        values["approval"] = []
    for one in approval:
        kind, _, over = one.partition(":")
        values["approval"].append(kind)
        if over:
            values["approval_bulk"] = over
    return {**values, **({"probation_ends": False} if stays else {})}


def _listed(text: str) -> list[str]:
    return [one.strip() for one in text.split(",") if one.strip()]


@click.group()
def key() -> None:
    """Keys that agents act with, and their bounds."""


as_json = click.option("--json", "as_json", is_flag=True, help="Print JSON.")


@key.command("create")
@click.option("--name", default="", help="Your name for the key.")
@click.option("--for", "address", metavar="ADDRESS", help="The address it acts for; default: CIS_ORGANIZER.")
@click.option(
    "--subject",
    default="",
    help="Instead of a secret, set bounds for this subject's tokens from CIS_OAUTH_ISSUER.",
)
@click.option(
    "--under", metavar="ID", default="", help="Its parent key; it stays within the parent's bounds."
)
@click.option(
    "--scope",
    "scopes",
    multiple=True,
    help="An older name for verbs: read, events, invites, campaigns, admin; repeatable.",
)
@click.option(
    "--tier",
    type=click.Choice(["core", "extended", "operator"]),
    help="Tier of tools; default: the server's.",
)
@click.option("--tools", metavar="A,B", default="", help="Only these tools.")
@click.option("--read-only", is_flag=True, help="Only tools that change nothing.")
@click.option(
    "--api",
    type=click.Choice(["standard", "admin"]),
    help="Only for the paths of the published server: /event and /organizer (admin: also /system), for all organizers.",
)
@bounded
@as_json
def key_create(
    name: str,
    address: str | None,
    under: str,
    subject: str,
    scopes: tuple[str, ...],
    tier: Tier | None,
    tools: str,
    *,
    read_only: bool,
    api: Literal["standard", "admin"] | None,
    bounds_file: Path | None,
    as_json: bool,
    **options: Any,
) -> None:
    """Make a key, and show it once.

    --tier, --tools and --read-only narrow what the server offers; they never add to it.
    """
    from cis_mcp.cli import agents

    limits = agents.ToolLimits(tier, tools, read_only)
    wanted = agents.WantedKey(name, address, under, scopes, limits, subject, api or "")
    run(agents.create_key(settings_in_force(), wanted, bounds_file, given_bounds(options), as_json=as_json))


@key.command("list")
@as_json
def key_list(*, as_json: bool) -> None:
    """List the keys, without their secrets."""
    from cis_mcp.cli import agents

    run(agents.list_keys(settings_in_force(), as_json=as_json))


@key.command("show")
@click.argument("key_id", metavar="ID")
@as_json
def key_show(key_id: str, *, as_json: bool) -> None:
    """Show the key ID: the address it acts for, its bounds, its state."""
    from cis_mcp.cli import agents

    run(agents.show_key(settings_in_force(), key_id, as_json=as_json))


@key.command("change")
@click.argument("key_id", metavar="ID")
@bounded
@as_json
def key_change(key_id: str, *, bounds_file: Path | None, as_json: bool, **options: Any) -> None:
    """Change bounds of the key ID; others stay. They also apply to its queued mail at once."""
    from cis_mcp.cli import agents

    run(agents.change_key(settings_in_force(), key_id, bounds_file, given_bounds(options), as_json=as_json))


@key.command("widen")
@click.argument("key_id", metavar="ID")
@click.argument("bound")
@click.argument("patterns", nargs=-1)
@as_json
def key_widen(key_id: str, bound: str, patterns: tuple[str, ...], *, as_json: bool) -> None:
    """Widen BOUND of the key ID, and of the keys above it as far as needed.

    Numbers are doubled, and approvals lifted. For to and links, PATTERNS are added; from not_to they are removed.
    """
    from cis_mcp.cli import agents

    run(agents.widen_key(settings_in_force(), key_id, bound, ",".join(patterns), as_json=as_json))


@key.command("owed")
@click.argument("key_id", metavar="ID")
@click.option("--send/--drop", "send", default=None, help="Send them now, or drop them.")
def key_owed(key_id: str, *, send: bool | None) -> None:
    """Count, send or drop the changes and cancellations that the key ID still owed when it ended or was narrowed."""
    from cis_mcp.cli import agents

    run(agents.decide_owed(settings_in_force(), key_id, send=send))


@key.command("addresses")
@click.argument("name")
@click.argument("patterns", nargs=-1)
@click.option("--none", "nobody", is_flag=True, help="Empty the list.")
def key_addresses(name: str, patterns: tuple[str, ...], *, nobody: bool) -> None:
    """Show the list NAME, or set it to PATTERNS; bounds refer to it as @NAME."""
    from cis_mcp.cli import agents

    run(agents.address_list(settings_in_force(), name, patterns if patterns or nobody else None))


def _changing(name: str, words: str) -> None:
    @key.command(name, help=words)
    @click.argument("key_id", metavar="ID")
    @as_json
    def changing(key_id: str, *, as_json: bool) -> None:
        from cis_mcp.cli import agents

        run(agents.changed_key(settings_in_force(), name, key_id, as_json=as_json))


_changing("stop", "Stop the key ID: it can change nothing, and its queued mail waits, until you resume it.")
_changing("resume", "Resume the key ID.")
_changing("rotate", "Give the key ID a new secret, shown once; the old one ends at once.")
_changing("revoke", "End the key ID at once and for good.")
