"""What the record holds: one row for each command of a known caller, refusals too, and nobody's words."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest

from engine.commands.campaigns.campaigns import CampaignAction, ControlCampaign, DraftCampaign
from engine.commands.campaigns.validation import ListRow
from engine.commands.events.events import UpdateEvent
from engine.commands.invites.invites import SendInvite
from engine.engine import SYSTEM, Engine
from engine.model.actors import Actor
from engine.model.record import commitment, root
from engine.refusals import Code
from tests.bounds.making import made
from tests.support.clock import Clock
from tests.support.engines import control, created, deliver, do, drafted, engine_in, invite, meeting, refusal

AGENT = Actor(
    kind="agent", address="agent@cis.test", key="k1", scopes=frozenset({"read", "events", "invites"})
)
STRANGER = Actor(kind="organizer", address="eve@example.com", unauthenticated=True)


async def _rows(engine: Engine) -> list[dict[str, Any]]:
    return [json.loads(row.body) for row in await engine.store.record_rows(0, 1_000)]


async def test_each_command_leaves_one_row_that_follows_the_one_before(engine: Engine) -> None:
    event = await created(engine, actor=AGENT)
    await do(engine, SendInvite(uid=event.uid, email="ann@example.com"), AGENT)
    first, second = await _rows(engine)
    assert first | {"args": ""} == {
        "seq": 1,
        "at": "2027-03-01T09:00:00.000Z",
        "kind": "agent",
        "key": "k1",
        "face": "mcp",
        "command": "CreateEvent",
        "outcome": "done",
        "event": event.uid,
        "args": "",
    }
    assert (second["seq"], second["command"], second["event"]) == (2, "SendInvite", event.uid)
    assert (await engine.check()) == []


async def test_a_row_commits_to_the_mails_that_its_command_owed(engine: Engine) -> None:
    event = await created(engine)
    done = await do(engine, SendInvite(uid=event.uid, email="ann@example.com"))
    mails = (await _rows(engine))[-1]["mails"]
    assert mails == {"count": 1, "root": root([done.message.message_id]).hex()}
    await do(engine, SendInvite(uid=event.uid, email="ann@example.com"))
    assert "mails" not in (await _rows(engine))[-1]


async def test_no_address_and_no_word_of_anybody_enters_the_record(engine: Engine) -> None:
    event = await created(engine, summary="Tea with Zoë")
    await invite(engine, event, "ann@example.com", name="Ann Ash")
    await do(engine, UpdateEvent(uid=event.uid, description="Bring biscuits"))
    await refusal(engine, UpdateEvent(uid="bob@example.com", summary="Oh"))
    text = "\n".join(row.body for row in await engine.store.record_rows(0, 100))
    assert not [word for word in ("Zoë", "ann@", "Ash", "biscuits", "bob@", "agent@") if word in text]


async def test_what_was_asked_can_be_shown_to_be_what_was_committed_to(engine: Engine) -> None:
    event = await created(engine)
    command = SendInvite(uid=event.uid, email="ann@example.com")
    await do(engine, command)
    row = (await engine.store.record_rows(1, 1))[0]
    said, salt = json.loads(row.body), row.salt
    assert salt is not None
    assert said["args"] == commitment(command.model_dump_json().encode(), salt)
    of_ann = await engine.store.record_salt("ann@example.com")
    assert of_ann is not None
    assert said["about"] == commitment(b"ann@example.com", of_ann)


async def test_a_refusal_is_a_row_and_changes_nothing_else(engine: Engine) -> None:
    await refusal(engine, UpdateEvent(uid="nothing", summary="Oh"), AGENT)
    (row,) = await _rows(engine)
    assert (row["command"], row["outcome"], row["code"]) == ("UpdateEvent", "refused", "unknown_event")
    assert row["key"] == "k1"


async def test_equal_refusals_within_a_minute_are_two_rows(engine: Engine, clock: Clock) -> None:
    for n in range(20):
        await refusal(engine, UpdateEvent(uid=f"nothing{n}", summary="Oh"), AGENT)
        clock.move(seconds=1)
    await refusal(engine, meeting(summary=""), AGENT)
    assert [row.get("times") for row in await _rows(engine)] == [None, None]
    clock.move(seconds=60)
    await engine.record_repeats()
    assert [(r["code"], r["times"]) for r in (await _rows(engine))[2:]] == [("unknown_event", 19)]
    await refusal(engine, UpdateEvent(uid="nothing", summary="Oh"), AGENT)
    assert len(await _rows(engine)) == 4


async def test_refusals_that_were_only_counted_are_written_when_the_engine_ends(tmp_path: Path) -> None:
    async with engine_in(tmp_path) as engine:
        for _ in range(3):
            await refusal(engine, UpdateEvent(uid="nothing", summary="Oh"), AGENT)
    async with engine_in(tmp_path) as again:
        assert [row.get("times") for row in await _rows(again)] == [None, 2]


async def test_what_strangers_try_and_what_the_engine_does_itself_is_no_row(engine: Engine) -> None:
    await refusal(engine, UpdateEvent(uid="nothing", summary="Oh"), STRANGER)
    await refusal(engine, UpdateEvent(uid="nothing", summary="Oh"), SYSTEM)
    await refusal(
        engine, UpdateEvent(uid="nothing", summary="Oh"), Actor(kind="attendee", address="a@example.com")
    )
    assert await _rows(engine) == []


async def test_a_campaigns_rows_commit_to_its_list(engine: Engine) -> None:
    event = await created(engine)
    made = await drafted(engine, event, ["ann@example.com", "bob@example.com", "nobody"])
    await control(engine, made, CampaignAction.START)
    draft, started = (await _rows(engine))[1:]
    assert draft["campaign"]["id"] == started["campaign"]["id"] == made.campaign.id
    assert [started["campaign"][name] for name in ("state", "total", "valid")] == ["running", 3, 2]
    salts = [row.salt for row in (await engine.store.record_rows(1, 2))]
    digest = made.campaign.digest.encode()
    listed = [commitment(digest, salt) for salt in salts if salt]
    assert [draft["campaign"]["list"], started["campaign"]["list"]] == listed


@pytest.mark.parametrize("calls", [40])
async def test_rows_of_commands_that_come_together_are_one_chain(engine: Engine, calls: int) -> None:
    event = await created(engine)
    await asyncio.gather(*(invite(engine, event, f"a{n}@example.com") for n in range(calls)))
    assert [row["seq"] for row in await _rows(engine)] == list(range(1, calls + 2))
    assert await engine.check() == []


async def test_a_caller_sees_the_rows_of_its_own_key(engine: Engine) -> None:
    keyless = Actor(kind="agent", address="oa@example.com", scopes=AGENT.scopes)
    for actor in (AGENT, AGENT.model_copy(update={"key": "k2"}), keyless):
        await do(engine, meeting(), actor)
    assert [json.loads(r.body)["key"] for r in await engine.record(AGENT, 10)] == ["k1"]
    assert [r.seq for r in await engine.record(keyless, 10)] == [3]
    assert [r.seq for r in await engine.record(engine.local, 2)] == [3, 2]
    assert await engine.record(Actor(kind="agent", address="new@example.com", scopes=AGENT.scopes), 10) == []
    assert await refusal(engine, UpdateEvent(uid="x", summary="y"), keyless) is Code.UNKNOWN_EVENT


async def test_a_campaign_ends_with_a_row_that_commits_to_the_mails_that_were_sent(engine: Engine) -> None:
    event = await created(engine)
    draft = await drafted(engine, event, [f"p{n}@example.com" for n in range(5)])
    await control(engine, draft, CampaignAction.START)
    gone = [m.message_id for m in await deliver(engine) if m.campaign_id == draft.campaign.id]
    last = (await _rows(engine))[-1]
    assert (last["command"], last["outcome"], last["event"]) == ("FinishCampaign", "done", event.uid)
    assert last["campaign"] == {"id": draft.campaign.id, "state": "finished", "sent": 5}
    assert last["mails"] == {"count": 5, "root": root(gone).hex()}
    assert await engine.check() == []


async def test_the_last_row_of_a_campaign_is_of_the_key_that_started_it(engine: Engine) -> None:
    key = await made(engine, new_people_day=0)
    event = await created(engine, key.actor)
    draft = await do(
        engine, DraftCampaign(uid=event.uid, recipients=[ListRow(email="ann@example.com")]), key.actor
    )
    start = ControlCampaign(
        campaign_id=draft.campaign.id, action=CampaignAction.START, confirm_token=draft.confirm_token
    )
    await do(engine, start, key.actor)
    await deliver(engine)
    last = (await _rows(engine))[-1]
    assert (last["command"], last["key"]) == ("FinishCampaign", key.id)
    assert [row.body for row in await engine.record(key.actor, 1)] == [
        (await engine.store.record_rows(0, 100))[-1].body
    ]
