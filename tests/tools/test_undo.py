"""What is owed waits for CIS_UNDO_S, and can be taken back before anybody hears of it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from cis_mcp.mcp.tools import EVERYTHING
from cis_mcp.views.events import utc
from engine.commands.answers.proposals import RecordProposal
from engine.commands.answers.receipts import RecordReceipt
from engine.commands.approvals.deciding import Decide
from engine.engine import SYSTEM, Engine
from engine.model.held import Channel
from engine.model.messages import Kind
from engine.model.people import Attendee, Partstat
from engine.store.sqlite.unit import SqliteUnit
from tests.bounds.making import made
from tests.support.clock import Clock
from tests.support.engines import attendee, claim, deliver, do, engine_in, jobs_done
from tests.tools.caller import Caller, calling, text_of

ANN = "ann@example.com"
BOB = "bob@example.com"


@asynccontextmanager
async def slow(folder: Path, clock: Clock) -> AsyncIterator[tuple[Engine, Caller]]:
    """A server with a minute to take things back, and two for campaigns."""
    async with (
        engine_in(folder, clock, undo_s=60, undo_campaign_s=120) as engine,
        calling(engine, tier="extended") as caller,
    ):
        yield engine, caller


async def test_an_invite_leaves_when_the_time_is_over_and_not_before(tmp_path: Path) -> None:
    clock = Clock()
    async with slow(tmp_path, clock) as (engine, caller):
        await caller.ok("send_invite", uid=await caller.event(), email=ANN)
        clock.move(seconds=59)
        assert await deliver(engine) == []
        clock.move(seconds=1)
        assert [m.email for m in await deliver(engine)] == [ANN]


@pytest.mark.parametrize("taken_back_by", ["withdraw_invite", "cancel_event"])
async def test_within_the_time_an_invite_is_taken_back_and_nobody_hears_of_it(
    tmp_path: Path, taken_back_by: str
) -> None:
    clock = Clock()
    async with slow(tmp_path, clock) as (engine, caller):
        uid = await caller.event()
        await caller.ok("send_invite", uid=uid, email=ANN)
        clock.move(seconds=59)
        await caller.ok(taken_back_by, uid=uid, **({"email": ANN} if "invite" in taken_back_by else {}))
        clock.move(hours=1)
        assert await deliver(engine) == []


async def test_a_campaign_waits_for_its_own_time_and_is_cancelled_unheard(tmp_path: Path) -> None:
    clock = Clock()
    async with slow(tmp_path, clock) as (engine, caller):
        uid = await caller.event()
        sent = await caller.ok("bulk_send", uid=uid, recipients=[{"email": ANN}], start=True)
        assert await deliver(engine) == []
        clock.move(seconds=119)
        assert await deliver(engine) == []
        await caller.ok("control_campaign", campaign_id=sent["campaign"]["id"], action="cancel")
        clock.move(hours=1)
        assert await deliver(engine) == []


async def test_a_campaign_that_is_let_be_leaves(tmp_path: Path) -> None:
    clock = Clock()
    async with slow(tmp_path, clock) as (engine, caller):
        await caller.ok("bulk_send", uid=await caller.event(), recipients=[{"email": ANN}], start=True)
        assert await deliver(engine) == []
        clock.move(seconds=120)
        assert [m.email for m in await deliver(engine)] == [ANN]


async def test_changes_wait_too_and_a_second_one_joins_the_first(tmp_path: Path) -> None:
    clock = Clock()
    async with slow(tmp_path, clock) as (engine, caller):
        uid = await caller.event()
        await caller.ok("send_invite", uid=uid, email=ANN)
        clock.move(seconds=60)
        await deliver(engine)
        for place in ("The wrong room", "The right room"):
            await caller.ok("update_event", uid=uid, location=place, audience="all")
            assert await deliver(engine) == []
        clock.move(seconds=60)
        assert [m.kind for m in await deliver(engine)] == [Kind.UPDATE]
        await caller.ok("cancel_event", uid=uid)
        assert await deliver(engine) == []
        clock.move(seconds=60)
        assert [m.kind for m in await deliver(engine)] == [Kind.CANCELLATION]


# the tool


async def test_an_answer_says_how_and_until_when_it_can_be_taken_back(tmp_path: Path) -> None:
    clock = Clock()
    async with slow(tmp_path, clock) as (_, caller):
        uid = await caller.event()
        result = await caller.call("send_invite", uid=uid, email=ANN)
        back = (result.structured_content or {})["undo"]
        assert back["until"] == utc(clock() + timedelta(seconds=60))
        assert back["id"] in text_of(result)
        campaign = await caller.ok("bulk_send", uid=uid, recipients=[{"email": BOB}], start=True)
        assert campaign["undo"]["until"] == utc(clock() + timedelta(seconds=120))
        again = await caller.ok("send_invite", uid=uid, email=ANN)
        assert "undo" not in again, "nothing was done, so nothing can be taken back"
        assert "undo" not in await caller.ok("update_event", uid=uid, location="Hall", dry_run=True)


async def test_without_a_time_nothing_can_be_taken_back(engine: Engine) -> None:
    async with calling(engine) as caller:
        assert "undo" not in await caller.ok("send_invite", uid=await caller.event(), email=ANN, wait_s=0)


async def test_a_caller_without_the_tool_is_not_told_of_it(tmp_path: Path) -> None:
    async with engine_in(tmp_path, Clock(), undo_s=60) as engine, calling(engine) as caller:
        result = await caller.call("send_invite", uid=await caller.event(), email=ANN)
        assert "undo" not in (result.structured_content or {})
        assert "can undo" not in text_of(result)


async def _person(engine: Engine, uid: str) -> Attendee | None:
    async with engine.store.unit() as unit:
        return await unit.attendee(uid, BOB)


async def test_who_was_in_the_event_before_an_invite_stays_when_it_is_taken_back(tmp_path: Path) -> None:
    clock = Clock()
    async with slow(tmp_path, clock) as (engine, caller):
        uid = await caller.event(places=1)
        joined = RecordReceipt(uid=uid, email=BOB, partstat=Partstat.ACCEPTED, authenticated=True)
        await do(engine, joined, SYSTEM)
        before = await _person(engine, uid)
        await undone(caller, await caller.ok("send_invite", uid=uid, email=BOB, name="Bobby"))
        assert await _person(engine, uid) == before
        clock.move(hours=1)
        assert await deliver(engine) == []
        assert (await caller.ok("get_stats", scope="event", key=uid))["people"] == 1
        assert (await caller.ok("send_invite", uid=uid, email=BOB))["status"] == "queued"


async def test_an_invite_is_taken_back_with_its_person(tmp_path: Path) -> None:
    clock = Clock()
    async with slow(tmp_path, clock) as (engine, caller):
        uid = await caller.event()
        sent = await caller.ok("send_invite", uid=uid, email=ANN)
        done = await undone(caller, sent)
        assert done["withdrawn"] == 1
        clock.move(hours=1)
        assert await deliver(engine) == []
        assert (await caller.ok("get_stats", scope="event", key=uid))["people"] == 0
        await caller.ok("send_invite", uid=uid, email=ANN)
        clock.move(hours=1)
        assert [m.email for m in await deliver(engine)] == [ANN]


async def test_a_change_is_taken_back_as_a_new_revision_of_which_nobody_hears(tmp_path: Path) -> None:
    clock = Clock()
    async with slow(tmp_path, clock) as (engine, caller):
        uid = await invited(engine, caller, clock, location="Room 1")
        changed = await caller.ok("update_event", uid=uid, location="Room 9", start="2027-05-03T19:00:00")
        assert changed["notified"] == 1
        done = await undone(caller, changed)
        assert (done["withdrawn"], done["sequence"]) == (1, 2)
        event = (await caller.ok("get_event", uid=uid))["event"]
        assert (event["location"], event["start"]["local"][:10]) == ("Room 1", "2027-05-02")
        clock.move(hours=1)
        assert await deliver(engine) == []
        assert (await undone(caller, changed))["repeated"] is True


async def test_changes_are_taken_back_newest_first(tmp_path: Path) -> None:
    clock = Clock()
    async with slow(tmp_path, clock) as (engine, caller):
        uid = await invited(engine, caller, clock, location="Room 1")
        first = await caller.ok("update_event", uid=uid, location="Room 2")
        clock.move(seconds=10)
        second = await caller.ok("update_event", uid=uid, location="Room 3")
        assert await caller.code("undo", id=first["undo"]["id"]) == "undo_over"
        await undone(caller, second)
        await undone(caller, first)
        assert (await caller.ok("get_event", uid=uid))["event"]["location"] == "Room 1"
        clock.move(hours=1)
        assert await deliver(engine) == []


async def test_a_second_change_puts_off_what_waits_so_that_it_can_be_taken_back_as_well(
    tmp_path: Path,
) -> None:
    clock = Clock()
    async with slow(tmp_path, clock) as (engine, caller):
        uid = await invited(engine, caller, clock, location="Room 1")
        await caller.ok("update_event", uid=uid, location="Room 2")
        clock.move(seconds=50)
        second = await caller.ok("update_event", uid=uid, location="Room 3")
        clock.move(seconds=30)
        assert await deliver(engine) == [], "the first would say what the second says"
        await undone(caller, second)
        clock.move(seconds=60)
        assert [(m.kind, m.sequence) for m in await deliver(engine)] == [(Kind.UPDATE, 3)]
        assert (await caller.ok("get_event", uid=uid))["event"]["location"] == "Room 2"


async def test_a_cancellation_is_taken_back_with_what_was_owed_before_it(tmp_path: Path) -> None:
    clock = Clock()
    async with slow(tmp_path, clock) as (engine, caller):
        uid = await invited(engine, caller, clock)
        await caller.ok("send_invite", uid=uid, email=BOB)
        cancelled = await caller.ok("cancel_event", uid=uid)
        done = await undone(caller, cancelled)
        assert done["sequence"] == 2
        clock.move(hours=1)
        assert [(m.email, m.kind, m.sequence) for m in await deliver(engine)] == [(BOB, Kind.INVITE, 2)]
        assert (await caller.ok("get_event", uid=uid))["event"]["status"] == "confirmed"


async def test_a_cancellation_is_taken_back_with_what_jobs_and_claims_withdrew_after_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(SqliteUnit, "items_per_unit", size := 2)
    clock = Clock()
    async with slow(tmp_path, clock) as (engine, caller):
        uid = await caller.event()
        rows = [{"email": f"p{n}@example.com"} for n in range(size + 5)]
        sent = await caller.ok("bulk_send", uid=uid, recipients=rows, start=True)
        clock.move(seconds=120)
        await jobs_done(engine)
        cancelled = await caller.ok("cancel_event", uid=uid)
        clock.move(seconds=20)
        # The first part was withdrawn with the event, the rest by a job; nothing is owed, so the campaign ends.
        await jobs_done(engine)
        shown = await caller.ok("get_campaign", campaign_id=sent["campaign"]["id"])
        assert shown["campaign"]["counts"]["withdrawn"] == size + 5
        await undone(caller, cancelled)
        await jobs_done(engine)
        shown = await caller.ok("get_campaign", campaign_id=sent["campaign"]["id"])
        assert shown["campaign"]["state"] == "running"
        assert shown["campaign"]["counts"]["queued"] == size + 5


@pytest.mark.parametrize("in_between", [False, True])
async def test_a_second_cancellation_before_all_is_owed_again_is_taken_back_with_what_the_first_withdrew(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, in_between: bool
) -> None:
    monkeypatch.setattr(SqliteUnit, "items_per_unit", 2)
    clock = Clock()
    async with slow(tmp_path, clock) as (engine, caller):
        uid = await caller.event()
        rows = [{"email": f"p{n}@example.com"} for n in range(7)]
        sent = await caller.ok("bulk_send", uid=uid, recipients=rows, start=True)
        clock.move(seconds=120)
        await jobs_done(engine)
        first = await caller.ok("cancel_event", uid=uid)
        clock.move(seconds=10)
        await jobs_done(engine)
        await undone(caller, first)
        clock.move(seconds=10)
        second = await caller.ok("cancel_event", uid=uid)
        if in_between:
            clock.move(seconds=10)
            await jobs_done(engine)
        await undone(caller, second)
        await jobs_done(engine)
        shown = (await caller.ok("get_campaign", campaign_id=sent["campaign"]["id"]))["campaign"]
        assert (shown["state"], shown["counts"]["queued"]) == ("running", 7)


async def test_every_list_that_a_cancellation_brought_to_its_end_goes_on_once_it_is_taken_back(
    tmp_path: Path,
) -> None:
    clock = Clock()
    async with slow(tmp_path, clock) as (engine, caller):
        uid, lists = await caller.event(), []
        for name in "ab":
            rows = [{"email": f"{name}{n}@example.com"} for n in range(3)]
            sent = await caller.ok("bulk_send", uid=uid, recipients=rows, start=True)
            lists.append(sent["campaign"]["id"])
            clock.move(seconds=120)
            await jobs_done(engine)
        gone = await caller.ok("bulk_send", uid=uid, recipients=[{"email": ANN}], start=True)
        await caller.ok("control_campaign", campaign_id=gone["campaign"]["id"], action="cancel")
        cancelled = await caller.ok("cancel_event", uid=uid)
        clock.move(seconds=20)
        await jobs_done(engine)

        async def shown(name: str) -> tuple[str, int]:
            campaign = (await caller.ok("get_campaign", campaign_id=name))["campaign"]
            return campaign["state"], campaign["counts"]["queued"]

        assert [await shown(name) for name in lists] == [("finished", 0)] * 2
        await undone(caller, cancelled)
        assert [await shown(name) for name in lists] == [("running", 3)] * 2
        assert (await shown(gone["campaign"]["id"]))[0] == "cancelled"
        clock.move(seconds=60)
        assert len(await deliver(engine)) == 6
        await jobs_done(engine)
        assert [await shown(name) for name in lists] == [("finished", 0)] * 2


async def test_the_cancellation_of_one_date_is_taken_back_with_the_change_and_the_proposal_before_it(
    tmp_path: Path,
) -> None:
    clock = Clock()
    async with slow(tmp_path, clock) as (engine, caller):
        uid, date = await invited(engine, caller, clock, recurrence="FREQ=DAILY;COUNT=5"), "2027-05-04"
        event = await engine.event(uid, engine.local)
        guest = await attendee(engine, event, ANN)
        named = event.span.start_utc + timedelta(days=2)
        other = event.span.model_copy(
            update={"start": named + timedelta(hours=3), "end": named + timedelta(hours=5)}
        )
        await caller.ok("update_event", uid=uid, instance=date, location="Roof")
        await do(engine, RecordProposal(token=guest.token, span=other, recurrence_id=named), SYSTEM)
        cancelled = await caller.ok("cancel_event", uid=uid, instance=date)
        assert cancelled["event"]["cancelled_dates"]
        assert (await caller.ok("get_event", uid=uid))["proposals"] == []
        assert (await undone(caller, cancelled))["withdrawn"] == 1
        shown = await caller.ok("get_event", uid=uid)
        assert (shown["event"]["cancelled_dates"], len(shown["event"]["changed_dates"])) == ([], 1)
        assert len(shown["proposals"]) == 1
        clock.move(hours=1)
        calendar = [(m.kind, m.sequence, m.recurrence_id) for m in await deliver(engine) if m.method]
        assert calendar == [(Kind.UPDATE, 3, named)]


@pytest.mark.parametrize("called_off", [{}, {"instance": "2027-05-09"}], ids=["the event", "its last date"])
async def test_a_list_on_its_way_skips_nobody_while_a_cancellation_can_be_taken_back(
    tmp_path: Path, called_off: dict[str, str]
) -> None:
    clock = Clock()
    async with slow(tmp_path, clock) as (engine, caller):
        uid = await caller.event(recurrence="FREQ=WEEKLY;COUNT=2")
        clock.move(days=65)
        sent = await caller.ok("bulk_send", uid=uid, recipients=[{"email": ANN}, {"email": BOB}], start=True)
        clock.move(seconds=120)
        cancelled = await caller.ok("cancel_event", uid=uid, **called_off)
        await jobs_done(engine)
        await undone(caller, cancelled)
        clock.move(seconds=60)
        await jobs_done(engine)
        counts = (await caller.ok("get_campaign", campaign_id=sent["campaign"]["id"]))["campaign"]["counts"]
        assert (counts["queued"], counts["waiting"]) == (2, 0), counts


@pytest.mark.parametrize("undone_again", [True, False])
@pytest.mark.parametrize("change", ["update_event", "cancel_event"])
async def test_a_list_whose_time_comes_while_a_change_can_be_undone_waits_for_that(
    tmp_path: Path, change: str, undone_again: bool
) -> None:
    clock = Clock()
    async with slow(tmp_path, clock) as (engine, caller):
        uid = await caller.event()
        at = utc(clock() + timedelta(minutes=10))
        draft = (await caller.ok("bulk_send", uid=uid, recipients=[{"email": ANN}], at=at))["campaign"]
        token, name = draft["confirm_token"], draft["id"]
        await caller.ok("control_campaign", campaign_id=name, action="start", confirm_token=token)
        clock.move(minutes=9, seconds=30)
        values = {"location": "Elsewhere"} if change == "update_event" else {}
        changed = await caller.ok(change, uid=uid, **values)
        clock.move(seconds=45)
        assert await deliver(engine) == []
        if undone_again:
            await undone(caller, changed)
        for _ in range(3):
            clock.move(minutes=2)
            left = [m.email for m in await deliver(engine)]
            if left:
                break
        assert left == ([ANN] if undone_again else [])
        shown = await caller.ok("get_campaign", campaign_id=name)
        assert (shown["campaign"]["state"] == "cancelled") is not undone_again


async def test_a_list_that_starts_before_its_draft_was_seen_can_be_taken_back_for_ten_seconds(
    tmp_path: Path,
) -> None:
    clock = Clock()
    async with (
        engine_in(tmp_path, clock, undo_campaign_s=None) as engine,
        calling(engine, tier="extended") as caller,
    ):
        uid = await caller.event()
        unseen = await caller.ok("bulk_send", uid=uid, recipients=[{"email": ANN}], start=True)
        assert unseen["undo"]["until"] == utc(clock() + timedelta(seconds=10))
        draft = (await caller.ok("bulk_send", uid=uid, recipients=[{"email": BOB}]))["campaign"]
        values = {"campaign_id": draft["id"], "action": "start", "confirm_token": draft["confirm_token"]}
        assert "undo" not in await caller.ok("control_campaign", **values)
        assert [m.email for m in await deliver(engine)] == [BOB]
        clock.move(seconds=10)
        assert [m.email for m in await deliver(engine)] == [ANN]


async def test_a_withdrawal_is_taken_back_and_the_person_counts_again(tmp_path: Path) -> None:
    clock = Clock()
    async with slow(tmp_path, clock) as (engine, caller):
        uid = await invited(engine, caller, clock)
        gone = await caller.ok("withdraw_invite", uid=uid, email=ANN)
        await undone(caller, gone)
        clock.move(hours=1)
        assert await deliver(engine) == []
        assert (await caller.ok("get_stats", scope="event", key=uid))["people"] == 1


async def test_a_withdrawal_before_the_invite_left_is_taken_back_and_the_invite_leaves(
    tmp_path: Path,
) -> None:
    clock = Clock()
    async with slow(tmp_path, clock) as (engine, caller):
        uid = await caller.event()
        await caller.ok("send_invite", uid=uid, email=ANN)
        await undone(caller, await caller.ok("withdraw_invite", uid=uid, email=ANN))
        clock.move(hours=1)
        assert [m.email for m in await deliver(engine)] == [ANN]


async def test_a_campaign_and_reminders_are_taken_back(tmp_path: Path) -> None:
    clock = Clock()
    async with slow(tmp_path, clock) as (engine, caller):
        uid = await invited(engine, caller, clock)
        sent = await caller.ok("bulk_send", uid=uid, recipients=[{"email": BOB}], start=True)
        assert (await undone(caller, sent))["withdrawn"] == 1
        clock.move(days=2)
        reminded = await caller.ok("remind", uid=uid)
        assert (await undone(caller, reminded))["withdrawn"] == 1
        clock.move(hours=1)
        assert await deliver(engine) == []


async def test_a_declined_proposal_is_open_again(tmp_path: Path) -> None:
    clock = Clock()
    async with slow(tmp_path, clock) as (engine, caller):
        uid = await invited(engine, caller, clock)
        found = await attendee(engine, (await engine.event(uid, engine.local)), ANN)
        span = (await engine.event(uid, engine.local)).span
        await do(engine, RecordProposal(token=found.token, span=span), SYSTEM)
        await deliver(engine)
        answered = await caller.ok("answer_proposal", uid=uid, email=ANN, answer="decline")
        await undone(caller, answered)
        clock.move(hours=1)
        assert await deliver(engine) == []
        assert len((await caller.ok("get_event", uid=uid))["proposals"]) == 1


async def test_once_somebody_was_mailed_it_is_refused_and_a_dry_run_prices_the_correction(
    tmp_path: Path,
) -> None:
    clock = Clock()
    async with slow(tmp_path, clock) as (engine, caller):
        uid = await invited(engine, caller, clock)
        changed = await caller.ok("update_event", uid=uid, location="Room 9", audience="all")
        clock.move(seconds=60)
        await deliver(engine)
        refused = await caller.refused("undo", id=changed["undo"]["id"])
        assert refused["code"] == "undo_over"
        assert refused["message"].startswith("1 person was mailed already")
        for tool, values in (("update_event", {"location": "Room 1"}), ("cancel_event", {})):
            price = await caller.ok(tool, uid=uid, dry_run=True, audience="all", **values)
            assert (price["notified"], price["calendars"]) == (1, 1)


async def test_what_is_claimed_already_is_not_taken_back(tmp_path: Path) -> None:
    clock = Clock()
    async with slow(tmp_path, clock) as (engine, caller):
        sent = await caller.ok("send_invite", uid=await caller.event(), email=ANN)
        clock.move(seconds=60)
        await claim(engine)
        assert await caller.code("undo", id=sent["undo"]["id"]) == "undo_over"


async def test_after_its_time_nothing_is_taken_back_though_nothing_left(tmp_path: Path) -> None:
    clock = Clock()
    async with slow(tmp_path, clock) as (_, caller):
        sent = await caller.ok("send_invite", uid=await caller.event(), email=ANN)
        clock.move(seconds=60)
        assert await caller.code("undo", id=sent["undo"]["id"]) == "undo_over"


async def test_budgets_come_back_once(tmp_path: Path) -> None:
    clock = Clock()
    async with engine_in(tmp_path, clock, undo_s=60, undo_campaign_s=60) as engine:
        key = await made(engine, day=10)
        async with calling(engine, actor=key.actor, selection=EVERYTHING) as caller:
            uid = await caller.event()
            one = await caller.ok("send_invite", uid=uid, email=ANN)
            rows = [{"email": f"p{n}@example.com"} for n in range(5)]
            many = await caller.ok("bulk_send", uid=uid, recipients=rows, start=True)
            assert await left_today(caller) == 4
            for answer in (one, many, one, many):
                await undone(caller, answer)
            assert await left_today(caller) == 10


async def test_another_organizer_takes_nothing_back_and_a_key_needs_the_verb(tmp_path: Path) -> None:
    clock = Clock()
    async with slow(tmp_path, clock) as (engine, caller):
        sent = await caller.ok("send_invite", uid=await caller.event(), email=ANN)
        stranger, creator = await made(engine, address="other@cis.test"), await made(engine, verbs="create")
        for actor, code in ((stranger.actor, "unknown_undo"), (creator.actor, "not_allowed")):
            async with calling(engine, actor=actor) as other:
                assert await other.code("undo", id=sent["undo"]["id"]) == code
        assert (await undone(caller, sent))["withdrawn"] == 1


async def test_what_a_person_approved_can_be_taken_back(tmp_path: Path) -> None:
    clock = Clock()
    async with slow(tmp_path, clock) as (engine, caller):
        key = await made(engine, mode="hold")
        async with calling(engine, actor=key.actor) as agent_caller:
            uid = await caller.event()
            waits = await agent_caller.ok("send_invite", uid=uid, email=ANN)
            assert "undo" not in waits
        decided = await do(
            engine, Decide(held_id=waits["held"]["id"], approve=True, channel=Channel.COMMAND_LINE)
        )
        assert decided.undo
        await caller.ok("undo", id=decided.undo.id)
        clock.move(hours=1)
        assert await deliver(engine) == []


async def undone(caller: Caller, answer: dict[str, Any]) -> dict[str, Any]:
    """What came of taking back what gave this answer."""
    return await caller.ok("undo", id=answer["undo"]["id"])


async def invited(engine: Engine, caller: Caller, clock: Clock, **values: Any) -> str:
    """The uid of an event that Ann has in her calendar."""
    uid = await caller.event(**values)
    await caller.ok("send_invite", uid=uid, email=ANN)
    clock.move(seconds=60)
    await deliver(engine)
    return uid


async def left_today(caller: Caller) -> int:
    """What is left of the day's mails."""
    limits = (await caller.ok("explain_refusal", bound="day"))["limits"]
    return int(limits[0]["left"])


