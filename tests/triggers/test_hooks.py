"""POST /hooks/{name}: proven on the raw bytes, kept before it is answered, and 2xx for all that is proven."""

from __future__ import annotations

import asyncio
import hmac
import json

import httpx
import pytest

from cis_mcp.hooks import hooks
from engine.commands.triggers import deliveries as commands
from engine.commands.triggers.triggers import CreateTrigger, SetTriggerLive, SetTriggerSecrets
from engine.engine import Engine
from engine.model.triggers import DeliveryState, Proof, Sender, Trigger
from engine.rules.reading import rules_of
from engine.store.sqlite.unit import SqliteUnit
from engine.triggers import worker
from tests.support.clock import Clock
from tests.support.engines import deliver, do
from tests.support.waiting import DEADLINE_S, eventually
from tests.support.webs import served
from tests.triggers import vectors
from tests.triggers.crm import RULES, deal, deliveries, events, handled, signed, trigger


async def post(address: str, body: bytes, headers: dict[str, str], name: str = "deals") -> httpx.Response:
    async with httpx.AsyncClient(timeout=DEADLINE_S) as web:
        return await web.post(f"{address}/hooks/{name}", content=body, headers=headers)


async def of(engine: Engine, sender: Sender, secret: str, rules: str = RULES, **proof: str) -> Trigger:
    """A live trigger at the hook “deals” for a sender."""
    hook = await trigger(engine, rules, sender=Sender.GITHUB)
    key = hook.key
    command = CreateTrigger(name="deals", proof=Proof(sender=sender, **proof), rules=rules_of(rules), key=key)
    await do(engine, command)
    await do(engine, SetTriggerSecrets(name="deals", secrets=(secret,)))
    return (await do(engine, SetTriggerLive(name="deals", live=True))).trigger


async def test_a_proven_delivery_is_kept_answered_and_then_handled(engine: Engine) -> None:
    hook = await trigger(engine)
    body = json.dumps(deal()).encode()
    async with served(engine) as address:
        answer = await post(address, body, signed(body))
        assert (answer.status_code, answer.content) == (200, b"")
        assert [d.state for d in await deliveries(engine, hook)] == [DeliveryState.KEPT]
        await handled(engine)
        again = await post(address, body, signed(body))
        assert again.status_code == 200
    await handled(engine)
    assert len(await events(engine)) == 1
    assert len(await deliver(engine)) == 2
    assert len(await deliveries(engine, hook)) == 1


async def test_what_nothing_proves_is_answered_401_and_leaves_a_counter(engine: Engine) -> None:
    hook = await trigger(engine)
    body = json.dumps(deal()).encode()
    async with served(engine) as address:
        for headers in ({}, {"x-hub-signature-256": "sha256=00"}, signed(body + b" ")):
            assert (await post(address, body, headers)).status_code == 401
        assert (await post(address, body, signed(body), "another")).status_code == 404
        async with httpx.AsyncClient(timeout=DEADLINE_S) as web:
            assert (await web.get(f"{address}/hooks/deals")).status_code == 405
    assert await deliveries(engine, hook) == []
    ((_, refused),) = await engine.store.triggers(None)
    assert 1 <= refused <= 3


async def test_a_signature_that_stands_twice_proves_nothing(engine: Engine) -> None:
    await trigger(engine)
    body = b"{}"
    twice = [*signed(body).items(), ("X-Hub-Signature-256", "sha256=00")]
    async with served(engine) as address, httpx.AsyncClient(timeout=DEADLINE_S) as web:
        assert (await web.post(f"{address}/hooks/deals", content=body, headers=twice)).status_code == 401


