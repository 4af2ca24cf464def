"""A receiver of webhooks for tests: it notes what is posted, and answers as it is told."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Collection
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from engine.commands.webhooks.webhooks import WebhookDone
from engine.engine import Engine
from engine.model.webhooks import Posting, WebhookKind
from engine.webhooks import asking
from engine.webhooks.worker import Courier
from tests.support.httpstub import Asked, Stub, Told, answering

LOCAL = {"local_receivers": "127.0.0.0/8"}
"""The operator's setting by which tests may post to this machine."""


@dataclass
class Receiver:
    """What was posted, and what is answered: the first of `answers` once, else 204."""

    got: list[Asked] = field(default_factory=list)
    answers: list[Told | None] = field(default_factory=list)
    never: str = ""
    """What has this in it is answered with 500."""
    gate: asyncio.Event | None = None
    """Until it is set nothing is answered."""

    async def __call__(self, asked: Asked) -> Told | None:
        self.got.append(asked)
        if self.gate:
            await self.gate.wait()
        if self.never and self.never.encode() in asked.body:
            return Told(500)
        return self.answers.pop(0) if self.answers else Told(204)

    @property
    def bodies(self) -> list[dict[str, Any]]:
        return [json.loads(one.body) for one in self.got]

    @property
    def types(self) -> list[str]:
        return [one["type"] for one in self.bodies]


@asynccontextmanager
async def receiving(receiver: Receiver) -> AsyncIterator[Stub]:
    async with answering(receiver) as stub:
        yield stub


@asynccontextmanager
async def posting(engine: Engine) -> AsyncIterator[Courier]:
    """A courier that posts when it is asked to."""
    courier = Courier(engine)
    try:
        yield courier
    finally:
        await courier.close()


async def subscribed(
    engine: Engine, url: str, kinds: Collection[WebhookKind] = (), **values: Any
) -> WebhookDone:
    return await asking.create(engine, values.pop("actor", engine.local), url, kinds, **values)


async def posted(engine: Engine, made: WebhookDone) -> list[Posting]:
    """Oldest first."""
    return (await engine.store.postings(made.webhook.id, None, 1_000))[::-1]
