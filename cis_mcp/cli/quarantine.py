"""`cis-mcp quarantine …`: mails that were set aside, at the command line."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import click

from cis_mcp.cli.base import run, settings_in_force

if TYPE_CHECKING:
    from engine.inbox.quarantine import QuarantinedMail
    from engine.settings import Settings


@click.group()
def quarantine() -> None:
    """Mails that were set aside."""


@quarantine.command("list")
@click.option("--limit", type=click.IntRange(1, 100), default=50, show_default=True, help="How many.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object per line.")
def list_(limit: int, *, as_json: bool) -> None:
    """List the mails, newest first, and why each was set aside."""
    run(_list(settings_in_force(), limit, as_json=as_json))


@quarantine.command()
@click.argument("mail_id", metavar="ID")
def show(mail_id: str) -> None:
    """Show the mail ID safely: only its text, shortened."""
    run(_show(settings_in_force(), mail_id))


@quarantine.command()
@click.argument("mail_ids", metavar="ID…", nargs=-1, required=True)
def release(mail_ids: tuple[str, ...]) -> None:
    """Process mails as if their senders were proven and allowed."""
    run(_release(settings_in_force(), mail_ids))


@quarantine.command()
@click.argument("mail_ids", metavar="ID…", nargs=-1, required=True)
def drop(mail_ids: tuple[str, ...]) -> None:
    """Discard mails without doing what they ask."""
    run(_drop(settings_in_force(), mail_ids))


async def _list(settings: Settings, limit: int, *, as_json: bool) -> int:
    from cis_mcp.run.runtime import opened
    from engine.inbox.quarantine import Quarantine

    async with opened(settings, existing=True) as engine:
        page = await Quarantine(engine).page(limit)
    for mail in page.mails:
        click.echo(mail.model_dump_json() if as_json else _line(mail))
    if not as_json:
        rest = page.total - len(page.mails)
        summary = f"{rest} more wait." if rest else "" if page.mails else "No mail is set aside."
        click.echo(summary, err=True, nl=bool(summary))
        if page.sums.dropped_mails:
            gone, size = page.sums.dropped_mails, page.sums.dropped_bytes / 1_000_000
            click.echo(
                f"{gone} mails from unknown senders were deleted to make room: {size:.1f} MB.", err=True
            )
    return 0


def _line(mail: QuarantinedMail) -> str:
    quoted = {
        key: json.dumps(value, ensure_ascii=False) for key, value in (("s", mail.subject), ("f", mail.sender))
    }
    return f"{mail.id}  {mail.arrived:%Y-%m-%d %H:%M}  {mail.code or '?'}  from {quoted['f']}: {quoted['s']}"


async def _show(settings: Settings, mail_id: str) -> int:
    from cis_mcp.run.runtime import opened
    from engine.inbox.quarantine import Quarantine

    async with opened(settings, existing=True) as engine:
        shown = await Quarantine(engine).show(mail_id)
    click.echo(f"waits: {shown.held.code} {shown.held.detail}")
    click.echo(f"from {shown.client or 'no SMTP client'}, envelope sender <{shown.envelope_sender}>\n")
    for name, value in shown.headers:
        click.echo(f"{name}: {value}")
    for words in (shown.text, *shown.calendars):
        click.echo(f"\n{words}")
    return 0


async def _release(settings: Settings, mail_ids: tuple[str, ...]) -> int:
    from cis_mcp.run.runtime import opened
    from engine.inbox.intake.intake import Inbox
    from engine.inbox.quarantine import Quarantine

    async with opened(settings, existing=True) as engine, Inbox(engine) as inbox:
        for mail_id in mail_ids:
            name = await Quarantine(engine).release(mail_id, engine.local)
            for outcome in await inbox.handle(name):
                summary: dict[str, Any] = outcome.model_dump(
                    mode="json", include={"action", "uid", "code", "detail"}
                )
                click.echo(json.dumps({"id": mail_id, **summary}, ensure_ascii=False))
    return 0


async def _drop(settings: Settings, mail_ids: tuple[str, ...]) -> int:
    from cis_mcp.run.runtime import opened
    from engine.inbox.quarantine import Quarantine

    async with opened(settings, existing=True) as engine:
        for mail_id in mail_ids:
            await Quarantine(engine).drop(mail_id, engine.local)
            click.echo(f"{mail_id}: discarded")
    return 0
