"""The contract of a store: the ledger owes each message once, and hands it to one dispatcher at a time."""

from __future__ import annotations

from datetime import timedelta

import pytest

from engine.model.bulk_changes import BulkAction, BulkChange
from engine.model.events import EventStatus
from engine.model.list_rows import Recipient
from engine.model.messages import Fanout, Kind, MessageState, Method, Notice
from engine.refusals import Code
from engine.store.protocol import Store
from tests.store.stores import (
    EVERYBODY,
    ORGANIZER,
    START,
    answered,
    attendee,
    campaign,
    claim,
    emails,
    event,
    message,
    owe,
    recipients,
    save,
    state,
    states,
    with_event,
    withdrawing,
)

ANN, BOB = "ann@example.com", "bob@example.com"
LATER = START + timedelta(seconds=60)
RELEASED = BulkChange(action=BulkAction.RELEASE, campaign_id="campaign1")


async def test_a_message_that_is_owed_twice_is_written_once(store: Store) -> None:
    await with_event(store, ANN)
    await owe(store, message(ANN), message(ANN))
    assert await states(store) == {"queued": 1}


async def test_a_new_revision_or_another_instance_is_another_message(store: Store) -> None:
    made = await with_event(store, ANN)
    await answered(store, await claim(store))
    await save(store, made.model_copy(update={"sequence": 2}))
    instance = made.span.start
    await owe(
        store,
        message(ANN, kind=Kind.UPDATE, sequence=1),
        message(ANN, kind=Kind.UPDATE, sequence=2, recurrence_id=instance),
        message(ANN, kind=Kind.CANCELLATION, method=Method.CANCEL, sequence=2),
    )
    assert await states(store) == {"sent": 1, "queued": 3}


async def test_a_message_of_origin_test_may_repeat(store: Store) -> None:
    await with_event(store, ANN)
    await owe(store, message(ANN, repeat="r1"), message(ANN, repeat="r2"))
    assert await states(store) == {"queued": 3}


async def test_an_update_adds_nothing_where_the_invite_has_not_gone_yet(store: Store) -> None:
    made = await with_event(store, ANN, BOB)
    claims = await claim(store, limit=1)
    await answered(store, claims)
    await save(store, made.model_copy(update={"sequence": 1}))
    updates = [message(email, kind=Kind.UPDATE, sequence=1) for email in (ANN, BOB)]
    await owe(store, *updates)
    gone = await claim(store)
    assert {(c.message.email, c.message.kind, c.message.sequence) for c in gone} == {
        (ANN, Kind.UPDATE, 1),
        (BOB, Kind.INVITE, 1),
    }


async def test_a_claimed_message_is_nobody_elses(store: Store) -> None:
    await with_event(store, ANN, BOB)
    first, second = await claim(store, "one", 1), await claim(store, "two", 5)
    assert emails(first) == [ANN]
    assert emails(second) == [BOB]
    assert await claim(store, "three") == []


async def test_a_claim_brings_the_event_the_attendee_and_the_organizers_name(store: Store) -> None:
    made = await with_event(store, ANN)
    (one,) = await claim(store)
    assert one.event == made
    assert one.attendee == attendee(ANN)
    assert one.organizer_name == "Olga"
    assert (await state(store, one)).state is MessageState.SENDING


async def test_a_message_is_not_claimed_before_it_is_due(store: Store) -> None:
    await with_event(store, ANN)
    await answered(store, await claim(store), MessageState.DEFERRED, due=LATER)
    assert await store.next_due() == LATER
    assert await claim(store, now=LATER - timedelta(seconds=1)) == []
    (again,) = await claim(store, now=LATER)
    assert again.message.attempts == 1


async def test_a_lease_that_has_run_out_comes_back_in_doubt_with_the_same_message_id(store: Store) -> None:
    await with_event(store, ANN)
    (lost,) = await claim(store, "dead", lease_s=20)
    assert await store.next_due() == START + timedelta(seconds=20)
    assert await claim(store, "alive", now=START + timedelta(seconds=19)) == []
    (found,) = await claim(store, "alive", now=START + timedelta(seconds=21))
    assert found.message.message_id == lost.message.message_id
    assert found.message.in_doubt
    assert not lost.message.in_doubt


