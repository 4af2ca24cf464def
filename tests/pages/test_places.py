"""An event with so many places: taken by a send, shown on pages, freed by No and by a withdrawal."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from engine.commands.answers.deliveries import RecordBounce
from engine.commands.answers.receipts import RecordReceipt
from engine.commands.approvals.undoing import UndoCommand
from engine.commands.events.events import UpdateEvent
from engine.commands.invites.invites import SendInvite
from engine.commands.invites.suppressing import Unsuppress
from engine.commands.invites.withdrawing import WithdrawInvite
from engine.commands.pages.links import CreateLink
from engine.commands.pages.sending import SendFromPage
from engine.engine import SYSTEM, Engine
from engine.model.actors import Actor
from engine.model.events import Event
from engine.model.messages import Kind
from engine.model.people import Attendee, Partstat, Party
from engine.refusals import Code
from tests.pages.visitor import Visitor, games, invites, link_in_mail, published
from tests.support.clock import Clock
from tests.support.engines import (
    answer,
    attendee,
    created,
    deliver,
    do,
    drafted,
    engine_in,
    invite,
    refusal,
    why_not,
)

VISITOR = Actor(kind="attendee", address="")


async def _taken(engine: Engine, event: Event) -> int:
    return (await engine.places_taken([event]))[event.uid]


async def test_a_visitor_books_a_time_and_the_next_one_sees_that_it_is_taken(
    engine: Engine, visitor: Visitor
) -> None:
    slots = await games(engine, 3, places=1)
    await published(engine)
    keys = (await visitor.see("/s/season")).keys
    assert "Your invite is on the way" in (await visitor.send("/s/season", keys[:1])).text
    (sent,) = await invites(engine)
    assert sent.event_uid == slots[0].uid
    after = await visitor.see("/s/season")
    assert after.keys == keys[1:]
    assert after.text.count("Taken") == 1
    own = await visitor.see(f"/e/{slots[0].id}")
    assert "Every place is taken" in own.text
    assert "Your e-mail" not in own.text
    assert '"remainingAttendeeCapacity":0' in own.answer.text
    late = await visitor.send(f"/e/{slots[0].id}", (), "ben@example.com")
    assert late.text.count("taken") == 1, "why nothing was sent is said once"


async def test_a_page_says_how_many_places_are_free(engine: Engine, visitor: Visitor) -> None:
    (event,) = await games(engine, 1, places=10)
    await published(engine, kind="upcoming")
    await invite(engine, event, "ann@example.com")
    for path in ("/u/season", f"/e/{event.id}"):
        assert "9 of 10" in (await visitor.see(path)).text
    assert "10 of 10 places free" not in (await visitor.see("/u/season")).text


@pytest.mark.parametrize("way", ["no", "withdrawn", "sent another"])
async def test_a_place_is_free_again_after_a_no_or_a_withdrawal(
    engine: Engine, visitor: Visitor, way: str
) -> None:
    (event,) = await games(engine, 1, places=1)
    await published(engine)
    key = (await visitor.see("/s/season")).keys[0]
    await visitor.send("/s/season", [key])
    await deliver(engine)
    refused = await visitor.send("/s/season", [key], "bob@example.com")
    assert refused.status == 422
    assert "That time is taken. Choose another" in refused.text
    if way == "withdrawn":
        await do(engine, WithdrawInvite(uid=event.uid, email="ann@example.com"))
    else:
        partstat = Partstat.DECLINED if way == "no" else Partstat.DELEGATED
        await answer(engine, await attendee(engine, event, "ann@example.com"), partstat)
    assert (await visitor.see("/s/season")).keys == [key]
    assert "on the way" in (await visitor.send("/s/season", [key], "bob@example.com")).text
    assert [m.email for m in await deliver(engine) if m.kind is Kind.INVITE] == ["bob@example.com"]


async def test_fifty_who_press_at_once_over_two_processes_never_get_more_than_there_are(
    engine: Engine, clock: Clock, tmp_path: Path
) -> None:
    (event,) = await games(engine, 1, places=10)
    page = await published(engine)
    async with engine_in(tmp_path, clock, public_url="https://cis.example.com") as other:
        codes = await asyncio.gather(
            *(
                why_not(
                    (engine, other)[n % 2],
                    SendFromPage(
                        slug=page.slug, uids=(event.uid,), email=f"p{n}@example.com", by_person=True
                    ),
                    VISITOR,
                )
                for n in range(50)
            )
        )
    assert sorted(map(str, codes)) == sorted(["None"] * 10 + ["event_full"] * 40)
    assert len(await invites_of(engine, event)) == await _taken(engine, event) == 10


async def invites_of(engine: Engine, event: Event) -> list[str]:
    return [m.email for m in await deliver(engine) if m.kind is Kind.INVITE and m.event_uid == event.uid]


async def test_one_of_several_that_was_taken_meanwhile_is_named_and_nothing_is_sent(
    engine: Engine, visitor: Visitor
) -> None:
    slots = await games(engine, 3, places=1)
    await published(engine)
    keys = (await visitor.see("/s/season")).keys
    await invite(engine, slots[1], "bob@example.com")
    await deliver(engine)
    page = await visitor.send("/s/season", keys)
    assert page.status == 422
    assert "No place is free any more: Owls at Foxes 1, Sunday, 2 May 2027, 19:05" in page.text
    assert page.ticked == [keys[0], keys[2]]
    assert await deliver(engine) == []


async def test_who_is_asked_by_mail_first_and_comes_too_late_is_told_so(
    engine: Engine, visitor: Visitor
) -> None:
    (event,) = await games(engine, 1, places=1)
    await published(engine)
    key = (await visitor.see("/s/season")).keys[0]
    await visitor.send("/s/season", [key], by_person=False)
    link = await link_in_mail(engine)
    await invite(engine, event, "bob@example.com")
    told = await visitor.send(link, ())
    assert "Nothing was sent" in told.text
    assert "taken or over by now" in told.text
    assert await invites(engine) == []


async def test_whether_an_address_has_the_place_is_not_learned_from_a_page(
    engine: Engine, visitor: Visitor
) -> None:
    (event,) = await games(engine, 1, places=1)
    await published(engine)
    key = (await visitor.see("/s/season")).keys[0]
    await invite(engine, event, "ann@example.com")
    has, lacks = [await visitor.send("/s/season", [key], f"{name}@example.com") for name in ("ann", "bob")]
    assert has.text == lacks.text


async def test_a_link_sends_what_is_free_and_says_when_nothing_is(engine: Engine, visitor: Visitor) -> None:
    slots = await games(engine, 2, places=1)
    command = CreateLink(name="May", events=tuple(e.id for e in slots), vendor="mailchimp")
    path = f"/c/{(await do(engine, command)).link.token}"
    await invite(engine, slots[0], "bob@example.com")
    await deliver(engine)
    assert "Owls at Foxes 0" not in (await visitor.see(path)).text
    await visitor.send(path, ())
    assert [m.event_uid for m in await invites(engine)] == [slots[1].uid]
    shut = await visitor.see(path)
    assert shut.status == 200
    assert "Every place is taken." in shut.text


async def test_who_says_yes_after_no_takes_a_place_only_if_one_is_left(
    engine: Engine, visitor: Visitor
) -> None:
    (event,) = await games(engine, 1, places=1)
    ann = (await invite(engine, event, "ann@example.com")).attendee
    await deliver(engine)
    for said in (Partstat.DECLINED, Partstat.ACCEPTED, Partstat.DECLINED):
        await answer(engine, ann, said)
    await invite(engine, event, "bob@example.com")
    await deliver(engine)
    await answer(engine, ann, Partstat.ACCEPTED)
    (told,) = await deliver(engine)
    assert (told.email, told.kind) == ("ann@example.com", Kind.WITHDRAWAL)
    assert "your place was given to someone else" in told.note
    assert await _taken(engine, event) == 1
    await answer(engine, ann, Partstat.ACCEPTED)
    assert await deliver(engine) == []


async def test_who_delegated_and_says_yes_too_late_reads_that_they_delegated(
    engine: Engine, visitor: Visitor
) -> None:
    (event,) = await games(engine, 1, places=1)
    ann = (await invite(engine, event, "ann@example.com")).attendee
    await deliver(engine)
    await answer(engine, ann, Partstat.DELEGATED, delegates=(Party(address="pat@example.com"),))
    await deliver(engine)
    await answer(engine, ann, Partstat.ACCEPTED)
    (told,) = await deliver(engine)
    assert (told.email, told.kind) == ("ann@example.com", Kind.WITHDRAWAL)
    assert told.note == "You had delegated, and your place is no longer free."


async def test_who_came_too_late_books_again_on_a_page_and_who_was_taken_out_does_not(
    engine: Engine, visitor: Visitor
) -> None:
    (event,) = await games(engine, 1, places=1)
    await published(engine)
    key = (await visitor.see("/s/season")).keys[0]
    ann = (await invite(engine, event, "ann@example.com")).attendee
    await answer(engine, ann, Partstat.DECLINED)
    bob = (await invite(engine, event, "bob@example.com")).attendee
    await answer(engine, ann, Partstat.ACCEPTED)
    await answer(engine, bob, Partstat.DECLINED)
    await do(engine, WithdrawInvite(uid=event.uid, email="bob@example.com"))
    await deliver(engine)
    assert "on the way" in (await visitor.send("/s/season", [key], "bob@example.com")).text
    assert await invites(engine, "bob@example.com") == []
    assert "on the way" in (await visitor.send("/s/season", [key], "ann@example.com")).text
    assert len(await invites(engine)) == 1
    assert await _taken(engine, event) == 1
    await answer(engine, ann, Partstat.ACCEPTED)
    assert (await attendee(engine, event, "ann@example.com")).partstat is Partstat.ACCEPTED


async def test_an_invite_that_bounces_frees_its_place_unless_its_person_answered(
    engine: Engine, visitor: Visitor
) -> None:
    (event,) = await games(engine, 1, places=2)
    people = [(await invite(engine, event, f"{name}@example.com")).attendee for name in ("ann", "bob")]
    await deliver(engine)
    await answer(engine, people[1], Partstat.ACCEPTED)
    for person in people:
        bounce = RecordBounce(token=person.token, permanent=True, status="5.1.1")
        for _ in range(2):
            await do(engine, bounce, SYSTEM)
    assert await _taken(engine, event) == 1
    assert await engine.check() == []
    await do(engine, Unsuppress(targets=("ann@example.com",), organizer=engine.local.address))
    await published(engine)
    key = (await visitor.see("/s/season")).keys[0]
    await visitor.send("/s/season", [key], "ann@example.com")
    assert len(await invites(engine)) == 1
    assert await _taken(engine, event) == 2


async def test_who_answers_although_their_invite_bounced_has_a_place_while_one_is_left(
    engine: Engine,
) -> None:
    (event,) = await games(engine, 1, places=1)
    ann = (await invite(engine, event, "ann@example.com")).attendee
    await deliver(engine)
    await do(engine, RecordBounce(token=ann.token, permanent=True, status="5.1.1"), SYSTEM)
    assert await _taken(engine, event) == 0
    await answer(engine, ann, Partstat.ACCEPTED)
    assert (await attendee(engine, event, "ann@example.com")).partstat is Partstat.ACCEPTED
    assert await _taken(engine, event) == 1
    carl = (await _bounced(engine, event, "carl@example.com")).token
    await do(engine, RecordReceipt(token=carl, partstat=Partstat.ACCEPTED), SYSTEM)
    assert await _taken(engine, event) == 1
    assert await engine.check() == []


async def _bounced(engine: Engine, event: Event, email: str) -> Attendee:
    """Somebody whose invite bounced, and whose place is another's by now."""
    await do(engine, UpdateEvent(uid=event.uid, places=2))
    known = (await invite(engine, event, email)).attendee
    await deliver(engine)
    await do(engine, RecordBounce(token=known.token, permanent=True, status="5.1.1"), SYSTEM)
    await do(engine, UpdateEvent(uid=event.uid, places=1))
    return known


