"""Series through a real client: days left out, one instance moved or cancelled; the mails as they leave."""

from __future__ import annotations

import pytest

from engine.engine import Engine
from tests.bounds.making import made
from tests.support.clock import Clock
from tests.support.engines import invite_all_answers
from tests.support.leaving import left
from tests.tools.caller import Caller, Mode, calling, text_of
from tests.tools.test_waiting import waiting

ANN = "ann@example.com"
STATUS = {
    "summary": "Status",
    "start": "2027-05-03T09:00:00",
    "duration": "PT30M",
    "timezone": "Europe/Paris",
    "recurrence": "FREQ=WEEKLY;BYDAY=MO,TH;UNTIL=20270601",
}


async def _series(caller: Caller, **arguments: object) -> str:
    uid = await caller.event(**{**STATUS, **arguments})
    await caller.ok("send_invite", uid=uid, email=ANN, wait_s=0)
    return uid


async def test_a_series_leaves_days_out_and_says_what_is_left(engine: Engine, mode: Mode) -> None:
    async with calling(engine, mode) as caller:
        given = {**STATUS, "exclude_dates": ["2027-05-06", "2027-05-10T09:00:00"]}
        result = await caller.call("create_event", **given)
        assert result.structured_content is not None
        event = result.structured_content["event"]
        assert event["cancelled_dates"] == ["2027-05-06T09:00:00+02:00", "2027-05-10T09:00:00+02:00"]
        assert event["instances"] == {
            "count": 7,
            "first": ["2027-05-03T09:00:00+02:00", "2027-05-13T09:00:00+02:00", "2027-05-17T09:00:00+02:00"],
            "last": "2027-05-31T09:00:00+02:00",
        }
        assert "7 instances" in text_of(result)
        wrong = {**STATUS, "exclude_dates": ["2027-05-05"]}
        assert await caller.code("create_event", **wrong) == "invalid_recurrence"
        assert await caller.code("create_event", **{**wrong, "exclude_dates": ["soon"]}) == "invalid_time"


async def test_a_day_that_is_left_out_later_leaves_the_calendars(engine: Engine) -> None:
    async with calling(engine) as caller:
        uid = await _series(caller, exclude_dates=["2027-05-06"])
        await left(engine)
        data = await caller.ok("update_event", uid=uid, exclude_dates=["2027-05-13"])
        assert data["event"]["cancelled_dates"] == ["2027-05-06T09:00:00+02:00", "2027-05-13T09:00:00+02:00"]
        (mail,) = await left(engine)
        assert mail.brief == (ANN, "REQUEST", 1)
        assert len(mail.event["EXDATE"]) == 2
        again = await caller.ok("update_event", uid=uid, exclude_dates=["2027-05-13"])
        assert again["changed"] == []
        assert await left(engine) == []


async def test_one_instance_is_moved_and_the_others_stay(engine: Engine, mode: Mode) -> None:
    async with calling(engine, mode) as caller:
        uid = await _series(caller)
        await left(engine)
        move = {"uid": uid, "instance": "2027-05-10", "start": "2027-05-11T10:00:00", "location": "Hall 2"}
        dry = await caller.ok("update_event", **move, dry_run=True)
        assert (dry["notified"], dry["event"]["sequence"], dry["campaign_id"]) == (1, 0, "")
        assert dry["sample"]["start"].startswith("Tuesday 2027-05-11 10:00–10:30 Europe/Paris")
        assert dry["sample"]["location"] == "Hall 2"
        assert (await caller.ok("get_event", uid=uid))["event"]["sequence"] == 0
        data = await caller.ok("update_event", **move)
        assert data["event"]["changed_dates"] == ["2027-05-10T09:00:00+02:00"]
        assert data["event"]["changed_to"] == ["2027-05-11T10:00:00+02:00"]
        told = text_of(await caller.call("get_event", uid=uid))
        now = "now Tuesday 2027-05-11 10:00–10:30 Europe/Paris"
        assert f"Changed instance 2027-05-10T09:00:00+02:00: {now}" in told
        assert "at «Hall 2»" in told
        (mail,) = await left(engine)
        assert mail.brief == (ANN, "REQUEST", 1)
        assert mail.event["RECURRENCE-ID"].dt.isoformat() == "2027-05-10T09:00:00+02:00"
        assert mail.event["DTSTART"].dt.isoformat() == "2027-05-11T10:00:00+02:00"
        assert mail.event["DTEND"].dt.isoformat() == "2027-05-11T10:30:00+02:00"
        assert (await caller.ok("update_event", **move))["changed"] == []
        assert (
            await caller.code("update_event", uid=uid, instance="2027-05-12", summary="x")
            == "invalid_recurrence"
        )
        assert (
            await caller.code("update_event", uid=uid, instance="2027-05-10", recurrence="FREQ=DAILY")
            == "invalid_argument"
        )


