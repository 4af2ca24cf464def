"""Mails as they leave: what each says, to whom, with which METHOD and SEQUENCE."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from email import message_from_bytes, policy
from email.message import EmailMessage
from typing import Any

import icalendar

from engine.engine import Engine
from engine.model.messages import MessageState
from engine.outbox.render import Renderer
from tests.support.engines import claim, jobs_done, settle


@dataclass(frozen=True)
class Left:
    """A mail that left: its recipient, its calendar's METHOD and first VEVENT, its subject and plain text."""

    to: str
    method: str
    event: Any
    subject: str
    text: str
    html: str

    @property
    def sequence(self) -> int:
        return int(self.event["SEQUENCE"])

    @property
    def stamp(self) -> datetime:
        stamp: datetime = self.event["DTSTAMP"].dt
        return stamp

    @property
    def brief(self) -> tuple[str, str, int]:
        return self.to, self.method, self.sequence


async def left(engine: Engine) -> list[Left]:
    """Have everything that is owed leave, and be taken; what left to attendees, in order."""
    renderer = Renderer(engine.settings, engine.store)
    gone: list[Left] = []
    await jobs_done(engine)
    while claims := await claim(engine):
        for one in claims:
            envelope = await renderer.render(one, engine.clock())
            if one.message.kind.calendar:
                gone.append(_read(envelope.recipient, envelope.content))
        await settle(engine, claims, MessageState.SENT, text="250 OK")
        await jobs_done(engine)
    return sorted(gone, key=lambda mail: mail.to)


def _read(to: str, content: bytes) -> Left:
    mail = message_from_bytes(content, policy=policy.default)
    assert isinstance(mail, EmailMessage)
    parts = {part.get_content_type(): part for part in mail.walk()}
    calendar = icalendar.Calendar.from_ical(parts["text/calendar"].get_payload(decode=True))
    events = list(calendar.walk("VEVENT"))
    assert str(calendar["METHOD"]) == parts["text/calendar"].get_param("method")
    return Left(
        to=to,
        method=str(calendar["METHOD"]),
        event=events[0],
        subject=str(mail["Subject"]),
        text=parts["text/plain"].get_content(),
        html=parts["text/html"].get_content(),
    )
