"""The contract of a store: work may run twice, a conflict changes nothing, a lost answer does nothing twice."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any

import pytest

from engine.commands.bulk_changes import ContinueBulkChange
from engine.commands.campaigns.campaigns import CampaignAction, ControlCampaign, DraftCampaign
from engine.commands.campaigns.fan_out import FanOut
from engine.commands.invites.invites import SendInvite
from engine.commands.randomness import SystemRandomness
from engine.engine import SYSTEM, Engine
from engine.jobs import jobs
from engine.model.answers import Receipt
from engine.model.bulk_changes import BulkAction, BulkChange
from engine.model.claims import SendResult
from engine.model.counters import Intake, KeptMail
from engine.model.events import EventStatus
from engine.model.feeds import Feed, FeedEntry
from engine.model.list_rows import ListRow
from engine.model.messages import Fanout, Kind, MessageState, Notice
from engine.model.people import Partstat
from engine.model.record import next_row
from engine.settings import Settings
from engine.store.protocol import Conflict, Store, Unit
from engine.store.repeating import TRIES
from tests.store.stores import (
    EVERYBODY,
    ORGANIZER,
    STORES,
    answered,
    attendee,
    campaign,
    claim,
    event,
    message,
    recipients,
    states,
    with_event,
    withdrawing,
)
from tests.support.clock import START, Clock
from tests.support.engines import meeting

ANN, BOB = "ann@example.com", "bob@example.com"
Work = Callable[[Unit], Awaitable[None]]


async def invites(unit: Unit) -> None:
    await unit.add_attendees([attendee(BOB)])
    await unit.add_messages([message(BOB, message_id="bob@x")], priority=0)
    place = await unit.record_place([BOB])
    await unit.add_row(next_row(place.after, {"command": "SendInvite"}, b"salt"), {BOB: b"salt of Bob"})


async def answers(unit: Unit) -> None:
    old = await unit.attendee("event1", ANN)
    assert old is not None
    values = {"partstat": Partstat.ACCEPTED, "receipt_sequence": 0, "receipt_dtstamp": START}
    new = old.model_copy(update={**values, "receipt_arrived": START})
    await unit.record_receipt(
        Receipt(
            event_uid="event1",
            email=ANN,
            partstat=Partstat.ACCEPTED,
            sequence=0,
            dtstamp=START,
            arrived=START,
        )
    )
    await unit.change_attendee(old, new)


async def cancels(unit: Unit) -> None:
    await unit.save_event(event(status=EventStatus.CANCELLED, sequence=1))
    await unit.change_messages(withdrawing(event_uid="event1", before=1), START)
    await unit.add_fanout(Fanout(event_uid="event1", kind=Kind.CANCELLATION, partstats=EVERYBODY))


async def starts_a_list(unit: Unit) -> None:
    await unit.add_campaign(campaign(total=3, valid=3), recipients(3))
    await unit.add_fanout(Fanout(event_uid="event1", kind=Kind.INVITE, campaign_id="campaign1"))
    rows, _ = await unit.recipients("campaign1", "", 2)
    people = [attendee(row.email) for row in rows]
    await unit.add_attendees(people)
    owed = [message(a.email, message_id=f"{a.email}@x", campaign_id="campaign1") for a in people]
    await unit.add_messages(owed, priority=1)
    held = BulkChange(action=BulkAction.HOLD, campaign_id="campaign1")
    await unit.change_messages(held, START)
    await unit.keep_bulk_change(held)


async def takes_a_mail_in(unit: Unit) -> None:
    await unit.take_in(Intake(id="mail1:create:", at=START, mailbox="create", action="created"))
    await unit.remember(ORGANIZER, "key", "digest", "event1", START)
    await unit.keep_mail(KeptMail(mail="mail1", at=START, size=10, proven=True, share="x", waits=False))
    await unit.note_proofs(ORGANIZER, ["proof"], START, warn=True)
    await unit.may_notify(ORGANIZER, START, timedelta(minutes=1))
    await unit.gather(ORGANIZER, Notice(subject="s", text="t"), None, timedelta(minutes=1), 10)


async def imports_a_calendar(unit: Unit) -> None:
    await unit.save_feed(Feed(id="feed1", organizer=ORGANIZER, name="Season"))
    await unit.add_event(event("event2"))
    await unit.save_feed_entries("feed1", [FeedEntry("source", "event2", "digest")])


WORKS = (invites, answers, cancels, starts_a_list, takes_a_mail_in, imports_a_calendar)


class Proxy:
    """A unit of work that lets nobody through at its `at`-th call, as if another had been quicker."""

    def __init__(self, unit: Unit, at: int) -> None:
        self._unit = unit
        self._left = at

    def __getattr__(self, name: str) -> Any:
        if self._left == 0:
            raise Conflict
        self._left -= 1
        return getattr(self._unit, name)


async def picture(store: Store) -> object:
    """What was kept, without the ids that a store gives."""
    events = [await store.event(uid) for uid in await store.uids(None, "event", 10)]
    people = [a async for a in store.every_attendee("event1")]
    history = [h for a in people for h in await store.history("event1", a.email)]
    return (
        events,
        people,
        [h.message.model_copy(update={"id": 0, "message_id": ""}) for h in history],
        await store.statistics("system", ""),
        await store.receipts("event1", ANN),
        await store.campaign_counts("campaign1"),
        await store.notes(""),
        await store.kept_sums(),
        [(c.kind, c.status) for c in (await store.changes(None, None, 50)).changes],
        await store.due_jobs(START + timedelta(days=1)),
    )


async def done_once(name: str, tmp_path: Any, work: Work) -> object:
    """The picture of a store in which the work was done undisturbed."""
    async with STORES[name](tmp_path / "undisturbed") as store:
        await with_event(store, ANN)
        await store.transact(work)
        return await picture(store)


class _Undone(Exception):  # noqa: N818 -- reads as what it is
    pass


@pytest.fixture(params=STORES)
def backend(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.mark.parametrize("work", WORKS)
async def test_work_that_was_run_and_undone_leaves_what_it_leaves_when_run_once(
    backend: str, tmp_path: Any, work: Work
) -> None:
    expected = await done_once(backend, tmp_path, work)
    async with STORES[backend](tmp_path) as store:
        await with_event(store, ANN)
        before = await picture(store)
        with pytest.raises(_Undone):
            async with store.unit() as unit:
                await work(unit)
                raise _Undone
        assert await picture(store) == before
        await store.transact(work)
        assert await picture(store) == expected


@pytest.mark.parametrize("work", WORKS)
async def test_a_conflict_at_any_call_changes_nothing_and_the_work_is_done_again(
    backend: str, tmp_path: Any, work: Work
) -> None:
    expected = await done_once(backend, tmp_path, work)
    for at in range(20):
        tried = 0

        async def disturbed(unit: Unit, at: int = at) -> None:
            nonlocal tried
            tried += 1
            await work(Proxy(unit, at) if tried == 1 else unit)  # type: ignore[arg-type]

        async with STORES[backend](tmp_path / str(at)) as store:
            await with_event(store, ANN)
            await store.transact(disturbed)
            assert await picture(store) == expected
        if tried == 1:
            break
    assert 1 < at < 19


async def test_after_conflicts_without_end_it_is_said_and_nothing_is_changed(store: Store) -> None:
    await with_event(store, ANN)
    before, tried = await picture(store), 0

    async def never(unit: Unit) -> None:
        nonlocal tried
        tried += 1
        await invites(unit)
        raise Conflict

    with pytest.raises(Conflict):
        await store.transact(never)
    assert tried == TRIES
    assert await picture(store) == before


class Forgetful:
    """A store whose answers are lost the first time, after it has written."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self.losing = True

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._store, name)
        if name not in {"transact", "write_answers", "renew_leases"}:
            return found

        async def lost(*given: Any, **named: Any) -> Any:
            result = await found(*given, **named)
            if self.losing:
                raise ConnectionError("the answer was lost")
            return result

        return lost


