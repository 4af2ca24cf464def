"""`cis-mcp trigger …`: hooks for systems of record, and the rules for what they post."""

from __future__ import annotations

import asyncio
import errno
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from cis_mcp.cli.base import run, settings_in_force

if TYPE_CHECKING:
    from engine.model.rules import Rule
    from engine.settings import Settings

_FILE = click.Path(exists=True, dir_okay=False, allow_dash=True, path_type=Path)
_READ_MAX = 1_000_000


@click.group()
def trigger() -> None:
    """Hooks for systems of record, and the rules for what they post."""


@trigger.command()
@click.argument("name")
@click.option("--rules", required=True, type=_FILE, help="The rules, as YAML; - is stdin.")
@click.option(
    "--sender",
    required=True,
    help="The sender whose signature the hook expects: stripe, hubspot, shopify, bearer, …",
)
@click.option("--key", "key_id", required=True, metavar="ID", help="The key that it acts with.")
@click.option(
    "--header", default="", help="For salesforce-flow and bearer: the header; default: Authorization."
)
@click.option("--organization", default="", help="For salesforce-message: the organization's id.")
@click.option("--form", type=_FILE, help="For hmac: where the signature is and what it covers, as JSON.")
@click.option("--sample", type=_FILE, help="A payload, as JSON, to try the rules on.")
@click.option("--lookups", type=_FILE, help="The look-ups for its payloads, as YAML.")
@click.option(
    "--starting-minutes",
    default=1_440,
    help="For events: how long before its start an event counts as starting.",
)
def create(name: str, **options: Any) -> None:
    """Draft the trigger NAME, or give a trigger new rules; “live” turns it on."""
    run(_create(settings_in_force(), name, options))


@trigger.command("list")
def list_() -> None:
    """List the triggers."""
    run(_list(settings_in_force()))


@trigger.command()
@click.argument("name")
def secret(name: str) -> None:
    """Set the secrets of NAME, one per line on stdin; two are valid at once while you change one."""
    lines = [line.strip() for line in sys.stdin.read(_READ_MAX).splitlines() if line.strip()]
    if not lines:
        raise click.UsageError("Nothing came on stdin; give a secret on a line of its own.")
    run(_secret(settings_in_force(), name, lines))


@trigger.command()
@click.argument("name")
def live(name: str) -> None:
    """Turn NAME on: it acts on whatever is delivered from now on."""
    run(_live(settings_in_force(), name, live=True))


@trigger.command()
@click.argument("name")
def stop(name: str) -> None:
    """Turn NAME off: deliveries are stored, and nothing is done."""
    run(_live(settings_in_force(), name, live=False))


@trigger.command()
@click.argument("name")
@click.option("--rules", type=_FILE, help="Rules to try, as YAML; default: its own.")
@click.option("--body", type=_FILE, help="A payload, as JSON; default: its newest deliveries.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object per line.")
def test(name: str, *, rules: Path | None, body: Path | None, as_json: bool) -> None:
    """Show what the rules of NAME would do; nothing is done."""
    run(_test(settings_in_force(), name, rules, body, as_json=as_json))


@trigger.command()
@click.argument("name")
@click.option("--failed", is_flag=True, help="Only those that failed.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object per line.")
def deliveries(name: str, *, failed: bool, as_json: bool) -> None:
    """List the deliveries of NAME, newest first, and their outcomes."""
    run(_deliveries(settings_in_force(), name, failed=failed, as_json=as_json))


@trigger.command()
@click.argument("name")
@click.argument("delivery_id", metavar="ID")
@click.option("--out", type=click.Path(path_type=Path), help="Write the bytes to this new file.")
def proof(name: str, delivery_id: str, *, out: Path | None) -> None:
    """Verify the delivery ID once more, on the bytes as they were posted."""
    run(_proof(settings_in_force(), name, delivery_id, out))


@trigger.command()
@click.argument("name")
def reconcile(name: str) -> None:
    """Ask the sender of NAME for deliveries that were missed; nothing is done twice."""
    run(_reconcile(settings_in_force(), name))


@trigger.command()
@click.argument("name")
@click.option("--body", type=_FILE, required=True, help="The payload, as JSON.")
@click.option(
    "--id",
    "delivery_id",
    default="",
    help="Id by which a repetition is recognized; default: a hash of the payload.",
)
def fire(name: str, *, body: Path, delivery_id: str) -> None:
    """Give NAME a payload, as if its sender had posted it."""
    run(_fire(settings_in_force(), name, body, delivery_id))


