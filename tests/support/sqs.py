"""Amazon SQS for tests: one queue over its JSON protocol, whose requests are held against botocore's model."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from tests.support import awsmodels
from tests.support.httpstub import Asked, Told, answering
from tests.support.s3 import S3
from tests.support.ses import REGION, unsigned

NAME = "cis-events"


@dataclass
class Kept:
    id: str
    body: str
    received: int = 0
    visible: bool = True


@dataclass
class Sqs:
    """A queue with a visibility that the test ends, and a redrive to `dead` after three times."""

    url: str = ""
    messages: dict[str, Kept] = field(default_factory=dict)
    dead: list[str] = field(default_factory=list)
    deleted: list[str] = field(default_factory=list)
    extended: list[str] = field(default_factory=list)
    refused: int = 0
    on_delete: Callable[[str], Awaitable[None]] | None = None
    bucket: S3 | None = None
    _came: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def inbox(self) -> str:
        mail = f"&bucket={self.bucket.name}&prefix=in/" if self.bucket else ""
        return f"sqs://{NAME}?region={REGION}{mail}&endpoint={self.url}"

    def post(self, body: str) -> str:
        name = f"sqs-{len(self.messages) + len(self.deleted)}"
        self.messages[name] = Kept(name, body)
        self._came.set()
        return name

    def post_by_sns(self, message: object, name: str = "sns-1") -> str:
        """What a topic makes of a notification."""
        text = message if isinstance(message, str) else json.dumps(message)
        envelope = {
            "Type": "Notification",
            "MessageId": name,
            "TopicArn": "arn:aws:sns:x:1:t",
            "Message": text,
        }
        return self.post(json.dumps(envelope | {"Signature": "x", "SignatureVersion": "1"}))

    def visibility_ends(self) -> None:
        for kept in list(self.messages.values()):
            kept.visible = True
            if kept.received >= 3:
                self.dead.append(self.messages.pop(kept.id).id)
        self._came.set()

    async def answer(self, asked: Asked) -> Told:
        if self.bucket and "x-amz-target" not in asked.headers:
            return await self.bucket.answer(asked)
        operation = asked.headers["x-amz-target"].removeprefix("AmazonSQS.")
        values = json.loads(asked.body)
        wrong = unsigned(asked, "sqs") or awsmodels.complaints(
            values, awsmodels.operation(operation, "sqs").input_shape
        )
        if wrong:
            self.refused += 1
            return _told(400, {"__type": "com.amazonaws.sqs#InvalidAddress", "message": wrong})
        return _told(200, await getattr(self, f"_{operation}")(values))

    async def _GetQueueUrl(self, values: dict[str, Any]) -> dict[str, Any]:  # noqa: N802
        assert values["QueueName"] == NAME
        return {"QueueUrl": f"{self.url}/000000000000/{NAME}"}

    async def _ReceiveMessage(self, values: dict[str, Any]) -> dict[str, Any]:  # noqa: N802
        while not (found := [m for m in self.messages.values() if m.visible]):
            self._came.clear()
            await self._came.wait()
        found = found[: values["MaxNumberOfMessages"]]
        for kept in found:
            kept.visible, kept.received = False, kept.received + 1
        said = [{"MessageId": m.id, "ReceiptHandle": f"{m.id}#{m.received}", "Body": m.body} for m in found]
        return {"Messages": said}

    async def _DeleteMessageBatch(self, values: dict[str, Any]) -> dict[str, Any]:  # noqa: N802
        for entry in values["Entries"]:
            name, _, received = entry["ReceiptHandle"].partition("#")
            kept = self.messages.get(name)
            if kept and kept.received == int(received):
                if self.on_delete:
                    await self.on_delete(name)
                del self.messages[name]
                self.deleted.append(name)
        return {"Successful": [{"Id": entry["Id"]} for entry in values["Entries"]], "Failed": []}

    async def _ChangeMessageVisibilityBatch(self, values: dict[str, Any]) -> dict[str, Any]:  # noqa: N802
        self.extended += [entry["ReceiptHandle"].partition("#")[0] for entry in values["Entries"]]
        return {"Successful": [{"Id": entry["Id"]} for entry in values["Entries"]], "Failed": []}


def _told(status: int, values: dict[str, Any]) -> Told:
    return Told(status, {"content-type": "application/x-amz-json-1.0"}, json.dumps(values).encode())


@asynccontextmanager
async def sqs(bucket: S3 | None = None) -> AsyncIterator[Sqs]:
    """A queue at a port of this machine; a bucket beside it."""
    queue = Sqs(bucket=bucket)
    async with answering(queue.answer) as stub:
        queue.url = stub.url
        yield queue
