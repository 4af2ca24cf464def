"""llms.txt, which tells a model what this server is."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response

from cis_mcp.views.files import beside


async def llms_txt(_request: Request) -> Response:
    """GET /llms.txt: the file as it was made from the code."""
    text = beside("llms.txt").read_text(encoding="utf-8")
    return PlainTextResponse(text, headers={"Cache-Control": "public, max-age=3600"})
