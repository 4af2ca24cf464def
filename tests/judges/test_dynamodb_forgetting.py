"""A person is forgotten in a table of DynamoDB: no item of it names them, in its key, its indexes or its value."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from engine.commands.answers.receipts import RecordReceipt
from engine.commands.invites.invites import SendInvite
from engine.commands.randomness import SystemRandomness
from engine.engine import Engine
from engine.inbox import forgetting
from engine.itip.recurrence import instances
from engine.model.actors import Actor
from engine.model.counters import Rates
from engine.model.people import Partstat
from engine.store.dynamodb.session import Context
from engine.store.dynamodb.store import DynamoStore
from tests.judges.tables import new_table
from tests.support.clock import Clock
from tests.support.engines import attendee, created, deliver, do, drafted, invite, settings_in

pytestmark = pytest.mark.skipif(
    os.environ.get("CIS_JUDGES") != "required", reason="an emulator of AWS: run by .ci/run (make judges)"
)
ANN = "ann.asher@people.example"
WORDS = ("ann.asher", "annabel", "orchid", "4711-ann")
EVENTS = 12
"""As many as need several units of work."""


async def _known(engine: Engine) -> None:
    """Ann is invited to several events, gets mail, answers with a comment, and is on a list."""
    values = {"name": "Annabel Asher", "fields": {"badge": "4711-ann"}, "note": "Dear Annabel"}
    for _ in range(EVENTS):
        event = await created(engine)
        await do(engine, SendInvite(uid=event.uid, email=ANN, **values))
    await deliver(engine)
    token = (await attendee(engine, event, ANN)).token
    said = {"partstat": Partstat.ACCEPTED, "comment": "I bring an orchid", "name": "Annabel"}
    await do(engine, RecordReceipt(token=token, **said), Actor(kind="attendee", address=ANN))
    await drafted(engine, await created(engine), ["Ann.Asher@People.example", "bob@example.com"])


async def _naming(store: DynamoStore) -> set[str]:
    """The tables with an item that has one of the words."""
    found = set()
    async for item in store.rows.items.scan():
        texts = " ".join([*item.key, *item.attributes.values(), item.value]).lower()
        if any(word in texts for word in WORDS):
            found.add(item.key[0].partition("#")[0])
    return found


async def test_no_item_of_the_table_names_a_forgotten_person(tmp_path: Path) -> None:
    async with new_table(Context(Rates(), instances)) as store:
        engine = Engine(settings_in(tmp_path), store, Clock(), SystemRandomness())  # type: ignore[arg-type]
        await _known(engine)
        assert {"event", "person", "list"} <= await _naming(store)
        before = await store.statistics("system", "")
        done = await forgetting.forget(engine, ANN, engine.local)
        assert done.rows > EVENTS
        assert await _naming(store) == set()
        assert await store.statistics("system", "") == before
        assert await store.recount() == []


async def test_what_is_exported_of_a_person_names_nobody_else_of_the_same_item(tmp_path: Path) -> None:
    async with new_table(Context(Rates(), instances)) as store:
        engine = Engine(settings_in(tmp_path), store, Clock(), SystemRandomness())  # type: ignore[arg-type]
        event = await created(engine)
        await drafted(engine, event, [ANN, "bob@example.com", "cleo@example.com"])
        for email in (ANN, "bob@example.com"):
            await invite(engine, event, email)
        await deliver(engine)
        traces = await store.traces(ANN)
    told = json.dumps([trace.row for trace in traces])
    assert {"rows", "attendee"} <= {trace.table for trace in traces}
    assert ANN in told
    assert "bob" not in told
    assert "cleo" not in told
