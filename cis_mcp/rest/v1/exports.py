"""Whole tables as files, for programs that analyse."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, time
from typing import Annotated

from pydantic import BeforeValidator, Field
from starlette.responses import Response, StreamingResponse

from cis_mcp.rest.endpoint import Call, Endpoint
from cis_mcp.rest.models import Body, Query
from engine.exporting.files import Form, writer, written
from engine.model.exports import ExportQuery, Table
from engine.model.verbs import Verb

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


async def export_table(call: Call[Exporting, Body]) -> Response:
    """Write a whole table as CSV or Parquet: events, attendees, messages, receipts or links, of a range of days. It
    is written while it is read, so that its size is not known before."""
    asked = call.query
    query = ExportQuery(
        table=asked.table, organizer=asked.organizer, since=midnight(asked.since), until=midnight(asked.until)
    )
    made = writer(asked.table, asked.format)
    rows = call.engine.table_rows(query, call.actor, masked=asked.masked)
    name = f"{asked.table.value}.{asked.format.value}"
    headers = {"Content-Disposition": f'attachment; filename="{name}"', "Cache-Control": "no-store"}
    return StreamingResponse(written(rows, made), headers=headers, media_type=MEDIA[asked.format])


def midnight(day: date | None) -> datetime | None:
    """The moment at which a day begins in UTC."""
    return datetime.combine(day, time(), UTC) if day else None


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
        media=MEDIA[Form.CSV],
        also=(MEDIA[Form.PARQUET],),
    ),
)