async def test_a_mailbox_that_is_full_today_keeps_its_place(engine: Engine) -> None:
    (event,) = await games(engine, 1, places=1)
    ann = (await invite(engine, event, "ann@example.com")).attendee
    await deliver(engine)
    await do(engine, RecordBounce(token=ann.token, permanent=False, status="4.2.2"), SYSTEM)
    assert await _taken(engine, event) == 1


async def test_who_was_not_invited_and_says_yes_takes_no_place_that_is_not_there(engine: Engine) -> None:
    (event,) = await games(engine, 1, places=1)
    ann = (await invite(engine, event, "ann@example.com")).attendee
    guest = {"email": "bob@example.com", "sender": "bob@example.com", "authenticated": True}
    await answer(engine, ann, Partstat.ACCEPTED, role="forwarded", **guest)
    assert await _taken(engine, event) == 1


async def test_a_list_fills_what_is_free_and_says_which_rows_found_no_place(engine: Engine) -> None:
    event = await created(engine, places=3)
    await invite(engine, event, "first@example.com")
    draft = await drafted(engine, event, [f"p{n}@example.com" for n in range(5)])
    assert (draft.campaign.valid, draft.campaign.total) == (2, 5)
    skipped = (await engine.campaign(draft.campaign.id, engine.local)).skipped
    assert {row.code for row in skipped} == {Code.EVENT_FULL.value}


