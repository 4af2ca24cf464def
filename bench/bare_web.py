"""The peer of pages and REST: `python -m bench.bare_web PORT FOLDER UID` serves bytes, 304s and one row as JSON."""

from __future__ import annotations

import json
import sqlite3
import sys
from pathlib import Path

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route


def _application(folder: Path, uid: str) -> Starlette:
    page = (folder / "page.gz").read_bytes()
    database = sqlite3.connect(folder / "bare.db")

    async def whole(_request: Request) -> Response:
        headers = {"Content-Encoding": "gzip", "ETag": '"x"', "Cache-Control": "public, no-cache"}
        return Response(page, headers=headers, media_type="text/html; charset=utf-8")

    async def known(_request: Request) -> Response:
        return Response(status_code=304, headers={"ETag": '"x"', "Cache-Control": "public, no-cache"})

    async def event(_request: Request) -> Response:
        row = database.execute("SELECT body FROM event WHERE uid = ?", [uid]).fetchone()
        return JSONResponse(json.loads(row[0]))

    return Starlette(routes=[Route("/page", whole), Route("/known", known), Route("/event", event)])


if __name__ == "__main__":
    app = _application(Path(sys.argv[2]), sys.argv[3])
    uvicorn.run(app, host="127.0.0.1", port=int(sys.argv[1]), log_config=None, access_log=False)
