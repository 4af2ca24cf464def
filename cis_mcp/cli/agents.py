"""What `cis-mcp key …` does."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

import click

from cis_mcp.run.runtime import opened
from cis_mcp.views import keys as views
from engine.commands.agents.keys import ChangeKey, CreateKey, KeyDone, RevokeKey, RotateKey, StopKey
from engine.commands.agents.lists import SetAddressList
from engine.commands.agents.owed import DecideOwed
from engine.commands.agents.widening import WidenKey
from engine.commands.base import Command
from engine.jobs.accounts import key_day
from engine.model.bounds import Bounds
from engine.model.keys import Key
from engine.refusals import Code, Refused
from engine.settings import Settings

if TYPE_CHECKING:
    from cis_mcp.mcp.tools import Tier


class ToolLimits(NamedTuple):
    """Which of a server's tools a key may use; `tools` comma separated, empty for all of the tier."""

    tier: Tier | None = None
    tools: str = ""
    read_only: bool = False


class WantedKey(NamedTuple):
    """What `key create` is asked for, except the bounds."""

    name: str
    address: str | None
    under: str
    scopes: Sequence[str]
    limits: ToolLimits
    subject: str = ""
    api: Literal["", "standard", "admin"] = ""


async def create_key(
    settings: Settings, wanted: WantedKey, file: Path | None, given: Mapping[str, Any], *, as_json: bool
) -> int:
    """Make a key and show its secret, which is shown only this once."""
    if wanted.subject and not settings.oauth_issuer:
        raise Refused(
            Code.INVALID_ARGUMENT, "CIS_OAUTH_ISSUER is not set.", "Set it to the issuer of the tokens."
        )
    values = {**_read(file), **given}
    command = CreateKey(
        name=wanted.name,
        address=wanted.address,
        under=wanted.under,
        oauth_issuer=settings.oauth_issuer,
        oauth_subject=wanted.subject,
        bounds=views.read_bounds(values) if values else None,
        scopes=frozenset(wanted.scopes) or None,
        tier=wanted.limits.tier or "",
        tools=_named(wanted.limits.tools),
        read_only=wanted.limits.read_only,
        api=wanted.api,
    )
    return await _done(settings, command, as_json=as_json)


def _read(file: Path | None) -> dict[str, Any]:
    """The bounds in a file. Raises Refused: INVALID_ARGUMENT."""
    if file is None:
        return {}
    try:
        found = json.loads(file.read_text(encoding="utf-8"))
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, dict):
        raise Refused(
            Code.INVALID_ARGUMENT,
            f"{file} does not contain a JSON object.",
            'Write {"to": ["*@example.com"]}.',
        )
    return found


def _named(tools: str) -> tuple[str, ...]:
    """The tools of a comma-separated list; raises Refused(INVALID_ARGUMENT) for a name that no tool has."""
    if not tools:
        return ()
    from cis_mcp.mcp.tools.access import names_in

    return names_in(tools)


async def list_keys(settings: Settings, *, as_json: bool) -> int:
    """Show all keys."""
    async with opened(settings, existing=True) as engine:
        keys, now = await engine.keys(), engine.clock()
    if as_json:
        click.echo(json.dumps([views.data(key, now, keys) for key in keys], ensure_ascii=False, indent=2))
        return 0
    for key in keys:
        click.echo(views.line(key, now, keys))
    if not keys:
        click.echo("There are no keys; make one with “cis-mcp key create”.", err=True)
    return 0


async def show_key(settings: Settings, key_id: str, *, as_json: bool) -> int:
    """Show one key: its bounds and what is left of them, what it did, was refused and waits for."""
    async with opened(settings, existing=True) as engine:
        key, now = await _key(engine.keys, key_id), engine.clock()
        day = await key_day(engine, key, now)
        keys = await engine.keys()
    if as_json:
        data = {**views.data(key, now, keys), **views.day_data(day)}
        click.echo(json.dumps(data, ensure_ascii=False, indent=2))
        return 0
    for text in [views.line(key, now, keys), *views.bound_lines(key), *views.day_lines(day)]:
        click.echo(text)
    return 0


async def _key(keys: Any, key_id: str) -> Key:
    found: Key | None = next((key for key in await keys() if key.id == key_id), None)
    if found is None:
        raise Refused(Code.UNKNOWN_KEY, f"No key has the id “{key_id[:40]}”.")
    return found


async def change_key(
    settings: Settings, key_id: str, file: Path | None, given: Mapping[str, Any], *, as_json: bool
) -> int:
    """Change bounds of a key, and show it."""
    async with opened(settings, existing=True) as engine:
        before = (await _key(engine.keys, key_id)).bounds or Bounds()
        bounds = views.read_bounds({**before.model_dump(mode="json"), **_read(file), **given})
        done = await engine.apply(ChangeKey(key_id=key_id, bounds=bounds), engine.local)
        _show(done, engine.clock(), as_json=as_json)
    return 0


async def widen_key(settings: Settings, key_id: str, bound: str, add: str, *, as_json: bool) -> int:
    """Widen one bound of a key and of the keys above it, and show it."""
    return await _done(settings, WidenKey(key_id=key_id, bound=bound, add=add), as_json=as_json)


async def changed_key(settings: Settings, name: str, key_id: str, *, as_json: bool) -> int:
    """Stop, resume, rotate or revoke a key."""
    commands: Mapping[str, Command[KeyDone]] = {
        "stop": StopKey(key_id=key_id),
        "resume": StopKey(key_id=key_id, stopped=False),
        "rotate": RotateKey(key_id=key_id),
        "revoke": RevokeKey(key_id=key_id),
    }
    return await _done(settings, commands[name], as_json=as_json)


async def decide_owed(settings: Settings, key_id: str, *, send: bool | None) -> int:
    """Print how many changes and cancellations of a key wait, and send or drop them."""
    async with opened(settings, existing=True) as engine:
        done = await engine.apply(DecideOwed(key_id=key_id, send=send), engine.local)
    became = {None: "wait for a decision", True: "leave now", False: "were dropped"}[send]
    click.echo(f"{done.mails} {'mail' if done.mails == 1 else 'mails'}: {became}")
    return 0


async def address_list(settings: Settings, name: str, patterns: tuple[str, ...] | None) -> int:
    """Show a list of address patterns, or replace them."""
    async with opened(settings, existing=True) as engine:
        done = await engine.apply(SetAddressList(name=name, patterns=patterns), engine.local)
    for one in done.patterns:
        click.echo(one)
    if not done.patterns:
        click.echo(f"@{done.name} is empty.", err=True)
    return 0


async def _done(settings: Settings, command: Command[KeyDone], *, as_json: bool) -> int:
    """Only a new key may be the first thing in a store."""
    async with opened(settings, existing=not isinstance(command, CreateKey)) as engine:
        done = await engine.apply(command, engine.local)
        _show(done, engine.clock(), as_json=as_json)
    return 0


def _show(done: KeyDone, now: Any, *, as_json: bool) -> None:
    if as_json:
        secret = {"key": done.secret} if done.secret else {}
        found = views.data(done.key, now)
        click.echo(json.dumps({"id": found.pop("id"), **secret, **found}, ensure_ascii=False, indent=2))
        return
    click.echo(views.line(done.key, now), err=bool(done.secret))
    if done.secret:
        click.echo("Keep this; it is stored nowhere and not shown again:", err=True)
        click.echo(done.secret)
