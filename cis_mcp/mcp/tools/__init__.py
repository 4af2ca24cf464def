"""The tools, one module per group; catalog.py defines the tier of each, access.py who may use it."""

from cis_mcp.mcp.listed import LISTED, Tier
from cis_mcp.mcp.tools.access import EVERYTHING, Selection, allowed

__all__ = ["EVERYTHING", "LISTED", "Selection", "Tier", "allowed"]
