"""The stores that the contract is held against, and the values it is held with."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from engine.itip.recurrence import instances
from engine.model.bulk_changes import BulkAction, BulkChange
from engine.model.campaigns import Campaign, CampaignState
from engine.model.claims import Claim, SendResult
from engine.model.counters import Rates
from engine.model.events import Event
from engine.model.keys import Key
from engine.model.list_rows import Recipient
from engine.model.messages import Kind, Message, MessageState, Method
from engine.model.people import Attendee, Origin, Partstat
from engine.model.times import Span
from engine.refusals import Code
from engine.store.dynamodb.session import Context
from engine.store.dynamodb.store import DynamoStore
from engine.store.protocol import Store, Unit
from engine.store.sqlite.search_file import SearchFile
from engine.store.sqlite.store import SqliteStore
from tests.support.clock import START
from tests.support.memory.store import MemoryStore
from tests.support.migrated import make_database

Opening = Callable[..., AbstractAsyncContextManager[Store]]
ORGANIZER = "olga@example.org"


@asynccontextmanager
async def sqlite(folder: Path, send_rate: float = 0, day: int = 0) -> AsyncIterator[Store]:
    rates, path = Rates(all=send_rate, day=day), folder / "store.sqlite3"
    make_database(path)
    store = await SqliteStore.open(path, rates, instances)
    try:
        yield store
        assert await store.recount() == []
    finally:
        await store.close()


@asynccontextmanager
async def memory(folder: Path, send_rate: float = 0, day: int = 0) -> AsyncIterator[Store]:
    store = MemoryStore(Rates(all=send_rate, day=day))
    yield store
    assert await store.recount() == []


@asynccontextmanager
async def dynamodb(folder: Path, send_rate: float = 0, day: int = 0) -> AsyncIterator[Store]:
    """A table of its own on an emulator, which all tests of this process share."""
    from tests.judges.tables import new_table

    context = Context(Rates(all=send_rate, day=day), instances, SearchFile.open)
    async with new_table(context) as store:
        yield store  # type: ignore[misc]
        assert await store.recount() == []


STORES: dict[str, Opening] = {"sqlite": sqlite, "memory": memory}
if os.environ.get("CIS_JUDGES") == "required" and os.environ.get("CIS_DYNAMODB"):
    STORES["dynamodb"] = dynamodb


def needs_large_units(store: Store) -> None:
    """Skip what is true of stores alone that take a thousand items at once, and whose units wait for nothing."""
    if isinstance(store, DynamoStore):
        pytest.skip("units of this store are small, and wait for its answers")


def event(uid: str = "event1", **values: object) -> Event:
    start = START + timedelta(days=60)
    span = Span(start=start, end=start + timedelta(hours=2), timezone="Europe/Paris")
    known = {
        "uid": uid,
        "organizer": ORGANIZER,
        "summary": "Meeting",
        "span": span,
        "created": START,
        "dtstamp": START,
        "ends_at": span.end_utc,
    }
    return Event(**{**known, **values})  # type: ignore[arg-type]


def attendee(email: str, uid: str = "event1", **values: object) -> Attendee:
    known = {
        "event_uid": uid,
        "email": email,
        "token": f"token-{uid}-{email}",
        "origin": Origin.API,
        "created": START,
    }
    return Attendee(**{**known, **values})  # type: ignore[arg-type]


def message(email: str, uid: str = "event1", **values: object) -> Message:
    count = next(_NUMBERS)
    known = {
        "kind": Kind.INVITE,
        "email": email,
        "organizer": ORGANIZER,
        "message_id": f"m{count}@example.org",
        "event_uid": uid,
        "method": Method.REQUEST,
        "created": START,
        "due": START,
    }
    return Message(**{**known, **values})  # type: ignore[arg-type]


def key(key_id: str, address: str = ORGANIZER, **values: object) -> Key:
    known = {
        "id": key_id,
        "name": "",
        "address": address,
        "scopes": frozenset({"read"}),
        "digest": f"digest of {key_id}",
        "created": START,
    }
    return Key(**{**known, **values})  # type: ignore[arg-type]


_NUMBERS = iter(range(1_000_000_000))


def campaign(campaign_id: str = "campaign1", uid: str = "event1", **values: object) -> Campaign:
    known = {
        "id": campaign_id,
        "event_uid": uid,
        "organizer": ORGANIZER,
        "origin": Origin.BULK,
        "state": CampaignState.RUNNING,
        "created": START,
    }
    return Campaign(**{**known, **values})  # type: ignore[arg-type]


def withdrawing(code: Code = Code.EVENT_CANCELLED, **values: object) -> BulkChange:
    known = {"action": BulkAction.WITHDRAW, "code": code.value}
    return BulkChange.model_validate({**known, **values})


def recipients(n: int) -> list[Recipient]:
    return [Recipient(row=i, email=f"row{i}@example.com") for i in range(1, n + 1)]


async def with_event(store: Store, *emails: str, uid: str = "event1", **values: object) -> Event:
    """An event whose attendees are all owed their invite."""
    made = event(uid, **values)
    async with store.unit() as unit:
        await unit.ensure_organizer(made.organizer, "Olga", START)
        await unit.add_event(made)
        some = await _invite(unit, uid, emails)
    while some < len(emails):
        async with store.unit() as unit:
            some += await _invite(unit, uid, emails[some:])
    return made


async def _invite(unit: Unit, uid: str, emails: Sequence[str]) -> int:
    """Invite as many of these as a unit takes."""
    some = emails[: unit.items_per_unit]
    await unit.add_attendees([attendee(email, uid) for email in some])
    await unit.add_messages([message(email, uid) for email in some], priority=0)
    return len(some)


async def owe(store: Store, *messages: Message, priority: int = 0) -> None:
    async with store.unit() as unit:
        await unit.add_messages(messages, priority=priority)


async def save(store: Store, changed: Event) -> None:
    async with store.unit() as unit:
        await unit.save_event(changed)


async def claim(
    store: Store, owner: str = "one", limit: int = 100, now: datetime = START, lease_s: float = 20
) -> list[Claim]:
    return await store.claim_messages(owner, limit, lambda: now, lease_s)


async def answered(
    store: Store,
    claims: list[Claim],
    state: MessageState = MessageState.SENT,
    owner: str = "one",
    now: datetime = START,
    **values: object,
) -> None:
    answers = [SendResult(message_id=c.message.id, state=state, **values) for c in claims]  # type: ignore[arg-type]
    await store.write_answers(owner, answers, now)


async def state(store: Store, claim: Claim) -> Message:
    found = await store.message_by_message_id(claim.message.message_id)
    assert found is not None
    return found


async def states(store: Store, uid: str = "event1") -> dict[str, int]:
    """How many calendar messages of the event are in each state, those with none left out."""
    delivery = (await store.statistics("event", uid)).delivery
    return {name: n for name, n in delivery.items() if n}


def emails(claims: list[Claim]) -> list[str]:
    return [c.message.email for c in claims]


EVERYBODY = frozenset(Partstat)