async def twice(store: Forgetful, ask: Callable[[], Awaitable[Any]]) -> Any:
    """Ask, hear nothing, and ask again."""
    store.losing = True
    with pytest.raises(ConnectionError):
        await ask()
    store.losing = False
    return await ask()


async def test_whoever_asks_again_since_the_answer_was_lost_does_nothing_twice(
    store: Store, tmp_path: Any
) -> None:
    forgetful = Forgetful(store)
    settings = Settings(data_dir=tmp_path / "data", _env_file=None)  # type: ignore[call-arg]
    engine = Engine(settings, forgetful, Clock(), SystemRandomness())  # type: ignore[arg-type]
    create = meeting(idempotency_key="once")
    made = (await twice(forgetful, lambda: engine.apply(create, engine.local))).event
    invite = SendInvite(uid=made.uid, email=ANN)
    assert (await twice(forgetful, lambda: engine.apply(invite, engine.local))).already
    draft = await engine.apply(
        DraftCampaign(uid=made.uid, recipients=[ListRow(email=f"p{n}@example.com") for n in range(5)]),
        engine.local,
    )
    start = ControlCampaign(campaign_id=draft.campaign.id, action=CampaignAction.START, confirmed=True)
    await twice(forgetful, lambda: engine.apply(start, engine.local))
    await twice(forgetful, lambda: jobs.step(engine))
    assert await states(store, made.uid) == {"queued": 6}
    claims = await claim(store, now=engine.clock())
    sent = [SendResult(message_id=c.message.id, state=MessageState.SENT) for c in claims]
    await twice(forgetful, lambda: forgetful.write_answers("one", sent, engine.clock()))
    assert await states(store, made.uid) == {"sent": 6}
    assert len(await store.uids(None, made.uid[:10], 10)) == 1


