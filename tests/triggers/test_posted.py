"""What is posted is kept byte for byte, so that its proof stays checkable; batches are divided after the answer."""

from __future__ import annotations

import asyncio
import hashlib
import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from cis_mcp.cli.main import cli
from engine.commands.operators.operators import SuspendOrganizer
from engine.commands.triggers import deliveries as commands
from engine.commands.triggers.deliveries import EmptyDeliveries
from engine.commands.triggers.triggers import SetTriggerLive, SetTriggerSecrets
from engine.engine import SYSTEM, Engine
from engine.inbox import forgetting
from engine.model.triggers import DeliveryState, Sender, Trigger
from engine.refusals import Code, Refused
from engine.triggers import asking, worker
from engine.triggers.receiving import Receiver
from tests.support.clock import Clock
from tests.support.engines import deliver, do, engine_in
from tests.triggers import vectors
from tests.triggers.crm import as_posted, deal, delivered, deliveries, events, handled, signed, trigger
from tests.triggers.vectors import SECRET

SPACED = (
    b'{ "stage" : "demo",  "id":7, "title":"\xc3\x89t\xc3\xa9", '
    b'"start":"2027-05-02T19:00:00Z", "version":1, "people":[] }\n'
)


async def taken(engine: Engine, hook: Trigger, body: bytes, **headers: str) -> None:
    """A request that the hook proves and answers."""
    posted = as_posted({}).model_copy(update={"body": body, "headers": {**signed(body), **headers}})
    current = await engine.store.trigger(hook.id)
    assert current
    assert await Receiver(engine).take(current, posted)


def hubspot(engine: Engine, body: bytes) -> dict[str, str]:
    """The headers with which HubSpot signs a body that it posts at the engine's time."""
    time = str(int(engine.clock().timestamp() * 1000))
    signature = vectors.b64(vectors.openssl(b"POST" + b"https://x.test/hooks/deals" + body + time.encode()))
    return {"x-hubspot-request-timestamp": time, "x-hubspot-signature-v3": signature}


async def test_the_proof_of_a_delivery_is_checked_once_more_on_the_bytes_as_they_came(
    engine: Engine, clock: Clock
) -> None:
    hook = await trigger(engine)
    await taken(engine, hook, SPACED, **{"x-api-key": "somebody's", "cookie": "theirs"})
    await handled(engine)
    (delivery,) = await deliveries(engine, hook)
    clock.move(days=30)
    found = await asking.proof_of(engine, "deals", delivery.id, engine.local)
    assert (found.holds, found.request.posted.body) == (True, SPACED)
    assert {"x-api-key", "cookie"} & set(found.request.posted.headers) == set()
    await do(engine, SetTriggerSecrets(name="deals", secrets=("another-secret",)))
    assert (await asking.proof_of(engine, "deals", delivery.id, engine.local)).holds is False


async def test_of_a_sender_that_shows_a_secret_the_secret_is_not_kept(engine: Engine) -> None:
    hook = await trigger(engine, sender=Sender.BEARER)
    await taken(engine, hook, json.dumps(deal()).encode(), authorization=f"Bearer {SECRET}")
    (delivery,) = await deliveries(engine, hook)
    found = await asking.proof_of(engine, "deals", delivery.id, engine.local)
    assert (found.holds, found.request.posted.headers) == (None, {})
    assert SECRET not in found.model_dump_json()


async def test_the_same_delivery_again_leaves_no_second_request(engine: Engine) -> None:
    hook = await trigger(engine)
    for _ in range(3):
        await taken(engine, hook, SPACED, **{"x-github-delivery": "one"})
    (delivery,) = await deliveries(engine, hook)
    assert (await asking.proof_of(engine, "deals", delivery.id, engine.local)).request.id
    counted = await engine.store.trigger_counts([hook.id])
    assert counted[hook.id].deliveries == 1


async def test_a_batch_is_answered_before_it_is_divided_and_survives_a_crash_between(
    tmp_path: Path, clock: Clock
) -> None:
    batch = [{"eventId": n, "subscriptionId": 1, "objectId": n, "stage": "none"} for n in range(3)]
    body = json.dumps(batch).encode()
    async with engine_in(tmp_path, clock) as engine:
        hook = await trigger(engine, sender=Sender.HUBSPOT)
        for _ in range(2):
            await taken(engine, hook, body, **hubspot(engine, body))
        assert await deliveries(engine, hook) == []
    async with engine_in(tmp_path, clock) as engine:
        await handled(engine)
        kept = await deliveries(engine, hook)
        assert len(kept) == 3
        proofs = [await asking.proof_of(engine, "deals", one.id, engine.local) for one in kept]
        assert {(proof.holds, proof.request.posted.body) for proof in proofs} == {(True, body)}
        await taken(engine, hook, body, **hubspot(engine, body))
        await handled(engine)
        assert len(await deliveries(engine, hook)) == 3


