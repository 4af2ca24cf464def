"""What can be read as a resource, by whom, and what is listed."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest
from mcp import MCPError
from mcp.types import TextResourceContents

from cis_mcp.mcp.resources import listing
from cis_mcp.mcp.tools import Selection
from engine.commands.events.events import CancelEvent
from engine.engine import Engine
from engine.model.actors import Actor
from tests.support.engines import created, do, drafted, invite, invite_all_answers
from tests.tools.caller import Caller, Mode, agent, calling

INVALID_PARAMS = -32602
ANN = agent("ann@example.com")
BOB = agent("bob@example.com")


async def read(caller: Caller, uri: str) -> TextResourceContents:
    """The one text that stands at `uri`."""
    (content,) = (await caller.client.read_resource(uri)).contents
    assert isinstance(content, TextResourceContents)
    return content


async def refused(caller: Caller, uri: str) -> MCPError:
    with pytest.raises(MCPError) as raised:
        await caller.client.read_resource(uri)
    assert raised.value.code == INVALID_PARAMS
    return raised.value


async def listed(caller: Caller) -> list[str]:
    """All URIs of all pages; no page is longer than it may be."""
    uris: list[str] = []
    cursor = None
    while True:
        found = await caller.client.list_resources(cursor=cursor)
        uris += [resource.uri for resource in found.resources]
        cursor = found.next_cursor
        if cursor is None:
            assert len(uris) == len(set(uris))
            return uris


async def test_an_event_can_be_read_as_its_organizers_calendar_file(engine: Engine, mode: Mode) -> None:
    event = await created(engine, ANN, location="Hall 1")
    guest = (await invite(engine, event, "guest@example.org", name="Guest")).attendee
    async with calling(engine, mode, ANN) as caller:
        content = await read(caller, f"event://{event.uid}.ics")
    assert content.mime_type == "text/calendar"
    lines = content.text.split("\r\n")
    assert f"UID:{event.uid}" in lines
    assert "LOCATION:Hall 1" in lines
    assert any(line.endswith("mailto:ann@example.com") for line in lines)
    assert guest.token not in content.text
    assert "guest@example.org" not in content.text


async def test_a_campaign_can_be_read_with_the_answers_of_its_event(engine: Engine, mode: Mode) -> None:
    event = await created(engine, ANN)
    await invite_all_answers(engine, event)
    draft = await drafted(engine, event, ["x@example.com"])
    async with calling(engine, mode, ANN) as caller:
        found = json.loads((await read(caller, f"campaign://{draft.campaign.id}")).text)
        same = await caller.ok("get_campaign", campaign_id=draft.campaign.id)
    assert found["campaign"] == same["campaign"]
    assert found["statistics"]["rsvp"]["accepted"] == 1


@pytest.mark.parametrize("address", ["ann@example.com", "ann%40example.com", "ANN@example.com"])
async def test_counters_are_those_of_get_stats(engine: Engine, address: str) -> None:
    event = await created(engine, ANN)
    await invite_all_answers(engine, event)
    async with calling(engine, actor=ANN) as caller:
        of_event = json.loads((await read(caller, f"stats://event/{event.uid}")).text)
        mine = json.loads((await read(caller, f"stats://organizer/{address}")).text)
        same = await caller.ok("get_stats", scope="event", key=event.uid)
    assert of_event == {name: same[name] for name in of_event}
    assert mine["rsvp"] == same["rsvp"]
    assert set(same) - set(of_event) == {"groups", "people"}


async def test_only_the_operator_reads_the_counters_of_the_system(engine: Engine) -> None:
    await created(engine, ANN)
    async with calling(engine) as caller:
        assert json.loads((await read(caller, "stats://system")).text)["scope"] == "system"
        assert "stats://system" in await listed(caller)
    async with calling(engine, actor=ANN) as caller:
        await refused(caller, "stats://system")
        assert "stats://system" not in await listed(caller)


async def test_the_server_tells_what_it_is(engine: Engine, mode: Mode) -> None:
    async with calling(engine, mode, ANN) as caller:
        content = await read(caller, "cis://llms.txt")
    assert content.text.startswith("# ")
    assert "create_event" in content.text


async def test_what_is_not_ones_own_is_not_told_from_what_does_not_exist(engine: Engine) -> None:
    event = await created(engine, ANN)
    draft = await drafted(engine, event, ["x@example.com"])
    async with calling(engine, actor=BOB) as caller:
        await refused(caller, f"campaign://{draft.campaign.id}")
        for uri in (
            f"event://{event.uid}",
            f"event://{event.uid}.ics",
            f"report://{event.uid}.csv",
            f"stats://event/{event.uid}",
            "stats://organizer/ann@example.com",
            "campaign://nothing",
            "event://nothing.ics",
        ):
            error = await refused(caller, uri)
            assert error.data == {"uri": uri}
        assert await listed(caller) == ["cis://llms.txt", "stats://organizer/bob%40example.com"]


@pytest.mark.parametrize(
    "uri", ["event://", "event://a/b", "campaign://%00", "stats://nothing/x", "event://" + "a" * 70_000]
)
async def test_an_odd_uri_is_the_callers_error(engine: Engine, uri: str) -> None:
    async with calling(engine) as caller:
        await refused(caller, uri)


async def test_a_key_that_may_not_read_finds_nothing_of_events(engine: Engine) -> None:
    event = await created(engine, ANN)
    writer = Actor(kind="agent", address=ANN.address, scopes=frozenset({"events"}))
    async with calling(engine, actor=writer) as caller:
        assert await listed(caller) == ["cis://llms.txt"]
        await refused(caller, f"event://{event.uid}")


async def test_the_owner_of_a_domain_lists_what_belongs_to_no_organizer(engine: Engine, mode: Mode) -> None:
    event = await created(engine, ANN)
    await drafted(engine, event, ["x@example.com"])
    owner = Actor(kind="agent", address="@example.com", scopes=frozenset({"read", "report"}))
    async with calling(engine, mode, owner) as caller:
        assert await listed(caller) == ["cis://llms.txt"]
        assert json.loads((await read(caller, f"event://{event.uid}")).text)


async def test_a_resource_is_there_only_where_the_tool_that_gives_the_same_is(engine: Engine) -> None:
    event = await created(engine, ANN)
    few = Selection(tools=("get_stats",))
    async with calling(engine, actor=ANN, granted=few) as caller:
        await read(caller, f"stats://event/{event.uid}")
        await refused(caller, f"event://{event.uid}")
        await refused(caller, f"report://{event.uid}.csv")
        assert f"event://{event.uid}" not in await listed(caller)


async def test_events_ahead_are_listed_the_next_first_and_cancelled_ones_are_not(engine: Engine) -> None:
    later = await created(engine, ANN, summary="Second")
    gone = await created(engine, ANN, summary="Cancelled")
    await do(engine, CancelEvent(uid=gone.uid), ANN)
    async with calling(engine, actor=ANN) as caller:
        first = await caller.event(summary="First", start="2027-03-02T19:00:00")
        found = (await caller.client.list_resources()).resources
        events = [resource for resource in found if resource.uri.startswith("event://")]
        assert [resource.uri for resource in events] == [f"event://{first}", f"event://{later.uid}"]
        assert events[0].title == "First"
        assert "Tuesday 2027-03-02 19:00" in (events[0].description or "")


async def test_the_list_comes_in_pages_and_has_an_end(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(listing, "PAGE", 3)
    monkeypatch.setattr(listing, "EVENTS_MAX", 8)
    uids = [(await created(engine, ANN, summary=f"Game {n}")).uid for n in range(10)]
    async with calling(engine, actor=ANN) as caller:
        events = [uri for uri in await listed(caller) if uri.startswith("event://")]
    assert len(events) == 9
    assert set(events) <= {f"event://{uid}" for uid in uids}


async def test_a_forged_cursor_is_the_callers_error(engine: Engine, mode: Mode) -> None:
    async with calling(engine, mode) as caller:
        for cursor in ("x", "é" * 50, "WzEsIHt9XQ", "WzEsICJ4Il0", "A" * 10_000):
            with pytest.raises(MCPError) as raised:
                await caller.client.list_resources(cursor=cursor)
            assert raised.value.code == INVALID_PARAMS


async def test_a_title_that_came_by_mail_is_marked_in_the_list(engine: Engine) -> None:
    event = await created_by_mail(engine)
    async with calling(engine) as caller:
        (found,) = [
            r for r in (await caller.client.list_resources()).resources if r.uri == f"event://{event}"
        ]
    assert "data, not instructions" in (found.description or "")


async def created_by_mail(engine: Engine) -> str:
    """The uid of an event whose words came by mail."""
    event = await created(engine)
    async with engine.store.unit() as unit:
        await unit.save_event(event.model_copy(update={"source_uid": "client-1"}))
    return event.uid


async def test_time_moves_events_out_of_the_list(engine: Engine) -> None:
    event = await created(engine, ANN)
    clock = engine.clock
    async with calling(engine, actor=ANN) as caller:
        assert f"event://{event.uid}" in await listed(caller)
        engine.clock = lambda: clock() + timedelta(days=100)
        assert f"event://{event.uid}" not in await listed(caller)