async def test_a_renewed_lease_is_kept(store: Store) -> None:
    await with_event(store, ANN)
    await claim(store, "busy", lease_s=20)
    await store.renew_leases("busy", lambda: START + timedelta(seconds=15), 20)
    await store.renew_leases("other", lambda: START + timedelta(seconds=60), 20)
    assert await claim(store, "alive", now=START + timedelta(seconds=30)) == []
    assert len(await claim(store, "alive", now=START + timedelta(seconds=36))) == 1


async def test_the_answer_of_an_owner_who_lost_the_lease_does_not_count(store: Store) -> None:
    await with_event(store, ANN)
    late = await claim(store, "late")
    held = await claim(store, "holder", now=LATER)
    for told in (MessageState.FAILED, MessageState.QUEUED, MessageState.DEFERRED):
        await answered(store, late, told, "late", LATER)
    now = await state(store, held[0])
    assert now.state is MessageState.SENDING
    assert now.attempts == 2
    await answered(store, held, MessageState.SENT, "holder", LATER, text="250 OK")
    await answered(store, late, MessageState.FAILED, "late", LATER)
    assert (await state(store, held[0])).answer == "250 OK"
    assert await states(store) == {"sent": 1}


async def test_a_message_that_is_given_back_counts_as_untried(store: Store) -> None:
    await with_event(store, ANN)
    await answered(store, await claim(store), MessageState.QUEUED)
    (again,) = await claim(store)
    assert again.message.attempts == 0
    assert not again.message.in_doubt


async def test_messages_to_one_attendee_leave_in_order(store: Store) -> None:
    first_day = START + timedelta(days=60)
    moved, cancelled = (first_day + timedelta(days=n) for n in (1, 2))
    await with_event(store, ANN, recurrence="FREQ=DAILY", exdates=(cancelled,))
    await answered(store, await claim(store))
    await owe(
        store,
        message(ANN, kind=Kind.UPDATE, recurrence_id=moved, created=START),
        message(ANN, kind=Kind.CANCELLATION, method=Method.CANCEL, recurrence_id=cancelled),
    )
    first = await claim(store)
    assert [c.message.kind for c in first] == [Kind.UPDATE]
    await answered(store, first, MessageState.DEFERRED, due=LATER)
    assert await claim(store) == []
    await answered(store, await claim(store, now=LATER))
    assert [c.message.kind for c in await claim(store, now=LATER)] == [Kind.CANCELLATION]


async def test_messages_that_wait_for_older_ones_to_their_attendees_hold_up_no_others(store: Store) -> None:
    crowd = [f"c{n}@example.com" for n in range(16)]
    await with_event(store, *crowd)
    await answered(store, await claim(store), MessageState.DEFERRED, due=LATER)
    await owe(store, *[message(one, kind=Kind.CANCELLATION, method=Method.CANCEL) for one in crowd])
    async with store.unit() as unit:
        await unit.add_attendees([attendee(ANN)])
        await unit.add_messages([message(ANN)], priority=0)
    assert emails(await claim(store, limit=1)) == [ANN]


async def test_one_that_asks_now_goes_before_a_crowd(store: Store) -> None:
    await with_event(store)
    crowd = [f"c{n}@example.com" for n in range(10)]
    async with store.unit() as unit:
        await unit.add_attendees([attendee(email) for email in [*crowd, ANN]])
        await unit.add_messages([message(email) for email in crowd], priority=1)
        await unit.add_messages([message(ANN, created=LATER, due=START)], priority=0)
    assert emails(await claim(store, limit=3)) == [ANN, *crowd[:2]]


async def test_a_notice_needs_no_event(store: Store) -> None:
    notice = Notice(subject="Hello", text="There")
    await owe(store, message(ANN, uid=None, kind=Kind.NOTICE, method=None, notice=notice))  # type: ignore[arg-type]
    (one,) = await claim(store)
    assert one.message.notice == notice
    assert one.event is None
    assert await store.message_by_message_id(one.message.message_id) == await state(store, one)
    await answered(store, [one])


