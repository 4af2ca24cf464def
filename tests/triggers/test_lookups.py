"""Thin payloads: what the sender leaves out is looked up, and what was missed is asked for."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from cis_mcp.views.keys import read_bounds
from engine.commands.agents.keys import CreateKey, StopKey
from engine.commands.triggers.deliveries import KeepDeliveries, ReplayDelivery
from engine.commands.triggers.triggers import CreateTrigger, SetTriggerLive, SetTriggerSecrets
from engine.engine import SYSTEM, Engine
from engine.model.triggers import Delivery, DeliveryState, Posted, Proof, Sender, Trigger
from engine.refusals import Code, Refused
from engine.rules.lookups import admit_lookups, wanted
from engine.rules.reading import lookups_of, rules_of
from engine.triggers import lookups, worker
from engine.triggers.arrivals import arrived
from tests.support.clock import Clock
from tests.support.engines import deliver, do, engine_in, refusal
from tests.support.httpstub import Asked, Told, answering
from tests.support.waiting import DEADLINE_S
from tests.triggers.crm import RULES, deal, deliveries, events, handled, invited, keep
from tests.triggers.test_recipes import DOCS, RECIPES, _run
from tests.triggers.vectors import SECRET
from tests.webhooks.receiver import LOCAL

_, LOOKUPS = DOCS.split("### Thin webhooks", 1)[1].split("```yaml\n", 2)[1:]
HUBSPOT = LOOKUPS.split("```", 1)[0]


def thin(number: int, at: int = 1_790_000_000_000) -> dict[str, Any]:
    return {
        "eventId": number,
        "subscriptionId": 2,
        "occurredAt": at,
        "subscriptionType": "deal.propertyChange",
        "objectId": 123,
        "propertyName": "dealstage",
        "propertyValue": "demo_scheduled",
    }


class Crm:
    """A CRM that is asked for deals and contacts."""

    def __init__(self) -> None:
        self.asked: list[Asked] = []
        self.answers: dict[str, Told | None] = {}
        self.slow: asyncio.Event | None = None
        contacts = {"contacts": {"results": [{"id": "77", "type": "deal_to_contact"}]}}
        properties = {"dealname": "Acme", "dealstage": "demo_scheduled", "demo_date": "2027-04-02T15:00:00Z"}
        self.deal = {
            "id": "123",
            "updatedAt": "2027-03-01T08:00:00Z",
            "properties": properties,
            "associations": contacts,
        }
        self.contact = {"id": "77", "properties": {"email": "ann@example.com", "firstname": "Ann"}}

    async def __call__(self, asked: Asked) -> Told | None:
        self.asked.append(asked)
        if self.slow:
            await self.slow.wait()
        if asked.path in self.answers:
            return self.answers[asked.path]
        answer = self.deal if "deals/" in asked.path else self.contact
        if asked.path.endswith("/deals"):
            answer = {"results": [self.deal]}
        return Told(200, {"content-type": "application/json"}, json.dumps(answer).encode())


@pytest.fixture
async def crm() -> AsyncIterator[Crm]:
    yield Crm()


@pytest.fixture
async def engine(
    tmp_path: Path, clock: Clock, crm: Crm, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Engine]:
    monkeypatch.setenv("HUBSPOT_TOKEN", "pat-secret")
    async with answering(crm) as stub, engine_in(tmp_path, clock, **LOCAL) as opened:
        connections = {"hubspot": {"base": stub.url, "credential": "env:HUBSPOT_TOKEN"}}
        (tmp_path / lookups.FILE).write_text(json.dumps(connections))
        yield opened


async def hook(engine: Engine, text: str = HUBSPOT, rules: str = "") -> Trigger:
    key = await do(engine, CreateKey(name="crm", bounds=read_bounds({"verbs": "create,update,send,trigger"})))
    asked, how = lookups_of(text)
    command = CreateTrigger(
        name="deals",
        proof=Proof(sender=Sender.HUBSPOT),
        rules=rules_of(rules or RECIPES_OF_APP),
        key=key.key.id,
        lookups=asked,
        reconciling=how,
    )
    await do(engine, command)
    await do(engine, SetTriggerSecrets(name="deals", secrets=(SECRET,)))
    return (await do(engine, SetTriggerLive(name="deals", live=True))).trigger


RECIPES_OF_APP = DOCS.split("### Thin webhooks", 1)[1].split("```yaml\n", 2)[1].split("```", 1)[0]


async def delivered(engine: Engine, trigger: Trigger, *payloads: dict[str, Any]) -> list[Delivery]:
    posted = Posted(method="POST", url="", headers={}, body=json.dumps(payloads).encode())
    kept = KeepDeliveries(trigger_id=trigger.id, arrived=arrived(posted, trigger.proof))
    await do(engine, kept, SYSTEM)
    await handled(engine)
    return await deliveries(engine, trigger)


async def through(engine: Engine, clock: Clock) -> None:
    """What waits to be undone is over."""
    clock.move(seconds=61)
    await handled(engine)


async def test_a_thin_payload_becomes_an_event_with_its_people(
    engine: Engine, crm: Crm, clock: Clock
) -> None:
    trigger = await hook(engine)
    await delivered(engine, trigger, thin(1))
    await through(engine, clock)
    (event,) = await events(engine)
    assert event.summary == "Demo: Acme"
    assert await invited(engine, event) == ["ann@example.com"]
    assert {one.headers["authorization"] for one in crm.asked} == {"Bearer pat-secret"}
    assert crm.asked[0].target.startswith("/crm/v3/objects/deals/123?properties=")
    assert crm.asked[1].path == "/crm/v3/objects/contacts/77"
    (one,) = await deliveries(engine, trigger)
    assert "pat-secret" not in one.model_dump_json() + str(await engine.store.payload(one.id))


async def test_what_was_missed_is_asked_for_and_what_is_known_is_not_done_twice(
    engine: Engine, crm: Crm, clock: Clock
) -> None:
    trigger = await hook(engine)
    assert await lookups.reconciled(engine, "deals", engine.local) == 1
    await handled(engine)
    await through(engine, clock)
    assert len(await events(engine)) == 1
    assert await lookups.reconciled(engine, "deals", engine.local) == 0
    await delivered(engine, trigger, thin(9))
    await through(engine, clock)
    assert len(await events(engine)) == 1
    assert [m.email for m in await deliver(engine)] == ["ann@example.com"]


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (Told(500), "500"),
        (Told(302, {"Location": "http://169.254.169.254/"}), "302"),
        (Told(200, body=b"[" + b"1," * 200_000 + b"1]"), "more than"),
        (None, "connection"),
        (Told(200, body=b"<html>We will be right back</html>"), "not JSON"),
        (Told(200), "not JSON"),
    ],
)
async def test_a_system_that_cannot_be_asked_is_asked_again_for_an_hour(
    engine: Engine, crm: Crm, clock: Clock, answer: Told | None, said: str
) -> None:
    crm.answers["/crm/v3/objects/deals/123"] = answer
    trigger = await hook(engine)
    (one,) = await delivered(engine, trigger, thin(1))
    assert (one.state, said in one.detail) == (DeliveryState.KEPT, True)
    crm.answers.clear()
    clock.move(seconds=61)
    await handled(engine)
    await through(engine, clock)
    assert len(await events(engine)) == 1
    crm.answers["/crm/v3/objects/deals/123"] = Told(404)
    await delivered(engine, trigger, thin(2, 1_790_000_000_001))
    clock.move(seconds=3_601)
    await handled(engine)
    failed = (await deliveries(engine, trigger))[0]
    assert (failed.state, failed.code) == (DeliveryState.FAILED, Code.LOOKUP_FAILED)


async def test_the_hour_begins_when_a_system_is_first_asked_however_old_the_delivery_is(
    engine: Engine, crm: Crm, clock: Clock
) -> None:
    crm.answers["/crm/v3/objects/deals/123"] = Told(500)
    trigger = await hook(engine)
    await delivered(engine, trigger, thin(1))
    clock.move(seconds=3_601)
    await handled(engine)
    (failed,) = await deliveries(engine, trigger)
    assert failed.state is DeliveryState.FAILED
    clock.move(hours=24)
    await do(engine, ReplayDelivery(trigger="deals", delivery_id=failed.id))
    await handled(engine)
    (again,) = await deliveries(engine, trigger)
    assert (again.state, again.due is not None) == (DeliveryState.KEPT, True)
    crm.answers.clear()
    clock.move(seconds=61)
    await handled(engine)
    await through(engine, clock)
    assert len(await events(engine)) == 1


async def test_while_its_key_is_stopped_no_system_is_asked_again_about_what_waits(
    engine: Engine, crm: Crm, clock: Clock
) -> None:
    trigger = await hook(engine)
    await do(engine, StopKey(key_id=trigger.key))
    await delivered(engine, trigger, thin(1))
    asked = len(crm.asked)
    for _ in range(3):
        await through(engine, clock)
    (waits,) = await deliveries(engine, trigger)
    assert (waits.state, "stopped" in waits.detail) == (DeliveryState.WAITING, True)
    assert len(crm.asked) == asked
    await do(engine, StopKey(key_id=trigger.key, stopped=False))
    await through(engine, clock)
    assert len(await events(engine)) == 1


async def test_a_slow_system_is_left_after_two_seconds(
    engine: Engine, crm: Crm, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lookups, "SECONDS", 0.05)
    crm.slow = asyncio.Event()
    (one,) = await delivered(engine, await hook(engine), thin(1))
    assert "in time" in one.detail


async def test_the_public_web_is_asked_over_https_alone(tmp_path: Path, engine: Engine, crm: Crm) -> None:
    """The credential would be read on its way; over http only networks of one's own may be asked."""
    plain = {"hubspot": {"base": "http://93.184.216.34", "credential": "env:HUBSPOT_TOKEN"}}
    (tmp_path / lookups.FILE).write_text(json.dumps(plain))
    (one,) = await delivered(engine, await hook(engine), thin(1))
    assert (one.state, "Without https" in one.detail) == (DeliveryState.KEPT, True), one.detail
    assert crm.asked == []