@trigger.command()
@click.argument("name")
@click.argument("delivery_id", metavar="[ID]", default="")
@click.option(
    "--kept", is_flag=True, help="All that NAME only stored, as a draft or stopped; the oldest first."
)
def replay(name: str, delivery_id: str, *, kept: bool) -> None:
    """Process the delivery ID again, or what was only stored; nothing is sent twice."""
    if bool(delivery_id) is kept:
        raise click.UsageError("Give the id of a delivery, or --kept.")
    run(_replay(settings_in_force(), name, delivery_id))


def _text(path: Path) -> str:
    """A file, or standard input. Raises Refused: TOO_LARGE, INVALID_ARGUMENT."""
    from engine.refusals import Code, Refused

    with click.open_file(str(path), "rb") as file:
        content = file.read(_READ_MAX + 1)
    if len(content) > _READ_MAX:
        raise Refused(Code.TOO_LARGE, f"{path} has more than {_READ_MAX} bytes.")
    try:
        return str(content.decode())
    except UnicodeDecodeError:
        raise Refused(Code.INVALID_ARGUMENT, f"{path} is not UTF-8.") from None


def _rules(path: Path) -> tuple[Rule, ...]:
    from engine.rules.reading import rules_of

    return rules_of(_text(path))


def _json(path: Path) -> Any:
    from engine.triggers.proofs.connector import json_of

    return json_of(_text(path).encode())


async def _create(settings: Settings, name: str, options: dict[str, Any]) -> int:
    from pydantic import ValidationError

    from cis_mcp.run.runtime import opened
    from cis_mcp.views import triggers as views
    from engine.commands.triggers.triggers import CreateTrigger
    from engine.model.triggers import Proof
    from engine.refusals import Code, Refused
    from engine.rules.reading import lookups_of

    values = {name: options[name] for name in ("sender", "header", "organization")}
    try:
        proof = Proof.model_validate(
            {**values, **({"form": _json(options["form"])} if options["form"] else {})}
        )
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        where = ".".join(map(str, first["loc"]))
        raise Refused(Code.INVALID_ARGUMENT, f"{where}: {first['msg']}.") from None
    lookups, reconciling = lookups_of(_text(options["lookups"])) if options["lookups"] else ((), None)
    sample = _json(options["sample"]) if options["sample"] else None
    command = CreateTrigger(
        name=name,
        proof=proof,
        rules=_rules(options["rules"]),
        key=options["key_id"],
        sample=sample,
        starting_minutes=options["starting_minutes"],
        lookups=lookups,
        reconciling=reconciling,
    )
    async with opened(settings) as engine:
        done = await engine.apply(command, engine.local)
    click.echo(
        f"Hook: {views.hook(settings.public_url, done.trigger) or 'none: it acts on what happens on this server'}"
    )
    if done.secret:
        click.echo(f"Secret, shown once: {done.secret}")
    _warn(done.trigger)
    return 0


def _warn(trigger: Any) -> None:
    from cis_mcp.views import triggers as views

    for warning in views.warnings(trigger):
        click.echo(warning, err=True)


async def _list(settings: Settings) -> int:
    from cis_mcp.run.runtime import opened
    from cis_mcp.views import triggers as views
    from engine.triggers import asking

    async with opened(settings, existing=True) as engine:
        found = await asking.triggers(engine, engine.local)
        counts = await asking.counts(engine, [one for one, _ in found])
    for one, unproven in found:
        click.echo(f"{views.line(one, unproven)}  invited: {counts[one.id].invited}")
    if not found:
        click.echo("There are no triggers.", err=True)
    return 0


async def _secret(settings: Settings, name: str, lines: list[str]) -> int:
    from cis_mcp.run.runtime import opened
    from engine.commands.triggers.triggers import SetTriggerSecrets

    async with opened(settings, existing=True) as engine:
        done = await engine.apply(SetTriggerSecrets(name=name, secrets=tuple(lines)), engine.local)
    click.echo(f"{name} has {len(done.trigger.secrets)} secret{'s' if len(lines) != 1 else ''}.")
    return 0