async def test_another_number_of_places_is_set_and_no_one_is_mailed_for_it(engine: Engine) -> None:
    event = await created(engine, places=1)
    await invite(engine, event, "ann@example.com")
    await deliver(engine)
    bob = SendInvite(uid=event.uid, email="bob@example.com")
    assert await refusal(engine, bob) is Code.EVENT_FULL
    for places, code in ((0, None), (1, Code.EVENT_FULL), (2, None)):
        done = await do(engine, UpdateEvent(uid=event.uid, places=places))
        assert done.changed == ("places",)
        assert done.notified == 0
        carol = SendInvite(uid=event.uid, email=f"carol{places}@example.com")
        if places == 0:
            assert await why_not(engine, carol) is code
            await do(engine, WithdrawInvite(uid=event.uid, email="carol0@example.com"))
        else:
            assert await why_not(engine, carol) is code


@pytest.mark.parametrize("places", [-1, 1_000_001])
async def test_a_number_of_places_that_makes_no_sense_is_refused(engine: Engine, places: int) -> None:
    event = await created(engine)
    assert await refusal(engine, UpdateEvent(uid=event.uid, places=places)) is Code.INVALID_ARGUMENT


async def test_a_withdrawal_is_not_undone_once_the_place_is_somebody_elses(
    tmp_path: Path, clock: Clock
) -> None:
    async with engine_in(tmp_path, clock, undo_s=300) as engine:
        event = await created(engine, places=1)
        await invite(engine, event, "ann@example.com")
        clock.move(hours=1)
        await deliver(engine)
        page = await published(engine)
        done = await do(engine, WithdrawInvite(uid=event.uid, email="ann@example.com"))
        booking = SendFromPage(slug=page.slug, uids=(event.uid,), email="bob@example.com", by_person=True)
        await do(engine, booking, VISITOR)
        assert done.undo
        undo = UndoCommand(undo_id=done.undo.id)
        assert await refusal(engine, undo) is Code.UNDO_OVER
        assert await _taken(engine, event) == 1
        await do(engine, UpdateEvent(uid=event.uid, places=2))
        assert not (await do(engine, undo)).repeated
        assert await _taken(engine, event) == 2
        clock.move(hours=1)
        assert {m.email for m in await deliver(engine)} == {"bob@example.com"}