async def test_a_private_address_is_not_asked(tmp_path: Path, engine: Engine, clock: Clock) -> None:
    private = {"hubspot": {"base": "https://169.254.169.254", "credential": "env:HUBSPOT_TOKEN"}}
    (tmp_path / lookups.FILE).write_text(json.dumps(private))
    (one,) = await delivered(engine, await hook(engine), thin(1))
    assert "private" in one.detail
    for text in (
        "[]",
        "{",
        '{"hubspot": {"base": 1}}',
        '{"other": {"base": "https://a.b", "credential": "env:X"}}',
    ):
        (tmp_path / lookups.FILE).write_text(text)
        clock.move(seconds=61)
        await handled(engine)
    (one,) = await deliveries(engine, await engine.store.trigger_named("deals"))  # type: ignore[arg-type]
    assert "no connection" in one.detail


@pytest.mark.parametrize(
    "bad", ["../../admin", "1?x=y", "1/2", "", "x" * 65, "1\r\nHost: evil", None, 1.5, True, "é"]
)
def test_only_plain_ids_of_a_payload_come_into_a_path(bad: Any) -> None:
    (first, *_), _ = lookups_of(HUBSPOT)
    with pytest.raises(Refused) as refused:
        wanted(first, {**thin(1), "objectId": bad})
    assert refused.value.code in {Code.INVALID_RULE, Code.MISSING_FIELD}


