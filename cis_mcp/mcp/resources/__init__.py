"""The MCP resources: events, calendars, reports, campaigns, counters, and what the server says of itself."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from mcp.server import MCPServer, ServerRequestContext
from mcp.types import ListResourcesResult, PaginatedRequestParams

from cis_mcp.mcp.compat import low_level
from cis_mcp.mcp.resources.kinds import KINDS, Kind
from cis_mcp.mcp.resources.listing import page
from cis_mcp.mcp.resources.view import ResourceView
from cis_mcp.views.files import beside

_LLMS = "llms.txt"


def add_resources(server: MCPServer[Any], shelf: ResourceView) -> None:
    """Serve everything on `shelf`, and llms.txt; `resources/list` comes in pages."""
    # the first template that fits is read, so those with an ending stand before those without
    for kind in KINDS:
        served = server.resource(
            kind.uri,
            name=kind.name,
            title=kind.title,
            description=kind.description,
            mime_type=kind.mime_type,
        )
        served(_reader(shelf, kind))
    server.resource(
        f"cis://{_LLMS}",
        name=_LLMS,
        title="What this server is",
        description="Words, workflows and installation, for a model.",
        mime_type="text/markdown",
    )(_llms)
    _page_list(server, shelf)


def _reader(shelf: ResourceView, kind: Kind) -> Callable[..., Awaitable[str]]:
    """What the SDK calls to read a resource of `kind`; it looks at the names of its arguments."""

    async def alone() -> str:
        return await shelf.text(kind, "")

    async def uid(uid: str) -> str:
        return await shelf.text(kind, uid)

    async def campaign_id(id: str) -> str:  # noqa: A002 -- the name stands in the template
        return await shelf.text(kind, id)

    async def email(email: str) -> str:
        return await shelf.text(kind, email)

    readers: dict[str, Callable[..., Awaitable[str]]] = {
        "": alone,
        "uid": uid,
        "id": campaign_id,
        "email": email,
    }
    return readers[kind.variable]


def _llms() -> str:
    return beside(_LLMS).read_text(encoding="utf-8")


def _page_list(server: MCPServer[Any], shelf: ResourceView) -> None:
    async def listed(
        _context: ServerRequestContext[Any, Any], params: PaginatedRequestParams
    ) -> ListResourcesResult:
        return await page(shelf, await server.list_resources(), params.cursor)

    # The SDK's public way lists everything at once and knows no cursor.
    low_level(server).add_request_handler("resources/list", PaginatedRequestParams, listed)


__all__ = ["ResourceView", "add_resources"]