async def test_one_instance_is_cancelled_once(engine: Engine, mode: Mode) -> None:
    async with calling(engine, mode) as caller:
        uid = await _series(caller)
        await left(engine)
        gone = {"uid": uid, "instance": "2027-05-10T09:00:00", "note": "Holiday"}
        assert (await caller.ok("cancel_event", **gone, dry_run=True))["notified"] == 1
        data = await caller.ok("cancel_event", **gone)
        assert data["event"]["status"] == "confirmed"
        (mail,) = await left(engine)
        assert mail.brief == (ANN, "CANCEL", 1)
        assert mail.event["RECURRENCE-ID"].dt.isoformat() == "2027-05-10T09:00:00+02:00"
        assert "Holiday" in mail.text
        again = await caller.call("cancel_event", **gone)
        assert "was cancelled before" in text_of(again)
        assert await left(engine) == []


async def test_a_dry_run_shows_old_and_new_who_is_mailed_and_who_is_not(engine: Engine, mode: Mode) -> None:
    async with calling(engine, mode) as caller:
        uid = await caller.event(description="Dear {{email}}", location="Hall 1")
        event = await engine.event(uid, engine.local)
        await invite_all_answers(engine, event)
        result = await caller.call("update_event", uid=uid, location="Hall 2", dry_run=True)
        data = result.structured_content
        assert data is not None
        assert data["changes"] == [{"field": "location", "old": "Hall 1", "new": "Hall 2"}]
        assert (data["notified"], len(data["first"]), data["left_out"]) == (3, 3, {"declined": 1})
        assert data["sample"]["location"] == "Hall 2"
        assert data["sample"]["description"] == "Dear yes@example.com"
        text = text_of(result)
        assert "«Hall 1» → «Hall 2»" in text
        assert "1 with No" in text
        assert "audience=“all”" in text
        url = await caller.ok("update_event", uid=uid, url="https://example.com/x", dry_run=True)
        assert (url["notified"], url["left_out"]) == (2, {"noaction": 1, "declined": 1})
        cancelled = await caller.ok("cancel_event", uid=uid, dry_run=True)
        assert (cancelled["notified"], cancelled["left_out"]) == (3, {"declined": 1})
    assert await left(engine) == []


async def test_cancelling_twice_answers_twice_the_same_and_mails_once(engine: Engine, mode: Mode) -> None:
    async with calling(engine, mode) as caller:
        uid = await _series(caller)
        await left(engine)
        first = await caller.ok("cancel_event", uid=uid, note="Rain")
        assert len(await left(engine)) == 1
        again = await caller.ok("cancel_event", uid=uid, note="Rain")
        same = ("event", "notified", "campaign_id")
        assert [again[name] for name in same] == [first[name] for name in same]
    assert await left(engine) == []


async def test_a_cancelled_event_is_cancelled_again_by_nobody_and_only_its_own_cancellation_counts(
    engine: Engine, mode: Mode, clock: Clock
) -> None:
    async with calling(engine, mode) as caller:
        uid = await _series(caller)
        await left(engine)
        await caller.ok("cancel_event", uid=uid, instance="2027-05-10")
        assert len(await left(engine)) == 1
        clock.move(minutes=1)
        await caller.ok("cancel_event", uid=uid, audience="none")
        again = await caller.call("cancel_event", uid=uid, audience="all")
        dry = await caller.call("cancel_event", uid=uid, audience="all", dry_run=True)
    for result in (again, dry):
        assert result.structured_content is not None
        assert (result.structured_content["notified"], result.structured_content["campaign_id"]) == (0, "")
        assert "was cancelled before" in text_of(result)
        assert "People who" not in text_of(result)
    assert await left(engine) == []


async def test_a_dry_run_of_a_cancellation_that_was_mailed_says_that_nobody_would_be(
    engine: Engine,
) -> None:
    async with calling(engine) as caller:
        uid = await _series(caller)
        await left(engine)
        first = await caller.ok("cancel_event", uid=uid)
        again = text_of(await caller.call("cancel_event", uid=uid))
        owed = "Of 1 people, 0 were mailed, and 1 mails are still owed."
        assert f"No one more is mailed now. {owed} Campaign: {first['campaign_id']}." in again
        dry = await caller.call("cancel_event", uid=uid, dry_run=True)
        assert "no one would be mailed" in text_of(dry)
        assert dry.structured_content is not None
        assert (dry.structured_content["notified"], dry.structured_content["dry_run"]) == (0, True)


