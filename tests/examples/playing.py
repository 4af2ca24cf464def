"""The server over HTTP and SMTP, an example as a process of its own, and the attendees who answer it by mail."""

from __future__ import annotations

import importlib
import json
import os
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from email import message_from_bytes
from pathlib import Path
from types import ModuleType
from typing import Any, NamedTuple

from cis_mcp.mcp.tools import Selection
from engine.commands.agents.keys import CreateKey
from engine.engine import Engine
from engine.model.bounds import Bounds
from engine.model.events import Event
from engine.model.people import Attendee
from engine.model.queries import EventQuery
from engine.outbox.transports import open_transport
from tests.support import mails
from tests.support.clock import Clock
from tests.support.engines import do, engine_in, working
from tests.support.inboxes import Post, receiving
from tests.support.mails import OPERATOR_SERVER
from tests.support.waiting import eventually
from tests.support.webs import served

EXAMPLES = Path(__file__).parents[2] / "examples"
AGENT, BOSS = "agent@cis.test", "boss@example.org"


def _module(name: str) -> ModuleType:
    """A module of the examples, which import each other as programs do that lie side by side."""
    if str(EXAMPLES) not in sys.path:
        sys.path.append(str(EXAMPLES))
    os.environ.setdefault("CIS_LOOK_S", "0.05")
    return importlib.import_module(name)


class Left(NamedTuple):
    """A mail that left: to whom, and its calendar's METHOD and SEQUENCE, if it has one."""

    to: str
    method: str = ""
    sequence: int = 0


def _left(raw: bytes) -> Left:
    mail = message_from_bytes(raw)
    part = next((p for p in mail.walk() if p.get_content_type() == "text/calendar"), None)
    if part is None:
        return Left(str(mail["To"]))
    content = part.get_payload(decode=True)
    assert isinstance(content, bytes)
    sequence = content.partition(b"SEQUENCE:")[2].split()[0]
    return Left(str(mail["To"]), str(part.get_param("method")), int(sequence))


@dataclass
class Stage:
    """Runs examples with one key, and plays who answers them."""

    engine: Engine
    post: Post
    address: str
    key: str
    stamped: dict[str, datetime] = field(default_factory=dict)

    async def play(self, example: str, *texts: object) -> dict[str, Any]:
        """What came of an example, over texts, or values that are written as JSON."""
        story = _module(example).story
        given = [text if isinstance(text, str) else json.dumps(text) for text in texts]
        async with _module("agent").connected(f"{self.address}/mcp", self.key) as agent:
            return {**await story(agent, *given), "refused": agent.refused}

    async def event(self) -> Event:
        """The only event there is, once it is there."""
        query = EventQuery(organizer=AGENT, limit=10)
        await eventually(lambda: self._found(query))
        (event,) = (await self.engine.store.search(query)).events
        return event

    async def _found(self, query: EventQuery) -> bool:
        return bool((await self.engine.store.search(query)).events)

    def left(self) -> list[Left]:
        """The mails that left."""
        folder = self.engine.settings.data_dir / "outbox" / "new"
        return [_left(path.read_bytes()) for path in folder.glob("*")]

    async def invited(self, event: Event, email: str) -> Attendee:
        """An attendee, once their invite has left."""
        await eventually(lambda: any(mail.to == email for mail in self.left()))
        async with self.engine.store.unit() as unit:
            found = await unit.attendee(event.uid, email)
        assert found is not None
        return found

    async def answers(self, event: Event, email: str, answer: str, **values: Any) -> None:
        """The calendar program of `email` answers the newest revision."""
        guest, now = await self.invited(event, email), await self.engine.event(event.uid, self.engine.local)
        to = f"rsvp+{guest.token}@cis.test"
        self.stamped[email] = self.stamped.get(email, now.dtstamp) + timedelta(seconds=1)
        stamp = max(self.stamped[email], now.dtstamp)
        said = {"sequence": now.sequence, "dtstamp": stamp, **values}
        await self.post(mails.reply(event.uid, email, answer, to=to, **said))

    async def delegates(self, event: Event, email: str, delegate: str) -> None:
        """The calendar program of `email` sends somebody else."""
        guest = await self.invited(event, email)
        lines = [
            "BEGIN:VCALENDAR",
            "METHOD:REPLY",
            "BEGIN:VEVENT",
            f"UID:{event.uid}",
            f'ATTENDEE;PARTSTAT=DELEGATED;DELEGATED-TO="mailto:{delegate}":mailto:{email}',
            "END:VEVENT",
            "END:VCALENDAR",
            "",
        ]
        to = f"rsvp+{guest.token}@cis.test"
        await self.post(mails.mail(email, to, content="\r\n".join(lines).encode(), method="REPLY"))

    async def writes(self, sender: str, text: str) -> None:
        """A proven letter to the agent."""
        await self.post(mails.mail(sender, AGENT, subject="To you", text=text), AGENT)


@asynccontextmanager
async def staged(folder: Path, **bounds: Any) -> AsyncIterator[Stage]:
    """A server that sends and takes in mail, and a key with these bounds."""
    given = Bounds(**{"owner": BOSS, "minute": 0, **bounds})
    async with engine_in(folder / "data", Clock(), authserv_ids=OPERATOR_SERVER) as engine:
        secret = (await do(engine, CreateKey(name="", address=AGENT, bounds=given))).secret
        async with (
            receiving(engine) as post,
            working(engine, open_transport(engine.settings)),
            served(engine, selection=Selection("extended")) as address,
        ):
            yield Stage(engine, post, address, secret)
