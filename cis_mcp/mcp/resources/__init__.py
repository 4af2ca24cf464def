"""The MCP resources: events, calendars, reports, campaigns, counters, and the server's description of itself."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from functools import cache
from typing import Any

from mcp.server import MCPServer, ServerRequestContext
from mcp.server.mcpserver.resources import FunctionResource, ResourceTemplate
from mcp.types import ListResourcesResult, PaginatedRequestParams

from cis_mcp.mcp.compat import add_template, low_level
from cis_mcp.mcp.resources.kinds import KINDS, ResourceKind
from cis_mcp.mcp.resources.listing import page
from cis_mcp.mcp.resources.view import ResourceView
from cis_mcp.views.files import beside

_LLMS = "llms.txt"

_Text = Callable[[ResourceKind, str], Awaitable[str]]


def add_resources(server: MCPServer[Any], view: ResourceView) -> None:
    """Serve everything on `view`, and llms.txt; `resources/list` comes in pages."""
    # the first template that fits is read, so those with an ending stand before those without
    for kind in KINDS:
        if kind.variable:
            add_template(server, _template(kind).model_copy(update={"fn": _reader(kind, view.text)}))
        else:
            server.add_resource(
                FunctionResource(
                    uri=kind.uri,
                    name=kind.name,
                    title=kind.title,
                    description=kind.description,
                    mime_type=kind.mime_type,
                    fn=_reader(kind, view.text),
                )
            )
    server.resource(
        f"cis://{_LLMS}",
        name=_LLMS,
        title="What this server is",
        description="Words, workflows and installation, for a model.",
        mime_type="text/markdown",
    )(_llms)
    _page_list(server, view)


@cache
def _template(kind: ResourceKind) -> ResourceTemplate:
    """The part of a kind's template that all servers share, without a reader."""
    return ResourceTemplate.from_function(
        _reader(kind, _no_text),
        uri_template=kind.uri,
        name=kind.name,
        title=kind.title,
        description=kind.description,
        mime_type=kind.mime_type,
    )


async def _no_text(kind: ResourceKind, _name: str) -> str:
    raise LookupError(f"no server was named that has a {kind.name}")


def _reader(kind: ResourceKind, text: _Text) -> Callable[..., Awaitable[str]]:
    """The function that the SDK calls to read a resource of `kind`, by the names of its arguments."""

    async def alone() -> str:
        return await text(kind, "")

    async def uid(uid: str) -> str:
        return await text(kind, uid)

    async def campaign_id(id: str) -> str:  # noqa: A002 -- the name stands in the template
        return await text(kind, id)

    async def email(email: str) -> str:
        return await text(kind, email)

    readers: dict[str, Callable[..., Awaitable[str]]] = {
        "": alone,
        "uid": uid,
        "id": campaign_id,
        "email": email,
    }
    return readers[kind.variable]


def _llms() -> str:
    return beside(_LLMS).read_text(encoding="utf-8")


def _page_list(server: MCPServer[Any], view: ResourceView) -> None:
    async def listed(
        _context: ServerRequestContext[Any, Any], params: PaginatedRequestParams
    ) -> ListResourcesResult:
        return await page(view, await server.list_resources(), params.cursor)

    # The SDK's public way lists everything at once and knows no cursor.
    low_level(server).add_request_handler("resources/list", PaginatedRequestParams, listed)


__all__ = ["ResourceView", "add_resources"]
