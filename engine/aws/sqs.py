"""Reads an Amazon SQS queue by its JSON protocol (AWS JSON 1.0)."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from engine.aws.client import Credentials, JsonClient
from engine.aws.connections import ServiceEndpoint

_TYPE = "application/x-amz-json-1.0"
BATCH = 10
_WAIT_S = 20
"""The most seconds of long polling, in which SQS answers as soon as there is a message."""


@dataclass(frozen=True, slots=True)
class QueueMessage:
    """One message; `handle` deletes it unless it has been delivered again since."""

    id: str
    handle: str
    body: str


class Queue:
    """A queue by its name. Each call raises AwsRefused, Unreached, Unanswered, NoCredentials."""

    def __init__(
        self,
        name: str,
        region: str,
        endpoint: ServiceEndpoint,
        credentials: Credentials,
        clock: Callable[[], datetime],
    ) -> None:
        self._name = name
        self._client = JsonClient("sqs", region, endpoint, credentials, clock)
        self._url = ""

    async def receive(self, most: int = BATCH) -> list[QueueMessage]:
        """Up to ten messages, which no other consumer gets until the queue's visibility timeout has passed."""
        asked = {"MaxNumberOfMessages": min(most, BATCH), "WaitTimeSeconds": _WAIT_S}
        found = await self._call("ReceiveMessage", QueueUrl=await self._address(), **asked)
        return [_message(values) for values in found.get("Messages") or []]

    async def delete(self, messages: Sequence[QueueMessage]) -> None:
        """Delete handled messages; one that cannot be deleted is delivered again."""
        entries = [{"Id": str(n), "ReceiptHandle": m.handle} for n, m in enumerate(messages)]
        await self._call("DeleteMessageBatch", QueueUrl=await self._address(), Entries=entries)

    async def extend(self, messages: Sequence[QueueMessage], seconds: int) -> None:
        """Keep messages invisible to others for this long from now; missing ones are ignored."""
        entries = [
            {"Id": str(n), "ReceiptHandle": m.handle, "VisibilityTimeout": seconds}
            for n, m in enumerate(messages)
        ]
        await self._call("ChangeMessageVisibilityBatch", QueueUrl=await self._address(), Entries=entries)

    async def close(self) -> None:
        """Close the connections."""
        await self._client.close()

    async def _address(self) -> str:
        if not self._url:
            self._url = str((await self._call("GetQueueUrl", QueueName=self._name)).get("QueueUrl", ""))
        return self._url

    async def _call(self, operation: str, **values: object) -> dict[str, Any]:
        headers = {"content-type": _TYPE, "x-amz-target": f"AmazonSQS.{operation}"}
        return await self._client.call("POST", "/", headers=headers, body=json.dumps(values).encode())


def _message(values: dict[str, Any]) -> QueueMessage:
    return QueueMessage(str(values["MessageId"]), str(values["ReceiptHandle"]), str(values["Body"]))