async def test_who_is_taken_out_again_after_an_undo_is_told(tmp_path: Path) -> None:
    clock = Clock()
    async with slow(tmp_path, clock) as (engine, caller):
        uid = await invited(engine, caller, clock)
        out = await caller.ok("withdraw_invite", uid=uid, email=ANN)
        await caller.ok("undo", id=out["undo"]["id"])
        await caller.ok("withdraw_invite", uid=uid, email=ANN)
        clock.move(seconds=60)
        assert [m.kind for m in await deliver(engine)] == [Kind.WITHDRAWAL]
        assert await engine.check() == []


async def test_who_is_invited_again_while_the_withdrawal_waits_keeps_the_event(tmp_path: Path) -> None:
    clock = Clock()
    async with slow(tmp_path, clock) as (engine, caller):
        uid = await invited(engine, caller, clock)
        await caller.ok("withdraw_invite", uid=uid, email=ANN)
        await caller.ok("send_invite", uid=uid, email=ANN)
        clock.move(seconds=60)
        left = [*await deliver(engine), *await deliver(engine)]
        assert [m.kind for m in left] == [Kind.INVITE]


@pytest.mark.parametrize("undo_after", [10, 30])
async def test_an_invite_that_overtook_a_withdrawal_is_taken_back_and_the_entry_is_cancelled(
    tmp_path: Path, undo_after: int
) -> None:
    clock = Clock()
    async with slow(tmp_path, clock) as (engine, caller):
        uid = await invited(engine, caller, clock)
        await caller.ok("withdraw_invite", uid=uid, email=ANN)
        clock.move(seconds=40)
        again = await caller.ok("send_invite", uid=uid, email=ANN)
        clock.move(seconds=undo_after)
        assert await deliver(engine) == []
        await undone(caller, again)
        clock.move(seconds=10)
        left = [*await deliver(engine), *await deliver(engine)]
        clock.move(hours=1)
        assert [m.kind for m in [*left, *await deliver(engine)]] == [Kind.WITHDRAWAL]
        assert await engine.check() == []