async def _live(settings: Settings, name: str, *, live: bool) -> int:
    from cis_mcp.run.runtime import opened
    from cis_mcp.views import triggers as views
    from engine.commands.triggers.triggers import SetTriggerLive

    async with opened(settings, existing=True) as engine:
        done = await engine.apply(SetTriggerLive(name=name, live=live), engine.local)
    click.echo(f"{name} is {views.state(done.trigger)}.")
    _warn(done.trigger)
    return 0


async def _reconcile(settings: Settings, name: str) -> int:
    from cis_mcp.run.runtime import opened
    from engine.triggers.lookups import reconciled

    async with opened(settings, existing=True) as engine:
        new = await reconciled(engine, name, engine.local)
    click.echo(f"{new} missed deliver{'ies' if new != 1 else 'y'} found.")
    return 0


async def _fire(settings: Settings, name: str, body: Path, delivery_id: str) -> int:
    from cis_mcp.run.runtime import opened
    from engine.commands.triggers.feeding import FireTrigger

    command = FireTrigger(trigger=name, payload=_json(body), delivery_id=delivery_id)
    async with opened(settings, existing=True) as engine:
        done = await engine.apply(command, engine.local)
    click.echo(f"Delivery {done.delivery.id}; see its outcome with “cis-mcp trigger deliveries {name}”.")
    return 0


async def _test(
    settings: Settings, name: str, rules: Path | None, body: Path | None, *, as_json: bool
) -> int:
    from cis_mcp.run.runtime import opened
    from cis_mcp.views import triggers as views
    from engine.triggers import asking

    draft = _rules(rules) if rules else None
    payload = _json(body) if body else None
    async with opened(settings, existing=True) as engine:
        if body:
            tried = [await asking.tried_on_body(engine, name, engine.local, payload, draft)]
        else:
            tried = await asking.tried_on_kept(engine, name, engine.local, draft)
    for one in tried:
        click.echo(one.model_dump_json() if as_json else "\n".join(views.tried_lines(one)))
    if not tried:
        click.echo("Nothing was delivered yet; give a payload with --body.", err=True)
    return 0


async def _deliveries(settings: Settings, name: str, *, failed: bool, as_json: bool) -> int:
    from cis_mcp.run.runtime import opened
    from cis_mcp.views import triggers as views
    from engine.model.triggers import DeliveryState
    from engine.triggers import asking

    state = DeliveryState.FAILED if failed else None
    async with opened(settings, existing=True) as engine:
        found = await asking.deliveries(engine, name, engine.local, state=state, limit=100)
    for one in found:
        click.echo(one.model_dump_json() if as_json else views.delivery_line(one))
    return 0


async def _proof(settings: Settings, name: str, delivery_id: str, out: Path | None) -> int:
    from cis_mcp.run.runtime import opened
    from engine.process.secret_file import write_new
    from engine.triggers import asking

    if out is not None and await asyncio.to_thread(out.exists):
        raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), str(out))
    async with opened(settings, existing=True) as engine:
        found = await asking.proof_of(engine, name, delivery_id, engine.local)
    said = "its signature is valid" if found.holds else "no present secret of the hook made its signature"
    if found.holds is None:
        said = "its sender sends a secret instead of a signature, and the secret is not stored"
    request = found.request
    click.echo(f"Posted {request.received:%Y-%m-%d %H:%M:%S} UTC to {request.posted.url}: {said}.")
    click.echo(f"SHA-256 of its {len(request.posted.body)} bytes: {found.sha256}")
    if out is not None:
        write_new(out, request.posted.body)
    return 1 if found.holds is False else 0


async def _replay(settings: Settings, name: str, delivery_id: str) -> int:
    from cis_mcp.run.runtime import opened
    from cis_mcp.views import triggers as views
    from engine.commands.triggers.deliveries import ReplayDelivery
    from engine.triggers.replaying import replay_kept

    async with opened(settings, existing=True) as engine:
        if not delivery_id:
            count = await replay_kept(engine, name, engine.local)
            click.echo(
                f"{count} deliver{'ies' if count != 1 else 'y'}; the running server processes them now."
            )
            return 0
        done = await engine.apply(ReplayDelivery(trigger=name, delivery_id=delivery_id), engine.local)
    click.echo(f"{views.delivery_line(done.delivery)}  the running server processes it now")
    return 0
