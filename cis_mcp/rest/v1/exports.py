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
from starlette.types import Message, Receive, Scope, Send

from cis_mcp.rest.endpoint import Call, Endpoint, Tier
from cis_mcp.rest.models import Body, Query
from cis_mcp.views.dropping import DROP
from engine.exporting.files import Form, writer, written
from engine.model.exports import Cells, ExportQuery, Table
from engine.model.verbs import Verb

logger = logging.getLogger(__name__)

_PATIENCE_S = 60
_TAKEN_A_SECOND = 10_000
"""Bytes that a reader takes at the least, over the whole file."""
_PIECE = 65_536
"""Bytes that are waited for at a time: a group of rows of Parquet has megabytes."""
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
    """Who asked takes nothing of the answer, or too little."""


class _Reader:
    """Who takes a file; only the time is counted in which the file waits for it."""

    def __init__(self, send: Send) -> None:
        self._send = send
        self.taken, self.waited = 0, 0.0

    async def take(self, message: Message) -> None:
        """Have a message taken, in pieces: one waits until the one before it is on its way.

        Raises _UnreadError after a minute for a piece, or below the least pace over all.
        """
        body = message.get("body", b"")
        for first in range(0, len(body) - _PIECE, _PIECE):
            await self._piece({**message, "body": body[first : first + _PIECE], "more_body": True})
        rest = (len(body) - 1) // _PIECE * _PIECE if body else 0
        await self._piece({**message, "body": body[rest:]} if body else message)

    async def _piece(self, message: Message) -> None:
        self.taken += len(message.get("body", b""))
        earned = _PATIENCE_S + self.taken / _TAKEN_A_SECOND - self.waited
        loop = asyncio.get_running_loop()
        began = loop.time()
        try:
            async with asyncio.timeout(min(earned, _PATIENCE_S)):
                await self._send(message)
        except TimeoutError:
            raise _UnreadError from None
        self.waited += loop.time() - began


class Download(StreamingResponse):
    """A file that is written while it is read.

    It is given up, and its connection closed, once its reader has taken nothing for a minute, or too little in all.
    """

    _scope: Scope | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send the file."""
        self._scope = scope
        await super().__call__(scope, receive, send)

    async def stream_response(self, send: Send) -> None:
        """Send the file, or as much of it as is taken in time."""
        reader = _Reader(send)
        try:
            await super().stream_response(reader.take)
        except _UnreadError:
            logger.warning(
                "an export was given up: its reader was waited for too long, after %d bytes", reader.taken
            )
            drop = (self._scope or {}).get("extensions", {}).get(DROP)
            if drop:
                drop()


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
