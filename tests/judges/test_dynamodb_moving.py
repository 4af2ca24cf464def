"""Everything moves from SQLite to a table of DynamoDB and back: the same of each kind, one record, and it goes on."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path

import pytest

from engine.engine import Engine
from engine.model.changes import ChangeKind
from engine.model.held import OrganizerApproval
from engine.model.people import Partstat
from engine.model.triggers import Posted
from engine.moving import move_store
from engine.refusals import Code, Refused
from engine.store.dynamodb.changes import ENTRIES, SHARDS
from engine.store.dynamodb.ids import new_id
from engine.store.dynamodb.moving import MovableTable
from engine.store.dynamodb.posted import REQUESTS, KeptRequest
from engine.store.dynamodb.store import DynamoStore
from engine.store.protocol.moving import KINDS
from tests.judges.ministack import KEYS
from tests.judges.tables import new_address
from tests.store.test_triggers import delivery
from tests.support.clock import START, Clock
from tests.support.engines import answer, attendee, created, deliver, settings_in
from tests.support.everything import ANN, BOB, fill

pytestmark = pytest.mark.skipif(
    os.environ.get("CIS_JUDGES") != "required", reason="an emulator of AWS: run by .ci/run (make judges)"
)

HEAD = Posted(method="POST", url="https://cis.test/in/deals", headers={}, body=b"")


@pytest.fixture(autouse=True)
def _keys(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in KEYS.items():
        monkeypatch.setenv(name, value)


async def _opened(folder: Path, store: str = "") -> Engine:
    clock = Clock()
    clock.move(hours=2)
    return await Engine.open(settings_in(folder, store=store), clock=clock)


async def _filled(folder: Path) -> str:
    engine = await _opened(folder)
    try:
        return await fill(engine)
    finally:
        await engine.close()


async def _goes_on(engine: Engine, uid: str) -> None:
    """Who was invited answers by the same token; what waited leaves; webhooks and triggers are told what is new."""
    event = await engine.store.event(uid)
    assert event is not None
    assert await engine.check() == []
    webhook, trigger = await engine.store.webhook("one"), await engine.store.trigger_named("deals")
    assert webhook is not None
    assert trigger is not None
    for cursor in (webhook.cursor, trigger.cursor):
        page = await engine.store.changes(None, cursor, 100, ChangeKind.EVENT_CREATED)
        assert [change.event_uid != uid for change in page.changes] == [True]
    await answer(engine, await attendee(engine, event, ANN), Partstat.DECLINED)
    assert {BOB} <= {message.email for message in await deliver(engine)}
    await created(engine, summary="Made over here")
    assert await engine.check() == []


async def test_all_that_is_kept_comes_over_and_back(tmp_path: Path) -> None:
    table, back = new_address(), tmp_path / "back" / "cis.sqlite3"
    uid = await _filled(tmp_path)
    there = await move_store(str(tmp_path / "cis.sqlite3"), table)
    assert [kind.name for kind in there if not kind.same] == []
    assert {kind.name for kind in there} == set(KINDS) - {"old-line", "pace", "quota", "record-cut"}
    engine = await _opened(tmp_path, table)
    before, head = await engine.store.statistics("event", uid), await engine.store.record_head()
    found = await engine.store.changes(None, None, 100)
    assert await engine.check() == []
    await engine.close()
    home = await move_store(table, str(back))
    assert [(kind.name, kind.source, kind.target) for kind in home] == [
        (kind.name, kind.source, kind.target) for kind in there
    ]
    assert all(kind.same for kind in home)
    engine = await _opened(back.parent)
    assert await engine.store.statistics("event", uid) == before
    assert await engine.store.record_head() == head
    assert (await engine.store.changes(None, None, 100)).changes == found.changes
    await _goes_on(engine, uid)
    await engine.close()
    engine = await _opened(tmp_path, table)
    await _goes_on(engine, uid)
    await engine.close()


async def test_a_table_that_was_not_filled_to_its_end_is_opened_by_no_one_and_filled_anew(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    table = new_address()
    await _filled(tmp_path)

    async def breaks(_: MovableTable) -> None:
        raise OSError("the network is gone")

    with monkeypatch.context() as broken:
        broken.setattr(MovableTable, "finish", breaks)
        with pytest.raises(OSError, match="gone"):
            await move_store(str(tmp_path / "cis.sqlite3"), table)
    with pytest.raises(Refused) as refused:
        await _opened(tmp_path, table)
    assert refused.value.code is Code.NOT_ALLOWED
    kinds = await move_store(str(tmp_path / "cis.sqlite3"), table)
    assert all(kind.same for kind in kinds)
    with pytest.raises(Refused) as refused:
        await move_store(str(tmp_path / "cis.sqlite3"), table)
    assert refused.value.code is Code.NOT_ALLOWED
    engine = await _opened(tmp_path, table)
    assert await engine.check() == []
    await engine.close()


async def test_a_table_that_is_written_to_meanwhile_is_not_moved(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    table, back = new_address(), tmp_path / "back" / "cis.sqlite3"
    engine = await _opened(tmp_path, table)
    await created(engine)
    real = MovableTable.changed

    async def and_written_to(self: MovableTable) -> bool:
        await created(engine)
        await engine.store.close()
        return await real(self)

    monkeypatch.setattr(MovableTable, "changed", and_written_to)
    with pytest.raises(Refused) as refused:
        await move_store(table, str(back))
    assert refused.value.code is Code.BUSY
    assert not back.exists()


async def test_what_two_processes_kept_under_one_id_is_moved_as_two(tmp_path: Path) -> None:
    table, back = new_address(), tmp_path / "back" / "cis.sqlite3"
    await _filled(tmp_path)
    await move_store(str(tmp_path / "cis.sqlite3"), table)
    engine = await _opened(tmp_path, table)
    await created(engine)
    await created(engine)
    trigger = await engine.store.trigger_named("deals")
    assert trigger
    assert isinstance(engine.store, DynamoStore)
    rows = engine.store.rows
    entries = [one for shard in range(SHARDS) for one in await rows.under(ENTRIES, shard)]
    first, second = sorted(entries, key=lambda one: one.turn)[-2:]
    same = second.changes[0].model_copy(update={"id": first.changes[0].id})
    await rows.put(ENTRIES, second.model_copy(update={"changes": (same, *second.changes[1:])}))
    posted = {"trigger_id": trigger.id, "digest": "same", "divided": False, "received": START, "size": 1}
    for _ in range(2):
        await rows.put(REQUESTS, KeptRequest(id=new_id(), head=HEAD, body="", **posted))
    await rows.items.commit()
    await engine.close()
    assert all(kind.same for kind in await move_store(table, str(back)))
    engine = await _opened(back.parent)
    told = (await engine.store.changes(None, None, 100)).changes
    uids = {change.event_uid for entry in (first, second) for change in entry.changes}
    assert uids <= {change.event_uid for change in told}
    await engine.close()


async def test_a_table_that_a_process_writes_to_that_is_killed_at_once_is_not_moved(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    table, back = new_address(), tmp_path / "back" / "cis.sqlite3"
    engine = await _opened(tmp_path, table)
    await created(engine)
    await engine.close()
    engine = await _opened(tmp_path, table)
    real = MovableTable.changed

    async def and_written_to(self: MovableTable) -> bool:
        assert isinstance(engine.store, DynamoStore)
        engine.store.pulse._next = asyncio.get_running_loop().time() + 3_600
        await created(engine)
        return await real(self)

    monkeypatch.setattr(MovableTable, "changed", and_written_to)
    with pytest.raises(Refused) as refused:
        await move_store(table, str(back))
    assert refused.value.code is Code.BUSY
    await engine.close()


async def test_nothing_of_what_is_being_forgotten_is_moved(tmp_path: Path) -> None:
    table, back = new_address(), tmp_path / "back" / "cis.sqlite3"
    await _filled(tmp_path)
    await move_store(str(tmp_path / "cis.sqlite3"), table)
    engine = await _opened(tmp_path, table)
    trigger = await engine.store.trigger_named("deals")
    assert trigger
    for n in range(20):
        async with engine.store.unit() as unit:
            name = await unit.add_posted(
                trigger.id, HEAD.model_copy(update={"body": b"orchid"}), START, divided=True
            )
            kept = delivery(f"d{n}", trigger_id=trigger.id, object="deal:9", due=None)
            await unit.add_deliveries([(kept, "orchid")], name)
    async with engine.store.unit() as unit:
        await unit.forget_object(trigger.id, "deal:9")
    async with engine.store.unit() as unit:
        await unit.set_organizer_approval("gone@forgotten.invalid", OrganizerApproval(approver=BOB))
    await engine.close()
    assert all(kind.same for kind in await move_store(table, str(back)))
    engine = await _opened(back.parent)
    assert [await engine.store.posted_of(f"d{n}") for n in range(20)] == [None] * 20
    async with engine.store.unit() as unit:
        assert await unit.organizer_approval("gone@forgotten.invalid") is None
    await engine.close()
