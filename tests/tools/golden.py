"""The golden copy of what a client reads of each tool; `make snapshots` writes it anew."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from mcp.types import Tool

from cis_mcp.mcp.server import build_server
from cis_mcp.mcp.tools import EVERYTHING, Tier
from cis_mcp.mcp.tools.catalog import EVERY, SPECS
from engine.engine import Engine
from tests.support.engines import settings_in

FOLDER = Path(__file__).parent / "snapshots"
SIZES = "sizes"
CHARACTERS_A_TOKEN = 4
"""No tokenizer is at hand that every model would agree on; this is the usual estimate for English and JSON."""


def dumped(tool: Tool) -> dict[str, Any]:
    """A tool as it goes over the wire."""
    return tool.model_dump(mode="json", by_alias=True, exclude_none=True)


def size(tools: list[dict[str, Any]]) -> int:
    """Characters of a tools/list answer."""
    return len(json.dumps({"tools": tools}, separators=(",", ":"), ensure_ascii=False))


def text(value: object) -> str:
    return json.dumps(value, indent=1, ensure_ascii=False, sort_keys=False) + "\n"


async def wanted(engine: Engine) -> dict[str, str]:
    """What the folder should hold: a file for each tool, and one with the tokens of each tier."""
    server = build_server(engine, actor=lambda: engine.local, selection=EVERYTHING)
    tools = {tool.name: dumped(tool) for tool in await server.list_tools()}
    assert set(tools) == set(EVERY)
    sizes = {tier: tokens(tier, tools) for tier in SPECS}
    return {name: text(tool) for name, tool in tools.items()} | {SIZES: text(sizes)}


def tokens(tier: Tier, tools: dict[str, dict[str, Any]]) -> dict[str, int]:
    """How many tools a tier has, and how many tokens all of them are, at four characters a token."""
    listed = [tools[spec.name] for spec in SPECS[tier]]
    return {"tools": len(listed), "tokens": -(-size(listed) // CHARACTERS_A_TOKEN)}


def held() -> dict[str, str]:
    """What the folder holds."""
    return {path.stem: path.read_text(encoding="utf-8") for path in sorted(FOLDER.glob("*.json"))}


def renew(contents: dict[str, str]) -> None:
    """Make the folder hold exactly `contents`."""
    FOLDER.mkdir(exist_ok=True)
    for name in held().keys() - contents.keys():
        (FOLDER / f"{name}.json").unlink()
    for name, content in contents.items():
        (FOLDER / f"{name}.json").write_text(content, encoding="utf-8")


async def main() -> None:
    import tempfile

    with tempfile.TemporaryDirectory() as folder:
        engine = await Engine.open(settings_in(Path(folder)))
        try:
            renew(await wanted(engine))
        finally:
            await engine.close()


if __name__ == "__main__":
    import asyncio

    asyncio.run(main())
