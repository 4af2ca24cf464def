"""What `cis-mcp forget` and `cis-mcp export` do."""

from __future__ import annotations

import json
from dataclasses import asdict

import click

from cis_mcp.run.runtime import opened
from engine.inbox import forgetting
from engine.settings import Settings


async def forget(settings: Settings, address: str) -> int:
    """Forget a person; 1 if something could not be erased yet."""
    async with opened(settings, existing=True) as engine:
        done = await forgetting.forget(engine, address, engine.local)
    click.echo(f"Rows changed or deleted: {done.rows}. Mails deleted: {done.mails}.")
    for place in done.left:
        click.echo(f"Still named by an organizer or operator in {place}; change it there.")
    if done.beyond:
        click.echo(f"Not looked at: {done.beyond}.")
    if not done.erased:
        click.echo(
            "Another program is reading the database, so its log still holds deleted rows: "
            "run this again when that program has ended.",
            err=True,
        )
    return 0 if done.erased else 1


async def export(settings: Settings, address: str) -> int:
    """Print what is kept about a person."""
    async with opened(settings, existing=True) as engine:
        kept = await forgetting.kept_of(engine, address, engine.local)
    click.echo(json.dumps({"address": address, **asdict(kept)}, indent=2, ensure_ascii=False, default=str))
    return 0
