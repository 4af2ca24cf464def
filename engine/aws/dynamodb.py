"""Reads a whole DynamoDB table by its JSON protocol (AWS JSON 1.0), and items in the format of its exports."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Mapping
from datetime import datetime
from typing import Any

from engine.aws.client import Credentials, JsonClient
from engine.aws.connections import ServiceEndpoint
from engine.aws.errors import AwsRefused, ErrorClass, Unanswered, Unreached

_TYPE = "application/x-amz-json-1.0"
_TRIES = 8
_DEPTH_MAX = 32
"""The greatest nesting depth of an item, which is DynamoDB's limit."""

Item = Mapping[str, Any]


class DynamoTable:
    """A table by its name."""

    def __init__(
        self,
        name: str,
        region: str,
        endpoint: ServiceEndpoint,
        credentials: Credentials,
        clock: Callable[[], datetime],
        wait_s: float = 0.5,
    ) -> None:
        self._name = name
        self._wait_s = wait_s
        self._client = JsonClient("dynamodb", region, endpoint, credentials, clock)

    async def items(self) -> AsyncIterator[Item]:
        """Every item, page by page. Raises AwsRefused, Unreached, Unanswered, NoCredentials."""
        asked: dict[str, object] = {"TableName": self._name, "ConsistentRead": True}
        while True:
            found = await self._page(asked)
            for item in _items(found):
                yield item
            if not found.get("LastEvaluatedKey"):
                return
            asked["ExclusiveStartKey"] = found["LastEvaluatedKey"]

    async def close(self) -> None:
        """Close the connections."""
        await self._client.close()

    async def _page(self, asked: Mapping[str, object]) -> dict[str, Any]:
        """One page; retried if the service fails or throttles."""
        for attempt in range(_TRIES):
            try:
                return await self._call(asked)
            except AwsRefused as refused:
                if refused.fault not in {ErrorClass.TEMPORARY, ErrorClass.THROTTLED} or attempt == _TRIES - 1:
                    raise
            except (Unreached, Unanswered):
                if attempt == _TRIES - 1:
                    raise
            await asyncio.sleep(self._wait_s * 2**attempt)
        raise AssertionError("the last try returns or raises")

    async def _call(self, asked: Mapping[str, object]) -> dict[str, Any]:
        headers = {"content-type": _TYPE, "x-amz-target": "DynamoDB_20120810.Scan"}
        return await self._client.call("POST", "/", headers=headers, body=json.dumps(asked).encode())


def _items(found: Mapping[str, Any]) -> list[Item]:
    """The items of a page. Raises Unanswered if it is not a page."""
    try:
        return [plain(each) for each in found.get("Items") or []]
    except (ValueError, AttributeError, TypeError) as error:
        raise Unanswered(f"the answer is no page of a table: {error}") from error


def plain(item: Mapping[str, Any]) -> Item:
    """An item without DynamoDB's type wrappers around its values. Raises ValueError."""
    return {name: _value(value, _DEPTH_MAX) for name, value in item.items()}


def _value(typed: Any, depth: int) -> Any:
    if not isinstance(typed, dict) or len(typed) != 1 or not depth:
        raise ValueError("that is no value as DynamoDB writes it")
    ((kind, value),) = typed.items()
    if kind in {"S", "BOOL", "B", "SS", "BS"}:
        return value
    if kind == "NULL":
        return None
    if kind == "N":
        return _number(value)
    if kind == "NS":
        return [_number(each) for each in value]
    if kind == "L":
        return [_value(each, depth - 1) for each in value]
    if kind == "M":
        return {name: _value(each, depth - 1) for name, each in value.items()}
    raise ValueError(f"{str(kind)[:10]} is no type of DynamoDB")


def _number(text: Any) -> int | float:
    return int(text) if str(text).lstrip("-").isdecimal() else float(text)
