"""The API explorer's page: nothing in it is of another origin, and nothing runs that is not our file."""

from __future__ import annotations

import re

import httpx
from starlette.applications import Starlette

from cis_mcp.pages import published
from engine.engine import Engine


async def test_the_explorer_loads_only_files_of_ours(engine: Engine) -> None:
    way = httpx.ASGITransport(Starlette(routes=published.routes(engine)))
    async with httpx.AsyncClient(transport=way, base_url="https://cis.example.com") as web:
        page = await web.get("/explorer")
        assert page.status_code == 200
        assert "script-src 'self'" in page.headers["content-security-policy"]
        assert "<script>" not in page.text
        paths = re.findall(r'(?:src|href)="(/brand/[^"]+)"', page.text)
        assert len(paths) == 3
        for path in paths:
            assert (await web.get(path)).status_code == 200, path
        assert set(re.findall(r'(?:src|href)="(https?:[^"]+)"', page.text)) == set()
