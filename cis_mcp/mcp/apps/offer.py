"""Names our pages only to clients that can show them, at the tools that they belong to."""

from __future__ import annotations

from typing import Any

from mcp.server import ServerRequestContext
from mcp.server.apps import client_supports_apps
from mcp.server.context import CallNext, HandlerResult

from cis_mcp.mcp.apps.pages import PAGES


class AppPages:
    """Middleware that names a tool's page to clients which show pages; all others get the lists without them."""

    async def __call__(self, ctx: ServerRequestContext[Any, Any], call_next: CallNext) -> HandlerResult:
        result = await call_next(ctx)
        if not isinstance(result, dict):
            return result
        if ctx.method == "tools/list" and _shows(ctx):
            return {**result, "tools": _with_pages(result["tools"])}
        if ctx.method == "resources/list" and not _shows(ctx):
            plain = [one for one in result["resources"] if not str(one["uri"]).startswith("ui://")]
            return {**result, "resources": plain}
        return result


def _shows(ctx: ServerRequestContext[Any, Any]) -> bool:
    """True also if a client could not say (sessionless calls of older versions), since `_meta` is only a hint."""
    return ctx.session.client_capabilities is None or client_supports_apps(ctx)


def _with_pages(tools: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The tools with their pages, except pages that call tools which this caller may not use."""
    names = {tool["name"] for tool in tools}
    pages = {name: page for page in PAGES if page.needs <= names for name in page.carriers}
    return [_with_page(tool, pages[tool["name"]].uri) if tool["name"] in pages else tool for tool in tools]


def _with_page(tool: dict[str, Any], uri: str) -> dict[str, Any]:
    return {**tool, "_meta": {**(tool.get("_meta") or {}), "ui": {"resourceUri": uri}}}