async def test_size_and_load_alone_are_answered_413_and_503(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    hook = await trigger(engine)
    large = json.dumps(deal(note="x" * 300_000)).encode()
    body = json.dumps(deal()).encode()
    async with served(engine) as address:
        assert (await post(address, large, signed(large))).status_code == 413

        async def parts():  # type: ignore[no-untyped-def]
            yield large

        async with httpx.AsyncClient(timeout=DEADLINE_S) as web:
            chunked = await web.post(f"{address}/hooks/deals", content=parts(), headers=signed(large))
            assert chunked.status_code == 413
        monkeypatch.setattr(commands, "PENDING_MAX", 0)
        full = await post(address, body, signed(body))
        assert (full.status_code, full.headers["retry-after"]) == (503, "10")
    assert await deliveries(engine, hook) == []


async def test_who_is_never_proven_is_slowed_down(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    await trigger(engine)
    monkeypatch.setattr(hooks, "_FAILURES_AT_ONCE", 3)
    monkeypatch.setattr(hooks, "_FAILURES_A_SECOND", 0.001)
    async with served(engine) as address:
        answers = [await post(address, b"{}", {}) for _ in range(8)]
    assert [answer.status_code for answer in answers[:3]] == [401] * 3
    assert answers[-1].status_code == 429
    assert int(answers[-1].headers["retry-after"]) >= 1


@pytest.mark.parametrize(
    "body", [b"not json", b"[" * 500 + b"]" * 500, b'{"a":NaN}', b"", b"\xff\xfe", b'{"stage":[[1]]}', b"7"]
)
async def test_what_is_proven_but_cannot_be_used_is_kept_with_its_reason(engine: Engine, body: bytes) -> None:
    hook = await trigger(engine)
    async with served(engine) as address:
        assert (await post(address, body, signed(body))).status_code == 200
    await handled(engine)
    (kept,) = await deliveries(engine, hook)
    assert (kept.state, bool(kept.code)) in {(DeliveryState.FAILED, True)}
    assert await events(engine) == []


async def test_a_batch_of_a_hundred_is_a_hundred_deliveries(engine: Engine, clock: Clock) -> None:
    rules = """
when: event.propertyValue == "demo"
do: invite
object: "{{ event.objectId }}"
version: event.occurredAt
set: {summary: "Demo {{ event.objectId }}", start: "2027-05-02T19:00:00Z", duration_minutes: "30"}
undo_s: 0
"""
    hook = await of(engine, Sender.HUBSPOT, vectors.SECRET, rules)
    batch = [
        {"eventId": 1, "subscriptionId": 2, "occurredAt": n, "objectId": n % 90, "propertyValue": "demo"}
        for n in range(100)
    ]
    body = json.dumps(batch).encode()
    time = str(int(clock().timestamp() * 1000))
    url = f"{engine.settings.public_url}/hooks/deals?from=crm"
    signature = vectors.b64(vectors.openssl(b"POST" + url.encode() + body + time.encode()))
    headers = {"x-hubspot-request-timestamp": time, "x-hubspot-signature-v3": signature}
    async with served(engine) as address:
        assert (await post(address, body, headers, "deals?from=crm")).status_code == 200
        assert (await post(address, body, headers, "deals?from=crm")).status_code == 200
        assert (await post(address, body, headers)).status_code == 401
    await handled(engine)
    assert len(await deliveries(engine, hook)) == 100
    assert len({d.event_uid for d in await deliveries(engine, hook)}) == 90


async def test_xero_probes_a_hook_with_wrong_signatures_and_a_right_one(engine: Engine) -> None:
    """Its “intent to receive”: 401 to what it signed wrongly, 200 to what it signed, before it sends anything."""
    await of(engine, Sender.XERO, vectors.SECRET)
    body = b'{"events":[],"firstEventSequence":0,"lastEventSequence":0,"entropy":"S0m3r4nd0mt3xt"}'
    right = vectors.b64(vectors.openssl(body))
    async with served(engine) as address:
        for signature, status in ((right[::-1], 401), ("", 401), (right, 200)):
            answer = await post(address, body, {"x-xero-signature": signature})
            assert (answer.status_code, "set-cookie" in answer.headers) == (status, False)


async def test_an_outbound_message_of_salesforce_is_acknowledged_in_its_own_words(engine: Engine) -> None:
    genuine = vectors.salesforce_message()
    rules = 'when: "event.object.StageName == \\"Demo\\""\ndo: nothing'
    hook = await of(
        engine, Sender.SALESFORCE_MESSAGE, genuine.secret, rules, organization=vectors.ORGANIZATION
    )
    async with served(engine) as address:
        answer = await post(address, genuine.posted.body, {}, f"deals?token={genuine.secret}")
        assert "<Ack>true</Ack>" in answer.text
        assert answer.headers["content-type"].startswith("text/xml")
        assert (await post(address, genuine.posted.body, {}, "deals?token=wrong")).status_code == 401
    assert [d.delivery_id for d in await deliveries(engine, hook)] == ["04l1"]


async def test_of_an_outbound_message_with_more_than_a_unit_of_work_takes_nothing_is_lost(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(SqliteUnit, "items_per_unit", 30)
    genuine = vectors.salesforce_message(40)
    hook = await of(
        engine,
        Sender.SALESFORCE_MESSAGE,
        genuine.secret,
        "{when: 'true', do: nothing}",
        organization=vectors.ORGANIZATION,
    )
    async with served(engine) as address:
        for _ in range(2):
            answer = await post(address, genuine.posted.body, {}, f"deals?token={genuine.secret}")
            assert "<Ack>true</Ack>" in answer.text
            await handled(engine)
    found = await deliveries(engine, hook)
    assert {d.delivery_id for d in found} == {f"04l{n}" for n in range(1, 41)}
    assert {d.state for d in found} == {DeliveryState.NOTHING}


async def test_a_bearer_of_a_hook_is_no_key_and_a_key_no_bearer(engine: Engine) -> None:
    await of(engine, Sender.BEARER, vectors.SECRET)
    async with served(engine) as address:
        body = json.dumps(deal()).encode()
        good = {"authorization": f"Bearer {vectors.SECRET}"}
        assert (await post(address, body, good)).status_code == 200
        assert (await post(address, body, {"authorization": "Bearer cis_another"})).status_code == 401
        async with httpx.AsyncClient(timeout=DEADLINE_S) as web:
            assert (await web.post(f"{address}/mcp", content=b"{}", headers=good)).status_code == 401


async def test_the_worker_handles_what_was_kept_by_itself_or_before_a_crash(engine: Engine) -> None:
    hook = await trigger(engine)
    body = json.dumps(deal()).encode()
    async with served(engine) as address:
        await post(address, body, signed(body))
    task = asyncio.create_task(worker.run(engine))
    await eventually(lambda: _settled(engine, hook))
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


async def _settled(engine: Engine, hook: Trigger) -> bool:
    return all(d.state is DeliveryState.DONE for d in await deliveries(engine, hook))


@pytest.mark.parametrize(
    ("sender", "proof", "name", "body"),
    [
        (Sender.LEVER, {}, "deals", b'{"token": "a", "triggeredAt": 1, "signature": "\\ud800"}'),
        (Sender.LEVER, {}, "deals", b'{"token": "\\ud800", "triggeredAt": 1, "signature": "00"}'),
        (Sender.SALESFORCE_MESSAGE, {"organization": "00D000000000001"}, "deals?" + "a=1&" * 11, b""),
        (Sender.SALESFORCE_MESSAGE, {"organization": "00D000000000001"}, "deals?token=%ED%A0%80", b""),
    ],
)
async def test_what_a_stranger_writes_unreadably_proves_nothing_and_counts(
    engine: Engine, sender: Sender, proof: dict[str, str], name: str, body: bytes
) -> None:
    await of(engine, sender, "secret-of-it", **proof)
    async with served(engine) as address:
        answer = await post(address, body, {}, name)
    assert answer.status_code == 401
    assert answer.json() == {"error": "unproven"}


async def test_an_id_that_utf_8_cannot_write_stands_as_its_hash(engine: Engine) -> None:
    hook = await of(engine, Sender.LEVER, "secret-of-it")
    proof = hmac.new(b"secret-of-it", b"a1", "sha256").hexdigest()
    body = json.dumps({"id": "\ud800", "token": "a", "triggeredAt": 1, "signature": proof}).encode()
    async with served(engine) as address:
        assert (await post(address, body, {})).status_code == 200
    (kept,) = await deliveries(engine, hook)
    assert kept.delivery_id.startswith("sha256:")