async def test_what_could_not_be_looked_up_is_replayed_once_its_path_was_mended(
    engine: Engine, crm: Crm, clock: Clock
) -> None:
    trigger = await hook(engine)
    (failed,) = await delivered(engine, trigger, {**thin(1), "objectId": "deal 3", "number": 3})
    assert failed.state is DeliveryState.FAILED
    asked, how = lookups_of(HUBSPOT.replace("{{ event.objectId }}", "{{ event.number }}"))
    mended = CreateTrigger(
        name="deals",
        proof=trigger.proof,
        rules=trigger.rules,
        key=trigger.key,
        lookups=asked,
        reconciling=how,
    )
    await do(engine, mended)
    await do(engine, SetTriggerLive(name="deals", live=True))
    await do(engine, ReplayDelivery(trigger="deals", delivery_id=failed.id))
    await handled(engine)
    assert crm.asked[0].path == "/crm/v3/objects/deals/3"


async def test_a_deal_that_is_no_demo_any_more_when_its_minute_is_over_leaves_nothing_to_do(
    engine: Engine, crm: Crm, clock: Clock
) -> None:
    for rules in (RECIPES_OF_APP, f'{RECIPES_OF_APP}- when: "true"\n  do: nothing\n'):
        trigger = await hook(engine, rules=rules)
        crm.deal["properties"]["dealstage"] = "demo_scheduled"
        number = len(await deliveries(engine, trigger))
        (one, *_) = await delivered(engine, trigger, thin(number, 1_790_000_000_000 + number))
        assert one.state is DeliveryState.WAITING
        crm.deal["properties"]["dealstage"] = "prospect"
        await through(engine, clock)
        (one, *_) = await deliveries(engine, trigger)
        assert (one.state, one.code, one.due) == (DeliveryState.NOTHING, "", None)
    assert await events(engine) == []


async def test_an_answer_with_more_than_is_read_of_it_is_refused_where_it_is_asked_for_what_was_missed(
    engine: Engine, crm: Crm
) -> None:
    trigger = await hook(engine)
    many = {"results": [crm.deal] * 201}
    crm.answers["/crm/v3/objects/deals"] = Told(200, body=json.dumps(many).encode())
    with pytest.raises(Refused) as refused:
        await lookups.reconciled(engine, "deals", engine.local)
    assert refused.value.code is Code.TOO_LARGE
    assert await deliveries(engine, trigger) == []


