"""One person invited to several events in one call."""

from __future__ import annotations

from base64 import urlsafe_b64encode
from pathlib import Path

from engine.commands.events.events import CancelEvent
from engine.commands.invites.send_many import EVENTS_MAX, SendInvites
from engine.engine import Engine
from engine.model.cursors import opened, written
from engine.outbox.maildir import MaildirTransport
from engine.refusals import Code
from tests.support.clock import Clock
from tests.support.engines import attendee_count, created, deliver, do, refusal, working
from tests.tools.caller import Mode, agent, calling, text_of

FAN = "fan@example.com"


async def _games(engine: Engine, count: int) -> list[str]:
    return [(await created(engine, summary=f"Kites vs Larks {n}")).uid for n in range(count)]


async def test_a_fan_who_picks_ten_games_gets_ten_invites_in_one_call(
    engine: Engine, mode: Mode, tmp_path: Path
) -> None:
    await _games(engine, 12)
    async with working(engine, MaildirTransport(tmp_path / "outbox")), calling(engine, mode) as caller:
        page = await caller.ok("search_events", query="Kites home games in May", limit=10)
        uids = [event["uid"] for event in page["events"]]
        result = await caller.call("send_invite", uids=uids, email="Fan@Example.com", wait_s=30)
    data = result.structured_content
    assert data is not None
    assert (data["email"], data["counts"]) == (FAN, {"sent": 10})
    assert [one["uid"] for one in data["invites"]] == uids
    assert len({one["message_id"] for one in data["invites"]}) == 10
    assert len(list((tmp_path / "outbox" / "new").iterdir())) == 10
    assert len(text_of(result)) < 200


async def test_a_search_cursor_invites_to_what_was_listed_and_to_nothing_that_came_later(
    engine: Engine, mode: Mode
) -> None:
    listed = await _games(engine, 5)
    await created(engine, summary="Owls vs Wrens")
    async with calling(engine, mode) as caller:
        page = await caller.ok("search_events", query="Kites", limit=4)
        rest = await caller.ok("search_events", query="Kites", limit=4, cursor=page["next_cursor"])
        await _games(engine, 1)
        result = await caller.ok("send_invite", search_cursor=page["search_cursor"], email=FAN, wait_s=0)
    assert rest["search_cursor"], "one event is a page as well"
    assert [one["uid"] for one in result["invites"]] == [event["uid"] for event in page["events"]]
    assert {one["uid"] for one in result["invites"]} | {rest["events"][0]["uid"]} == set(listed)
    assert len(await deliver(engine)) == 4


async def test_a_full_page_is_named_by_a_cursor_that_is_taken_back(engine: Engine) -> None:
    await _games(engine, EVENTS_MAX + 10)
    async with calling(engine) as caller:
        page = await caller.ok("search_events", query="Kites", limit=EVENTS_MAX)
        done = await caller.ok("send_invite", search_cursor=page["search_cursor"], email=FAN, wait_s=0)
        more = await caller.ok("search_events", query="Kites", limit=EVENTS_MAX + 10)
        assert await caller.code("send_invite", search_cursor=more["search_cursor"], email=FAN) == "too_large"
    assert done["counts"] == {"queued": EVENTS_MAX}


async def test_a_cursor_that_no_search_gave_invites_nobody(engine: Engine) -> None:
    await _games(engine, 3)
    async with calling(engine) as caller:
        page = await caller.ok("search_events", query="Kites", limit=2)
        docs, digest = opened(page["search_cursor"], str, str)
        made_up = [
            "x",
            page["next_cursor"],
            written(docs, "0" * 32),
            written(f"{docs} 3", digest),
            written("\ud800 1e3", digest),
            written("9" * 400, digest),
            urlsafe_b64encode(b"[" * 1_400).decode(),
            written("", ""),
        ]
        for cursor in made_up:
            assert await caller.code("send_invite", search_cursor=cursor, email=FAN) == "invalid_cursor"
    assert await deliver(engine) == []


async def test_asking_twice_for_several_sends_once(engine: Engine) -> None:
    uids = await _games(engine, 3)
    async with calling(engine) as caller:
        first = await caller.ok("send_invite", uids=uids[:2], email=FAN, wait_s=0)
        again = await caller.ok("send_invite", uids=[*uids, uids[0]], email=FAN, wait_s=0)
    assert first["counts"] == {"queued": 2}
    assert [one["status"] for one in again["invites"]] == ["already_invited", "already_invited", "queued"]
    assert [m.event_uid for m in await deliver(engine)] == uids


async def test_each_event_is_sent_or_turned_down_by_itself(engine: Engine) -> None:
    good, cancelled, other = await _games(engine, 3)
    personal = (await created(engine, description="Dear {{company}}")).uid
    await do(engine, CancelEvent(uid=cancelled))
    async with calling(engine) as caller:
        uids = [good, cancelled, "nothing", personal, other]
        result = await caller.call("send_invite", uids=uids, email=FAN, wait_s=0)
    data = result.structured_content
    assert data is not None
    assert [one["code"] for one in data["invites"]] == [
        "",
        "event_cancelled",
        "unknown_event",
        "missing_field",
        "",
    ]
    assert data["counts"] == {"queued": 2, "failed": 3}
    assert "unknown_event" in text_of(result)
    assert [m.event_uid for m in await deliver(engine)] == [good, other]
    assert await attendee_count(engine, await engine.event(personal, engine.local)) == 0


