"""Some of an event's attendees: one is taken out, some are reminded, some hear of a change; the mails as they leave."""

from __future__ import annotations

import pytest

from engine.engine import Engine
from engine.model.messages import MessageState
from engine.model.people import Partstat
from tests.support.clock import Clock
from tests.support.engines import answer, attendee, claim, created, invite, invite_all_answers, settle
from tests.support.leaving import left
from tests.tools.caller import Mode, agent, calling, text_of

ANN, BOB = "ann@example.com", "bob@example.com"


async def test_one_person_is_taken_out_and_nobody_else_hears(
    engine: Engine, mode: Mode, clock: Clock
) -> None:
    event = await created(engine)
    for email in (ANN, BOB):
        await invite(engine, event, email)
    first = {mail.to: mail for mail in await left(engine)}
    clock.move(minutes=5)
    async with calling(engine, mode) as caller:
        data = await caller.ok(
            "withdraw_invite", uid=event.uid, email=" Ann@example.com", note="See you next year"
        )
        assert (data["email"], data["mailed"], data["already"]) == (ANN, True, False)
        (mail,) = await left(engine)
        assert mail.brief == (ANN, "CANCEL", 0)
        assert mail.stamp > first[ANN].stamp
        assert mail.event["ORGANIZER"] == first[ANN].event["ORGANIZER"]
        assert mail.subject == "Invitation Withdrawn: Season opener"
        assert "no longer invited" in mail.text
        assert "See you next year" in mail.text
        assert "See you next year" in mail.html
        again = await caller.ok("withdraw_invite", uid=event.uid, email=ANN)
        assert (again["already"], again["message_id"]) == (True, data["message_id"])
        assert [a["email"] for a in (await caller.ok("list_attendees", uid=event.uid))["attendees"]] == [
            "b*******@example.com"
        ]
        counted = await caller.ok("get_stats", scope="event", key=event.uid)
        assert (counted["attendees"], counted["rsvp"]["noaction"]) == (1, 1)
        story = await caller.ok("get_attendee", uid=event.uid, email=ANN)
        assert story["withdrawn"]
        await caller.ok("update_event", uid=event.uid, location="Hall 2", audience="all")
        assert [m.brief for m in await left(engine)] == [(BOB, "REQUEST", 1)]
        await caller.ok("cancel_event", uid=event.uid, audience="all")
        assert [m.brief for m in await left(engine)] == [(BOB, "CANCEL", 2)]
    assert await engine.check() == []


async def test_an_invite_after_a_withdrawal_raises_the_sequence_and_old_answers_count_no_more(
    engine: Engine, clock: Clock
) -> None:
    event = await created(engine)
    for email in (ANN, BOB):
        await invite(engine, event, email)
    await left(engine)
    ann = await attendee(engine, event, ANN)
    await answer(engine, ann, Partstat.ACCEPTED, sequence=0, dtstamp=clock.now)
    async with calling(engine) as caller:
        await caller.ok("withdraw_invite", uid=event.uid, email=ANN)
        await left(engine)
        clock.move(minutes=1)
        await answer(engine, ann, Partstat.DECLINED, sequence=0, dtstamp=clock.now)
        story = await caller.ok("get_attendee", uid=event.uid, email=ANN)
        assert [(r["status"], r["code"]) for r in story["receipts"]] == [
            ("accepted", ""),
            ("declined", "invite_withdrawn"),
        ]
        invited = await caller.ok("send_invite", uid=event.uid, email=ANN, wait_s=0)
        assert invited["status"] == "queued"
        assert [m.brief for m in await left(engine)] == [(ANN, "REQUEST", 1)]
        counted = await caller.ok("get_stats", scope="event", key=event.uid)
        assert (counted["attendees"], counted["rsvp"]["noaction"]) == (2, 2)
        await answer(engine, ann, Partstat.ACCEPTED, sequence=0, dtstamp=clock.now)
        assert (await attendee(engine, event, ANN)).partstat is Partstat.NEEDS_ACTION
        clock.move(minutes=1)
        await answer(engine, ann, Partstat.ACCEPTED, sequence=1, dtstamp=clock.now)
        assert (await attendee(engine, event, ANN)).partstat is Partstat.ACCEPTED
        await caller.ok("withdraw_invite", uid=event.uid, email=ANN)
        assert [m.brief for m in await left(engine)] == [(ANN, "CANCEL", 1)]
    assert await engine.check() == []