async def test_too_many_batches_that_wait_are_asked_to_come_again(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(commands, "UNDIVIDED_MAX", 2)
    hook = await trigger(engine, sender=Sender.HUBSPOT)
    bodies = [json.dumps([{"eventId": n}]).encode() for n in range(3)]
    for body in bodies[:2]:
        await taken(engine, hook, body, **hubspot(engine, body))
    with pytest.raises(Refused) as refused:
        await taken(engine, hook, bodies[2], **hubspot(engine, bodies[2]))
    assert refused.value.code is Code.BUSY
    assert await worker.step(engine)
    await taken(engine, hook, bodies[2], **hubspot(engine, bodies[2]))


async def test_what_was_posted_goes_with_its_days_and_with_the_person_it_names(
    engine: Engine, clock: Clock
) -> None:
    hook = await trigger(engine)
    await taken(engine, hook, json.dumps(deal(id=1)).encode())
    await handled(engine)
    clock.move(days=engine.settings.keep_mail_days + 1)
    await do(engine, EmptyDeliveries(), SYSTEM)
    escaped = json.dumps(deal(id=2, stage="none")).replace("ann@example.com", "ann\\u0040example.com")
    await taken(engine, hook, escaped.encode())
    newest, oldest = await deliveries(engine, hook)
    assert await engine.store.posted_of(oldest.id) is None
    assert await engine.store.posted_of(newest.id)
    await forgetting.forget(engine, "ann@example.com", engine.local)
    assert await engine.store.posted_of(newest.id) is None


async def test_the_command_line_checks_a_proof_and_gives_the_bytes(
    tmp_path: Path, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CIS_DATA_DIR", str(tmp_path))
    async with engine_in(tmp_path, clock) as engine:
        hook = await trigger(engine)
        await taken(engine, hook, SPACED)
        (delivery,) = await deliveries(engine, hook)
    out = tmp_path / "as-posted.json"
    command = ("trigger", "proof", "deals", delivery.id, "--out", str(out))
    proven = await asyncio.to_thread(CliRunner().invoke, cli, command)
    assert (proven.exit_code, "its signature is valid" in proven.output) == (0, True), proven.output
    assert hashlib.sha256(SPACED).hexdigest() in proven.output
    assert out.read_bytes() == SPACED
    async with engine_in(tmp_path, clock) as engine:
        await do(engine, SetTriggerSecrets(name="deals", secrets=("another-secret",)))
    unproven = await asyncio.to_thread(CliRunner().invoke, cli, command[:-2])
    assert (unproven.exit_code, "no present secret of the hook made its signature" in unproven.output) == (
        1,
        True,
    )
    unknown = await asyncio.to_thread(CliRunner().invoke, cli, ("trigger", "proof", "deals", "none"))
    assert (unknown.exit_code, "unknown_delivery" in unknown.output) == (2, True)


async def test_what_came_while_a_trigger_was_a_draft_again_is_carried_out_by_the_command(
    tmp_path: Path, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CIS_DATA_DIR", str(tmp_path))

    async def said(*command: str) -> Result:
        return await asyncio.to_thread(CliRunner().invoke, cli, ("trigger", *command))

    async with engine_in(tmp_path, clock) as engine:
        hook = await trigger(engine)
        await delivered(engine, hook, deal())
        await delivered(engine, hook, deal(stage="moved", version=2, start="2027-06-01T10:00:00Z"))
        await do(engine, SetTriggerLive(name="deals", live=False))
        clock.move(seconds=61)
        await delivered(engine, hook, deal(version=3, title="Acme 3", start="2027-06-01T10:00:00Z"))
    assert "trigger_state" in (await said("replay", "deals", "--kept")).output
    async with engine_in(tmp_path, clock) as engine:
        await do(engine, SetTriggerLive(name="deals", live=True))
    assert (await said("replay", "deals", "--kept")).output.startswith("2 deliveries;")
    assert (await said("replay", "deals", "--kept")).output.startswith("0 deliveries;")
    assert (await said("replay", "deals")).exit_code == 2
    async with engine_in(tmp_path, clock) as engine:
        for _ in range(2):
            await handled(engine)
            clock.move(seconds=61)
        assert DeliveryState.KEPT not in {one.state for one in await deliveries(engine, hook)}
        assert [event.summary for event in await events(engine)] == ["Demo: Acme 3"]


async def test_the_command_line_fires_a_payload_once_and_handles_what_failed_anew(
    tmp_path: Path, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CIS_DATA_DIR", str(tmp_path))
    body = tmp_path / "payload.json"
    body.write_text(json.dumps(deal()))

    async def said(*command: str) -> Result:
        return await asyncio.to_thread(CliRunner().invoke, cli, ("trigger", *command))

    async with engine_in(tmp_path, clock) as engine:
        hook = await trigger(engine)
        await do(engine, SuspendOrganizer(address=hook.organizer))
    fired = await said("fire", "deals", "--body", str(body))
    assert (fired.exit_code, "see its outcome" in fired.output) == (0, True), fired.output
    assert "trigger_state" in (await said("fire", "deals", "--body", str(body))).output
    async with engine_in(tmp_path, clock) as engine:
        await handled(engine)
        await do(engine, SuspendOrganizer(address=hook.organizer, suspended=False))
        (failed,) = await deliveries(engine, hook)
    listed = await said("deliveries", "deals", "--failed")
    assert f"{failed.id}  failed  organizer_suspended" in listed.output
    for _ in range(2):
        replayed = await said("replay", "deals", failed.id)
        assert (replayed.exit_code, "the running server processes it now" in replayed.output) == (0, True)
        async with engine_in(tmp_path, clock) as engine:
            await handled(engine)
    async with engine_in(tmp_path, clock) as engine:
        assert [m.email for m in await deliver(engine)] == ["ann@example.com", "ben@example.com"]
    unknown = await said("replay", "deals", "none")
    assert (unknown.exit_code, "unknown_delivery" in unknown.output) == (2, True)
