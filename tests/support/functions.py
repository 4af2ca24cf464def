"""A function of AWS Lambda behind an HTTP client: each request becomes an event of an HTTP API (payload format 2.0)."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx

Function = Callable[[dict[str, Any], object], dict[str, Any]]


def event_of(method: str, url: str, headers: dict[str, str], body: bytes) -> dict[str, Any]:
    """The event of a request, as Lambda hands it over."""
    parts = httpx.URL(url)
    http = {
        "method": method,
        "path": parts.path,
        "protocol": "HTTP/1.1",
        "sourceIp": "192.0.2.9",
        "userAgent": "t",
    }
    return {
        "version": "2.0",
        "routeKey": "$default",
        "rawPath": parts.path,
        "rawQueryString": parts.query.decode(),
        "headers": headers,
        "requestContext": {
            "accountId": "111122223333",
            "apiId": "a1b2c3",
            "domainName": parts.host,
            "domainPrefix": "a1b2c3",
            "http": http,
            "requestId": "r",
            "routeKey": "$default",
            "stage": "$default",
            "time": "28/Nov/2026:12:00:00 +0000",
            "timeEpoch": 1_795_867_200_000,
        },
        "body": base64.b64encode(body).decode(),
        "isBase64Encoded": True,
    }


class ByFunction(httpx.AsyncBaseTransport):
    """Calls the function in a thread of its own, since it turns a loop of its own; `close` ends it there."""

    def __init__(self, function: Function, close: Callable[[], None]) -> None:
        self._function = function
        self._close = close
        self._thread = ThreadPoolExecutor(1)

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        headers = dict(request.headers.items())
        event = event_of(request.method, str(request.url), headers, await request.aread())
        loop = asyncio.get_running_loop()
        return answered(await loop.run_in_executor(self._thread, self._function, event, None))

    async def aclose(self) -> None:
        await asyncio.get_running_loop().run_in_executor(self._thread, self._close)
        self._thread.shutdown()


def answered(answer: dict[str, Any]) -> httpx.Response:
    """What the client gets of a function's answer."""
    body = answer["body"].encode()
    content = base64.b64decode(body) if answer["isBase64Encoded"] else body
    cookies = [("set-cookie", each) for each in answer.get("cookies") or ()]
    return httpx.Response(
        answer["statusCode"], headers=[*answer["headers"].items(), *cookies], content=content
    )


async def in_a_thread(
    function: Callable[[Any, object], Any], close: Callable[[], None], *events: dict[str, Any]
) -> Any:
    """What the function answers to the last of `events`; it is closed afterwards."""

    def called() -> Any:
        try:
            return [function(event, None) for event in events][-1]
        finally:
            close()

    return await asyncio.to_thread(called)
