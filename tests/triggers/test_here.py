"""Rules that start from what happens here: no system outside, the same language, bounds and guard against loops."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest

from cis_mcp.views.keys import read_bounds
from engine.commands.agents.keys import CreateKey
from engine.commands.triggers.deliveries import ReplayDelivery
from engine.commands.triggers.feeding import FireTrigger
from engine.commands.triggers.triggers import CreateTrigger, SetTriggerLive, SetTriggerSecrets
from engine.engine import Engine
from engine.model.events import Event
from engine.model.people import Partstat
from engine.model.triggers import DeliveryState, Proof, Sender, Trigger
from engine.model.webhooks import WebhookKind
from engine.refusals import Code
from engine.rules.reading import rules_of
from engine.triggers import asking
from tests.support.clock import Clock
from tests.support.engines import answer, attendee, created, deliver, do, engine_in, invite, refusal
from tests.support.webs import served
from tests.triggers.crm import deal, deliveries, events, handled, invited, trigger
from tests.webhooks.receiver import LOCAL, posting, subscribed

FOLLOW_UP = """
- when: event.type == "receipt" and event.data.status == "accepted" and event.data.event.summary == "Season opener"
  do: invite
  object: "followup:{{ event.data.event.uid }}"
  set:
    summary: "After: {{ event.data.event.summary }}"
    start: "{{ event.data.event.end }}"
    timezone: "{{ event.data.event.timezone }}"
    duration_minutes: "30"
  people: {each: "[event.data]", email: "{{ item.email }}", others: stay}
  undo_s: 0
- when: event.type == "event.starting"
  do: remind
  object: "remind:{{ event.data.event.uid }}"
  uid: "{{ event.data.event.uid }}"
  undo_s: 0
"""
ECHO = """
- when: event.type in ["receipt", "event.changed"]
  do: update
  object: "{{ event.data.event.uid }}"
  uid: "{{ event.data.event.uid }}"
  set: {location: "{{ event.cis_chain }}"}
  undo_s: 0
"""


@pytest.fixture
async def engine(tmp_path: Path, clock: Clock) -> AsyncIterator[Engine]:
    async with engine_in(tmp_path, clock, **LOCAL) as opened:
        yield opened


async def here(engine: Engine, rules: str, sender: Sender = Sender.EVENTS) -> Trigger:
    """A live trigger that starts from what happens here."""
    bounds = read_bounds({"verbs": "read,create,update,send,trigger", "owner": "boss@example.com"})
    key = await do(engine, CreateKey(name="here", bounds=bounds))
    command = CreateTrigger(
        name="here", proof=Proof(sender=sender), rules=rules_of(rules), key=key.key.id, starting_minutes=60
    )
    await do(engine, command)
    return (await do(engine, SetTriggerLive(name="here", live=True))).trigger


async def says_yes(engine: Engine, event: Event, email: str) -> None:
    await invite(engine, event, email)
    await deliver(engine)
    await answer(engine, await attendee(engine, event, email), Partstat.ACCEPTED)


async def test_who_says_yes_is_invited_to_what_follows_and_nobody_is_taken_out(engine: Engine) -> None:
    event = await created(engine)
    await here(engine, FOLLOW_UP)
    for name in ("ann", "ben"):
        await says_yes(engine, event, f"{name}@example.com")
        await handled(engine)
    follow = next(e for e in await events(engine) if e.uid != event.uid)
    assert follow.summary == "After: Season opener"
    assert follow.span.start_utc == event.span.end_utc
    assert await invited(engine, follow) == ["ann@example.com", "ben@example.com"]
    assert [(m.kind, m.email) for m in await deliver(engine)] == [("invite", "ben@example.com")]
    await handled(engine)
    assert len(await events(engine)) == 2


async def test_an_hour_before_it_begins_those_without_an_answer_are_reminded_once(
    engine: Engine, clock: Clock
) -> None:
    hook = await here(engine, FOLLOW_UP)
    event = await created(engine)
    await invite(engine, event, "ann@example.com")
    await says_yes(engine, event, "ben@example.com")
    clock.now = event.span.start_utc - timedelta(minutes=61)
    await handled(engine)
    assert [m for m in await deliver(engine) if m.kind == "reminder"] == []
    clock.move(minutes=1)
    await handled(engine)
    await handled(engine)
    assert [m.email for m in await deliver(engine) if m.kind == "reminder"] == ["ann@example.com"]
    states = {d.delivery_id.partition(":")[0]: d.state for d in await deliveries(engine, hook)}
    assert states["event.starting"] is DeliveryState.DONE


READS_ALL = """
when: event.type == "receipt"
do: invite
object: "{{ event.data.event.uid }} of {{ event.data.email }}"
set:
  summary: "{{ event.data.email | upper }} says {{ event.data.words | default('') }}"
  start: "{{ event.data.event.end }}"
  duration_minutes: "30"
