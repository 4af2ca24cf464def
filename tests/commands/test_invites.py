"""Invite one person."""

from __future__ import annotations

import asyncio

import pytest

from engine.commands.answers.deliveries import RecordBounce, Unsubscribe
from engine.commands.answers.receipts import RecordReceipt
from engine.commands.campaigns.campaigns import DraftCampaign
from engine.commands.events.events import CancelEvent, UpdateEvent
from engine.commands.invites.invites import SendInvite
from engine.commands.invites.withdrawing import WithdrawInvite
from engine.commands.operators.operators import SuspendOrganizer
from engine.engine import SYSTEM, Engine
from engine.model.actors import Actor
from engine.model.list_rows import ListRow
from engine.model.messages import Kind, MessageState, Method
from engine.model.people import Origin, Partstat
from engine.refusals import Code
from tests.support.clock import Clock
from tests.support.engines import (
    attendee,
    attendee_count,
    claim,
    created,
    deliver,
    do,
    drafted,
    engine_in,
    invite,
    ledger,
    refusal,
    settle,
)

ANN = "ann@example.com"


async def test_an_invite_makes_an_attendee_with_a_token_and_owes_one_request(engine: Engine) -> None:
    event = await created(engine)
    done = await invite(engine, event, " Ann@Example.COM ", name="  Ann   Lee ", fields={"Company": "Acme"})
    assert (done.attendee.email, done.attendee.name, done.attendee.fields) == (
        ANN,
        "Ann Lee",
        {"company": "Acme"},
    )
    assert done.attendee.partstat is Partstat.NEEDS_ACTION
    assert len(done.attendee.token) >= 20
    assert done.message is not None
    assert (done.message.kind, done.message.method, done.message.sequence) == (Kind.INVITE, Method.REQUEST, 0)
    assert done.message.message_id.endswith("@cis.test")
    found = await engine.statistics("organizer", None, engine.local)
    assert (found.attendees, found.origin, found.rsvp["noaction"]) == (1, {"api": 1}, 1)
    assert found.delivery["queued"] == 1


async def test_asking_twice_sends_once(engine: Engine) -> None:
    event = await created(engine)
    first = await invite(engine, event, ANN)
    again = await invite(engine, event, ANN.upper())
    assert again.already
    assert not first.already
    assert (again.attendee, again.message) == (first.attendee, first.message)
    assert len(await deliver(engine)) == 1
    assert (await invite(engine, event, ANN)).already


async def test_many_that_ask_at_once_send_once(engine: Engine) -> None:
    event = await created(engine)
    await asyncio.gather(*(invite(engine, event, ANN) for _ in range(20)))
    assert len(await deliver(engine)) == 1


async def test_an_invite_of_origin_test_to_somebody_else_is_sent_once(engine: Engine) -> None:
    event = await created(engine)
    for _ in range(2):
        done = await invite(engine, event, ANN, origin=Origin.TEST)
    assert done.already
    assert len(await deliver(engine)) == 1


async def test_an_invite_of_origin_test_to_the_caller_is_sent_each_time(engine: Engine) -> None:
    event = await created(engine)
    own = "agent+phone@cis.test"
    first = await invite(engine, event, own, origin=Origin.TEST)
    second = await invite(engine, event, own, origin=Origin.TEST)
    assert not second.already
    assert first.attendee.token == second.attendee.token
    gone = await deliver(engine)
    assert len({m.message_id for m in gone}) == 2
    assert await attendee_count(engine, event) == 1


@pytest.mark.parametrize(
    "email",
    [
        "",
        "ann",
        "ann@",
        "@example.com",
        "ann@example",
        "<x>a@b.com",
        "a@b.com\nBcc: c@d.com",
        "ann@exa mple.com",
        "x" * 65 + "@example.com",
        "ann@example.com, bob@example.com",
        "ann@" + "a" * 250 + ".com",
        "josé@example.com",
    ],
)
async def test_what_is_no_address_is_refused(engine: Engine, email: str) -> None:
    event = await created(engine)
    assert await refusal(engine, SendInvite(uid=event.uid, email=email)) is Code.INVALID_ADDRESS


async def test_domains_with_digits_hyphens_and_other_scripts_are_addresses(engine: Engine) -> None:
    event = await created(engine)
    given = ["a@xn--p1ai.xn--p1ai", "o'neil+x@sub-domain.example.museum", "a@пример.рф", "A@Example.ORG"]
    emails = [(await invite(engine, event, email)).attendee.email for email in given]
    assert emails == [
        "a@xn--p1ai.xn--p1ai",
        "o'neil+x@sub-domain.example.museum",
        "a@xn--e1afmkfd.xn--p1ai",
        "a@example.org",
    ]


