"""The tools, one module a group; catalog.py says which tier each is in, access.py who may use it."""

from cis_mcp.mcp.tools.access import EVERYTHING, Selection, allowed
from cis_mcp.mcp.tools.catalog import EVERY, SPECS, Tier

__all__ = ["EVERY", "EVERYTHING", "SPECS", "Selection", "Tier", "allowed"]