async def test_whoever_has_no_invite_yet_is_taken_out_without_a_mail(engine: Engine) -> None:
    event = await created(engine)
    await invite(engine, event, ANN)
    async with calling(engine) as caller:
        data = await caller.ok("withdraw_invite", uid=event.uid, email=ANN)
        assert data["mailed"] is False
        assert await left(engine) == []
        rows = [{"email": ANN}]
        draft = (await caller.ok("bulk_send", uid=event.uid, recipients=rows))["campaign"]
        assert [(row["email"], row["code"]) for row in draft["skipped"]] == [(ANN, "already_invited")]
        assert await caller.code("withdraw_invite", uid=event.uid, email=BOB) == "unknown_attendee"


async def test_a_cancelled_event_does_not_strand_the_cancellation_of_one_person(engine: Engine) -> None:
    event = await created(engine)
    await invite(engine, event, ANN)
    await left(engine)
    async with calling(engine) as caller:
        await caller.ok("withdraw_invite", uid=event.uid, email=ANN)
        await caller.ok("cancel_event", uid=event.uid)
    assert [(m.to, m.method) for m in await left(engine)] == [(ANN, "CANCEL")]


async def test_a_reminder_is_the_same_revision_with_a_newer_stamp(
    engine: Engine, mode: Mode, clock: Clock
) -> None:
    event = await created(engine)
    await invite_all_answers(engine, event)
    clock.move(hours=1)
    async with calling(engine, mode) as caller:
        dry = await caller.call("remind", uid=event.uid, dry_run=True)
        assert dry.structured_content is not None
        assert (dry.structured_content["reminded"], dry.structured_content["campaign_id"]) == (1, "")
        assert "s*******@example.com" in text_of(dry)
        assert await left(engine) == []
        data = await caller.ok("remind", uid=event.uid, note="Only ten seats are left")
        assert data["reminded"] == 1
        (mail,) = await left(engine)
        assert mail.brief == ("silent@example.com", "REQUEST", 0)
        assert mail.stamp == clock.now
        assert mail.subject == "Season opener"
        assert "reminds you of this event" in mail.text
        assert "Only ten seats are left" in mail.text
        campaign = await caller.ok("get_campaign", campaign_id=data["campaign_id"])
        assert (campaign["campaign"]["kind"], campaign["campaign"]["state"]) == ("reminder", "finished")


async def test_a_person_is_reminded_once_a_day_and_three_times_an_event(engine: Engine, clock: Clock) -> None:
    event = await created(engine)
    await invite(engine, event, ANN)
    await left(engine)
    async with calling(engine) as caller:
        for why in ("reminded_today", "reminded_today", "reminded_often"):
            assert (await caller.ok("remind", uid=event.uid))["reminded"] == 1
            assert len(await left(engine)) == 1
            again = await caller.ok("remind", uid=event.uid)
            assert (again["reminded"], again["left_out"][0]["reason"]) == (0, why)
            assert again["campaign_id"] == ""
            clock.move(days=1, seconds=1)
        (group,) = (await caller.ok("remind", uid=event.uid))["left_out"]
    assert (group["reason"], group["people"], group["emails"]) == (
        "reminded_often",
        1,
        ["a*******@example.com"],
    )
    assert await left(engine) == []