async def test_an_event_that_is_cancelled_over_or_unknown_invites_nobody(
    engine: Engine, clock: Clock
) -> None:
    gone, over = await created(engine), await created(engine)
    await do(engine, CancelEvent(uid=gone.uid))
    assert await refusal(engine, SendInvite(uid=gone.uid, email=ANN)) is Code.EVENT_CANCELLED
    assert await refusal(engine, SendInvite(uid="nowhere", email=ANN)) is Code.UNKNOWN_EVENT
    clock.move(days=90)
    assert await refusal(engine, SendInvite(uid=over.uid, email=ANN)) is Code.EVENT_FINISHED


async def test_a_suspended_organizer_invites_nobody(engine: Engine) -> None:
    event = await created(engine)
    await do(engine, SuspendOrganizer(address=event.organizer))
    assert await refusal(engine, SendInvite(uid=event.uid, email=ANN)) is Code.ORGANIZER_SUSPENDED


async def test_who_asked_for_no_more_is_refused_and_everybody_else_is_not(engine: Engine) -> None:
    event, other = await created(engine), await created(engine)
    done = await invite(engine, event, ANN)
    await do(engine, Unsubscribe(token=done.attendee.token), SYSTEM)
    assert await refusal(engine, SendInvite(uid=other.uid, email=ANN)) is Code.ATTENDEE_BLOCKED
    await invite(engine, other, "bob@example.com")
    assert {m.email for m in await deliver(engine)} == {"bob@example.com"}


async def test_an_address_that_bounced_for_good_is_refused(engine: Engine) -> None:
    event, other = await created(engine), await created(engine)
    done = await invite(engine, event, ANN)
    await deliver(engine)
    await do(engine, RecordBounce(token=done.attendee.token, permanent=True, status="5.1.1"), SYSTEM)
    assert await refusal(engine, SendInvite(uid=other.uid, email=ANN)) is Code.ADDRESS_SUPPRESSED


async def test_a_text_with_placeholders_needs_their_values(engine: Engine) -> None:
    event = await created(engine, summary="Dinner, {{name}} of {{company}}")
    assert await refusal(engine, SendInvite(uid=event.uid, email=ANN, name="Ann")) is Code.MISSING_FIELD
    await invite(engine, event, ANN, name="Ann", fields={"company": "Acme"})


async def test_fields_are_bounded(engine: Engine) -> None:
    event = await created(engine)
    for fields in ({f"f{n}": "x" for n in range(51)}, {"f": "x" * 2_001}):
        command = SendInvite(uid=event.uid, email=ANN, fields=fields)
        assert await refusal(engine, command) is Code.TOO_LARGE
    assert await refusal(engine, SendInvite(uid=event.uid, email=ANN, name="x" * 201)) is Code.TOO_LARGE


async def test_the_limit_is_for_bulk_and_vip_alone(tmp_path: object, clock: Clock) -> None:
    async with engine_in(tmp_path, clock, invite_limit=2) as engine:  # type: ignore[arg-type]
        event = await created(engine)
        await invite(engine, event, "a@example.com", origin=Origin.VIP)
        await invite(engine, event, "b@example.com", origin=Origin.BULK)
        over = SendInvite(uid=event.uid, email="c@example.com", origin=Origin.VIP)
        assert await refusal(engine, over) is Code.INVITE_LIMIT_REACHED
        await invite(engine, event, "c@example.com")
        other = await created(engine)
        await invite(engine, other, "c@example.com", origin=Origin.VIP)


async def test_a_limit_of_zero_is_no_limit(tmp_path: object, clock: Clock) -> None:
    async with engine_in(tmp_path, clock, invite_limit=0) as engine:  # type: ignore[arg-type]
        event = await created(engine)
        for n in range(5):
            await invite(engine, event, f"{n}@example.com", origin=Origin.VIP)


async def test_a_key_needs_the_scope_and_the_event(engine: Engine) -> None:
    event = await created(engine)
    reader = Actor(kind="agent", address=event.organizer, scopes=frozenset({"read", "events"}))
    stranger = Actor(kind="agent", address="x@example.com", scopes=frozenset({"invites"}))
    command = SendInvite(uid=event.uid, email=ANN)
    assert await refusal(engine, command, reader) is Code.NOT_ALLOWED
    assert await refusal(engine, command, stranger) is Code.UNKNOWN_EVENT


async def test_an_invite_that_was_refused_for_good_is_sent_when_asked_again(engine: Engine) -> None:
    event = await created(engine)
    first = await invite(engine, event, ANN)
    await settle(engine, await claim(engine), MessageState.FAILED, code=Code.REJECTED_BY_SERVER)
    again = await invite(engine, event, ANN)
    assert not again.already
    assert again.attendee.token == first.attendee.token
    assert [m.email for m in await deliver(engine)] == [ANN]
    assert (await invite(engine, event, ANN)).already


