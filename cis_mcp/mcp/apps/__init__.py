"""MCP Apps: pages that a host shows instead of a tool's text (SEP-1865)."""

from cis_mcp.mcp.apps.offer import AppPages
from cis_mcp.mcp.apps.pages import PAGES, AppPage, apps

__all__ = ["PAGES", "AppPage", "AppPages", "apps"]
