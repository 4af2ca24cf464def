"""What others were told of a person goes with them: postings, mails, gathered news and actions that wait for a yes."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from cis_mcp.views.keys import read_bounds
from engine.commands.agents.keys import CreateKey, KeyDone
from engine.commands.answers.proposals import RecordProposal
from engine.commands.answers.receipts import RecordReceipt
from engine.commands.invites.invites import SendInvite
from engine.commands.webhooks.feeding import FeedWebhook
from engine.commands.webhooks.webhooks import CreateWebhook
from engine.engine import SYSTEM, Engine
from engine.inbox import forgetting
from engine.model.actors import Actor
from engine.model.held import HeldState
from engine.model.people import Partstat
from engine.model.webhooks import WebhookKind
from engine.refusals import Code, Refused
from tests.support.clock import Clock
from tests.support.engines import attendee, claim, created, deliver, do, engine_in

ANN, OLGA, BOSS = "ann.asher@people.example", "olga@club.example", "boss@example.com"
WORDS = ("ann.asher", "annabel", "orchid", "4711-ann")
HERS = {"name": "Annabel Asher", "fields": {"badge": "4711-ann"}, "note": "Dear Annabel"}


@pytest.fixture
async def engine(tmp_path: Path, clock: Clock) -> AsyncIterator[Engine]:
    async with engine_in(tmp_path / "data", clock, sender_auth="off", owner=BOSS) as opened:
        yield opened


async def _forgotten(engine: Engine) -> list[str]:
    """Forget her; what of hers is left in any file, and where the counts are wrong."""
    done = await forgetting.forget(engine, ANN, engine.local)
    assert done.erased
    files = [path for path in engine.settings.data_dir.rglob("*") if path.is_file()]
    left = [
        f"{path.name}: {word}"
        for path in files
        for word in WORDS
        if word.encode() in path.read_bytes().lower()
    ]
    return [*left, *await engine.check()]


async def _key(engine: Engine, verbs: str, **bounds: str) -> KeyDone:
    asked = {"verbs": verbs, "owner": BOSS, **bounds}
    return await do(engine, CreateKey(name="crm", bounds=read_bounds(asked)))


@pytest.mark.parametrize("reads", ["addresses", "masked addresses"])
async def test_what_she_said_is_gone_from_what_is_posted(engine: Engine, reads: str) -> None:
    verbs = "create,send,trigger" + (",report" if reads == "addresses" else "")
    key = await _key(engine, verbs)
    kinds = frozenset({WebhookKind.RECEIPT})
    made = await do(engine, CreateWebhook(url="https://example.com/in", kinds=kinds), key.key.actor)
    event = await created(engine)
    await do(engine, SendInvite(uid=event.uid, email=ANN, **HERS))
    await deliver(engine)
    known = await attendee(engine, event, ANN)
    said = {"partstat": Partstat.DECLINED, "comment": "I am in hospital: orchid"}
    await do(engine, RecordReceipt(token=known.token, **said), SYSTEM)
    await do(engine, FeedWebhook(webhook_id=made.webhook.id), SYSTEM)
    (posting,) = await engine.store.postings(made.webhook.id, None, 5)
    await deliver(engine)
    assert await _forgotten(engine) == []
    found = await engine.store.posting(posting.id)
    assert found is not None
    assert '"status":"declined"' in found.body


@pytest.mark.parametrize("mail", ["waits", "has left"])
async def test_what_the_organizer_is_mailed_of_her_is_gone(engine: Engine, mail: str) -> None:
    event = await created(engine, actor=Actor(kind="organizer", address=OLGA))
    await do(engine, SendInvite(uid=event.uid, email=ANN, **HERS))
    await deliver(engine)
    known = await attendee(engine, event, ANN)
    proposal = RecordProposal(token=known.token, comment="Orchid", name="Annabel")
    await do(engine, proposal, SYSTEM)
    if mail == "has left":
        await deliver(engine)
    assert await _forgotten(engine) == []
    assert await claim(engine) == []


@pytest.mark.parametrize("mail", ["waits", "has left"])
async def test_an_invite_of_hers_that_waits_for_a_yes_is_void_and_gone(engine: Engine, mail: str) -> None:
    event = await created(engine)
    key = await _key(engine, "create,update,send", mode="hold")
    done = await do(engine, SendInvite(uid=event.uid, email=ANN, **HERS), key.key.actor)
    assert done.held is not None
    if mail == "has left":
        assert [message.email for message in await deliver(engine)] == [BOSS]
    assert await _forgotten(engine) == []
    found = await engine.store.held_action(done.held.id)
    assert found is not None
    assert found.state is HeldState.VOID


async def test_nobody_is_forgotten_while_a_mail_about_them_is_being_sent(engine: Engine) -> None:
    event = await created(engine)
    key = await _key(engine, "create,update,send", mode="hold")
    await do(engine, SendInvite(uid=event.uid, email=ANN, **HERS), key.key.actor)
    assert await claim(engine)
    with pytest.raises(Refused) as busy:
        await forgetting.forget(engine, ANN, engine.local)
    assert busy.value.code is Code.BUSY