@pytest.mark.parametrize(
    ("code", "change"),
    [
        (Code.ADDRESS_SUPPRESSED, "suppress"),
        (Code.ATTENDEE_BLOCKED, "block"),
        (Code.ORGANIZER_SUSPENDED, "suspend"),
        (Code.EVENT_CANCELLED, "cancel"),
        (Code.EVENT_FINISHED, "finish"),
        (Code.CAMPAIGN_CANCELLED, "campaign"),
    ],
)
async def test_what_may_not_leave_is_withdrawn_with_the_reason(store: Store, code: Code, change: str) -> None:
    made = await with_event(store)
    async with store.unit() as unit:
        await unit.add_attendees([attendee(ANN)])
        await unit.add_campaign(campaign(), recipients(1))
        await unit.add_messages([message(ANN, campaign_id="campaign1")], priority=1)
    async with store.unit() as unit:
        match change:
            case "suppress":
                await unit.suppress(ANN, "5.1.1", START)
            case "block":
                await unit.block(ANN, ORGANIZER, START)
            case "suspend":
                await unit.set_suspended(ORGANIZER, suspended=True)
            case "cancel":
                await unit.save_event(made.model_copy(update={"status": EventStatus.CANCELLED}))
            case "finish":
                await unit.save_event(made.model_copy(update={"ends_at": START}))
            case "campaign":
                await unit.save_campaign(campaign(state="cancelled"))
    assert await claim(store) == []
    async with store.unit() as unit:
        last = await unit.last_message("event1", ANN)
    assert last is not None
    assert (last.state, last.code) == (MessageState.WITHDRAWN, code)
    assert last.settled == START


async def test_a_change_leaves_until_dates_that_it_called_off_would_have_been_over(store: Store) -> None:
    made = await with_event(store, ANN, BOB)
    await answered(store, await claim(store))
    later = START + timedelta(days=1)
    await save(store, made.model_copy(update={"ends_at": START, "heard_until": later, "sequence": 1}))
    await owe(store, message(ANN, kind=Kind.UPDATE, sequence=1), message(BOB, kind=Kind.UPDATE, sequence=1))
    assert [c.message.kind for c in await claim(store, limit=1)] == [Kind.UPDATE]
    assert await claim(store, now=later) == []


async def test_a_cancellation_leaves_for_a_cancelled_event(store: Store) -> None:
    made = await with_event(store, ANN)
    await answered(store, await claim(store))
    await save(store, made.model_copy(update={"status": EventStatus.CANCELLED, "sequence": 1}))
    await owe(store, message(ANN, kind=Kind.CANCELLATION, method=Method.CANCEL, sequence=1))
    assert [c.message.kind for c in await claim(store)] == [Kind.CANCELLATION]


async def test_a_message_that_waited_leaves_with_the_newest_sequence(store: Store) -> None:
    made = await with_event(store, ANN)
    await save(store, made.model_copy(update={"sequence": 3, "summary": "Newest"}))
    (one,) = await claim(store)
    assert one.message.sequence == 3
    assert one.event is not None
    assert one.event.summary == "Newest"
    assert (await state(store, one)).sequence == 3


async def test_what_a_newer_message_says_already_is_withdrawn(store: Store) -> None:
    made = await with_event(store, ANN)
    held = await claim(store, "dead")
    await save(store, made.model_copy(update={"sequence": 1}))
    await owe(store, message(ANN, kind=Kind.UPDATE, sequence=1))
    assert await claim(store, "alive", now=LATER) == []
    old = await state(store, held[0])
    assert (old.state, old.code) == (MessageState.WITHDRAWN, Code.SUPERSEDED)
    (newer,) = await claim(store, "alive", now=LATER)
    assert newer.message.sequence == 1
    await answered(store, [newer], owner="alive", now=LATER)


async def test_an_update_is_owed_beside_an_invite_that_may_have_gone_already(store: Store) -> None:
    made = await with_event(store, ANN)
    await claim(store, "dead")
    (doubtful,) = await claim(store, "alive", now=LATER)
    await answered(store, [doubtful], MessageState.DEFERRED, "alive", LATER, due=LATER)
    await save(store, made.model_copy(update={"sequence": 1}))
    await owe(store, message(ANN, kind=Kind.UPDATE, sequence=1))
    assert await claim(store, "alive", now=LATER) == []
    (update,) = await claim(store, "alive", now=LATER)
    assert update.message.message_id != doubtful.message.message_id


async def test_an_invite_that_was_withdrawn_may_be_owed_again(store: Store) -> None:
    await with_event(store, ANN)
    async with store.unit() as unit:
        await unit.set_suspended(ORGANIZER, suspended=True)
    assert await claim(store) == []
    async with store.unit() as unit:
        await unit.set_suspended(ORGANIZER, suspended=False)
        assert await unit.invited("event1", [ANN]) == set()
        await unit.add_messages([message(ANN)], priority=0)
        assert await unit.invited("event1", [ANN]) == {ANN}
    assert emails(await claim(store)) == [ANN]


