"""The store's calls to DynamoDB (API version 2012-08-10), retried if that is harmless."""

from __future__ import annotations

import asyncio
import json
import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from engine.aws.client import Credentials, JsonClient
from engine.aws.connections import ServiceEndpoint
from engine.aws.errors import AwsRefused, ErrorClass, Unanswered, Unreached
from engine.store.protocol import Conflict

Wire = Mapping[str, Any]
"""An item or a key, with the types that DynamoDB writes around values."""

_TYPE = "application/x-amz-json-1.0"
_VERSION = "DynamoDB_20120810"
TRIES = 10
"""The attempts of one call, which with their pauses take about 15 seconds."""
_PAUSE_S, _PAUSE_MAX_S = 0.025, 5.0
GET_MOST, WRITE_MOST = 100, 25
"""The most keys of one BatchGetItem, and the most items of one BatchWriteItem."""
_THROTTLED = ("ThrottlingError", "ProvisionedThroughputExceeded", "RequestLimitExceeded")
_CONFLICTS = {
    "TransactionConflictException",
    "ConditionalCheckFailedException",
    "ReplicatedWriteConflictException",
}
_CANCELLED = "TransactionCanceledException"
_IN_PROGRESS = "TransactionInProgressException"


class Unavailable(OSError):  # noqa: N818 -- reads as what it is
    """DynamoDB failed after TRIES attempts; whether a write took effect is then unknown."""


@dataclass
class Consumed:
    """The consumed capacity, as reported by DynamoDB.

    `requests`: all except those of the pulse, of which there is at most one per second.
    """

    requests: int = 0
    reads: float = 0.0
    writes: float = 0.0
    scans: int = 0
    retries: int = 0


class Calls:
    """Calls to one table; many may run concurrently."""

    def __init__(
        self,
        table: str,
        region: str,
        endpoint: ServiceEndpoint,
        credentials: Credentials,
        clock: Callable[[], datetime],
    ) -> None:
        self.table = table
        self.consumed = Consumed()
        self._client = JsonClient("dynamodb", region, endpoint, credentials, clock)

    @property
    def ahead_s(self) -> float:
        """The seconds that the clock of DynamoDB is ahead of this machine's, which all machines go by for leases."""
        return self._client.ahead_s

    async def close(self) -> None:
        """Close the connections."""
        await self._client.close()

    async def get(self, keys: Sequence[Wire], *, consistent: bool = True) -> list[Wire]:
        """The existing items with these keys, in no order, by consistent reads.

        Not `consistent`: for one key, at half the price, as it was a moment ago.
        """
        if len(keys) == 1:
            answer = await self.call("GetItem", {"Key": keys[0], "ConsistentRead": consistent})
            return [answer["Item"]] if answer.get("Item") else []
        found: list[Wire] = []
        for first in range(0, len(keys), GET_MOST):
            found += await self._batch(keys[first : first + GET_MOST])
        return found

    async def _batch(self, keys: Sequence[Wire]) -> list[Wire]:
        found: list[Wire] = []
        for attempt in range(TRIES):
            asked = {self.table: {"Keys": list(keys), "ConsistentRead": True}}
            answer = await self.call("BatchGetItem", {"RequestItems": asked}, table=False)
            found += answer["Responses"].get(self.table, [])
            keys = answer.get("UnprocessedKeys", {}).get(self.table, {}).get("Keys", [])
            if not keys:
                return found
            await self._pause(attempt)
        raise Unavailable("DynamoDB keeps leaving keys unread: it is asked for more than it takes just now")

    async def page(self, asked: Mapping[str, Any]) -> tuple[list[Wire], Wire | None]:
        """A page of a Query, and the key from which to continue."""
        answer = await self.call("Query", asked)
        return answer["Items"], answer.get("LastEvaluatedKey")

    async def scan(self, asked: Mapping[str, Any]) -> tuple[list[Wire], Wire | None]:
        """A page of a Scan, used only for checking, moving and forgetting."""
        self.consumed.scans += 1
        answer = await self.call("Scan", {"ConsistentRead": True, **asked})
        return answer["Items"], answer.get("LastEvaluatedKey")

    async def transact(self, actions: Sequence[Mapping[str, Any]], token: str) -> None:
        """All of `actions` or none; `token` makes a repetition harmless. Raises Conflict, Unavailable."""
        asked = {"TransactItems": list(actions), "ClientRequestToken": token}
        await self.call("TransactWriteItems", asked, table=False)

    async def write(self, requests: Sequence[Mapping[str, Any]]) -> None:
        """Put or delete items one by one, outside a unit of work: for items that are not visible."""
        for first in range(0, len(requests), WRITE_MOST):
            left = list(requests[first : first + WRITE_MOST])
            for attempt in range(TRIES):
                answer = await self.call("BatchWriteItem", {"RequestItems": {self.table: left}}, table=False)
                left = answer.get("UnprocessedItems", {}).get(self.table, [])
                if not left:
                    break
                await self._pause(attempt)
            else:
                raise Unavailable(
                    "DynamoDB keeps leaving items unwritten: it is asked for more than it takes"
                )

    async def call(self, operation: str, asked: Mapping[str, Any], *, table: bool = True) -> dict[str, Any]:
        """One operation, retried after faults of the service. Raises Conflict, Unavailable, AwsRefused."""
        named = {"TableName": self.table} if table else {}
        counted = {"ReturnConsumedCapacity": "TOTAL"} if operation in _COUNTED else {}
        body = json.dumps({**asked, **named, **counted}).encode()
        headers = {"content-type": _TYPE, "x-amz-target": f"{_VERSION}.{operation}"}
        why: Exception | None = None
        for attempt in range(TRIES):
            if attempt:
                self.consumed.retries += 1
                await self._pause(attempt)
            try:
                answer = await self._client.call("POST", "/", headers=headers, body=body)
            except (Unreached, Unanswered) as error:
                why = error
            except AwsRefused as refused:
                why = _worth_trying(refused)
            else:
                self._count(operation, answer)
                return answer
        raise Unavailable(f"DynamoDB did not do what was asked, {TRIES} times: {why}") from why

    async def _pause(self, attempt: int) -> None:
        longest = min(_PAUSE_MAX_S, _PAUSE_S * 2**attempt)
        await asyncio.sleep(random.uniform(0, longest))  # noqa: S311 -- jitter

    def _count(self, operation: str, answer: Mapping[str, Any]) -> None:
        self.consumed.requests += operation != "UpdateItem"
        found = answer.get("ConsumedCapacity") or []
        units = sum(
            each.get("CapacityUnits", 0.0) for each in ([found] if isinstance(found, dict) else found)
        )
        if operation in _WRITES:
            self.consumed.writes += units
        else:
            self.consumed.reads += units


_WRITES = {"TransactWriteItems", "BatchWriteItem"}
_COUNTED = {*_WRITES, "GetItem", "BatchGetItem", "Query", "Scan"}


def _worth_trying(refused: AwsRefused) -> AwsRefused:
    """The refusal, if the same request may succeed later. Raises Conflict, or the refusal itself."""
    if refused.code == _CANCELLED:
        if "ConditionalCheckFailed" in refused.message or "TransactionConflict" in refused.message:
            raise Conflict from refused
        if any(word in refused.message for word in _THROTTLED):
            return refused
    elif refused.code in _CONFLICTS:
        raise Conflict from refused
    elif refused.code == _IN_PROGRESS or refused.fault in {ErrorClass.TEMPORARY, ErrorClass.THROTTLED}:
        return refused
    raise refused
