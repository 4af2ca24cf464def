"""Entries that ask for no answer, their alarms, and what only some see; the mails as they leave."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from engine.engine import Engine
from engine.settings import Settings
from tests.support.engines import created, invite_all_answers
from tests.support.leaving import Left, left
from tests.tools.caller import Mode, calling, text_of

ANN = "ann@example.com"


def alarms(mail: Left) -> list[Any]:
    return [alarm["TRIGGER"].dt.total_seconds() / 60 for alarm in mail.event.walk("VALARM")]


async def test_an_entry_for_information_asks_for_no_answer(engine: Engine, mode: Mode) -> None:
    async with calling(engine, mode) as caller:
        given = {"summary": "Invoice 7 is due", "start": "2027-05-02", "timezone": "Europe/Paris"}
        result = await caller.call("create_event", **given, rsvp=False, alarm_minutes=[1440])
        assert result.structured_content is not None
        event = result.structured_content["event"]
        assert (event["rsvp"], event["alarm_minutes"], event["all_day"]) == (False, [1440], True)
        assert "asks for no answer" in text_of(result)
        await caller.ok("send_invite", uid=event["uid"], email=ANN, wait_s=0)
    (mail,) = await left(engine)
    assert mail.brief == (ANN, "REQUEST", 0)
    assert mail.event["ATTENDEE"].params["RSVP"] == "FALSE"
    assert mail.event["TRANSP"] == "TRANSPARENT"
    assert alarms(mail) == [-1440]
    assert "no answer is needed" in mail.text
    assert "Will you come" not in mail.text + mail.html
    assert "mailto:rsvp" not in mail.text


async def test_a_change_of_an_entry_for_information_reaches_all_even_who_said_no(engine: Engine) -> None:
    async with calling(engine) as caller:
        uid = await caller.event(rsvp=False)
        await invite_all_answers(engine, await engine.event(uid, engine.local))
        await caller.ok("update_event", uid=uid, description="Paid")
        assert len(await left(engine)) == 4
        await caller.ok("cancel_event", uid=uid)
        assert len(await left(engine)) == 4


@pytest.mark.parametrize(
    ("given", "found"), [(None, [-15]), ([], []), ([10], [-10]), ([10, 60, 10], [-60, -10]), ([0], [0])]
)
async def test_calendars_remind_when_they_are_told_to(
    engine: Engine, mode: Mode, given: list[int] | None, found: list[int]
) -> None:
    async with calling(engine, mode) as caller:
        uid = await caller.event(alarm_minutes=given)
        await caller.ok("send_invite", uid=uid, email=ANN, wait_s=0)
        (mail,) = await left(engine)
        assert alarms(mail) == found
        await caller.ok("update_event", uid=uid, alarm_minutes=[5], audience="all")
        (mail,) = await left(engine)
        assert alarms(mail) == [-5]


async def test_alarms_are_bounded(engine: Engine) -> None:
    async with calling(engine) as caller:
        uid = await caller.event()
        for wrong in ([-1], [50_000], [1, 2, 3, 4, 5, 6]):
            assert await caller.code("update_event", uid=uid, alarm_minutes=wrong) == "invalid_argument"


async def test_an_offer_is_seen_by_those_who_said_maybe_and_by_nobody_else(
    engine: Engine, mode: Mode
) -> None:
    async with calling(engine, mode) as caller:
        uid = await caller.event(description="Come along", location="Hall 1")
        await invite_all_answers(engine, await engine.event(uid, engine.local))
        offer = {"uid": uid, "description": "Half price, {{email}}", "only_for": ["tentative"]}
        dry = await caller.ok("update_event", **offer, dry_run=True)
        assert (dry["notified"], dry["sample"]["description"]) == (1, "Half price, maybe@example.com")
        data = await caller.ok("update_event", **offer)
        assert data["changed"] == ["reserved"]
        assert data["event"]["description"] == "Come along"
        assert data["event"]["only_for"]["answers"] == ["tentative"]
        (mail,) = await left(engine)
        assert mail.brief == ("maybe@example.com", "REQUEST", 1)
        assert "Half price, maybe@example.com" in mail.text
        assert str(mail.event["DESCRIPTION"]) == "Half price, maybe@example.com"
        await caller.ok("send_invite", uid=uid, email=ANN, wait_s=0)
        (invite,) = await left(engine)
        assert str(invite.event["DESCRIPTION"]) == "Come along"
        await caller.ok("update_event", uid=uid, start="2027-05-02T20:00:00", audience="all")
        seen = {m.to: str(m.event["DESCRIPTION"]) for m in await left(engine)}
        assert seen.pop("maybe@example.com") == "Half price, maybe@example.com"
        assert set(seen.values()) == {"Come along"}
        assert len(seen) == 4
        found = await caller.ok("search_events", query="half price")
        assert found["events"] == []
        ended = await caller.ok("update_event", uid=uid, only_for=[], audience="none")
        assert ended["event"]["only_for"] is None


async def test_whose_text_goes_away_hears_of_it_as_well_as_those_who_get_one(engine: Engine) -> None:
    event = await created(engine, location="Hall")
    await invite_all_answers(engine, event)
    steps = (
        ({"only_for": ["accepted"], "location": "Back door"}, {"yes": "Back door"}),
        ({"only_for": ["declined"], "location": "Nowhere"}, {"yes": "Hall", "no": "Nowhere"}),
        ({"only_for": []}, {"no": "Hall"}),
    )
    async with calling(engine) as caller:
        for change, told in steps:
            assert (await caller.ok("update_event", uid=event.uid, **change))["notified"] == len(told)
            seen = {m.to: str(m.event["LOCATION"]) for m in await left(engine)}
            assert seen == {f"{name}@example.com": place for name, place in told.items()}


async def test_what_only_some_see_is_a_place_a_text_or_a_link(engine: Engine) -> None:
    async with calling(engine) as caller:
        uid = await caller.event()
        secret = {"uid": uid, "only_for": ["accepted"]}
        for more in ({}, {"summary": "x"}, {"start": "2027-05-03T19:00:00", "location": "Cellar"}):
            assert await caller.code("update_event", **secret, **more) == "invalid_argument"
        assert (
            await caller.code("update_event", uid=uid, location="x", only_for=["noaction"])
            == "invalid_argument"
        )
        assert await caller.code("update_event", **secret, description="Dear {{name") == "invalid_template"


@pytest.mark.parametrize("store", ["postgres://h/db", "mysql:x"])
def test_a_store_that_does_not_exist_is_refused_at_the_start(store: str) -> None:
    with pytest.raises(ValidationError, match="not a kind of store"):
        Settings(store=store, _env_file=None)  # type: ignore[call-arg]


def test_a_store_is_a_table_or_sqlite_by_its_scheme_or_a_path() -> None:
    for store in ("", "sqlite:/tmp/x.sqlite3", "/tmp/x.sqlite3", "dynamodb://table?region=eu-west-1"):
        assert Settings(store=store, _env_file=None).store == store  # type: ignore[call-arg]
