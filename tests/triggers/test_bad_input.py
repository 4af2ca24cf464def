"""Whatever a system of record posts, each bad delivery gets its code, nothing is lost, and nothing else is held up."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

import pytest

from engine.commands.events.events import CancelEvent
from engine.commands.operators.operators import SuspendOrganizer
from engine.engine import Engine
from engine.model.triggers import Delivery, DeliveryState, Sender, Trigger
from tests.support.clock import Clock
from tests.support.engines import deliver, do
from tests.support.webs import served
from tests.triggers import vectors
from tests.triggers.crm import RULES, deal, deliveries, events, handled, people, signed, trigger
from tests.triggers.test_hooks import of, post

State = DeliveryState
TEMPLATES = dict.fromkeys(
    ("id", "title", "stage", "start", "note"), "{{ event.__class__.__mro__ }} {% for x in y %}"
)
OF_ONE_EVENT = """
when: event.id is defined
do: update
object: "{{ event.id }}"
uid: "{{ event.uid }}"
set: {summary: "{{ event.title }}"}
undo_s: 0
"""
ALWAYS = """
when: "true"
do: invite
object: one
set: {summary: "{{ event.n }}", start: "2027-05-02T19:00:00Z", duration_minutes: "45"}
undo_s: 0
"""


def body_of(value: Any) -> bytes:
    return json.dumps(value).encode()


@dataclass
class Case:
    """What is posted, and what becomes of it: the answers, and (state, code, refused) of each delivery, in order."""

    bodies: list[bytes]
    answers: list[int]
    became: list[tuple[str, str, tuple[str, ...]]] = field(default_factory=list)
    rules: str = RULES
    before: Callable[[Engine, Trigger], Awaitable[None]] | None = None
    headers: Callable[[bytes], dict[str, str]] = signed


def wrong(_: bytes) -> dict[str, str]:
    return {"x-hub-signature-256": "sha256=" + "0" * 64}


async def suspended(engine: Engine, hook: Trigger) -> None:
    await do(engine, SuspendOrganizer(address=hook.organizer))


CASES = {
    "wrong signature": Case([body_of(deal())], [401], headers=wrong),
    "replay": Case([body_of(deal())] * 3, [200] * 3, [("done", "", ())]),
    "duplicate under another id": Case(
        [body_of(deal()), body_of(deal(note=""))], [200] * 2, [("done", "", ()), ("unchanged", "", ())]
    ),
    "reordered": Case(
        [body_of(deal(version=5)), body_of(deal(version=4, title="Older"))],
        [200] * 2,
        [("done", "", ()), ("stale", "stale", ())],
    ),
    "not JSON": Case([b"stage=demo&id=7"], [200], [("failed", "invalid_payload", ())]),
    "300 kB": Case([body_of(deal(note="x" * 300_000))], [413]),
    "depth 500": Case([b"[" * 500 + b"]" * 500], [200], [("failed", "invalid_payload", ())]),
    "NaN": Case([b'{"stage": "demo", "id": NaN}'], [200], [("failed", "invalid_payload", ())]),
    "only templates": Case([body_of(TEMPLATES)], [200], [("nothing", "", ())]),
    "templates in what is shown": Case(
        [body_of(deal(title="{{ event.secret }}{% for x in y %}", note="{{7*7}}"))], [200], [("done", "", ())]
    ),
    "two addresses in one field": Case(
        [body_of(deal(people=[{"email": "a@example.com, eve@evil.com"}, *people("ann")]))],
        [200],
        [("partial", "", ("invalid_address",))],
    ),
    "CRLF in an address": Case(
        [body_of(deal(people=[{"email": "a@example.com\r\nBcc: eve@evil.com"}, *people("ann")]))],
        [200],
        [("partial", "", ("invalid_address",))],
    ),
    "an event that is not there": Case(
        [body_of({"id": 1, "uid": "a" * 40, "title": "X"})],
        [200],
        [("failed", "unknown_event", ())],
        rules=OF_ONE_EVENT,
    ),
    "a suspended organizer": Case(
        [body_of(deal())], [200], [("failed", "organizer_suspended", ())], before=suspended
    ),
    "a rule that always matches": Case(
        [body_of({"n": n}) for n in range(22)],
        [200] * 22,
        [*[("done", "", ())] * 20, ("failed", "loop", ()), ("kept", "", ())],
        rules=ALWAYS,
    ),
}


def became(delivery: Delivery) -> tuple[str, str, tuple[str, ...]]:
    return delivery.state.value, delivery.code, tuple(one.code for one in delivery.refused)


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
async def test_each_bad_delivery_gets_its_code_and_nothing_is_lost(engine: Engine, case: Case) -> None:
    hook = await trigger(engine, case.rules)
    if case.before:
        await case.before(engine, hook)
    async with served(engine) as address:
        answers = [(await post(address, body, case.headers(body))).status_code for body in case.bodies]
        assert answers == case.answers
        await handled(engine)
        found = list(reversed(await deliveries(engine, hook)))
        assert [became(one) for one in found] == case.became
        assert all(one.detail or one.refused for one in found if one.state in {State.FAILED, State.PARTIAL})
    mailed = {message.email for message in await deliver(engine)}
    assert not [email for email in mailed if "evil" in email]
    assert not [event for event in await events(engine) if "49" in event.description]


async def test_a_stale_timestamp_proves_nothing_and_a_batch_of_a_hundred_fails_one_by_one(
    engine: Engine, clock: Clock
) -> None:
    hook = await of(engine, Sender.HUBSPOT, vectors.SECRET, RULES.replace("event.id", "event.objectId"))
    starts = ["2027-13-45T19:00:00Z" if n % 10 == 3 else "2027-05-02T19:00:00Z" for n in range(100)]
    ids = ({"eventId": n, "subscriptionId": 1, "objectId": n} for n in range(100))
    batch = [
        {**deal(start=start, people=people(f"p{own['objectId']}")), **own}
        for start, own in zip(starts, ids, strict=True)
    ]
    body = body_of(batch)
    url = f"{engine.settings.public_url}/hooks/deals"

    def headers(seconds_ago: int) -> dict[str, str]:
        time = str(int((clock().timestamp() - seconds_ago) * 1000))
        signature = vectors.b64(vectors.openssl(b"POST" + url.encode() + body + time.encode()))
        return {"x-hubspot-request-timestamp": time, "x-hubspot-signature-v3": signature}

    async with served(engine) as address:
        assert (await post(address, body, headers(301))).status_code == 401
        assert (await post(address, body, headers(0))).status_code == 200
    await handled(engine)
    found = await engine.store.deliveries(hook.id, None, 200)
    states = [became(one)[:2] for one in found]
    assert (states.count(("failed", "invalid_time")), states.count(("done", ""))) == (10, 90)


async def test_an_event_that_was_cancelled_here_stays_cancelled_and_the_object_begins_anew(
    engine: Engine,
) -> None:
    hook = await trigger(engine)
    async with served(engine) as address:
        first, second = body_of(deal()), body_of(deal(version=2, title="Acme 2"))
        await post(address, first, signed(first))
        await handled(engine)
        (event,) = await events(engine)
        await do(engine, CancelEvent(uid=event.uid))
        assert (await post(address, second, signed(second))).status_code == 200
    await handled(engine)
    (newest, _) = await deliveries(engine, hook)
    assert newest.state is State.DONE
    assert (await engine.event(event.uid, engine.local)).cancelled
    assert newest.event_uid != event.uid


async def test_bad_deliveries_at_one_hook_hold_no_other_up(engine: Engine) -> None:
    await trigger(engine)
    async with served(engine) as address:
        for body in (b"[" * 500, b"no", body_of({"stage": 7}), body_of(deal(start="x"))):
            assert (await post(address, body, signed(body))).status_code == 200
        good = body_of(deal(id=8))
        assert (await post(address, good, signed(good))).status_code == 200
    await handled(engine)
    assert len(await events(engine)) == 1
    assert len(await deliver(engine)) == 2