async def test_a_bounce_turns_accepted_into_failed(store: Store) -> None:
    await with_event(store, ANN)
    claims = await claim(store)
    await answered(store, claims)
    async with store.unit() as unit:
        await unit.bounce(await state(store, claims[0]), "5.1.1 nobody", LATER)
    now = await state(store, claims[0])
    assert (now.state, now.code, now.settled) == (MessageState.FAILED, Code.BOUNCED, LATER)


async def test_what_a_server_says_later_is_noted_of_a_message_that_was_sent(store: Store) -> None:
    await with_event(store, ANN)
    claims = await claim(store)
    async with store.unit() as unit:
        assert not await unit.note_answer(await state(store, claims[0]), "too early")
    await answered(store, claims)
    async with store.unit() as unit:
        assert await unit.note_answer(await state(store, claims[0]), "delayed: 4.2.2")
    now = await state(store, claims[0])
    assert (now.state, now.answer) == (MessageState.SENT, "delayed: 4.2.2")
    async with store.unit() as unit:
        await unit.bounce(now, "5.1.1 nobody", LATER)
    async with store.unit() as unit:
        assert not await unit.note_answer(await state(store, claims[0]), "too late")
    assert (await state(store, claims[0])).answer == "5.1.1 nobody"


async def test_who_was_told_are_those_whose_mail_went_or_may_have_gone(store: Store) -> None:
    await with_event(store, "went@example.com", "going@example.com", "doubt@example.com", "waits@example.com")
    went, going, doubt, _ = await claim(store, limit=4)
    await answered(store, [went])
    await store.write_answers("one", [], START)
    await answered(store, [going], MessageState.QUEUED)
    everybody = ["went@example.com", "going@example.com", "doubt@example.com", "waits@example.com"]
    async with store.unit() as unit:
        assert await unit.notified("event1", everybody) == {
            "went@example.com",
            "doubt@example.com",
            "waits@example.com",
        }
    assert doubt.message.email == "doubt@example.com"


async def test_a_held_campaign_waits_until_it_is_resumed(store: Store) -> None:
    await with_event(store, ANN)
    async with store.unit() as unit:
        await unit.add_attendees([attendee("row1@example.com"), attendee("row2@example.com")])
        await unit.add_campaign(campaign(), recipients(2))
        await unit.add_messages([message("row1@example.com", campaign_id="campaign1")], priority=1)
        await unit.save_campaign(campaign(state="paused"))
        await unit.add_messages([message("row2@example.com", campaign_id="campaign1")], priority=1)
    assert emails(await claim(store)) == [ANN]
    async with store.unit() as unit:
        await unit.save_campaign(campaign())
        await unit.change_messages(RELEASED, START)
    assert sorted(emails(await claim(store))) == ["row1@example.com", "row2@example.com"]


@pytest.mark.parametrize("told", [MessageState.DEFERRED, MessageState.QUEUED, None])
async def test_what_was_being_sent_when_its_campaign_was_paused_waits_too(
    store: Store, told: MessageState | None
) -> None:
    await with_event(store)
    async with store.unit() as unit:
        await unit.add_attendees([attendee(ANN)])
        await unit.add_campaign(campaign(), recipients(1))
        await unit.add_messages([message(ANN, campaign_id="campaign1")], priority=1)
    claims = await claim(store)
    async with store.unit() as unit:
        await unit.save_campaign(campaign(state="paused"))
    if told:
        await answered(store, claims, told, due=START)
    assert await claim(store, "two", now=LATER) == []


async def test_an_update_adds_nothing_where_the_invite_is_held(store: Store) -> None:
    made = await with_event(store)
    async with store.unit() as unit:
        await unit.add_attendees([attendee(ANN)])
        await unit.add_campaign(campaign(), recipients(1))
        await unit.add_messages([message(ANN, campaign_id="campaign1")], priority=1)
        await unit.save_campaign(campaign(state="paused"))
        await unit.save_event(made.model_copy(update={"sequence": 1}))
        await unit.add_messages([message(ANN, kind=Kind.UPDATE, sequence=1)], priority=1)
        await unit.save_campaign(campaign())
        await unit.change_messages(RELEASED, START)
    (one,) = await claim(store)
    assert (one.message.kind, one.message.sequence) == (Kind.INVITE, 1)


