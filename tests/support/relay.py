"""A mail server for fault tests: quick, it keeps little of each mail, and it can be stopped and started again."""

from __future__ import annotations

import asyncio
import base64
import re
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass

from tests.support.serving import serving

_MAIL_MAX = 1 << 20
_MESSAGE_ID = re.compile(rb"^Message-ID: <([^>]+)>", re.MULTILINE)
_CALENDAR = re.compile(rb"Content-Type: text/calendar.*?\r\n\r\n(.*?)\r\n--", re.DOTALL)
_OFFERS = b"250-relay.example.net\r\n250-PIPELINING\r\n"


@dataclass(frozen=True)
class Delivery:
    """One mail that was taken: whom it is for, and which calendar message it is."""

    recipient: str
    message_id: str
    method: str
    uid: str
    sequence: int
    dtstamp: str
    start: str

    @property
    def name(self) -> tuple[str, str, str, int]:
        """What makes two deliveries the same mail (promise 5)."""
        return self.message_id, self.uid, self.method, self.sequence


def _delivery(recipient: str, content: bytes) -> Delivery:
    message_id, calendar = _MESSAGE_ID.search(content), _CALENDAR.search(content)
    assert message_id and calendar, content
    text = base64.b64decode(calendar[1]).decode()
    lines = (line.split(":", 1) for line in text.splitlines() if ":" in line and not line.startswith(" "))
    values: dict[str, str] = {}
    for name, value in lines:
        values.setdefault(name, value)
    return Delivery(
        recipient=recipient,
        message_id=message_id[1].decode(),
        method=values["METHOD"],
        uid=values["UID"],
        sequence=int(values["SEQUENCE"]),
        dtstamp=values["DTSTAMP"],
        start=values["DTSTART"],
    )


def well(verb: str, recipient: str) -> str:
    """The manner of a server that takes everything."""
    return ""


class Relay:
    """Takes mails until it is told otherwise.

    `manner(verb, recipient)` gives the answer to CONNECT, MAIL, RCPT or the end of DATA, `""` being yes; a 421
    also closes the connection. While `answering` is clear, mails are taken and not answered.
    """

    def __init__(self) -> None:
        self.port = 0
        self.deliveries: list[Delivery] = []
        self.asked: Counter[str] = Counter()
        self.manner: Callable[[str, str], str] = well
        self.answering = asyncio.Event()
        self.answering.set()
        self._open = AsyncExitStack()
        self._actions: dict[int, Callable[[], object]] = {}

    def to(self, recipient: str) -> list[Delivery]:
        return [d for d in self.deliveries if d.recipient == recipient]

    def by_recipient(self) -> dict[str, list[Delivery]]:
        """What each got, in order."""
        found: dict[str, list[Delivery]] = {}
        for delivery in self.deliveries:
            found.setdefault(delivery.recipient, []).append(delivery)
        return found

    def after(self, count: int, action: Callable[[], object]) -> None:
        """Do `action` at the very moment when the mail with that number was taken and is not answered yet."""
        self._actions[count] = action

    async def start(self) -> None:
        """Listen, on the same port as before where there was one."""
        server = serving(self._talk, port=self.port, limit=_MAIL_MAX)
        self.port = await self._open.enter_async_context(server)

    async def stop(self) -> None:
        """Die: connections break where they are."""
        await self._open.aclose()

    async def _talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        recipient = ""
        answer = self.manner("CONNECT", "") or "220 relay.example.net"
        while True:
            writer.write(answer.encode() + b"\r\n")
            if answer.startswith(("421", "221")):
                return
            line = (await reader.readuntil(b"\r\n")).decode()
            verb = line[:4].upper().strip()
            if verb == "RCPT":
                recipient = line.partition("<")[2].partition(">")[0]
                self.asked[recipient] += 1
            if verb == "EHLO":
                writer.write(_OFFERS)
                answer = "250 8BITMIME"
            elif verb == "DATA" and not recipient:
                answer = "503 5.5.1 RCPT first"
            elif verb == "DATA":
                answer = await self._content(reader, writer, recipient)
                recipient = ""
            elif verb == "QUIT":
                answer = "221 2.0.0 bye"
            else:
                answer = self.manner(verb, recipient) or "250 2.0.0 OK"
                recipient = recipient if verb == "RCPT" and answer.startswith("250") else ""

    async def _content(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, recipient: str
    ) -> str:
        writer.write(b"354 go on\r\n")
        content = await reader.readuntil(b"\r\n.\r\n")
        refused = self.manner("DATA", recipient)
        if refused:
            return refused
        self.deliveries.append(_delivery(recipient, content))
        self._actions.pop(len(self.deliveries), lambda: None)()
        await self.answering.wait()
        return "250 2.0.0 kept"


@asynccontextmanager
async def relaying() -> AsyncIterator[Relay]:
    """A relay at work on a loopback port."""
    relay = Relay()
    await relay.start()
    try:
        yield relay
    finally:
        await relay.stop()