async def test_a_change_for_many_is_written_in_units_of_the_size_that_the_backend_takes(
    store: Store, tmp_path: Any
) -> None:
    settings = Settings(data_dir=tmp_path / "data", _env_file=None)  # type: ignore[call-arg]
    engine = Engine(settings, store, Clock(), SystemRandomness())
    made = (await engine.apply(meeting(), engine.local)).event
    async with store.unit() as unit:
        size = unit.invites_per_unit
    rows = [ListRow(email=f"p{n}@example.com") for n in range(2 * size + 1)]
    draft = await engine.apply(DraftCampaign(uid=made.uid, recipients=rows), engine.local)
    start = ControlCampaign(campaign_id=draft.campaign.id, action=CampaignAction.START, confirmed=True)
    await engine.apply(start, engine.local)
    written = []
    while (await engine.apply(FanOut(), SYSTEM)).worked:
        written.append((await states(store, made.uid))["queued"])
    assert written == [size, 2 * size, 2 * size + 1]


async def test_people_of_as_many_domains_are_invited_in_units_that_the_backend_takes(
    store: Store, tmp_path: Any
) -> None:
    settings = Settings(data_dir=tmp_path / "data", _env_file=None)  # type: ignore[call-arg]
    engine = Engine(settings, store, Clock(), SystemRandomness())
    made = (await engine.apply(meeting(), engine.local)).event
    rows = [ListRow(email=f"ann@d{n}.example.com") for n in range(45)]
    draft = await engine.apply(DraftCampaign(uid=made.uid, recipients=rows), engine.local)
    start = ControlCampaign(campaign_id=draft.campaign.id, action=CampaignAction.START, confirmed=True)
    await engine.apply(start, engine.local)
    await jobs.step(engine)
    assert await states(store, made.uid) == {"queued": 45}


async def _started(engine: Engine, uid: str, rows: list[ListRow]) -> str:
    """A campaign all of whose messages are written: its id."""
    draft = await engine.apply(DraftCampaign(uid=uid, recipients=rows), engine.local)
    start = ControlCampaign(campaign_id=draft.campaign.id, action=CampaignAction.START, confirmed=True)
    await engine.apply(start, engine.local)
    while (await engine.apply(FanOut(), SYSTEM)).worked:
        pass
    return draft.campaign.id


async def test_a_list_is_sent_again_to_people_whose_first_invite_was_withdrawn(
    store: Store, tmp_path: Any
) -> None:
    settings = Settings(data_dir=tmp_path / "data", _env_file=None)  # type: ignore[call-arg]
    engine = Engine(settings, store, Clock(), SystemRandomness())
    made = (await engine.apply(meeting(), engine.local)).event
    async with store.unit() as unit:
        people = unit.invites_per_unit + 2
    rows = [ListRow(email=f"p{n}@example.com") for n in range(people)]
    first = await _started(engine, made.uid, rows)
    cancel = ControlCampaign(campaign_id=first, action=CampaignAction.CANCEL, confirmed=True)
    await engine.apply(cancel, engine.local)
    while (await engine.apply(ContinueBulkChange(), SYSTEM)).worked:
        pass
    await _started(engine, made.uid, rows)
    assert await states(store, made.uid) == {"withdrawn": people, "queued": people}


async def test_a_change_is_owed_to_people_whose_invites_of_a_campaign_failed(
    store: Store, tmp_path: Any
) -> None:
    settings = Settings(data_dir=tmp_path / "data", _env_file=None)  # type: ignore[call-arg]
    engine = Engine(settings, store, Clock(), SystemRandomness())
    made = (await engine.apply(meeting(), engine.local)).event
    await _started(engine, made.uid, [ListRow(email=f"p{n}@example.com") for n in range(40)])
    claims = await claim(store, now=engine.clock())
    await answered(store, claims, MessageState.FAILED, now=engine.clock(), code="rejected_by_server")
    async with store.unit() as unit:
        await unit.save_event(made.model_copy(update={"sequence": made.sequence + 1}))
        await unit.add_fanout(Fanout(event_uid=made.uid, kind=Kind.UPDATE, partstats=EVERYBODY))
    while (await engine.apply(FanOut(), SYSTEM)).worked:
        pass
    assert await states(store, made.uid) == {"failed": 40, "queued": 40}
