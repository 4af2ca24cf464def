"""The peer on the bare SDK: a trivial tool, and a tool that mails an invite and remembers nothing.

`python -m bench.bare` serves stdio, with a port as its argument HTTP.
"""

from __future__ import annotations

import os
import sys
from typing import Any

from mcp.server import MCPServer

server: MCPServer[Any] = MCPServer("bare", version="1", log_level="WARNING")
_smtp: list[Any] = []


@server.tool()
async def echo(text: str) -> str:
    """Say the text again."""
    return text


@server.tool()
async def mail_invite(email: str) -> str:
    """Mail an invite, made with icalendar and email, over one connection that stays open."""
    import aiosmtplib

    from bench.mails import invite

    if not _smtp:
        client = aiosmtplib.SMTP(hostname="127.0.0.1", port=int(os.environ["BENCH_SINK_PORT"]))
        await client.connect()
        _smtp.append(client)
    await _smtp[0].sendmail(f"rsvp@{email.partition('@')[2]}", [email], invite(email))
    return email


def _serve_http(port: int) -> None:
    import uvicorn

    app = server.streamable_http_app(host="127.0.0.1")
    uvicorn.run(app, host="127.0.0.1", port=port, log_config=None, access_log=False)


if __name__ == "__main__":
    if len(sys.argv) > 1:
        _serve_http(int(sys.argv[1]))
    else:
        server.run("stdio")
