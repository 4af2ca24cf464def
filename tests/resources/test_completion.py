"""What is offered while a prompt's argument, or the name in a URI, is typed."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st
from mcp.types import Completion, PromptReference, ResourceTemplateReference

from cis_mcp.mcp import choices
from engine.engine import Engine
from engine.model.events import Event
from tests.resources.test_resources import created_by_mail
from tests.support.engines import created, drafted
from tests.tools.caller import Caller, Mode, agent, calling

ANN = agent("ann@example.com")
EVENTS = ResourceTemplateReference(uri="event://{uid}")
CAMPAIGNS = ResourceTemplateReference(uri="campaign://{id}")
FOLLOW_UP = PromptReference(name="follow_up")
RESCHEDULE = PromptReference(name="reschedule")


async def completion(
    caller: Caller, ref: PromptReference | ResourceTemplateReference, name: str, typed: str
) -> Completion:
    found = (await caller.client.complete(ref, {"name": name, "value": typed})).completion
    assert len(found.values) <= 100
    return found


async def offered(
    caller: Caller, ref: PromptReference | ResourceTemplateReference, name: str, typed: str
) -> Sequence[str]:
    return (await completion(caller, ref, name, typed)).values


@pytest.mark.parametrize("typed", ["op", "Season", "season op", "uid"])
async def test_a_uid_is_found_by_the_words_of_its_event_and_by_itself(
    engine: Engine, mode: Mode, typed: str
) -> None:
    event = await created(engine, ANN)
    await created(engine, ANN, summary="Board meeting")
    async with calling(engine, mode, ANN) as caller:
        assert await offered(caller, EVENTS, "uid", typed.replace("uid", event.uid[:8])) == [event.uid]


async def test_a_prompt_offers_events_as_people_know_them(engine: Engine, mode: Mode) -> None:
    event = await created(engine, ANN)
    async with calling(engine, mode, ANN) as caller:
        (found,) = await offered(caller, FOLLOW_UP, "event", "open")
        filled = await caller.client.get_prompt("follow_up", {"event": found, "goal": "All answered"})
    assert found == f"Season opener, Sunday 2027-05-02 19:00 (uid {event.uid})"
    assert event.uid in filled.messages[0].content.model_dump()["text"]


async def test_the_words_of_a_mail_are_not_put_in_a_users_mouth(engine: Engine) -> None:
    uid = await created_by_mail(engine)
    async with calling(engine) as caller:
        assert await offered(caller, FOLLOW_UP, "event", "season") == [
            f"event, Sunday 2027-05-02 19:00 (uid {uid})"
        ]


async def test_only_ones_own_is_offered(engine: Engine) -> None:
    event = await created(engine, ANN)
    await drafted(engine, event, ["x@example.com"])
    async with calling(engine, actor=agent("bob@example.com")) as caller:
        for ref, name, typed in (
            (EVENTS, "uid", "season"),
            (EVENTS, "uid", event.uid[:10]),
            (FOLLOW_UP, "event", ""),
            (CAMPAIGNS, "id", ""),
        ):
            assert await offered(caller, ref, name, typed) == []
        assert await offered(
            caller, ResourceTemplateReference(uri="stats://organizer/{email}"), "email", ""
        ) == ["bob@example.com"]
    async with calling(engine, actor=agent("ann@example.com", frozenset({"events"}))) as caller:
        assert await offered(caller, EVENTS, "uid", "season") == []
        assert await offered(caller, CAMPAIGNS, "id", "") == []


async def test_the_owner_of_a_domain_is_offered_no_organizers_own(engine: Engine) -> None:
    event = await created(engine, ANN)
    await drafted(engine, event, ["x@example.com"])
    async with calling(engine, actor=agent("@example.com", frozenset({"read", "report"}))) as caller:
        for ref, name, typed in (
            (EVENTS, "uid", "season"),
            (EVENTS, "uid", event.uid[:10]),
            (FOLLOW_UP, "event", ""),
            (CAMPAIGNS, "id", ""),
            (ResourceTemplateReference(uri="stats://organizer/{email}"), "email", ""),
        ):
            assert await offered(caller, ref, name, typed) == []


async def test_a_campaign_is_found_by_its_id_and_by_its_event(engine: Engine, mode: Mode) -> None:
    event = await created(engine, ANN)
    campaign = (await drafted(engine, event, ["x@example.com"])).campaign
    other = await created(engine, ANN, summary="Board meeting")
    await drafted(engine, other, ["x@example.com"])
    async with calling(engine, mode, ANN) as caller:
        for typed in (campaign.id[:6], "opener"):
            assert await offered(caller, CAMPAIGNS, "id", typed) == [campaign.id]
        assert len(await offered(caller, CAMPAIGNS, "id", "")) == 2


@pytest.mark.parametrize(
    ("typed", "first"),
    [
        ("Europe/Pa", "Europe/Paris"),
        ("new york", "America/New_York"),
        ("Eastern Standard Time", "America/New_York"),
        ("europe/pariss", "Europe/Paris"),
    ],
)
async def test_a_zone_is_found_by_what_people_type(engine: Engine, typed: str, first: str) -> None:
    async with calling(engine) as caller:
        assert (await offered(caller, RESCHEDULE, "timezone", typed))[0] == first


async def test_no_more_are_offered_than_the_protocol_allows(engine: Engine) -> None:
    for n in range(103):
        await created(engine, ANN, summary=f"Game {n}")
    async with calling(engine, actor=ANN) as caller:
        found = await completion(caller, EVENTS, "uid", "game")
        zones = await completion(caller, RESCHEDULE, "timezone", "")
        few = await completion(caller, RESCHEDULE, "timezone", "europe/b")
    assert (len(found.values), found.has_more) == (100, True)
    assert (len(zones.values), zones.has_more) == (100, True)
    assert (few.total, few.has_more) == (len(few.values), False)


async def test_the_next_events_are_offered_before_those_that_are_over(engine: Engine) -> None:
    async with calling(engine, actor=ANN) as caller:
        soon = await caller.event(summary="Game soon", start="2027-03-02T19:00:00")
        late = await caller.event(summary="Game late", start="2027-06-02T19:00:00")
        clock = engine.clock
        moved = clock().replace(month=4)
        engine.clock = lambda: moved
        assert await offered(caller, EVENTS, "uid", "game") == [late, soon]
        engine.clock = clock


async def test_free_text_and_unknown_names_are_offered_nothing(engine: Engine, mode: Mode) -> None:
    async with calling(engine, mode) as caller:
        assert await offered(caller, FOLLOW_UP, "goal", "every") == []
        assert await offered(caller, PromptReference(name="nothing"), "x", "y" * 10_000) == []


@given(st.text(max_size=300))
def test_whatever_is_typed_zones_are_names(typed: str) -> None:
    assert all(isinstance(zone, str) and "\n" not in zone for zone in choices.timezones(typed))


@pytest.mark.parametrize("typed", ['"', "*", "a AND", "NEAR(", "\0", "é" * 5_000, "%_", "'; --"])
async def test_nothing_typed_breaks_the_search(engine: Engine, typed: str) -> None:
    await created(engine)
    async with calling(engine) as caller:
        for ref, name in ((EVENTS, "uid"), (CAMPAIGNS, "id"), (FOLLOW_UP, "event")):
            await offered(caller, ref, name, typed)


def test_a_long_title_is_cut_in_its_label() -> None:
    from tests.itip.samples import event

    made: Event = event(summary="x" * 500)
    assert len(choices.label(made)) < 160
