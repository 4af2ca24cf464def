"""The peer of hooks and webhooks: a bare Starlette application that reads a body, keeps nothing, and says 200.

`python -m bench.bare_hook PORT`.
"""

from __future__ import annotations

import sys

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route


async def take(request: Request) -> Response:
    """Read a body and forget it."""
    await request.body()
    return Response(status_code=200)


if __name__ == "__main__":
    app = Starlette(routes=[Route("/hooks/{name}", take, methods=["POST"])])
    uvicorn.run(app, host="127.0.0.1", port=int(sys.argv[1]), log_config=None, access_log=False)
