"""Engines over a folder of the test's own, and what most tests ask of them."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import TypeVar

import pytest
from pydantic import BaseModel

from engine.commands.answers.receipts import RecordReceipt
from engine.commands.base import Command, Done
from engine.commands.campaigns.campaigns import CampaignAction, CampaignDone, ControlCampaign, DraftCampaign
from engine.commands.events.events import CreateEvent, EventDone
from engine.commands.events.timing import Timing
from engine.commands.invites.invites import InviteDone, SendInvite
from engine.engine import SYSTEM, Engine
from engine.jobs import jobs as job_runner
from engine.model.actors import Actor
from engine.model.claims import Claim, SendResult
from engine.model.events import Event
from engine.model.list_rows import ListRow
from engine.model.messages import Message, MessageState
from engine.model.people import Attendee, Partstat
from engine.model.queries import AttendeeQuery
from engine.outbox.dispatcher import Dispatcher
from engine.outbox.transport import Transport
from engine.refusals import Code, Refused
from engine.settings import Settings
from tests.support.clock import Clock
from tests.support.migrated import make_database
from tests.support.names import nobody

D = TypeVar("D", bound=Done)

_ON_DYNAMODB = os.environ.get("CIS_DYNAMODB") == "engines"
"""Before a test takes the variables away."""
ORGANIZER = "agent@cis.test"
ANSWERERS = {Partstat.ACCEPTED: "yes", Partstat.TENTATIVE: "maybe", Partstat.DECLINED: "no"}


class _GivenSettings(Settings):
    """Settings that look at no environment and no file: that took a third of the time in which an engine opens."""

    def __init__(self, **values: object) -> None:
        BaseModel.__init__(self, **values)


def settings_in(folder: Path, **values: object) -> Settings:
    """Settings over `folder` that nothing outside the test has a say in."""
    table = {"store": _table_of(folder)} if _ON_DYNAMODB else {}
    known = {"data_dir": folder, "dns": nobody().address, "undo_campaign_s": 0, **table}
    return _GivenSettings(**{**known, **values})


@cache
def _table_of(folder: Path) -> str:
    """The address of the table that takes the place of the file in this folder."""
    from tests.judges.ministack import KEYS
    from tests.judges.tables import new_address

    os.environ.update(KEYS)
    return new_address()


@asynccontextmanager
async def engine_in(
    folder: Path, clock: Callable[[], datetime] | None = None, **values: object
) -> AsyncIterator[Engine]:
    """An engine over `folder`; when it closes, everything must still add up (promise 10)."""
    settings = settings_in(folder, **values)
    make_database(settings.database)
    engine = await Engine.open(settings, clock=clock or Clock())
    try:
        yield engine
        assert await engine.check() == []
    finally:
        await engine.close()


@asynccontextmanager
async def working(engine: Engine, transport: Transport, dispatchers: int = 1) -> AsyncIterator[None]:
    """Jobs and dispatchers at work, stopped as the server stops them."""
    jobs = [job_runner.run(engine), *(Dispatcher(engine, transport).run() for _ in range(dispatchers))]
    tasks = [asyncio.create_task(job) for job in jobs]
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        for outcome in await asyncio.gather(*tasks, return_exceptions=True):
            assert isinstance(outcome, asyncio.CancelledError), outcome


async def do(engine: Engine, command: Command[D], actor: Actor | None = None) -> D:
    """Apply a command that must not be refused."""
    return await engine.apply(command, actor or engine.local)


async def refusal(engine: Engine, command: Command[D], actor: Actor | None = None) -> Code:
    """The code with which a command is refused; its words must say something."""
    with pytest.raises(Refused) as refused:
        await engine.apply(command, actor or engine.local)
    assert refused.value.message
    return refused.value.code


async def why_not(engine: Engine, command: Command[D], actor: Actor | None = None) -> Code | None:
    """The code with which a command is refused; None if it was carried out."""
    try:
        await engine.apply(command, actor or engine.local)
    except Refused as refused:
        return refused.code
    return None


def meeting(**values: object) -> CreateEvent:
    """A two-hour event in New York on 2 May 2027, two months after the test clock."""
    when = Timing(start="2027-05-02T19:00", duration="PT2H", timezone="America/New_York")
    return CreateEvent(**{"summary": "Season opener", "when": when, **values})  # type: ignore[arg-type]


async def created(engine: Engine, actor: Actor | None = None, **values: object) -> Event:
    done: EventDone = await do(engine, meeting(**values), actor)
    return done.event


async def invite(engine: Engine, event: Event, email: str, **values: object) -> InviteDone:
    return await do(engine, SendInvite(uid=event.uid, email=email, **values))  # type: ignore[arg-type]


async def answer(engine: Engine, attendee: Attendee, partstat: Partstat, **values: object) -> None:
    """The attendee's receipt, at its token."""
    await do(engine, RecordReceipt(token=attendee.token, partstat=partstat, **values), SYSTEM)  # type: ignore[arg-type]


async def invite_all_answers(engine: Engine, event: Event) -> dict[str, Attendee]:
    """Four attendees who all got their invite: yes@, maybe@, no@ answered so, silent@ did not."""
    attendees = {}
    for name in (*ANSWERERS.values(), "silent"):
        done = await invite(engine, event, f"{name}@example.com")
        attendees[name] = done.attendee
    await deliver(engine)
    for partstat, name in ANSWERERS.items():
        await answer(engine, attendees[name], partstat)
    return attendees


async def drafted(engine: Engine, event: Event, emails: list[str], **values: object) -> CampaignDone:
    rows = [ListRow(email=email) for email in emails]
    return await do(engine, DraftCampaign(uid=event.uid, recipients=rows, **values))  # type: ignore[arg-type]


async def control(engine: Engine, draft: CampaignDone, action: CampaignAction) -> CampaignDone:
    """Start (with the draft's own token), pause, resume or cancel a campaign."""
    command = ControlCampaign(campaign_id=draft.campaign.id, action=action, confirm_token=draft.confirm_token)
    return await do(engine, command)


async def jobs_done(engine: Engine) -> None:
    """Do all jobs that wait, as the background would."""
    while await job_runner.step(engine):
        pass


async def claim(engine: Engine, limit: int = 1000, owner: str = "test") -> list[Claim]:
    return await engine.store.claim_messages(owner, limit, engine.clock, 20)


async def settle(engine: Engine, claims: list[Claim], state: MessageState, **values: object) -> None:
    answers = [SendResult(message_id=c.message.id, state=state, **values) for c in claims]  # type: ignore[arg-type]
    await engine.store.write_answers("test", answers, engine.clock())


async def deliver(engine: Engine) -> list[Message]:
    """Have everything that is owed accepted, as a mail server would; returns what went."""
    gone: list[Message] = []
    await jobs_done(engine)
    while claims := await claim(engine):
        await settle(engine, claims, MessageState.SENT, text="250 OK")
        gone += [c.message for c in claims]
        await jobs_done(engine)
    return gone


async def ledger(engine: Engine, event: Event, email: str) -> Message:
    """The newest calendar message to an attendee."""
    async with engine.store.unit() as unit:
        message = await unit.last_message(event.uid, email)
    assert message is not None
    return message


async def attendee(engine: Engine, event: Event, email: str) -> Attendee:
    async with engine.store.unit() as unit:
        found = await unit.attendee(event.uid, email)
    assert found is not None
    return found


async def attendee_count(engine: Engine, event: Event) -> int:
    page = await engine.store.attendees(AttendeeQuery(uid=event.uid, limit=100))
    return len(page.attendees)