async def test_who_said_no_or_whose_mail_came_back_is_never_reminded(engine: Engine) -> None:
    event = await created(engine)
    people = await invite_all_answers(engine, event)
    await invite(engine, event, "gone@example.com")
    failed = {"code": "rejected_by_server", "text": "550 no such user"}
    await settle(engine, await claim(engine), MessageState.FAILED, **failed)
    async with calling(engine) as caller:
        everybody = [person.email for person in people.values()]
        data = await caller.ok("remind", uid=event.uid, who=[*everybody, "gone@example.com"])
        left_out = {g["reason"]: g["people"] for g in data["left_out"]}
        assert (data["reminded"], left_out) == (3, {"declined": 1, "bounced": 1})
        assert await caller.code("remind", uid=event.uid, who=["declined"]) == "invalid_argument"
        assert await caller.code("remind", uid=event.uid, who=["soon"]) == "invalid_argument"
        assert await caller.code("remind", uid=event.uid, who=["x@example.com"]) == "unknown_attendee"
    mails = {m.to: m.event["ATTENDEE"].params["PARTSTAT"] for m in await left(engine)}
    assert mails == {
        "yes@example.com": "ACCEPTED",
        "maybe@example.com": "TENTATIVE",
        "silent@example.com": "NEEDS-ACTION",
    }


async def test_who_says_no_while_the_reminder_waits_does_not_get_it(engine: Engine) -> None:
    event = await created(engine)
    ann = (await invite(engine, event, ANN)).attendee
    await left(engine)
    async with calling(engine) as caller:
        await caller.ok("remind", uid=event.uid)
        await answer(engine, ann, Partstat.DECLINED)
        assert await left(engine) == []


@pytest.mark.parametrize(
    ("audience", "told"),
    [
        (["tentative"], ["maybe@example.com"]),
        (["noaction", "no@example.com"], ["no@example.com", "silent@example.com"]),
        (["YES@example.com"], ["yes@example.com"]),
        ("accepted-or-tentative", ["maybe@example.com", "yes@example.com"]),
    ],
)
async def test_a_change_is_told_to_the_answers_and_addresses_that_are_named(
    engine: Engine, mode: Mode, audience: object, told: list[str]
) -> None:
    event = await created(engine)
    await invite_all_answers(engine, event)
    async with calling(engine, mode) as caller:
        given = {"uid": event.uid, "url": "https://example.com/x", "audience": audience, "note": "New link"}
        dry = await caller.ok("update_event", **given, dry_run=True)
        data = await caller.ok("update_event", **given)
    assert dry["notified"] == data["notified"] == len(told)
    mails = await left(engine)
    assert [m.brief for m in mails] == [(email, "REQUEST", 1) for email in told]
    assert all("New link" in m.text for m in mails)


async def test_an_audience_names_attendees_and_nobody_else(engine: Engine) -> None:
    event = await created(engine)
    await invite_all_answers(engine, event)
    async with calling(engine) as caller:
        for tool, more in (("update_event", {"summary": "x"}), ("cancel_event", {})):
            given = {"uid": event.uid, **more}
            stranger = await caller.code(tool, **given, audience=["stranger@example.com"])
            assert stranger == "unknown_attendee"
            assert await caller.code(tool, **given, audience=["everybody"]) == "invalid_argument"
            assert await caller.code(tool, **given, audience=[]) == "invalid_argument"
        assert (await caller.ok("get_event", uid=event.uid))["event"]["sequence"] == 0


async def test_a_note_stands_above_the_text_and_a_cancellations_is_not_called_a_reason(
    engine: Engine,
) -> None:
    event = await created(engine)
    async with calling(engine) as caller:
        await caller.ok("send_invite", uid=event.uid, email=ANN, note="For you, Ann", wait_s=0)
        (mail,) = await left(engine)
        assert mail.text.index("For you, Ann") < mail.text.index("What:")
        await caller.ok("cancel_event", uid=event.uid, note="The hall is closed")
        (mail,) = await left(engine)
        assert "The hall is closed" in mail.text
        assert "Reason" not in mail.text + mail.html
        assert str(mail.event["COMMENT"]) == "The hall is closed"
        other = await caller.event()
        code = await caller.code("send_invite", uid=other, email=ANN, note="Dear {{name}}")
        assert code == "invalid_template"


async def test_another_organizer_reminds_and_takes_out_nobody(engine: Engine, clock: Clock) -> None:
    event = await created(engine)
    await invite(engine, event, ANN)
    await left(engine)
    clock.move(hours=1)
    async with calling(engine, actor=agent(BOB)) as caller:
        assert await caller.code("remind", uid=event.uid) == "unknown_event"
        assert await caller.code("withdraw_invite", uid=event.uid, email=ANN) == "unknown_event"
    assert await left(engine) == []
