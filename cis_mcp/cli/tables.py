"""What `cis-mcp export --to` does: one file for each table, complete or not written at all."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

import click

from cis_mcp.run.runtime import opened
from engine.commands.operators.exports import NoteExport
from engine.engine import Engine
from engine.exporting.files import Form, writer, written
from engine.model.exports import ExportQuery, Table
from engine.settings import Settings


async def export(
    settings: Settings,
    folder: Path,
    tables: Sequence[Table],
    forms: Sequence[Form],
    *,
    organizer: str,
    since: datetime | None,
    until: datetime | None,
    addresses: bool,
) -> int:
    """Write the tables into a folder, which is created if missing."""
    for form in forms:
        writer(Table.LINKS, form)
    async with opened(settings, existing=True) as engine:
        await asyncio.to_thread(folder.mkdir, parents=True, exist_ok=True)
        if addresses:
            await engine.apply(NoteExport(tables=tuple(tables), organizer=organizer), engine.local)
        for table in tables:
            query = ExportQuery(table=table, organizer=organizer or None, since=since, until=until)
            for form in forms:
                path = folder / f"{table.value}.{form.value}"
                rows = await _file(engine, query, form, path, addresses=addresses)
                click.echo(f"{path}  {rows:,} bytes")
    return 0


async def _file(engine: Engine, query: ExportQuery, form: Form, path: Path, *, addresses: bool) -> int:
    """Write one file, under a temporary name until it is complete. Returns its size in bytes."""
    part = path.with_name(f".{path.name}.part")
    size = 0
    try:
        with part.open("wb") as file:
            rows = engine.table_rows(query, engine.local, masked=not addresses)
            async for piece in written(rows, writer(query.table, form)):
                size += file.write(piece)
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)
    return size
