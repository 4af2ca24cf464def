"""The record of what the caller did."""

from __future__ import annotations

from cis_mcp.rest.endpoint import Call, Endpoint
from cis_mcp.rest.models import Body, Cursor, Limit, Query
from cis_mcp.views.base import Data
from cis_mcp.views.record import RecordRow, record_row
from engine.model import cursors
from engine.model.verbs import Verb


class ListingRecord(Query):
    """A page of the record."""

    limit: Limit = 50
    cursor: Cursor = None


class RecordRows(Data):
    """Rows of the record, newest first."""

    rows: list[RecordRow]
    next_cursor: str | None


async def record(call: Call[ListingRecord, Body]) -> RecordRows:
    """List what the server's record says you did, newest first: each command, whether it was done or refused, and
    with which code. It holds no addresses."""
    limit, cursor = call.query.limit, call.query.cursor
    (before,) = cursors.opened(cursor, int) if cursor else [None]
    assert before is None or isinstance(before, int)
    rows = await call.engine.record(call.actor, limit + 1, before)
    following = cursors.written(rows[limit - 1].seq) if len(rows) > limit else None
    return RecordRows(rows=[record_row(row) for row in rows[:limit]], next_cursor=following)


ENDPOINTS = (
    Endpoint(
        "GET",
        "/v1/record",
        record,
        RecordRows,
        Verb.READ,
        "agents",
        ListingRecord,
        tool="list_record",
        tier="extended",
    ),
)