async def test_withdrawing_a_campaign_ends_what_it_owes_and_skips_the_rest_of_its_list(store: Store) -> None:
    await with_event(store)
    async with store.unit() as unit:
        await unit.add_attendees([attendee("row1@example.com")])
        await unit.add_campaign(campaign(total=3), recipients(3))
        await unit.add_fanout(Fanout(event_uid="event1", kind=Kind.INVITE, campaign_id="campaign1"))
        await unit.add_messages([message("row1@example.com", campaign_id="campaign1")], priority=1)
    async with store.unit() as unit:
        _, cursor = await unit.recipients("campaign1", "", 1)
        assert cursor is not None
        await unit.save_campaign(campaign(total=3, state="cancelled"))
        change = withdrawing(campaign_id="campaign1", code=Code.CAMPAIGN_CANCELLED)
        assert await unit.change_messages(change, START) is None
        assert await unit.skip_recipients("campaign1", cursor, Code.CAMPAIGN_CANCELLED, 5) is None
    counts = await store.campaign_counts("campaign1")
    assert (counts["withdrawn"], counts["skipped"], counts["waiting"]) == (1, 2, 0)


async def test_withdrawing_for_an_event_leaves_what_is_being_sent(store: Store) -> None:
    await with_event(store, ANN, BOB)
    await claim(store, limit=1)
    async with store.unit() as unit:
        assert await unit.change_messages(withdrawing(event_uid="event1", before=1), START) is None
    assert await states(store) == {"sending": 1, "withdrawn": 1}


async def test_a_fanout_goes_through_its_audience_in_chunks_and_can_go_on_where_it_stopped(
    store: Store,
) -> None:
    people = [f"p{n}@example.com" for n in range(7)]
    await with_event(store, *people)
    async with store.unit() as unit:
        await unit.add_fanout(Fanout(event_uid="event1", kind=Kind.UPDATE, partstats=EVERYBODY))
    seen: list[str] = []
    for _ in range(3):
        async with store.unit() as unit:
            job = await unit.next_fanout(START)
            assert job is not None
            chunk, cursor = await unit.audience(job, 3)
            seen += [a.email for a in chunk]
            await unit.move_fanout(job, cursor)
    assert seen == people
    async with store.unit() as unit:
        assert await unit.next_fanout(START) is None


async def test_a_fanout_step_that_fails_is_repeated_from_the_same_place(store: Store) -> None:
    await with_event(store, ANN, BOB)
    async with store.unit() as unit:
        await unit.add_fanout(Fanout(event_uid="event1", kind=Kind.UPDATE, partstats=EVERYBODY))
        before = await unit.next_fanout(START)
    with pytest.raises(ZeroDivisionError):
        async with store.unit() as unit:
            job = await unit.next_fanout(START)
            assert job is not None
            _, cursor = await unit.audience(job, 1)
            await unit.move_fanout(job, cursor)
            raise ZeroDivisionError
    async with store.unit() as unit:
        assert await unit.next_fanout(START) == before


async def test_jobs_are_done_in_the_order_in_which_they_came(store: Store) -> None:
    await with_event(store)
    async with store.unit() as unit:
        await unit.add_campaign(campaign(state="paused"), recipients(1))
        await unit.add_fanout(Fanout(event_uid="event1", kind=Kind.INVITE, campaign_id="campaign1"))
        await unit.add_fanout(Fanout(event_uid="event1", kind=Kind.UPDATE, partstats=EVERYBODY))
        job = await unit.next_fanout(START)
        assert job is not None
        assert job.kind is Kind.UPDATE, "the job of a paused campaign waits"
        await unit.save_campaign(campaign())
        job = await unit.next_fanout(START)
        assert job is not None
        assert job.campaign_id == "campaign1"
    assert await store.due_jobs(START)


async def test_a_running_campaign_that_owes_nothing_is_drained(store: Store) -> None:
    await with_event(store)
    async with store.unit() as unit:
        await unit.add_attendees([attendee(ANN)])
        await unit.add_campaign(campaign(), recipients(1))
        await unit.add_messages([message(ANN, campaign_id="campaign1")], priority=1)
        assert await unit.next_drained() is None
    claims = await claim(store)
    assert not await store.due_jobs(START)
    await answered(store, claims, MessageState.FAILED, code="rejected_by_server", text="550 no")
    async with store.unit() as unit:
        drained = await unit.next_drained()
    assert drained == campaign()
    assert [m.answer for m in await store.failures("campaign1", 5)] == ["550 no"]


