"""Attacks by what a system of record, or whoever pretends to be one, posts at a hook."""

from __future__ import annotations

import asyncio
import json
from datetime import timedelta

import httpx
import pytest

from engine.commands.triggers.triggers import SetTriggerSecrets
from engine.engine import Engine
from engine.model.triggers import DeliveryState, Sender
from engine.refusals import Code
from tests.console.person import browser, operator
from tests.rest.test_agents import with_verbs
from tests.support.clock import Clock
from tests.support.engines import deliver
from tests.support.waiting import DEADLINE_S
from tests.support.webs import served
from tests.tools.caller import calling
from tests.triggers import vectors
from tests.triggers.crm import deal, delivered, deliveries, events, handled, invited, signed, trigger
from tests.triggers.test_hooks import of


async def test_forged_signatures_of_hubspot_leave_nothing_but_a_counter(engine: Engine, clock: Clock) -> None:
    """An older version of the signature, an old time, another path, another host, each signed with the secret."""
    hook = await of(engine, Sender.HUBSPOT, vectors.SECRET)
    body = json.dumps(deal()).encode()
    public = engine.settings.public_url
    now, old = (str(int(at.timestamp() * 1000)) for at in (clock(), clock() - timedelta(minutes=6)))

    def headers(url: str, time: str) -> dict[str, str]:
        signature = vectors.b64(vectors.openssl(b"POST" + url.encode() + body + time.encode()))
        return {"x-hubspot-request-timestamp": time, "x-hubspot-signature-v3": signature}

    genuine = headers(f"{public}/hooks/deals", now)
    evil = headers("https://evil.example.com/hooks/deals", now) | {"host": "evil.example.com"}
    older = {"x-hubspot-signature": genuine["x-hubspot-signature-v3"], "x-hubspot-request-timestamp": now}
    forged = [headers(f"{public}/hooks/deals", old), headers(f"{public}/hooks/other", now), evil, older]
    async with served(engine) as address, httpx.AsyncClient(timeout=DEADLINE_S) as web:
        for one in forged:
            answer = await web.post(f"{address}/hooks/deals", content=body, headers=one)
            assert answer.status_code in {401, 421}, one
        assert await deliveries(engine, hook) == []
        assert (await web.post(f"{address}/hooks/deals", content=body, headers=genuine)).status_code == 200


async def test_fifty_copies_and_a_second_subscription_s_make_one_event_and_one_invite_each(
    engine: Engine,
) -> None:
    hook = await of(engine, Sender.SHOPIFY, vectors.SECRET)
    body = json.dumps(deal()).encode()
    proof = {"x-shopify-hmac-sha256": vectors.b64(vectors.openssl(body)), "x-shopify-topic": "orders/paid"}
    async with served(engine) as address, httpx.AsyncClient(timeout=DEADLINE_S) as web:

        async def post(webhook: str, event: str) -> int:
            ids = {"x-shopify-webhook-id": webhook, "x-shopify-event-id": event}
            return (await web.post(f"{address}/hooks/deals", content=body, headers=proof | ids)).status_code

        copies = [post("one", "event") for _ in range(50)] + [post("two", "event"), post("two", "forged")]
        assert set(await asyncio.gather(*copies)) == {200}
    await handled(engine)
    assert len(await deliveries(engine, hook)) == 2
    assert len(await events(engine)) == 1
    assert sorted(m.email for m in await deliver(engine)) == ["ann@example.com", "ben@example.com"]


async def test_an_older_version_leaves_the_calendar_unmoved(engine: Engine) -> None:
    hook = await trigger(engine)
    await delivered(engine, hook, deal(version=1_800_000_002, start="2027-05-03T10:00:00Z"))
    await deliver(engine)
    late = await delivered(engine, hook, deal(version=1_800_000_001, start="2027-05-02T10:00:00Z"))
    assert late.state is DeliveryState.STALE
    assert await deliver(engine) == []
    assert [e.span.start_utc.day for e in await events(engine)] == [3]


