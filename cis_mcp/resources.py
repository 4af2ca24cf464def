"""The MCP resources: an event as JSON, and its report as CSV."""

from __future__ import annotations

from mcp.server import MCPServer
from mcp.server.mcpserver.exceptions import ResourceError, ResourceNotFoundError

from cis_mcp.tools.base import Desk
from cis_mcp.tools.events import FoundEvent
from cis_mcp.tools.results import event_info, statistics_info
from engine.refusals import Code, Refused

REPORT_MAX = 8_000_000
"""Characters of a report that are handed out at once: a resource cannot be read in pages."""

_ABSENT = frozenset({Code.UNKNOWN_EVENT, Code.NOT_OWNER})


def add_resources(server: MCPServer, desk: Desk) -> None:
    """Serve `event://{uid}` and `report://{uid}.csv` from `desk`."""

    @server.resource(
        "event://{uid}",
        name="event",
        title="Event",
        description="An event with its revision, times, words and counters, as JSON.",
        mime_type="application/json",
    )
    async def event(uid: str) -> str:
        try:
            return (await _found(desk, uid)).model_dump_json()
        except Refused as refused:
            raise _absent(refused) from None

    @server.resource(
        "report://{uid}.csv",
        name="report",
        title="Report",
        description="The attendees of an event as CSV: email, name, status, origin, prodid. "
        "list_attendees gives the same in pages.",
        mime_type="text/csv",
    )
    async def report(uid: str) -> str:
        try:
            return await _report(desk, uid)
        except Refused as refused:
            raise _absent(refused) from None


async def _found(desk: Desk, uid: str) -> FoundEvent:
    event, counters = await desk.engine.event_with_statistics(uid, desk.actor)
    return FoundEvent(event=event_info(event), statistics=statistics_info(counters))


async def _report(desk: Desk, uid: str) -> str:
    lines: list[str] = []
    size = 0
    async for line in desk.engine.report_csv(uid, desk.actor):
        lines.append(line)
        size += len(line)
        if size > REPORT_MAX:
            raise Refused(
                Code.TOO_LARGE,
                "The report is too large to be read at once.",
                "Page through it with list_attendees, or have it mailed with send_report.",
            )
    return "".join(lines)


def _absent(refused: Refused) -> ResourceError:
    kind = ResourceNotFoundError if refused.code in _ABSENT else ResourceError
    return kind(f"{refused.code.value}: {refused}")