async def test_a_scheduled_campaign_waits_for_its_time(store: Store) -> None:
    await with_event(store)
    planned = campaign(state="scheduled", at=LATER)
    async with store.unit() as unit:
        await unit.add_campaign(planned, recipients(1))
        assert await unit.next_scheduled(START) is None
        assert await unit.next_scheduled(LATER) == planned
    assert await store.campaigns(ORGANIZER, 5) == [planned]
    assert await store.campaigns("other@example.org", 5) == []


async def test_a_campaign_with_a_rate_of_its_own_keeps_to_it_and_holds_nobody_else_up(store: Store) -> None:
    await with_event(store)
    async with store.unit() as unit:
        people = [f"slow{n}@example.com" for n in range(6)]
        await unit.add_attendees([attendee(email) for email in [*people, ANN]])
        await unit.add_campaign(campaign(rate=2), recipients(6))
        await unit.add_messages([message(email, campaign_id="campaign1") for email in people], priority=1)
        await unit.add_messages([message(ANN)], priority=1)
    assert emails(await claim(store)) == [ANN, *people[:2]]
    assert await claim(store, now=START + timedelta(seconds=0.4)) == []
    assert emails(await claim(store, now=START + timedelta(seconds=0.5))) == [people[2]]
    assert emails(await claim(store, now=START + timedelta(seconds=9))) == people[3:5]


async def test_an_unknown_event_has_no_statistics(store: Store) -> None:
    found = await store.statistics("event", "nowhere")
    assert found.attendees == 0
    assert set(found.rsvp.values()) == {0}
    assert event().uid not in found.origin


async def test_what_its_asker_sends_is_settled_and_never_claimed(store: Store) -> None:
    await with_event(store, ANN, BOB)
    async with store.unit() as unit:
        owed = await unit.last_message("event1", ANN)
        assert owed is not None
        await unit.hand_over(owed, START)
    async with store.unit() as unit:
        found = await unit.last_message("event1", ANN)
    assert found is not None
    assert (found.state, found.code, found.settled) == (MessageState.SENT, Code.HANDED_OVER, START)
    assert [one.message.email for one in await claim(store)] == [BOB]
    assert await store.recount() == []


async def test_the_fields_of_a_list_come_back_as_they_were_given(store: Store) -> None:
    fields = {"seat": 'row "7" \\ left', "näme": "Zoë 🎟\u2028\x01\x7f", "empty": "", 'quo"te': "\ud83d"}
    row = Recipient(row=1, email=ANN, fields=fields)
    await with_event(store)
    async with store.unit() as unit:
        await unit.add_campaign(campaign(), [row])
        found, _ = await unit.recipients("campaign1", "", 10)
    assert [one.fields for one in found] == [fields]


async def test_sent_mails_of_a_campaign_are_read_in_pages_that_join(store: Store) -> None:
    people = [f"p{n}@example.com" for n in range(5)]
    await with_event(store)
    async with store.unit() as unit:
        await unit.add_campaign(campaign(total=5, valid=5, state="running"), ())
        await unit.add_attendees([attendee(email) for email in people])
    await owe(store, *(message(email, campaign_id="campaign1") for email in people))
    claims = await claim(store)
    await answered(store, claims[:4])
    seen, after, pages = [], "", 0
    async with store.unit() as unit:
        while pages == 0 or after:
            found, after = await unit.sent_of_campaign("campaign1", after, 3)
            seen += found
            pages += 1
    assert (sorted(seen), pages) == (sorted(c.message.message_id for c in claims[:4]), 2)


async def test_a_message_that_another_server_sent_counts_as_sent_when_it_was_made(store: Store) -> None:
    made = event()
    async with store.unit() as unit:
        await unit.ensure_organizer(made.organizer, "Olga", START)
        await unit.add_event(made)
        await unit.add_attendees([attendee("ann@example.com")])
        before = message("ann@example.com", created=START - timedelta(days=3))
        await unit.add_sent([before], START)
        await unit.add_sent([before], START)
    assert await claim(store) == []
    found = await store.message_by_message_id(before.message_id)
    assert found
    assert (found.state, found.settled, found.code) == (MessageState.SENT, before.created, "handed_over")
    assert await states(store) == {"sent": 1}
