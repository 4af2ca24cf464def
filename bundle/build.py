"""Builds dist/cis-mcp.mcpb, the one-click bundle for Claude Desktop: the sources, to be run by uv."""

from __future__ import annotations

import sys
import zipfile
from pathlib import Path

ROOT = Path(__file__).parent.parent
PACKED = ("cis_mcp", "engine", "prompts", "pyproject.toml", "README.md", "llms.txt")
_EPOCH = (1980, 1, 1, 0, 0, 0)
"""One date for every file, so that the same sources give the same bundle."""


def build(target: Path) -> Path:
    """Write the bundle to `target`; gives it back."""
    target.parent.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as bundle:
        for name, path in sorted(_files().items()):
            bundle.writestr(zipfile.ZipInfo(name, _EPOCH), path.read_bytes(), zipfile.ZIP_DEFLATED)
    return target


def _files() -> dict[str, Path]:
    """Name in the bundle → file."""
    own = {name: ROOT / "bundle" / name for name in ("manifest.json", "main.py")}
    return own | {str(path.relative_to(ROOT)): path for part in PACKED for path in _under(ROOT / part)}


def _under(path: Path) -> list[Path]:
    if path.is_file():
        return [path]
    return [p for p in path.rglob("*") if p.is_file() and "__pycache__" not in p.parts]


if __name__ == "__main__":
    sys.stdout.write(f"{build(ROOT / 'dist' / 'cis-mcp.mcpb')}\n")
