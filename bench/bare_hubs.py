"""The peer of the console's hubs: `python -m bench.bare_hubs PORT DATABASE` serves each page's rows by Jinja."""

from __future__ import annotations

import json
import re
import sqlite3
import sys
from collections.abc import Mapping
from html import unescape
from pathlib import Path

import uvicorn
from jinja2 import Environment
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

_ROW = re.compile(r"<tr>(.*?)</tr>", re.DOTALL)
_CELL = re.compile(r"<t[hd][^>]*>(.*?)</t[hd]>", re.DOTALL)
_TAG = re.compile(r"<[^>]+>")
_PAGE = Environment(autoescape=True).from_string(
    "<!doctype html><html lang=en><title>Rows</title><table>{% for row in rows %}<tr>{% for cell in row %}"
    "<td>{{ cell }}</td>{% endfor %}</tr>{% endfor %}</table></html>"
)


def kept(database: Path, pages: Mapping[str, str]) -> None:
    """Put the rows of each page into one row of SQLite, under the page's path."""
    with sqlite3.connect(database) as opened:
        opened.execute("CREATE TABLE kept (path TEXT PRIMARY KEY, body TEXT)")
        for path, page in pages.items():
            rows = [
                [unescape(_TAG.sub("", cell)) for cell in _CELL.findall(row)] for row in _ROW.findall(page)
            ]
            opened.execute("INSERT INTO kept VALUES (?, ?)", [path, json.dumps(rows)])
    opened.close()


def application(database: Path) -> Starlette:
    """A page at any path: its rows are read from SQLite and rendered for each request."""
    opened = sqlite3.connect(database)

    async def show(request: Request) -> Response:
        (body,) = opened.execute("SELECT body FROM kept WHERE path = ?", [request.url.path]).fetchone()
        return Response(_PAGE.render(rows=json.loads(body)), media_type="text/html")

    return Starlette(routes=[Route("/{path:path}", show)])


if __name__ == "__main__":
    app = application(Path(sys.argv[2]))
    uvicorn.run(app, host="127.0.0.1", port=int(sys.argv[1]), log_config=None, access_log=False)
