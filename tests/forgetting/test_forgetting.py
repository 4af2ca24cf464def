"""A person is forgotten: nothing of theirs is left in the data folder, the counts stay, the record is whole."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from click.testing import CliRunner

from cis_mcp.cli.main import cli
from engine.commands.answers.receipts import RecordReceipt
from engine.commands.events.events import UpdateEvent
from engine.commands.invites.invites import SendInvite
from engine.engine import Engine
from engine.inbox import forgetting
from engine.model.actors import Actor
from engine.model.claims import SendResult
from engine.model.events import Event
from engine.model.forgetting import names, without
from engine.model.messages import MessageState
from engine.model.people import Partstat
from engine.model.queries import EventQuery
from engine.model.suppressions import Suppression
from engine.outbox.transports import open_transport
from engine.refusals import Code, Refused
from tests.support import mails
from tests.support.clock import Clock
from tests.support.engines import (
    attendee,
    claim,
    created,
    do,
    drafted,
    engine_in,
    invite,
    refusal,
    settings_in,
    working,
)
from tests.support.inboxes import Post, receiving
from tests.support.waiting import eventually
from tests.tools.caller import calling

ANN = "ann.asher@people.example"
WORDS = ("ann.asher", "Annabel", "orchid", "4711-ann")
"""Parts of what is known of her, none of which may be left."""


@pytest.fixture
async def engine(tmp_path: Path, clock: Clock) -> AsyncIterator[Engine]:
    async with engine_in(tmp_path / "data", clock, sender_auth="off") as opened:
        yield opened


def _left(folder: Path) -> list[str]:
    """Where a word of hers is found, in any file, in any case."""
    found = []
    for path in folder.rglob("*"):
        content = path.read_bytes().lower() if path.is_file() else b""
        found += [f"{path.relative_to(folder)}: {word}" for word in WORDS if word.lower().encode() in content]
    return found


async def _known(engine: Engine) -> None:
    """Ann is invited, gets mail, answers by mail with a comment, is on a list, is in quarantine, and bounced once."""
    event = await created(engine)
    values = {"name": "Annabel Asher", "fields": {"badge": "4711-ann"}, "note": "Dear Annabel"}
    await do(engine, SendInvite(uid=event.uid, email=ANN, **values))
    async with working(engine, open_transport(engine.settings)):
        await eventually(lambda: len(list((engine.settings.data_dir / "outbox" / "new").glob("*"))) == 1)
    known = await attendee(engine, event, ANN)
    said = {"partstat": Partstat.ACCEPTED, "comment": "I bring an orchid", "name": "Annabel"}
    await do(engine, RecordReceipt(token=known.token, **said), Actor(kind="attendee", address=ANN))
    other = await created(engine, summary="Other")
    made = await drafted(engine, other, ["Ann.Asher@People.example", "bob@example.com"])
    assert made.campaign.valid == 2
    await do(engine, SendInvite(uid=other.uid, email=ANN))
    (claimed,) = await claim(engine)
    answer = SendResult(
        message_id=claimed.message.id,
        state=MessageState.FAILED,
        code=Code.REJECTED_BY_SERVER,
        text=f"<{ANN}> who?",
    )
    await engine.store.write_answers("test", [answer], engine.clock())
    await do(engine, UpdateEvent(uid=event.uid, summary="Moved"))


async def test_nothing_of_a_forgotten_person_is_left_in_the_data_folder(tmp_path: Path, clock: Clock) -> None:
    folder = tmp_path / "data"
    async with engine_in(folder, clock, sender_auth="off") as engine:
        await _known(engine)
        async with receiving(engine) as post:
            await _writes(post)
        before = await engine.store.statistics("system", "")
        assert {line.partition(":")[0].partition("/")[0] for line in _left(folder)} >= {"inbox", "outbox"}
        done = await forgetting.forget(engine, ANN.upper(), engine.local)
        assert done.erased
        assert done.left == ()
        assert done.mails >= 3
        assert await engine.check() == []
        after = await engine.store.statistics("system", "")
        changed = {"queued": before.delivery["queued"], "withdrawn": before.delivery["withdrawn"]}
        assert after.model_copy(update={"delivery": {**after.delivery, **changed}}) == before
        assert (await forgetting.forget(engine, ANN, engine.local)).rows == 0
    assert _left(folder) == []


async def _writes(post: Post) -> None:
    """Two mails of hers: one that was handled, one in quarantine; both with her address in encoded parts as well."""
    (folder, engine) = (post.folder, post.engine)
    await post(mails.reply("no-such-uid", ANN))
    await post(mails.listed(f"uid,email\nx,{ANN}\n"))
    assert folder.is_dir()
    assert engine.settings.data_dir.is_dir()


async def test_a_longer_address_is_another_person(engine: Engine) -> None:
    await _known(engine)
    await invite(engine, await _first(engine), "joann.asher@people.example.org")
    await forgetting.forget(engine, ANN, engine.local)
    found = await engine.store.traces("joann.asher@people.example.org")
    assert {trace.table for trace in found} >= {"attendee", "message"}


def test_an_address_is_told_from_those_that_hold_it() -> None:
    assert names("To: <Ann@Example.com>, you", "ann@example.com")
    others = "joann@example.com ann@example.com.au x-ann@example.com ann@example.community a+ann@example.com"
    assert not names(others, "ann@example.com")
    assert without("ann@example.com. ANN@example.com", "ann@example.com", "x@y") == "x@y. x@y"


async def test_who_wanted_no_more_mail_is_not_mailed_after_being_forgotten(engine: Engine) -> None:
    event = await created(engine)
    async with engine.store.unit() as unit:
        wish = Suppression(target=ANN, organizer="", reason="unsubscribed", at=engine.clock())
        await unit.add_suppressions([wish])
        await unit.block("cy@example.com", event.organizer, engine.clock())
    for address in (ANN, "cy@example.com", "bob@example.com"):
        await forgetting.forget(engine, address, engine.local)
    assert not await engine.store.traces(ANN)
    assert await refusal(engine, SendInvite(uid=event.uid, email=ANN)) is Code.ADDRESS_SUPPRESSED
    assert await refusal(engine, SendInvite(uid=event.uid, email="cy@example.com")) is Code.ATTENDEE_BLOCKED
    await invite(engine, event, "bob@example.com")
    listed = await drafted(engine, event, [ANN, "dan@example.com"])
    assert listed.campaign.valid == 1


async def test_a_forgotten_persons_place_gets_no_mail_and_keeps_its_answer(engine: Engine) -> None:
    await _known(engine)
    await forgetting.forget(engine, ANN, engine.local)
    page = await engine.search(EventQuery(query="Moved"), engine.local)
    uid = page.events[0].uid
    done = await do(engine, UpdateEvent(uid=uid, location="Elsewhere"))
    assert done.event.location == "Elsewhere"
    statistics = await engine.store.statistics("event", uid)
    assert statistics.rsvp["accepted"] == 1
    async with working(engine, open_transport(engine.settings)):
        pass
    assert "forgotten.invalid" not in " ".join(
        path.read_text() for path in (engine.settings.data_dir / "outbox" / "new").glob("*")
    )


async def test_a_row_about_a_forgotten_person_can_no_longer_be_tested(engine: Engine) -> None:
    event = await created(engine)
    await invite(engine, event, ANN)
    before = await engine.store.record_rows(0, 10)
    assert before[-1].salt is not None
    await forgetting.forget(engine, ANN, engine.local)
    after = await engine.store.record_rows(0, 10)
    assert [row.body for row in after[:2]] == [row.body for row in before]
    assert (after[0].salt, after[1].salt) == (before[0].salt, None)
    assert await engine.store.record_salt(ANN) is None
    last = json.loads(after[-1].body)
    assert (last["command"], last.get("about")) == ("ForgetPerson", None)


async def test_who_has_events_of_their_own_or_is_being_mailed_cannot_be_forgotten(engine: Engine) -> None:
    event = await created(engine, actor=Actor(kind="organizer", address="olga@example.org"))
    with pytest.raises(Refused) as refused:
        await forgetting.forget(engine, event.organizer, engine.local)
    assert refused.value.code is Code.INVALID_ARGUMENT
    await do(engine, SendInvite(uid=event.uid, email=ANN))
    await claim(engine)
    with pytest.raises(Refused) as busy:
        await forgetting.forget(engine, ANN, engine.local)
    assert busy.value.code is Code.BUSY
    agent = Actor(kind="agent", address="olga@example.org", scopes=frozenset({"read", "update"}))
    with pytest.raises(Refused) as foreign:
        await forgetting.forget(engine, ANN, agent)
    assert foreign.value.code is Code.NOT_ALLOWED


async def test_where_an_organizer_named_the_person_is_said(engine: Engine) -> None:
    event = await created(engine, description=f"Ask {ANN}")
    assert (await forgetting.forget(engine, ANN, engine.local)).left == (f"event {event.uid}",)


async def test_a_person_is_shown_what_is_kept_of_them(engine: Engine) -> None:
    await _known(engine)
    async with calling(engine, tier="operator") as caller:
        kept = await caller.ok("export_person", address=ANN)
        assert kept["rows"].keys() >= {"attendee", "message", "receipt", "campaign_row", "record_person"}
        assert "I bring an orchid" in kept["data"]
        assert (await attendee(engine, (await _first(engine)), ANN)).token not in kept["data"]
        gone = await caller.ok("forget_person", address=ANN)
        assert gone["erased"]
        assert (await caller.ok("export_person", address=ANN))["rows"] == {}


async def test_the_command_line_forgets_and_exports(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CIS_DATA_DIR", str(tmp_path / "data"))
    monkeypatch.chdir(tmp_path)
    engine = await Engine.open(settings_in(tmp_path / "data"), clock=Clock())
    await invite(engine, await created(engine), ANN)
    await engine.close()
    exported = await _command("export", ANN)
    assert json.loads(exported)["rows"]["attendee"][0]["email"] == ANN
    assert "Rows changed or deleted" in await _command("forget", ANN, "--yes")
    assert json.loads(await _command("export", ANN))["rows"] == {}


async def _command(*arguments: str) -> str:
    result = await asyncio.to_thread(CliRunner().invoke, cli, arguments)
    assert result.exit_code == 0, result.output
    return result.stdout


async def _first(engine: Engine) -> Event:
    found = await engine.search(EventQuery(query="Moved"), engine.local)
    return found.events[0]


async def test_the_counts_of_a_day_and_the_do_not_mail_list_name_nobody_who_is_forgotten(
    engine: Engine,
) -> None:
    event = await created(engine)
    for address in ("cy+news@example.com", "cy@example.com", "dan@example.com"):
        await invite(engine, event, address)
    async with engine.store.unit() as unit:
        await unit.suppress("dan@example.com", "550 no such user", engine.clock())
    await forgetting.forget(engine, "cy+news@example.com", engine.local)
    await forgetting.forget(engine, "dan@example.com", engine.local)
    assert await engine.check() == []
    assert not await engine.store.traces("cy+news@example.com")
    assert await engine.suppressions(engine.local, "", 10) == []


def test_raw_mail_that_no_disk_keeps_track_of_is_named(tmp_path: Path) -> None:
    table, queue = "dynamodb://t?region=eu-west-1", "sqs://q?region=eu-west-1&bucket=mails&prefix=in/"
    for store, inbox, named in ((table, queue, 1), (table, "smtp://127.0.0.1:2525", 0), ("", queue, 0)):
        settings = (
            settings_in(tmp_path, store=store, inbox=inbox) if store else settings_in(tmp_path, inbox=inbox)
        )
        assert bool(forgetting.out_of_reach(settings)) == named
