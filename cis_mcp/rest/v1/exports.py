"""Whole tables as files, for programs that analyse."""

from __future__ import annotations

import asyncio
import logging
import re
from collections.abc import AsyncIterator
from datetime import UTC, date, datetime, time
from typing import Annotated

from pydantic import BeforeValidator, Field
from starlette.responses import Response, StreamingResponse
from starlette.types import Message, Send

from cis_mcp.rest.endpoint import Call, Endpoint, Tier
from cis_mcp.rest.models import Body, Query
from engine.exporting.files import Form, writer, written
from engine.model.exports import Cells, ExportQuery, Table
from engine.model.verbs import Verb

logger = logging.getLogger(__name__)

_PATIENCE_S = 60
_DAY = re.compile(r"\d{4}-\d{2}-\d{2}")
MEDIA = {Form.CSV: "text/csv", Form.PARQUET: "application/vnd.apache.parquet"}


def _written_out(value: object) -> object:
    """A day as it is written; a number is none, though it could be read as seconds."""
    if isinstance(value, str) and not _DAY.fullmatch(value):
        raise ValueError("must be a day such as 2027-05-01")
    return value


Day = Annotated[date | None, BeforeValidator(_written_out)]


class Exporting(Query):
    """Which table, of whom and of which days, and how it is written."""

    table: Table
    format: Form = Form.CSV
    organizer: str | None = Field(
        None, description="address; left out: yourself, or all for the operator", max_length=1_000
    )
    since: Annotated[
        Day,
        Field(description="only rows from this day on (UTC); docs/exports.md says by which column"),
    ] = None
    until: Annotated[Day, Field(description="only rows before this day (UTC)")] = None
    masked: bool = Field(
        True, description="false: addresses and names in full, for a key with the verb `report`"
    )


class _UnreadError(Exception):
    """Who asked takes nothing of the answer."""


class Download(StreamingResponse):
    """A file that is written while it is read; given up once its reader has taken nothing for a minute."""

    async def stream_response(self, send: Send) -> None:
        """Send the file, or as much of it as is taken."""

        async def in_time(message: Message) -> None:
            try:
                async with asyncio.timeout(_PATIENCE_S):
                    await send(message)
            except TimeoutError:
                raise _UnreadError from None

        try:
            await super().stream_response(in_time)
        except _UnreadError:
            logger.warning("an export was given up: its reader took nothing for %d s", _PATIENCE_S)


async def export_table(call: Call[Exporting, Body]) -> Response:
    """Write a whole table as CSV or Parquet: events, attendees, messages, receipts or links, of a range of days. It
    is written while it is read, so that its size is not known before."""
    asked = call.query
    query = ExportQuery(
        table=asked.table, organizer=asked.organizer, since=midnight(asked.since), until=midnight(asked.until)
    )
    made = writer(asked.table, asked.format)
    rows = call.engine.table_rows(query, call.actor, masked=asked.masked)
    # Begun before the head of the answer is sent, which can tell of no refusal any more.
    first: list[Cells] = await anext(rows, [])
    name = f"{asked.table.value}.{asked.format.value}"
    headers = {"Content-Disposition": f'attachment; filename="{name}"', "Cache-Control": "no-store"}
    pieces = written(_going_on(first, rows), made)
    return Download(pieces, headers=headers, media_type=MEDIA[asked.format])


async def _going_on(first: list[Cells], rest: AsyncIterator[list[Cells]]) -> AsyncIterator[list[Cells]]:
    yield first
    async for page in rest:
        yield page


def midnight(day: date | None) -> datetime | None:
    """The moment at which a day begins in UTC."""
    return datetime.combine(day, time(), UTC) if day else None


_TOOLS: dict[str, tuple[str, Tier]] = {
    Table.EVENTS: ("search_events", "core"),
    Table.ATTENDEES: ("list_attendees", "core"),
    Table.MESSAGES: ("list_changes", "core"),
    Table.RECEIPTS: ("list_changes", "core"),
    Table.LINKS: ("list_links", "extended"),
}

ENDPOINTS = (
    Endpoint(
        "GET",
        "/v1/export/{table}",
        export_table,
        None,
        Verb.READ,
        "counting",
        Exporting,
        tool="list_attendees",
        tool_of=_TOOLS,
        media=MEDIA[Form.CSV],
        also=(MEDIA[Form.PARQUET],),
    ),
)
