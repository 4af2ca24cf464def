"""A table of DynamoDB for tests: signed Scans judged by botocore, their values held against its model."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from tests.support import awsmodels
from tests.support.httpstub import Asked, Told, answering
from tests.support.reference import Typed
from tests.support.ses import unsigned

_TYPE = {"content-type": "application/x-amz-json-1.0"}


@dataclass
class Table:
    """A table that is handed out a few items at a time."""

    items: list[Typed]
    url: str = ""
    page: int = 4
    scans: int = 0
    faults: list[str] = field(default_factory=list)
    """Codes of the errors that come first."""

    async def answer(self, asked: Asked) -> Told:
        body = json.loads(asked.body)
        assert asked.headers["x-amz-target"] == "DynamoDB_20120810.Scan"
        wrong = unsigned(asked, "dynamodb")
        wrong = wrong or awsmodels.complaints(body, awsmodels.operation("Scan", "dynamodb").input_shape)
        if wrong:
            return _error("ValidationException", wrong)
        if body["TableName"] != "thirtyone":
            return _error("ResourceNotFoundException", "no such table")
        if self.faults:
            return _error(self.faults.pop(0), "slow down")
        self.scans += 1
        return self._page(body.get("ExclusiveStartKey"))

    def _page(self, after: Typed | None) -> Told:
        keys = [{name: item[name] for name in ("pk", "sk")} for item in self.items]
        first = keys.index(after) + 1 if after else 0
        last = first + self.page
        found: dict[str, Any] = {"Items": self.items[first:last], "Count": len(self.items[first:last])}
        found |= {"LastEvaluatedKey": keys[last - 1]} if last < len(self.items) else {}
        return Told(200, _TYPE, json.dumps(found).encode())


def _error(code: str, message: str) -> Told:
    body = {"__type": f"com.amazonaws.dynamodb.v20120810#{code}", "message": message}
    return Told(400, _TYPE, json.dumps(body).encode())


@asynccontextmanager
async def table(items: list[Typed]) -> AsyncIterator[Table]:
    """The table at a port of this machine."""
    found = Table(items)
    async with answering(found.answer) as stub:
        found.url = stub.url
        yield found
