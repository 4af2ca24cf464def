"""A refusal by a bound is explained: what is left, until when, who can lift it; and nothing of events."""

from __future__ import annotations

from engine.commands.agents.keys import CreateKey
from engine.engine import Engine
from engine.model.actors import Actor
from engine.model.bounds import Bounds
from tests.support.engines import created, do
from tests.support.queries import counting_queries
from tests.tools.caller import Caller, calling, text_of

EVENT = {"verbs": "read,create,send", "to": ("*@customer.com",), "day": 3, "owner": "boss@example.org"}


async def _key(engine: Engine, **bounds: object) -> Actor:
    made = await do(engine, CreateKey(name="k", address="bot@cis.test", bounds=Bounds(**bounds)))  # type: ignore[arg-type]
    return made.key.actor


async def test_a_refusal_says_what_is_left_when_it_resets_and_who_can_lift_it(engine: Engine) -> None:
    actor = await _key(engine, **EVENT)
    event = await created(engine, actor=actor)
    async with calling(engine, actor=actor, tier="extended") as caller:
        await caller.ok("send_invite", uid=event.uid, email="ann@customer.com", wait_s=0)
        assert await caller.code("send_invite", uid=event.uid, email="eve@evil.com") == "out_of_bounds"
        (to,) = (await caller.ok("explain_refusal", bound="to"))["limits"]
        assert (to["allows"], to["lifted_by"], to["left"]) == ("*@customer.com", "boss@example.org", None)
        (day,) = (await caller.ok("explain_refusal", bound="day"))["limits"]
        assert (day["allows"], day["used"], day["left"]) == ("3", 1, 2)
        assert day["resets"] == "2027-03-02T00:00:00Z"
        names = {limit["bound"] for limit in (await caller.ok("explain_refusal"))["limits"]}
        assert names >= {"verbs", "to", "links", "day", "new_people_day", "person_day", "changes_day"}


async def test_the_answer_and_its_queries_are_the_same_whether_or_not_an_event_exists(engine: Engine) -> None:
    actor = await _key(engine, **EVENT)
    other = await created(engine)
    with counting_queries() as queries:
        async with calling(engine, actor=actor, tier="extended") as caller:
            asked = [await _explained(caller, uid, queries.by_text) for uid in (other.uid, "x" * 40)]
    assert asked[0] == asked[1]


async def _explained(caller: Caller, uid: str, counted: object) -> tuple[str, dict[str, int]]:
    await caller.refused("update_event", uid=uid, summary="Oh")
    before = dict(counted)  # type: ignore[call-overload]
    words = text_of(await caller.call("explain_refusal"))
    return words, {sql: n - before.get(sql, 0) for sql, n in dict(counted).items() if n != before.get(sql, 0)}  # type: ignore[call-overload]


async def test_who_has_no_bounds_is_told_so(engine: Engine) -> None:
    async with calling(engine, tier="extended") as caller:
        assert (await caller.ok("explain_refusal"))["limits"] == []
