"""What search_events filters by beside words, and on whose clock it answers."""

from __future__ import annotations

from engine.engine import Engine
from tests.support.engines import ORGANIZER, created, do, invite, meeting
from tests.tools.caller import Caller, Mode, agent, calling, text_of

OLGA = "olga@example.net"


async def uids(caller: Caller, **arguments: object) -> set[str]:
    return {event["uid"] for event in (await caller.ok("search_events", **arguments))["events"]}


async def test_with_a_timezone_times_are_told_on_that_clock_and_days_stay_days(
    engine: Engine, mode: Mode
) -> None:
    await created(engine)
    async with calling(engine, mode) as caller:
        await caller.event(start="2027-05-03", all_day=True, duration=None, summary="Holiday")
        answer = await caller.call("search_events", timezone="Asia/Tokyo")
        evening, day = (answer.structured_content or {})["events"]
        assert evening["start"]["local"] == "2027-05-03T08:00:00+09:00"
        assert (evening["start"]["timezone"], evening["start"]["weekday"]) == ("Asia/Tokyo", "Monday")
        assert evening["start"]["utc"] == "2027-05-02T23:00:00Z"
        assert day["start"]["local"] == "2027-05-03"
        assert "Monday 2027-05-03 08:00–10:00 Asia/Tokyo" in text_of(answer)
        (own,) = (await caller.ok("search_events", query="opener"))["events"]
        assert own["start"]["local"] == "2027-05-02T19:00:00-04:00"


async def test_mine_are_those_of_the_caller_alone(engine: Engine) -> None:
    mine = await created(engine)
    theirs = await do(engine, meeting(organizer=OLGA))
    async with calling(engine) as caller:
        assert await uids(caller, mine=True) == {mine.uid}
        assert await uids(caller) == {mine.uid, theirs.event.uid}
        assert await uids(caller, mine=True, organizer=ORGANIZER) == {mine.uid}
        assert await caller.code("search_events", mine=True, organizer=OLGA) == "invalid_argument"
    async with calling(engine, actor=agent(OLGA)) as caller:
        assert await uids(caller, mine=True) == {theirs.event.uid}


async def test_events_are_told_apart_by_whether_somebody_is_invited(engine: Engine) -> None:
    peopled, empty, left = [await created(engine) for _ in range(3)]
    await invite(engine, peopled, "ann@example.com")
    await invite(engine, left, "ann@example.com")
    async with calling(engine) as caller:
        await caller.ok("withdraw_invite", uid=left.uid, email="ann@example.com")
        assert await uids(caller, has_attendees=True) == {peopled.uid}
        assert await uids(caller, has_attendees=False, query="opener") == {empty.uid, left.uid}


async def test_bounds_without_an_offset_are_on_the_clock_that_counts_and_are_told(engine: Engine) -> None:
    async with calling(engine) as caller:
        before = await caller.event(start="2027-05-01T19:00:00", duration="PT3H", summary="First")
        wanted = await caller.event(start="2027-05-02T20:30:00", duration="PT3H", summary="Second")
        zone = (await caller.ok("get_event", uid=wanted))["event"]["start"]["timezone"]
        assert zone == "America/New_York"
        day = {"after": "2027-05-02", "before": "2027-05-03"}
        assert await uids(caller, **day) == await uids(caller, **day, timezone=zone) == {wanted}
        assert await uids(caller, after="2027-05-02T00:00:00Z", before="2027-05-03") == {before, wanted}
        answer = await caller.call("search_events", **day, timezone=zone)
        (span,) = (answer.structured_content or {})["understood"]["spans"]
        assert (span["start"], span["end_utc"]) == ("2027-05-02T00:00:00", "2027-05-03T04:00:00Z")
        words = "from Sunday 2027-05-02 00:00 until before Monday 2027-05-03 00:00"
        assert f"{words}; on the clock of America/New_York" in text_of(answer)
        own = text_of(await caller.call("search_events", **day))
        assert f"{words}; on the clock of each event" in own


async def test_the_date_of_a_series_that_fits_is_named_as_changes_of_it_alone_name_it(engine: Engine) -> None:
    async with calling(engine) as caller:
        weekly = {"recurrence": "FREQ=WEEKLY;COUNT=6", "summary": "Training"}
        uid = await caller.event(start="2027-05-03T19:00:00", duration="PT1H", **weekly)
        moved = {"instance": "2027-05-17", "start": "2027-05-18T20:00:00"}
        await caller.ok("update_event", uid=uid, **moved)
        for day, start in (
            ("2027-05-10", "2027-05-10T19:00:00-04:00"),
            ("2027-05-18", "2027-05-17T19:00:00-04:00"),
        ):
            answer = await caller.call("search_events", query=f"training on {day}")
            (found,) = (answer.structured_content or {})["events"]
            assert found["instance"] == start
            assert found["start"]["local"].startswith(day)
            assert f"repeats, and this is its instance {start}" in text_of(answer)
            await caller.ok("cancel_event", uid=uid, instance=found["instance"], dry_run=True)
        once = await caller.event(start="2027-05-11T19:00:00", duration="PT1H", summary="Match")
        (found,) = (await caller.ok("search_events", query="match"))["events"]
        assert (found["uid"], found["instance"]) == (once, None)
