"""The tool that shows an agent its rows of the record."""

from __future__ import annotations

from pydantic import Field

from cis_mcp.mcp.tools.arguments import Arguments
from cis_mcp.mcp.tools.base import CallContext, Reply, Result, Spec, reads
from cis_mcp.mcp.tools.fitting import fitted
from cis_mcp.views.record import RecordRow, record_row
from engine.model import cursors
from engine.model.record import ChainRow


class ListRecordArguments(Arguments):
    """Arguments of list_record."""

    limit: int = Field(50, ge=1, le=100)
    cursor: str | None = Field(None, description="next_cursor of the previous page", max_length=200)


class RecordRows(Result):
    """Rows of the record, newest first."""

    rows: list[RecordRow]
    next_cursor: str | None


async def list_record(call: CallContext, arguments: ListRecordArguments) -> Reply:
    """List what the server recorded of your actions, newest first: each command, whether it was done or refused,
    and with which code. The rows form a hash chain, which proves later what was done; they contain no addresses.
    For what happened to your events use list_changes."""
    (before,) = cursors.opened(arguments.cursor, int) if arguments.cursor else [None]
    assert before is None or isinstance(before, int)
    rows = await call.engine.record(call.actor, arguments.limit + 1, before)

    async def page(limit: int) -> Reply:
        return _reply(rows[:limit], more=len(rows) > limit)

    return await fitted(arguments.limit, page)


def _reply(rows: list[ChainRow], *, more: bool) -> Reply:
    infos = [record_row(row) for row in rows]
    cursor = cursors.written(rows[-1].seq) if more else None
    lines = [_line(info) for info in infos] or ["The record has no row of yours."]
    if cursor:
        lines.append(f"There are older ones; go on with cursor {cursor}")
    return Reply("\n".join(lines), RecordRows(rows=infos, next_cursor=cursor))


def _line(info: RecordRow) -> str:
    code = f" ({info.code})" if info.code else ""
    event = f", {info.event}" if info.event else ""
    mails = f", mails {info.mails}" if info.mails else ""
    times = f", {info.times} times" if info.times > 1 else ""
    return f"- {info.row}. {info.at} {info.command} {info.outcome}{code}{event}{mails}{times}"


TOOLS = (Spec(list_record, "List the record", ListRecordArguments, RecordRows, reads()),)
