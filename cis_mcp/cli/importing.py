"""`cis-mcp import`: a table of commands, or a calendar from a file or the web."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Mapping, Sequence

import click

from cis_mcp.cli import hints
from cis_mcp.run.runtime import opened
from engine.commands.tables import batchrows, table
from engine.commands.tables.batch import Rehearsed, RequestOutcome, StepOutcome
from engine.engine import Engine
from engine.imports import feeds, installation, webpage
from engine.imports.imported import Imported, ImportOptions, in_words
from engine.inbox.routes import batch
from engine.itip import feed
from engine.refusals import Refused
from engine.settings import Settings

_BYTES_MAX = max(table.BYTES_MAX, feed.MAX_BYTES)
_SNIFFED = 4_096


async def run(settings: Settings, source: str, options: ImportOptions, *, as_json: bool) -> int:
    """Import SOURCE once and print each failure; 0 if everything was imported, else 1.

    Raises Refused if nothing could be done.
    """
    async with opened(settings) as engine:
        return await _once(engine, source, options, as_json=as_json)


async def again(
    settings: Settings, url: str, options: ImportOptions, seconds: float, *, as_json: bool
) -> int:
    """Import the calendar at a URL now and every `seconds` until the process is ended; problems are printed."""
    async with opened(settings) as engine:
        while True:
            try:
                await _once(engine, url, options, as_json=as_json)
            except Refused as refused:
                click.echo(hints.line(refused), err=True)
            except Exception as error:  # noqa: BLE001 -- told; the next time may go well
                click.echo(f"The calendar was not imported: {type(error).__name__}: {error}", err=True)
            await asyncio.sleep(seconds)


async def _once(engine: Engine, source: str, options: ImportOptions, *, as_json: bool) -> int:
    if installation.names_one(source):
        return await _installation(engine, source, options, as_json=as_json)
    if is_url(source):
        return _report(await feeds.import_url(engine, engine.local, source, options), as_json=as_json)
    name, data = await asyncio.to_thread(content, source)
    if is_calendar(data):
        return _report(await feeds.import_file(engine, engine.local, data, name, options), as_json=as_json)
    return await _rows(engine, data, options, as_json=as_json)


def is_url(source: str) -> bool:
    """True for a URL such as http://…, https://… or webcal://…, which is not a path."""
    return "://" in source[:20]


def is_calendar(data: bytes) -> bool:
    """True if the bytes begin as an iCalendar file does, in any encoding, or as a web page does."""
    head = data[:_SNIFFED].replace(b"\0", b"").upper()
    return b"BEGIN:VCALENDAR" in head or webpage.is_page(data)


def content(source: str) -> tuple[str, bytes]:
    """Name and bytes of a file, or of stdin for “-”. Raises Refused: PATH_NOT_READABLE."""
    if source == "-":
        return source, sys.stdin.buffer.read(_BYTES_MAX + 1)
    return feeds.read_file(source, _BYTES_MAX)


# an installation of the published Calendar Invite Server


async def _installation(engine: Engine, source: str, options: ImportOptions, *, as_json: bool) -> int:
    if options.dry_run or options.organizer or options.name:
        raise click.UsageError(
            "An installation is imported as a whole: only --timezone and --json can be combined with it."
        )
    zone = options.timezone or "UTC"
    done = await installation.take_over(engine, engine.local, source, timezone=zone)
    if as_json:
        click.echo(done.model_dump_json())
        return 1 if done.failed else 0
    for kind, counts in done.counts.items():
        click.echo(f"{kind}: {counts['new']} new, {counts['newer']} updated, {counts['known']} already known")
    for problem in done.problems:
        click.echo(_plain(f"  left out: {problem}"))
    click.echo(f"{done.left_out} left out. No one was mailed.", err=True)
    return 1 if done.failed else 0


# a table of commands


async def _rows(engine: Engine, data: bytes, options: ImportOptions, *, as_json: bool) -> int:
    found = batchrows.read(table.decode(data))
    for problem in batch.unknown_columns(found.unknown):
        click.echo(_plain(problem), err=True)
    given = {"organizer": options.organizer, "timezone": options.timezone}
    defaults = {column: value for column, value in given.items() if value}
    outcomes = await _apply_rows(engine, found.rows, defaults, dry_run=options.dry_run)
    for outcome in outcomes:
        click.echo(json.dumps(_shown(outcome), ensure_ascii=False) if as_json else _row(outcome))
    would = "Dry run, nothing was done. " if options.dry_run else ""
    click.echo(f"{would}{batch.in_words(outcomes)}", err=True)
    return 1 if any(o.became is RequestOutcome.FAILED for o in outcomes) else 0


async def _apply_rows(
    engine: Engine, rows: Sequence[batchrows.BatchRow], defaults: Mapping[str, str], *, dry_run: bool
) -> list[StepOutcome]:
    steps = [batchrows.RowStep(row=row, name=str(row.row), defaults=defaults) for row in rows]
    if dry_run:
        # In one piece: a row may speak of an event that an earlier row would make.
        try:
            return list(await batch.apply_steps(engine, steps, engine.local, dry_run=True))
        except Rehearsed as rehearsed:
            return list(rehearsed.outcomes)
    return await batch.apply_all(engine, steps, engine.local)


def _shown(outcome: StepOutcome) -> dict[str, object]:
    return {
        "row": outcome.name,
        "action": outcome.action,
        "outcome": outcome.became.value,
        "uid": outcome.uid,
        "code": outcome.code,
        "detail": outcome.detail,
        "notified": outcome.notified,
    }


def _row(outcome: StepOutcome) -> str:
    code = f" ({outcome.code})" if outcome.code else ""
    words = f"{outcome.detail}{code}"
    return _plain(f"{outcome.name:>5}  {outcome.action:<6}  {outcome.became:<9}  {outcome.uid:<40}  {words}")


# a calendar


def _report(imported: Imported, *, as_json: bool) -> int:
    if as_json:
        click.echo(imported.model_dump_json())
    else:
        problems = [f"  {p.name[:80] or 'without UID'}: {p.detail} ({p.code})" for p in imported.problems]
        left_out = [f"  {each[:500]} (left out)" for each in imported.left_out]
        for line in [*in_words(imported), *problems, *left_out]:
            click.echo(_plain(line))
    return 1 if imported.failed or imported.left else 0


def _plain(text: str) -> str:
    """`text` without control characters, which a terminal would obey."""
    return "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in text)
