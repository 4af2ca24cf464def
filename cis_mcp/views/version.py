"""The version of this package."""

import importlib.metadata
from functools import cache


@cache
def version() -> str:
    """The version from the package's metadata; unknown for a checkout that was never installed."""
    try:
        return importlib.metadata.version("cis-mcp")
    except importlib.metadata.PackageNotFoundError:
        return "0+checkout"