people: {each: "[event.data]", email: "{{ item.email }}"}
undo_s: 0
"""
NOBODY = READS_ALL.replace("[event.data]", "[]")


async def test_a_key_without_report_tries_rules_on_masked_people_and_reads_them_masked_in_deliveries(
    engine: Engine,
) -> None:
    event = await created(engine)
    await here(engine, READS_ALL)
    await invite(engine, event, "ann@example.com")
    await deliver(engine)
    ann = await attendee(engine, event, "ann@example.com")
    await answer(engine, ann, Partstat.ACCEPTED, comment="Yes, and tell ben@example.com")
    await handled(engine)
    rules = rules_of(READS_ALL.replace(" of {{ event.data.email }}", ""))
    read = {}
    for verbs in ("read,trigger", "read,trigger,report"):
        key = (await do(engine, CreateKey(name="", bounds=read_bounds({"verbs": verbs})))).key.actor
        listed = await asking.deliveries(engine, "here", key)
        tried = await asking.tried_on_kept(engine, "here", key, rules)
        kept = await asking.tried_on_kept(engine, "here", key)
        of_ann = {"email": "ann@example.com", "event": {"uid": event.uid, "end": "2027-05-02T19:00:00Z"}}
        body = {"type": "receipt", "data": of_ann}
        gone = await asking.tried_on_body(engine, "here", key, body, rules_of(NOBODY))
        invites = next(one.invites for one in tried if one.do)
        read[verbs] = f"{listed} {tried} {kept} {gone.withdraws}"
        assert {*invites, *gone.withdraws} == {
            "ann@example.com" if "report" in verbs else "a*******@example.com"
        }
    assert "ann" not in read["read,trigger"]
    assert "ANN" not in read["read,trigger"]
    assert "ben" not in read["read,trigger"]
    assert "ann@example.com" in read["read,trigger,report"]


async def test_nothing_that_was_before_it_was_live_and_nothing_while_it_is_stopped(engine: Engine) -> None:
    event = await created(engine)
    await says_yes(engine, event, "ann@example.com")
    hook = await here(engine, FOLLOW_UP)
    await handled(engine)
    assert await deliveries(engine, hook) == []
    await do(engine, SetTriggerLive(name="here", live=False))
    await says_yes(engine, event, "ben@example.com")
    await handled(engine)
    assert await deliveries(engine, hook) == []


async def test_a_live_trigger_that_is_made_live_again_misses_nothing_that_has_just_happened(
    engine: Engine,
) -> None:
    event = await created(engine)
    hook = await here(engine, FOLLOW_UP)
    await says_yes(engine, event, "ann@example.com")
    await do(engine, SetTriggerLive(name="here", live=True))
    await handled(engine)
    assert DeliveryState.DONE in {one.state for one in await deliveries(engine, hook)}


async def test_what_follows_from_itself_goes_through_four_triggers_and_stops(engine: Engine) -> None:
    """A change that a trigger makes is a change, from which the trigger starts again."""
    hook = await here(engine, ECHO)
    event = await created(engine)
    await says_yes(engine, event, "ann@example.com")
    await handled(engine)
    found = await engine.store.trigger(hook.id)
    assert found
    assert found.stopped == Code.LOOP
    done = [d for d in await deliveries(engine, hook) if d.state is DeliveryState.DONE]
    assert [d.chain.partition(".")[2] for d in done[::-1]] == ["0", "1", "2", "3"]
    failed = [d for d in await deliveries(engine, hook) if d.state is DeliveryState.FAILED]
    assert [(d.code, d.chain.partition(".")[2]) for d in failed] == [(Code.LOOP, "4")]
    told = [m.notice.text for m in await deliver(engine) if m.email == "boss@example.com" and m.notice]
    assert any("4 triggers" in text for text in told)


async def test_many_people_who_answer_are_no_loop(engine: Engine) -> None:
    rules = ECHO.replace('["receipt", "event.changed"]', '["receipt"]')
    hook = await here(engine, rules)
    event = await created(engine)
    for name in ("ann", "ben", "cid", "dan", "eve", "fay", "gil"):
        await says_yes(engine, event, f"{name}@example.com")
        await handled(engine)
    states = {d.state for d in await deliveries(engine, hook)}
    assert states == {DeliveryState.DONE, DeliveryState.NOTHING}


async def test_one_person_whose_program_answers_each_change_is_a_loop(engine: Engine) -> None:
    rules = ECHO.replace('["receipt", "event.changed"]', '["receipt"]')
    hook = await here(engine, rules)
    event = await created(engine)
    await says_yes(engine, event, "robot@example.com")
    for _ in range(6):
        await handled(engine)
        await deliver(engine)
        person = await attendee(engine, event, "robot@example.com")
        await answer(
            engine, person, Partstat.ACCEPTED, sequence=(await engine.event(event.uid, engine.local)).sequence
        )
    await handled(engine)
    found = await engine.store.trigger(hook.id)
    assert found
    assert found.stopped == Code.LOOP
    assert len([d for d in await deliveries(engine, hook) if d.state is DeliveryState.DONE]) == 4


async def test_receipt_webhook_trigger_update_carry_one_chain_and_stop(engine: Engine) -> None:
    """A webhook of ours leads to a hook of ours, as a system that passes everything on would."""
    hook = await here(engine, ECHO, Sender.STANDARD)
    event = await created(engine)
    async with served(engine) as address, posting(engine) as courier:
        kinds = [WebhookKind.RECEIPT, WebhookKind.EVENT_CHANGED]
        made = await subscribed(engine, f"{address}/hooks/here", kinds)
        await do(engine, SetTriggerSecrets(name="here", secrets=(made.secret,)))
        await says_yes(engine, event, "ann@example.com")
        for _ in range(8):
            await courier.drain()
            await handled(engine)
    found = await engine.store.trigger(hook.id)
    assert found
    assert found.stopped == Code.LOOP
    handled_ones = [d for d in await deliveries(engine, hook) if d.state is DeliveryState.DONE]
    assert len({d.chain.partition(".")[0] for d in handled_ones}) == 1
    assert len(handled_ones) == 4


async def test_a_key_sees_and_changes_no_event_of_another_by_naming_it(engine: Engine) -> None:
    hook = await trigger(engine, ECHO.replace('["receipt", "event.changed"]', '["x"]'))
    key = await do(engine, CreateKey(name="other", address="else@example.com"))
    theirs = await created(engine, key.key.actor)
    payload = {"type": "x", "cis_chain": "evil", "data": {"event": {"uid": theirs.uid}}}
    await do(engine, FireTrigger(trigger="deals", payload=payload))
    await handled(engine)
    (one,) = await deliveries(engine, hook)
    assert (one.state, one.code) == (DeliveryState.FAILED, Code.UNKNOWN_EVENT)
    assert (await engine.event(theirs.uid, engine.local)).location == ""


async def test_a_payload_that_is_fired_goes_on_with_the_chain_that_is_passed_on_in_it(engine: Engine) -> None:
    """A flow that fires what a webhook of ours posts is a loop like any other."""
    hook = await here(engine, ECHO, Sender.STANDARD)
    event = await created(engine)
    for depth in range(5):
        payload = {"type": "event.changed", "cis_chain": f"7.{depth}", "data": {"event": {"uid": event.uid}}}
        await do(engine, FireTrigger(trigger="here", payload=payload))
        await handled(engine)
    codes = [d.code for d in (await deliveries(engine, hook))[::-1]]
    assert (codes[:4], codes[4]) == ([""] * 4, Code.LOOP)
    found = await engine.store.trigger(hook.id)
    assert found
    assert found.stopped == Code.LOOP


async def test_a_trigger_is_fired_by_its_key_and_the_same_payload_once(engine: Engine) -> None:
    hook = await trigger(engine)
    key = next(key for key in await engine.keys() if key.id == hook.key)
    fire = FireTrigger(trigger="deals", payload=deal())
    done = await do(engine, fire, key.actor)
    await handled(engine)
    assert len(await events(engine)) == 1
    assert await refusal(engine, fire, key.actor) is Code.TRIGGER_STATE
    assert (await do(engine, ReplayDelivery(trigger="deals", delivery_id=done.delivery.id))).delivery
    await handled(engine)
    assert len(await deliver(engine)) == 2
    other = await do(engine, CreateKey(name="b", bounds=read_bounds({"verbs": "trigger"})))
    assert await refusal(engine, fire, other.key.actor) is Code.NOT_ALLOWED
    await do(engine, SetTriggerLive(name="deals", live=False))
    assert await refusal(engine, fire, key.actor) is Code.TRIGGER_STATE


@pytest.mark.parametrize(
    "text",
    [
        "{when: 'true', do: remind, object: a}",
        "{when: 'true', do: remind, object: a, uid: b, set: {summary: c}}",
        "{when: 'true', do: invite, object: a}",
        "{when: 'true', do: invite, object: a, uid: b, people: {each: '[event]', email: c, others: go}}",
    ],
)
async def test_what_names_no_event_is_no_rule(engine: Engine, text: str) -> None:
    from engine.refusals import Refused
    from engine.rules.admission import admit

    with pytest.raises(Refused) as refused:
        admit(rules_of(text))
    assert refused.value.code is Code.INVALID_RULE
