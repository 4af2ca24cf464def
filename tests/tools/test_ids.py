"""An event has a short id beside its uid, which is taken wherever a uid is."""

from __future__ import annotations

import json
import re

import pytest
from mcp.types import TextResourceContents

from engine.engine import Engine
from tests.support.engines import created
from tests.tools.caller import agent, calling, text_of

ID = re.compile("[23456789abcdefghjkmnpqrstuvwxyz]{8}")
OPENER = {"summary": "Opener", "start": "2027-05-02T19:00:00Z", "duration": "PT2H"}
ANN, BOB = agent("ann@example.com"), agent("bob@example.com")


async def test_a_new_event_has_an_id_of_its_own_which_its_text_shows(engine: Engine) -> None:
    async with calling(engine) as caller:
        results = [await caller.call("create_event", **OPENER) for _ in range(20)]
        listed = await caller.call("search_events", query="opener")
    events = [result.structured_content["event"] for result in results if result.structured_content]
    assert all(ID.fullmatch(event["id"]) for event in events)
    assert len({event["id"] for event in events}) == 20
    assert all(event["id"] in text_of(result) for event, result in zip(events, results, strict=True))
    assert listed.structured_content is not None
    assert {event["id"] for event in listed.structured_content["events"]} == {e["id"] for e in events}
    assert all(f"- {event['id']}: " in text_of(listed) for event in events)


@pytest.mark.parametrize("write", [str, str.upper])
async def test_every_tool_that_takes_a_uid_takes_the_id(engine: Engine, write: type[str]) -> None:
    event = await created(engine)
    name = write(event.id)
    async with calling(engine, tier="extended") as caller:
        assert (await caller.ok("get_event", uid=name))["event"]["uid"] == event.uid
        assert (await caller.ok("send_invite", uid=name, email="ann@example.com", wait_s=0))[
            "uid"
        ] == event.uid
        several = await caller.ok("send_invite", uids=[name], email="bob@example.com", wait_s=0)
        assert [one["uid"] for one in several["invites"]] == [event.uid]
        draft = await caller.ok("bulk_send", uid=name, csv=f"uid,email\n{event.uid},cy@example.com\n")
        assert draft["campaign"]["uid"] == event.uid
        listed = await caller.ok("list_attendees", uid=name)
        assert (listed["uid"], len(listed["attendees"])) == (event.uid, 2)
        counted = await caller.ok("get_stats", scope="event", key=name)
        assert (counted["key"], counted["attendees"]) == (event.uid, 2)
        told = await caller.ok("get_attendee", uid=name, email="ann@example.com")
        assert told["uid"] == event.uid
        assert (await caller.ok("send_report", uid=name))["uid"] == event.uid
        assert (await caller.ok("update_event", uid=name, location="Hall 2"))["event"]["uid"] == event.uid
        assert (await caller.ok("cancel_event", uid=name))["event"]["uid"] == event.uid


async def test_the_key_that_made_an_event_names_it_for_its_maker_alone(engine: Engine) -> None:
    async with calling(engine, actor=ANN) as caller:
        made = await caller.ok("create_event", **OPENER, idempotency_key="Game 17/May")
        found = await caller.ok("get_event", uid="Game 17/May")
        assert found["event"] == made["event"]
    async with calling(engine, actor=BOB) as caller:
        assert await caller.code("get_event", uid="Game 17/May") == "unknown_event"
        assert await caller.code("get_event", uid=made["event"]["id"]) == "unknown_event"


async def test_a_name_that_two_events_have_is_refused_with_other_names_for_both(engine: Engine) -> None:
    async with calling(engine, actor=ANN) as caller:
        first = (await caller.ok("create_event", **OPENER))["event"]
        second = (await caller.ok("create_event", **OPENER, idempotency_key=first["id"]))["event"]
        refusal = await caller.refused("cancel_event", uid=first["id"])
        assert refusal["code"] == "ambiguous_event"
        assert first["uid"] in refusal["hint"]
        assert second["id"] in refusal["hint"]
        assert await caller.code("get_event", uid=first["id"]) == "ambiguous_event"
        assert (await caller.ok("cancel_event", uid=second["id"]))["event"]["uid"] == second["uid"]
        assert (await caller.ok("get_event", uid=first["uid"]))["event"]["status"] == "confirmed"


async def test_a_key_of_ones_own_is_no_way_to_anothers_event(engine: Engine) -> None:
    theirs = await created(engine, BOB)
    async with calling(engine, actor=ANN) as caller:
        own = (await caller.ok("create_event", **OPENER, idempotency_key=theirs.id))["event"]
        assert (await caller.ok("get_event", uid=theirs.id))["event"]["uid"] == own["uid"]


async def test_a_list_that_names_another_event_by_its_id_is_refused(engine: Engine) -> None:
    event, other = await created(engine), await created(engine)
    async with calling(engine) as caller:
        csv = f"uid,email\n{other.id},ann@example.com\n"
        assert await caller.code("bulk_send", uid=event.uid, csv=csv) == "invalid_argument"
        csv = f"uid,email\n{event.id},ann@example.com\n"
        assert (await caller.ok("bulk_send", uid=event.uid, csv=csv))["campaign"]["valid"] == 1


async def test_resources_are_read_and_completed_by_id(engine: Engine) -> None:
    event = await created(engine, ANN)
    async with calling(engine, actor=ANN) as caller:
        for uri in (f"event://{event.id}.ics", f"event://{event.id}", f"stats://event/{event.id}"):
            (content,) = (await caller.client.read_resource(uri)).contents
            assert isinstance(content, TextResourceContents)
            assert content.text
        (content,) = (await caller.client.read_resource(f"event://{event.id}")).contents
        assert isinstance(content, TextResourceContents)
        assert json.loads(content.text)["event"]["uid"] == event.uid
