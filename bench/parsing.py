"""One mail in this process: read to its command, and rendered."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from datetime import UTC, datetime, timedelta
from email import message_from_bytes, policy
from pathlib import Path
from typing import Any

from icalendar import Calendar
from pydantic import SecretStr

from bench.figures import BenchFailed, Figure
from bench.mails import invite
from bench.processes import DOMAIN, ROOT
from bench.timing import Effort, Round, by_turns_async, latency
from engine.commands.base import Command
from engine.engine import Engine, system_clock
from engine.inbox.contents.readers import Readers
from engine.inbox.intake.router import Router, mailbox_of
from engine.inbox.spool.spool import ReceivedEnvelope, Spooled
from engine.model.claims import Claim
from engine.model.events import Event
from engine.model.messages import Kind, Message, Method
from engine.model.people import Attendee, Origin
from engine.model.times import Span
from engine.outbox.render import Renderer
from engine.settings import Settings

_READ_MS = 3
_READING = "One mail read to its command"
_MAILS = {
    "Google REPLY": ("google-reply.eml", "rsvp+q7zk2pvx9lmr4tns"),
    "Exchange REQUEST, VTIMEZONE, base64": ("exchange-request-recurring.eml", "create"),
    "iOS REPLY": ("ios-reply.eml", "rsvp+q7zk2pvx9lmr4tns"),
}


class _Reached(Exception):  # noqa: N818 -- a signal that the command is there
    """The way from mail to command ended here."""


class _Stopping(Engine):
    """An engine that stops at the command instead of carrying it out."""

    async def apply(self, command: Command[Any], *_: Any, **__: Any) -> Any:
        raise _Reached(type(command).__name__)


def measure(effort: Effort, folder: Path) -> Iterator[Figure]:
    """Reading, beside the library's parsers; rendering, beside the library's builders."""
    yield from asyncio.run(_measured(effort, folder / "parsing"))


async def _measured(effort: Effort, folder: Path) -> list[Figure]:
    settings = Settings(
        _env_file=None,
        data_dir=folder,
        domain=DOMAIN,
        sender_auth="off",
        organizers="*",
        outbox=SecretStr("maildir"),
    )
    engine = await _Stopping.open(settings, clock=system_clock)
    readers = Readers()
    try:
        router = Router(engine, readers)
        figures = [await _read(effort, router, what) for what in _MAILS]
        return [*figures, await _render(effort, engine)]
    finally:
        await readers.close()
        await engine.close()


async def _rounds(effort: Effort, ours: Callable[[], Awaitable[Any]], peer: Callable[[], Any]) -> list[Round]:
    await by_turns_async(ours, peer, 10)
    return [await by_turns_async(ours, peer, effort.mails) for _ in range(effort.rounds)]


async def _read(effort: Effort, router: Router, what: str) -> Figure:
    file, local = _MAILS[what]
    raw = (ROOT / "tests" / "fixtures" / "mail" / file).read_bytes()
    mailbox = mailbox_of(f"{local}@{DOMAIN}", DOMAIN)
    assert mailbox is not None
    spooled = Spooled(
        envelope=ReceivedEnvelope(id="1", mailboxes=(mailbox,), sender="bounce@example.org"), raw=raw
    )

    async def ours() -> None:
        try:
            outcome = await router.handle(spooled)
        except _Reached:
            return
        raise BenchFailed(f"{file} came to no command: {outcome}")

    rounds = await _rounds(effort, ours, lambda: _by_library(raw))
    return latency(_READING, what, rounds, 0.5, "email (policy.default) + icalendar", below=_READ_MS)


def _by_library(raw: bytes) -> Calendar:
    mail = message_from_bytes(raw, policy=policy.default)
    part = next(p for p in mail.walk() if p.get_content_type() == "text/calendar")
    return Calendar.from_ical(part.get_content())


async def _render(effort: Effort, engine: Engine) -> Figure:
    renderer, claim, now = Renderer(engine.settings, engine.store), _claim(), engine.clock()

    async def ours() -> None:
        await renderer.render(claim, now)

    rounds = await _rounds(effort, ours, lambda: invite("ann@example.com"))
    return latency("One mail rendered", "an invite", rounds, 0.5, "email + icalendar")


def _claim() -> Claim:
    """An ordinary invite, as the dispatcher holds it."""
    now = datetime.now(UTC).replace(microsecond=0)
    start = now + timedelta(days=30)
    span = Span(start=start, end=start + timedelta(hours=1), timezone="Europe/Paris")
    common = {"organizer": f"agent@{DOMAIN}", "created": now}
    words = "Hello {{name}}, bring your questions; the room opens a quarter of an hour earlier. " * 6
    event = Event(
        uid="e" * 40, summary="Season call for {{name}}", span=span, dtstamp=now, ends_at=span.end_utc,
        location="Room 4, Example Hall", description=words, organizer_name="Club agent", **common,
    )  # fmt: skip
    attendee = Attendee(
        event_uid=event.uid,
        email="ann@example.com",
        token="t" * 24,
        name="Ann Example",
        origin=Origin.API,
        created=now,
    )
    message = Message(
        kind=Kind.INVITE, email=attendee.email, message_id=f"m@{DOMAIN}", event_uid=event.uid,
        method=Method.REQUEST, due=now, **common,
    )  # fmt: skip
    return Claim(message=message, event=event, attendee=attendee, organizer_name="Club agent")