async def test_the_entry_of_who_heard_before_that_one_date_is_off_is_cancelled_as_well(
    tmp_path: Path,
) -> None:
    clock = Clock()
    async with slow(tmp_path, clock) as (engine, caller):
        uid = await invited(engine, caller, clock, recurrence="FREQ=DAILY;COUNT=5")
        await caller.ok("cancel_event", uid=uid, instance="2027-05-04")
        clock.move(seconds=60)
        assert [m.kind for m in await deliver(engine)] == [Kind.CANCELLATION]
        await caller.ok("withdraw_invite", uid=uid, email=ANN)
        clock.move(seconds=40)
        again = await caller.ok("send_invite", uid=uid, email=ANN)
        clock.move(seconds=30)
        assert await deliver(engine) == []
        await undone(caller, again)
        clock.move(hours=1)
        assert [(m.kind, m.recurrence_id) for m in await deliver(engine)] == [(Kind.WITHDRAWAL, None)]


async def test_whose_entry_was_cancelled_hears_nothing_of_an_invite_that_is_taken_back(
    tmp_path: Path,
) -> None:
    clock = Clock()
    async with slow(tmp_path, clock) as (engine, caller):
        uid = await invited(engine, caller, clock)
        await caller.ok("withdraw_invite", uid=uid, email=ANN)
        clock.move(seconds=60)
        assert [m.kind for m in await deliver(engine)] == [Kind.WITHDRAWAL]
        await undone(caller, await caller.ok("send_invite", uid=uid, email=ANN))
        clock.move(hours=1)
        assert await deliver(engine) == []


async def test_a_proposal_is_declined_again_after_an_undo(tmp_path: Path) -> None:
    clock = Clock()
    async with slow(tmp_path, clock) as (engine, caller):
        uid = await invited(engine, caller, clock)
        event = await engine.event(uid, engine.local)
        found = await attendee(engine, event, ANN)
        await do(engine, RecordProposal(token=found.token, span=event.span), SYSTEM)
        await deliver(engine)
        await undone(caller, await caller.ok("answer_proposal", uid=uid, email=ANN, answer="decline"))
        await caller.ok("answer_proposal", uid=uid, email=ANN, answer="decline")
        clock.move(hours=1)
        assert [m.kind for m in await deliver(engine)] == [Kind.DECLINED_PROPOSAL]