async def test_a_repeated_cancellation_tells_how_many_mails_of_a_stopped_one_left(engine: Engine) -> None:
    async with calling(engine, tier="extended") as caller:
        uid = await caller.event()
        for name in ("ann", "bob"):
            await caller.ok("send_invite", uid=uid, email=f"{name}@example.com", wait_s=0)
        await left(engine)
        first = await caller.ok("cancel_event", uid=uid)
        await caller.ok("control_campaign", campaign_id=first["campaign_id"], action="cancel")
        again = await caller.call("cancel_event", uid=uid)
    assert again.structured_content is not None
    assert (first["notified"], again.structured_content["notified"]) == (2, 0)
    assert "Of 2 people, 0 were mailed; the mails are cancelled, no more leave." in text_of(again)
    assert await left(engine) == []


async def test_a_change_that_was_made_offers_no_call_that_would_tell_nobody(engine: Engine) -> None:
    async with calling(engine) as caller:
        uid = await caller.event()
        await invite_all_answers(engine, await engine.event(uid, engine.local))
        changed = text_of(await caller.call("update_event", uid=uid, location="Hall 2"))
        cancelled = text_of(await caller.call("cancel_event", uid=uid))
    for text in (changed, cancelled):
        assert "Not mailed: 1 with No; a repeated call mails them neither." in text


async def test_a_key_whose_changes_wait_for_a_yes_asks_for_none_to_repeat_a_cancellation(
    engine: Engine,
) -> None:
    key = await made(engine, mode="hold")
    async with calling(engine) as caller:
        uid = await _series(caller)
        await caller.ok("cancel_event", uid=uid)
    async with calling(engine, actor=key.actor) as agent_caller:
        again = await agent_caller.ok("cancel_event", uid=uid)
    assert "held" not in again


async def test_an_update_that_was_made_is_done_whatever_sequence_it_expects(engine: Engine) -> None:
    async with calling(engine) as caller:
        uid = await caller.event()
        change = {"uid": uid, "location": "Hall 2", "expected_sequence": 0}
        await caller.ok("update_event", **change)
        again = await caller.call("update_event", **change)
        assert again.structured_content is not None
        assert (again.structured_content["changed"], again.structured_content["event"]["sequence"]) == ([], 1)
        assert "so already" in text_of(again)
        other = await caller.code("update_event", uid=uid, location="Hall 3", expected_sequence=0)
        assert other == "sequence_mismatch"


async def test_a_key_that_was_used_otherwise_names_its_event(engine: Engine) -> None:
    async with calling(engine) as caller:
        uid = await caller.event(idempotency_key="deal-7")
        given = {**STATUS, "idempotency_key": "deal-7"}
        refused = await caller.refused("create_event", **given)
        assert refused["code"] == "idempotency_conflict"
        assert uid in refused["message"]
        assert "new key" not in refused["hint"]
        assert "update_event" in refused["hint"]
        assert (await caller.ok("get_event", uid="deal-7"))["event"]["uid"] == uid
        await caller.ok("cancel_event", uid=uid)
        made = {"start": "2027-05-02T19:00:00", "duration": "PT2H", "timezone": "America/New_York"}
        again = await caller.call("create_event", summary="Season opener", **made, idempotency_key="deal-7")
        assert "cancelled since; nothing new was created" in text_of(again)
        assert "create it with another key" in text_of(again)
        assert uid in str(again.structured_content)
        assert again.structured_content is not None
        assert again.structured_content["created"] is False


@pytest.mark.parametrize(
    ("tool", "more", "method"),
    [
        ("update_event", {"location": "Hall 2"}, "REQUEST"),
        ("cancel_event", {}, "CANCEL"),
        ("cancel_event", {"instance": "2027-05-10"}, "CANCEL"),
    ],
)
async def test_a_change_may_wait_until_its_mails_have_left(
    engine: Engine, tool: str, more: dict[str, str], method: str
) -> None:
    async with calling(engine) as caller:
        uid = await _series(caller)
        await caller.ok("send_invite", uid=uid, email="bob@example.com", wait_s=0)
        await left(engine)
        async with waiting(caller, tool, uid=uid, wait_s=600, **more) as call:
            await call.until_told(1)
            assert not call.task.done()
            mails = await left(engine)
            result = await call.result()
    assert [mail.brief for mail in mails] == [(ANN, method, 1), ("bob@example.com", method, 1)]
    data = result.structured_content or {}
    assert (result.is_error, data["notified"]) == (False, 2)


async def test_a_change_of_which_no_one_is_mailed_waits_for_nothing(engine: Engine) -> None:
    async with calling(engine) as caller:
        uid = await _series(caller)
        data = await caller.ok("update_event", uid=uid, location="Hall 2", audience="none", wait_s=600)
    assert data["campaign_id"] == ""
