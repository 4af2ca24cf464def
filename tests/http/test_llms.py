"""llms.txt over HTTP."""

from __future__ import annotations

from pathlib import Path

import httpx
from starlette.applications import Starlette
from starlette.routing import Route

from cis_mcp.pages.llms import llms_txt
from tests.support.waiting import DEADLINE_S

ROOT = Path(__file__).parents[2]


async def test_llms_txt_is_served_as_plain_text() -> None:
    app = Starlette(routes=[Route("/llms.txt", llms_txt)])
    way = httpx.ASGITransport(app=app)
    async with httpx.AsyncClient(transport=way, base_url="http://server", timeout=DEADLINE_S) as client:
        answer = await client.get("/llms.txt")
        assert answer.text == (ROOT / "llms.txt").read_text(encoding="utf-8")
        assert answer.headers["content-type"] == "text/plain; charset=utf-8"
        assert (await client.post("/llms.txt")).status_code == 405