@pytest.mark.parametrize(
    "hostile",
    [
        "{{ event.secret }}",
        "{{ name }}",
        "{% for x in event %}{{ x }}{% endfor %}",
        "x" * 200_000,
        "\u202eevil\u202c \u2066x",
        "Acme\r\nATTENDEE:mailto:eve@evil.com\r\nBEGIN:VALARM",
        "Acme\r\nBcc: eve@evil.com",
        "\x00\x1b[31m",
    ],
)
async def test_a_field_of_a_crm_is_text_and_nothing_else(engine: Engine, hostile: str) -> None:
    hook = await trigger(engine)
    await delivered(engine, hook, deal(title=hostile[:300], note=hostile, secret="s3cret"))
    (event,) = await events(engine)
    assert "s3cret" not in event.summary + event.description
    assert "\n" not in event.summary
    assert "\r" not in event.summary
    assert len(event.description) <= 2_000
    if hostile.startswith("{"):
        assert event.summary == f"Demo: {hostile}"
    assert await invited(engine, event) == ["ann@example.com", "ben@example.com"]
    assert len(await deliver(engine)) == 2


async def test_two_addresses_in_one_field_are_nobody_and_the_others_go(engine: Engine) -> None:
    hook = await trigger(engine)
    bad = [
        "a@customer.com, eve@evil.com",
        "a@customer.com\nBcc:eve@evil.com",
        "<eve@evil.com> a@customer.com",
    ]
    people = [{"email": "ann@customer.com"}, *({"email": one} for one in bad)]
    done = await delivered(engine, hook, deal(people=people))
    assert done.state is DeliveryState.PARTIAL
    assert {one.code for one in done.refused} == {Code.INVALID_ADDRESS}
    assert [m.email for m in await deliver(engine)] == ["ann@customer.com"]


async def test_a_loop_stops_its_trigger_and_the_owner_hears_of_it(engine: Engine, clock: Clock) -> None:
    """Something that we cause has the system of record write again, and again."""
    hook = await trigger(engine)
    for n in range(20):
        assert (
            await delivered(engine, hook, deal(version=n, title=f"Round {n}"))
        ).state is DeliveryState.DONE
        clock.move(seconds=1)
    stopped = await delivered(engine, hook, deal(version=20, title="One too many"))
    assert (stopped.state, stopped.code) == (DeliveryState.FAILED, Code.LOOP)
    assert [e.summary for e in await events(engine)] == ["Demo: Round 19"]
    assert (await delivered(engine, hook, deal(version=21, id=8))).state is DeliveryState.KEPT
    gone = await deliver(engine)
    assert [m.notice.subject for m in gone if m.email == "boss@example.com" and m.notice] == [
        "Stopped: the trigger deals"
    ]


async def test_a_signed_payload_of_templates_makes_no_rule(engine: Engine) -> None:
    hook = await trigger(engine)
    everything = json.dumps(dict.fromkeys(deal(), "{{ event.__class__ }}")).encode()
    async with served(engine) as address, httpx.AsyncClient(timeout=DEADLINE_S) as web:
        answer = await web.post(f"{address}/hooks/deals", content=everything, headers=signed(everything))
        assert answer.status_code == 200
    await handled(engine)
    assert [d.state for d in await deliveries(engine, hook)] == [DeliveryState.NOTHING]


async def test_the_secret_of_a_hook_is_shown_by_no_tool_page_record_or_log(
    engine: Engine, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    hook = await trigger(engine)
    shown = [repr(hook), repr(SetTriggerSecrets(name="deals", secrets=(vectors.SECRET,)))]
    body = json.dumps(deal()).encode()
    key = {"x-api-key": await with_verbs(engine, "trigger", "create", address=hook.organizer)}
    async with served(engine) as address, httpx.AsyncClient(base_url=address, timeout=DEADLINE_S) as web:
        assert (await web.post("/hooks/deals", content=body, headers=signed(body))).status_code == 200
        assert (await web.post("/hooks/deals", content=body)).status_code == 401
        await handled(engine)
        for path in ("/v1/triggers", "/v1/triggers/deals/deliveries"):
            answer = await web.get(path, headers=key)
            assert answer.status_code == 200
            shown.append(answer.text)
    async with browser(engine) as web:
        person = await operator(engine, web)
        for path in ("/console/triggers", "/console/triggers/deals", "/console/record"):
            seen = await person.go(path)
            assert seen.status == 200
            shown.append(seen.answer.text)
    async with calling(engine, tier="operator") as caller:
        shown.append(str(await caller.ok("list_triggers")))
        shown.append(str(await caller.ok("list_deliveries", name="deals")))
        shown.append(str(await caller.ok("list_record")))
    shown += [str(one.body) for one in await engine.record(engine.local, 100)]
    assert all(shown)
    assert vectors.SECRET not in "".join(shown) + caplog.text