async def test_what_is_wrong_with_the_whole_call_invites_nobody(engine: Engine) -> None:
    uids = await _games(engine, 2)
    async with calling(engine) as caller:
        assert await caller.code("send_invite", uids=uids, email="nobody") == "invalid_address"
        assert await caller.code("send_invite", uids=[], email=FAN) == "empty_list"
        assert await caller.code("send_invite", email=FAN) == "invalid_argument"
        assert await caller.code("send_invite", uid=uids[0], uids=uids, email=FAN) == "invalid_argument"
        many = [f"uid{n}" for n in range(EVENTS_MAX + 1)]
        assert await caller.code("send_invite", uids=many, email=FAN) == "invalid_argument"
    reader = agent("agent@cis.test", frozenset({"read"}))
    command = SendInvites(uids=tuple(uids), email=FAN)
    assert await refusal(engine, command, reader) is Code.NOT_ALLOWED
    assert await deliver(engine) == []


async def test_nobody_invites_to_the_events_of_others(engine: Engine) -> None:
    uids = await _games(engine, 2)
    async with calling(engine, actor=agent("bob@example.com")) as bob:
        mine = await bob.event()
        data = await bob.ok("send_invite", uids=[*uids, mine], email=FAN, wait_s=0)
    assert [one["code"] for one in data["invites"]] == ["unknown_event", "unknown_event", ""]


async def test_only_events_at_a_place_are_found_where_one_is_given(engine: Engine) -> None:
    await created(engine, summary="Kites vs Larks", location="Harbor Yards, Baltimore")
    await created(engine, summary="Kites at the harbor", location="Hill Park")
    async with calling(engine) as caller:
        for location, found in (
            ("harbor yards", 1),
            ("Hill", 1),
            ("hill harbor", 0),
            ("!!", 0),
            ("zebra", 0),
        ):
            page = await caller.ok("search_events", query="Kites", location=location)
            assert len(page["events"]) == found, location
        assert len((await caller.ok("search_events", location="Park"))["events"]) == 1
        assert len((await caller.ok("search_events", query="Kites"))["events"]) == 2
    async with calling(engine, actor=agent("new@example.com")) as newcomer:
        assert (await newcomer.ok("search_events", location="Park"))["events"] == []


async def test_who_has_no_events_finds_none_whatever_is_asked(engine: Engine) -> None:
    await _games(engine, 1)
    async with calling(engine, actor=agent("new@example.com")) as newcomer:
        page = await newcomer.ok("search_events", query="Kites home games on weekend evenings in May")
    async with calling(engine) as operator:
        other = await operator.ok("search_events", query="home games in May", organizer="nobody@example.com")
    assert page["events"] == other["events"] == []


async def test_search_tells_what_it_understood_in_words_and_in_data(
    engine: Engine, mode: Mode, clock: Clock
) -> None:
    await created(engine, summary="Kites vs Larks", location="Hill Park")
    async with calling(engine, mode) as caller:
        result = await caller.call(
            "search_events", query="Kitse home games on Sunday evenings in May", timezone="america/new_york"
        )
        own = await caller.ok("search_events", query="games in May")
        lost = await caller.call("search_events", query="Kites and zebras")
    assert result.structured_content is not None
    assert len(result.structured_content["events"]) == 1
    understood = result.structured_content["understood"]
    assert understood["spans"] == [
        {
            "start": "2027-05-01T00:00:00",
            "end": "2027-06-01T00:00:00",
            "start_utc": "2027-05-01T04:00:00Z",
            "end_utc": "2027-06-01T04:00:00Z",
        }
    ]
    assert (understood["weekdays"], understood["hours"]) == (["Sunday"], ["17:00–23:00"])
    assert (understood["words"], understood["corrections"]) == (["home: kites"], {"kitse": "kites"})
    assert understood["timezone"] == "America/New_York"
    assert "“kitse” was read as “kites”" in text_of(result)
    assert own["understood"]["timezone"] == "each event's own"
    assert own["understood"]["spans"][0]["start_utc"] is None
    assert "No event has “zebras”" in text_of(lost)


async def test_a_recurring_event_is_shown_by_the_instance_that_fits(engine: Engine) -> None:
    async with calling(engine) as caller:
        uid = await caller.event(summary="Training", recurrence="FREQ=WEEKLY;COUNT=10")
        page = await caller.ok("search_events", query="training on May 16")
    (event,) = page["events"]
    assert (event["uid"], event["start"]["local"]) == (uid, "2027-05-16T19:00:00-04:00")
    assert event["recurrence"] == "FREQ=WEEKLY;COUNT=10"