async def test_an_invite_that_was_withdrawn_is_sent_when_asked_again(engine: Engine) -> None:
    event = await created(engine)
    await invite(engine, event, ANN)
    await do(engine, SuspendOrganizer(address=event.organizer))
    assert await deliver(engine) == []
    assert (await ledger(engine, event, ANN)).code == Code.ORGANIZER_SUSPENDED
    await do(engine, SuspendOrganizer(address=event.organizer, suspended=False))
    await invite(engine, event, ANN)
    assert [m.email for m in await deliver(engine)] == [ANN]


async def test_one_who_answered_without_an_invite_can_be_invited(engine: Engine) -> None:
    event = await created(engine)
    crash = RecordReceipt(uid=event.uid, email=ANN, partstat=Partstat.TENTATIVE, authenticated=True)
    await do(engine, crash, SYSTEM)
    done = await invite(engine, event, ANN)
    assert not done.already
    assert [m.email for m in await deliver(engine)] == [ANN]
    assert (await attendee(engine, event, ANN)).partstat is Partstat.TENTATIVE


@pytest.mark.parametrize("withdrawn", [True, False])
async def test_who_is_in_the_event_already_is_invited_by_the_name_and_fields_given_now(
    engine: Engine, withdrawn: bool
) -> None:
    event = await created(engine)
    if withdrawn:
        await invite(engine, event, ANN, name="Bob", fields={"seat": "7"})
        await do(engine, WithdrawInvite(uid=event.uid, email=ANN))
    else:
        joined = RecordReceipt(uid=event.uid, email=ANN, partstat=Partstat.ACCEPTED, authenticated=True)
        await do(engine, joined, SYSTEM)
    await deliver(engine)
    await do(engine, UpdateEvent(uid=event.uid, summary="Dinner, {{name}} of {{company}}"))
    gone = await attendee(engine, event, ANN)
    lacking = SendInvite(uid=event.uid, email=ANN, name="Ann")
    assert await refusal(engine, lacking) is Code.MISSING_FIELD
    assert await attendee(engine, event, ANN) == gone
    await invite(engine, event, ANN, name="Ann", fields={"Company": "Acme"})
    (mail,) = await deliver(engine)
    assert (mail.kind, mail.email) == (Kind.INVITE, ANN)
    ann = await attendee(engine, event, ANN)
    kept = {"seat": "7"} if withdrawn else {}
    assert (ann.name, ann.fields) == ("Ann", {**kept, "company": "Acme"})


async def test_an_invite_that_waits_while_the_event_changes_leaves_once_with_the_newest(
    engine: Engine,
) -> None:
    event = await created(engine)
    await invite(engine, event, ANN)
    await do(engine, UpdateEvent(uid=event.uid, location="Elsewhere"))
    gone = await deliver(engine)
    assert [(m.kind, m.sequence) for m in gone] == [(Kind.INVITE, 1)]


async def test_a_call_that_is_cancelled_is_carried_out_whole_or_not_at_all(engine: Engine) -> None:
    event = await created(engine)
    for n in range(30):
        command = SendInvite(uid=event.uid, email=f"p{n}@example.com")
        call = asyncio.create_task(engine.apply(command, engine.local))
        for _ in range(n % 10):
            await asyncio.sleep(0)
        call.cancel()
        await asyncio.gather(call, return_exceptions=True)
    done = await drafted(engine, event, ["later@example.com"])
    assert done.campaign.valid == 1
    found = await engine.statistics("event", event.uid, engine.local)
    assert found.attendees == found.delivery["queued"]


async def test_who_is_invited_again_takes_nothing_of_what_changed_out_of_the_mails_of_others(
    engine: Engine,
) -> None:
    event = await created(engine)
    await invite(engine, event, ANN)
    await deliver(engine)
    changed = (await do(engine, UpdateEvent(uid=event.uid, location="Elsewhere"))).event
    await do(engine, WithdrawInvite(uid=event.uid, email=ANN))
    await invite(engine, event, ANN)
    now = await engine.event(event.uid, engine.local)
    assert now.sequence > changed.sequence
    assert now.earlier == changed.earlier


async def test_a_persons_zone_is_kept_by_its_name_and_one_that_is_none_is_refused(engine: Engine) -> None:
    event = await created(engine)
    done = await invite(engine, event, ANN, fields={"Timezone": "tokyo standard time"})
    assert done.attendee.fields == {"timezone": "Asia/Tokyo"}
    wrong = SendInvite(uid=event.uid, email="bob@example.com", fields={"timezone": "Nowhere/Land"})
    assert await refusal(engine, wrong) is Code.UNKNOWN_TIMEZONE
    rows = [
        ListRow(email="cem@example.com", fields={"timezone": "Eurpe/Paris"}),
        ListRow(email="dan@example.com"),
    ]
    draft = await do(engine, DraftCampaign(uid=event.uid, recipients=rows))
    view = await engine.campaign(draft.campaign.id, engine.local)
    (skipped,) = view.skipped
    assert (skipped.email, skipped.code) == ("cem@example.com", "unknown_timezone")
    assert skipped.detail.startswith("timezone: ")