@pytest.mark.parametrize(
    "text",
    [
        "lookups: [{name: a, connection: c, path: 'https://evil.com/'}]",
        "lookups: [{name: a, connection: c, path: '//evil.com/'}]",
        "lookups: [{name: a, connection: c, path: '/a@evil.com'}]",
        "lookups: [{name: a, connection: c, path: '/../x'}]",
        "lookups: [{name: a, connection: c, path: '/{{ open() }}'}]",
        "lookups: [{name: A, connection: c, path: /}]",
        "lookups: [{name: a, connection: c, path: /}, {name: a, connection: c, path: /}]",
        f"lookups: [{', '.join(f'{{name: {name}, connection: c, path: /}}' for name in 'abd')}]",
        "reconcile: {connection: c, path: '/{{ event.x }}', each: event, payload: {a: b}}",
        "other: 1",
        "[]",
    ],
)
def test_what_is_no_lookup_is_refused(text: str) -> None:
    with pytest.raises(Refused) as refused:
        admit_lookups(*lookups_of(text))
    assert refused.value.code is Code.INVALID_RULE


async def test_only_the_operator_has_things_looked_up(engine: Engine) -> None:
    key = await do(engine, CreateKey(name="k", bounds=read_bounds({"verbs": "trigger"})))
    asked, how = lookups_of(HUBSPOT)
    command = CreateTrigger(
        name="x",
        proof=Proof(sender=Sender.HUBSPOT),
        rules=rules_of(RECIPES["HubSpot"]),
        lookups=asked,
        reconciling=how,
    )
    assert await refusal(engine, command, key.key.actor) is Code.NOT_ALLOWED


def test_the_command_line_takes_lookups_and_reconciles(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where no connection is named, the command says so."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("CIS_DATA_DIR", str(tmp_path / "data"))
    Path("rules.yaml").write_text(RECIPES["Thin"])
    Path("lookups.yaml").write_text(HUBSPOT)
    key = json.loads(_run("key", "create", "--json", "--verbs", "create,update,send,trigger").stdout)["id"]
    made = _run(
        *("trigger", "create", "deals", "--sender", "hubspot", "--key", key),
        *("--rules", "rules.yaml", "--lookups", "lookups.yaml"),
    )
    assert made.exit_code == 0, made.output
    done = _run("trigger", "reconcile", "deals")
    assert (done.exit_code, "names no connection “hubspot”" in done.output) == (2, True)


async def test_the_command_asks_for_what_was_missed_once(
    tmp_path: Path, clock: Clock, crm: Crm, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The server then carries out what came, as if it had been posted."""
    monkeypatch.setenv("HUBSPOT_TOKEN", "pat-secret")
    monkeypatch.setenv("CIS_DATA_DIR", str(tmp_path / "data"))
    monkeypatch.setenv("CIS_LOCAL_RECEIVERS", LOCAL["local_receivers"])
    async with answering(crm) as stub:
        async with engine_in(tmp_path / "data", clock, **LOCAL) as engine:
            await hook(engine)
        connections = {"hubspot": {"base": stub.url, "credential": "env:HUBSPOT_TOKEN"}}
        (tmp_path / "data" / lookups.FILE).write_text(json.dumps(connections))
        said = [await asyncio.to_thread(_run, "trigger", "reconcile", "deals") for _ in range(2)]
        assert [one.exit_code for one in said] == [0, 0], said[0].output
        assert said[0].output == "1 missed delivery found.\n"
        assert said[1].output == "0 missed deliveries found.\n"
        async with engine_in(tmp_path / "data", clock, **LOCAL) as engine:
            await handled(engine)
            await through(engine, clock)
            (event,) = await events(engine)
            assert await invited(engine, event) == ["ann@example.com"]
    assert crm.asked[0].target == "/crm/v3/objects/deals?limit=100"


async def test_a_batch_is_looked_up_side_by_side_and_a_system_that_says_nothing_holds_no_other_hook_up(
    engine: Engine, crm: Crm
) -> None:
    thin_hook = await hook(engine)
    crm.slow = asyncio.Event()
    await keep(engine, thin_hook, [{**thin(n), "objectId": n} for n in range(8)])
    key = await do(
        engine, CreateKey(name="other", bounds=read_bounds({"verbs": "create,update,send,trigger"}))
    )
    plain = CreateTrigger(
        name="plain", proof=Proof(sender=Sender.GITHUB), rules=rules_of(RULES), key=key.key.id
    )
    await do(engine, plain)
    await do(engine, SetTriggerSecrets(name="plain", secrets=(SECRET,)))
    other = (await do(engine, SetTriggerLive(name="plain", live=True))).trigger
    await keep(engine, other, deal(), "plain")
    step = asyncio.create_task(worker.step(engine))
    async with asyncio.timeout(DEADLINE_S):
        while len(crm.asked) < 8 or not await events(engine):
            await asyncio.sleep(0)
    assert not step.done(), "eight are asked for at once, and the other hook's delivery is carried out"
    crm.slow.set()
    await step
