"""`cis_mcp.functions.web.handler`: MCP, REST, pages, console and hooks as an AWS Lambda function.

It takes events of an HTTP API (payload format 2.0) or a Function URL, one request each. MCP is answered without
sessions, as JSON. What needs an open connection is refused with the address that offers it: CIS_STREAMS_URL.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from functools import cache
from typing import Any

from mangum import Mangum
from starlette.types import ASGIApp, Receive, Scope, Send

from cis_mcp.functions.greeting import Greeting
from cis_mcp.functions.instance import FunctionInstance, announced, settings_of_function
from cis_mcp.http.lifespan import living
from cis_mcp.http.security import guard
from engine.engine import Engine
from engine.settings import Settings

Event = dict[str, Any]

_LOOPBACK = "127.0.0.1"


@asynccontextmanager
async def served(settings: Settings) -> AsyncIterator[ASGIApp]:
    """The web application over the store, without background jobs, which run on Fargate."""
    # The address that clients use is CIS_PUBLIC_URL alone.
    names = guard(_LOOPBACK, settings.public_url)
    engine = await Engine.open(settings)
    async with AsyncExitStack() as stack:
        stack.push_async_callback(engine.close)

        async def opened() -> ASGIApp:
            # Imported by the first request that needs it: greetings do not.
            from cis_mcp.http.app import application

            app = application(engine, names, no_auth=False, single=True)
            await stack.enter_async_context(living(app))
            return app

        greeting = Greeting(engine, names, opened)

        async def whole(scope: Scope, receive: Receive, send: Send) -> None:
            await announced(engine, greeting(scope, receive, send))

        yield whole


class WebFunction:
    """Answers events one after another, as Lambda passes them."""

    def __init__(self, settings: Settings) -> None:
        self.instance: FunctionInstance[ASGIApp] = FunctionInstance(lambda: served(settings))

    def __call__(self, event: Event, context: object) -> dict[str, Any]:
        # Mangum runs the loop that is set, which is the instance's.
        answer: dict[str, Any] = Mangum(self.instance.held, lifespan="off")(event, context)  # type: ignore[arg-type]
        return answer


@cache
def _function() -> WebFunction:
    return WebFunction(settings_of_function())


def handler(event: Event, context: object) -> dict[str, Any]:
    """The function that Lambda calls."""
    return _function()(event, context)
