"""The inbox at work behind a real SMTP listener, and what became of the mails that came in."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from email.message import EmailMessage
from pathlib import Path

import aiosmtplib

from engine.engine import Engine
from engine.inbox.intake.intake import Inbox
from engine.inbox.smtp.bounds import SmtpLimits
from engine.inbox.smtp.listener import Listener
from engine.model.counters import Intake
from engine.model.messages import Kind, Message
from tests.support.clock import Clock
from tests.support.engines import deliver
from tests.support.intakes import newest
from tests.support.ports import free_port, listens
from tests.support.waiting import DEADLINE_S, eventually


@dataclass
class Post:
    """Brings mails in by SMTP, and tells what became of them."""

    engine: Engine
    inbox: Inbox
    listener: Listener
    port: int
    pace_s: float = 60
    """By how much the clock goes on from mail to mail: a notice of each may leave by itself."""

    @property
    def folder(self) -> Path:
        return self.engine.settings.data_dir / "inbox"

    def files(self, part: str) -> list[Path]:
        return sorted((self.folder / part).iterdir())

    async def hand_over(
        self, mail: EmailMessage | bytes, *to: str, sender: str | None = None
    ) -> tuple[int, str]:
        """Hand a mail to the listener; the server's answer to the end of the data."""
        raw = mail if isinstance(mail, bytes) else mail.as_bytes()
        recipients = list(to) or _addressed(mail)
        client = aiosmtplib.SMTP(hostname="127.0.0.1", port=self.port, start_tls=False, timeout=DEADLINE_S)
        async with client:
            await client.mail("someone@client.example" if sender is None else sender)
            for recipient in recipients:
                await client.rcpt(recipient)
            answer = await client.data(raw)
        return answer.code, answer.message

    async def __call__(self, mail: EmailMessage | bytes, *to: str, sender: str | None = None) -> Intake:
        """Hand a mail over some time after the last and wait until it was handled; the last that was noted of it."""
        clock = self.engine.clock
        assert isinstance(clock, Clock)
        clock.move(seconds=self.pace_s)
        code, _ = await self.hand_over(mail, *to, sender=sender)
        assert code == 250
        await eventually(lambda: not self.files("new"))
        return (await newest(self.engine))[0]

    async def notices(self) -> list[Message]:
        """The notices that are owed, as they leave."""
        return [m for m in await deliver(self.engine) if m.kind is Kind.NOTICE]

    async def notice(self) -> Message:
        (one,) = await self.notices()
        assert one.notice is not None
        return one


def _addressed(mail: EmailMessage | bytes) -> list[str]:
    assert isinstance(mail, EmailMessage)
    return [str(mail["To"])]


@asynccontextmanager
async def inbox_of(engine: Engine) -> AsyncIterator[Inbox]:
    """An inbox that nothing drives; closed at the end, so that no reader outlives the test."""
    async with Inbox(engine) as inbox:
        yield inbox


@asynccontextmanager
async def receiving(
    engine: Engine, inbox: Inbox | None = None, bounds: SmtpLimits | None = None
) -> AsyncIterator[Post]:
    """The engine's inbox and one listener, stopped as the server stops them."""
    inbox, port = inbox or Inbox(engine), free_port()
    listener = Listener(inbox, f"smtp://127.0.0.1:{port}", bounds)
    jobs = (inbox.run(), listener.run())
    tasks = [asyncio.create_task(job) for job in jobs]
    try:
        await eventually(lambda: listens(port))
        yield Post(engine, inbox, listener, port)
    finally:
        for task in tasks:
            task.cancel()
        for outcome in await asyncio.gather(*tasks, return_exceptions=True):
            assert isinstance(outcome, asyncio.CancelledError), outcome
