"""Who is sent in the place of another is mailed within bounds; who merely turned up hears of nothing until proven."""

from __future__ import annotations

from pathlib import Path

import pytest

from engine.commands.answers.delegations import DELEGATES_MAX
from engine.commands.events.events import CancelEvent, UpdateEvent
from engine.commands.operators.operators import SuspendOrganizer
from engine.model.events import Event
from engine.model.messages import Kind
from engine.model.people import Origin, Partstat
from engine.outbox.render import Renderer
from tests.attacks.receipts.answers import (
    LURE,
    ME,
    STRANGERS,
    VICTIM,
    at,
    known,
    partstat,
    unharmed,
    written,
)
from tests.support import mails
from tests.support.clock import Clock
from tests.support.engines import (
    attendee,
    attendee_count,
    claim,
    created,
    deliver,
    do,
    engine_in,
    invite,
)
from tests.support.inboxes import Post, receiving


def to_delegates(event: Event, to: str, *delegates: str, by: str = ME, name: str = "") -> bytes:
    listed = ",".join(f'"mailto:{d}"' for d in delegates)
    named = [f'ATTENDEE;CN="{name}";DELEGATED-FROM="mailto:{by}":mailto:{d}' for d in delegates if name]
    line = f"ATTENDEE;PARTSTAT=DELEGATED;DELEGATED-TO={listed}:mailto:{by}"
    return written(event, to, line, *named, sender=by)


async def test_forty_delegates_who_say_so_themselves_are_neither_added_nor_mailed(
    post: Post, event: Event, mine: str
) -> None:
    for stranger in STRANGERS:
        line = f'ATTENDEE;PARTSTAT=ACCEPTED;DELEGATED-FROM="mailto:{ME}":mailto:{stranger}'
        await post(written(event, mine, line, proven=False), mine)
    assert await attendee_count(post.engine, event) == 2
    await do(post.engine, UpdateEvent(uid=event.uid, location="Elsewhere"))
    await do(post.engine, CancelEvent(uid=event.uid))
    assert {m.email for m in await deliver(post.engine)} == {ME, VICTIM}


async def test_one_answer_that_names_forty_delegates_invites_three(
    post: Post, event: Event, mine: str
) -> None:
    for n in (0, 10, 20):
        await post(to_delegates(event, mine, *STRANGERS[n : n + 10]), mine)
    assert [m.email for m in await deliver(post.engine)] == STRANGERS[:DELEGATES_MAX]


async def test_a_tree_of_delegates_is_three_people_and_one_level_deep(
    post: Post, event: Event, mine: str
) -> None:
    """Two of each three are mailboxes of the attacker, who delegates on, four levels deep."""
    level, invited = [(ME, mine)], []
    for depth in range(4):
        following = []
        for n, (by, to) in enumerate(level):
            names = [f"d{depth}-{n}-{m}@attacker.example" for m in range(3)]
            await post(to_delegates(event, to, *names, by=by), to)
            gone = [m.email for m in await deliver(post.engine) if m.kind is Kind.INVITE]
            invited += gone
            following += [(e, at((await attendee(post.engine, event, e)).token)) for e in gone[:2]]
        level = following
    assert len(invited) == DELEGATES_MAX
    assert await attendee_count(post.engine, event) == 2 + DELEGATES_MAX


async def test_guests_who_prove_themselves_send_nobody(post: Post, event: Event, mine: str) -> None:
    """Whoever owns a domain has any number of proven addresses."""
    for n, to in enumerate((mine, "rsvp@cis.test")):
        guest = f"guest{n}@attacker.example"
        await post(mails.reply(event.uid, guest, "ACCEPTED", to="rsvp@cis.test"))
        await post(to_delegates(event, to, *STRANGERS[n * 5 : n * 5 + 5], by=guest), to)
    assert [m.email for m in await deliver(post.engine) if m.kind is Kind.INVITE] == []


async def test_what_nothing_proves_sends_nobody_whatever_the_settings(tmp_path: Path, clock: Clock) -> None:
    async with engine_in(tmp_path, clock, sender_auth="off") as engine, receiving(engine) as post:
        event = await created(engine)
        await invite(engine, event, VICTIM)
        await deliver(engine)
        await post(to_delegates(event, "rsvp@cis.test", *STRANGERS[:3], by=VICTIM), "rsvp@cis.test")
        assert await deliver(engine) == []


async def test_a_delegate_is_mailed_by_address_alone_without_a_word_of_the_one_who_sends_them(
    post: Post, clock: Clock
) -> None:
    event = await created(post.engine, description="Hello {{name}}, see you there.")
    done = await invite(post.engine, event, ME, name="Mallory")
    await deliver(post.engine)
    to = at(done.attendee.token)
    lure = (f"COMMENT:{LURE}", f"LOCATION:{LURE}", f"SUMMARY:{LURE}", f"DESCRIPTION:{LURE}")
    answer = to_delegates(event, to, STRANGERS[0], name=LURE).replace(
        b"END:VEVENT", "\r\n".join([*lure, "END:VEVENT"]).encode()
    )
    await post(answer.replace(b"Subject: Invitation", f"Subject: {LURE}".encode()), to)
    (sent,) = await claim(post.engine)
    rendered = await Renderer(post.engine.settings, post.engine.store).render(sent, clock())
    assert sent.message.email == STRANGERS[0]
    assert b"evil" not in rendered.content
    assert b"CLICK" not in rendered.content
    assert f"\r\nTo: {STRANGERS[0]}\r\n".encode() in rendered.content.replace(b"<", b"").replace(b">", b"")


@pytest.mark.parametrize("bound", ["suspended", "unsubscribed", "over", "limit"])
async def test_delegates_are_invited_within_every_bound(tmp_path: Path, clock: Clock, bound: str) -> None:
    async with (
        engine_in(tmp_path, clock, authserv_ids=mails.OPERATOR_SERVER, invite_limit=1) as engine,
        receiving(engine) as post,
    ):
        event = await created(engine)
        mine = at((await invite(engine, event, ME)).attendee.token)
        if bound == "limit":
            await invite(engine, event, VICTIM, origin=Origin.BULK)
        if bound == "unsubscribed":
            token = (await invite(engine, event, STRANGERS[0])).attendee.token
            await post(mails.mail(STRANGERS[0], f"unsubscribe+{token}@cis.test"))
            event = await created(engine)
            mine = at((await invite(engine, event, ME)).attendee.token)
        await deliver(engine)
        if bound == "suspended":
            await do(engine, SuspendOrganizer(address=event.organizer))
        if bound == "over":
            clock.move(days=90)
        await post(to_delegates(event, mine, STRANGERS[0]), mine)
        assert [m.email for m in await deliver(engine)] == []
        assert await known(post, event, STRANGERS[0]) is None


async def test_one_person_is_named_as_a_delegate_twenty_times_a_day_by_whatever_tag(
    post: Post, clock: Clock
) -> None:
    mailed = 0
    for n in range(24):
        event = await created(post.engine)
        mine = at((await invite(post.engine, event, ME)).attendee.token)
        await deliver(post.engine)
        await post(to_delegates(event, mine, f"target+{n}@elsewhere.example"), mine)
        mailed += len(await deliver(post.engine))
        clock.move(minutes=30)
    assert mailed == 20


async def test_a_delegate_whom_we_invited_hears_of_changes_and_answers_at_either_token(
    post: Post, event: Event, mine: str
) -> None:
    await post(to_delegates(event, mine, "bob@attacker.example"), mine)
    await deliver(post.engine)
    line = f'ATTENDEE;PARTSTAT=ACCEPTED;DELEGATED-FROM="mailto:{ME}":mailto:bob@attacker.example'
    assert (await post(written(event, mine, line, proven=False), mine)).code == ""
    assert await partstat(post, event, "bob@attacker.example") is Partstat.ACCEPTED
    await do(post.engine, UpdateEvent(uid=event.uid, location="Elsewhere"))
    assert "bob@attacker.example" in {m.email for m in await deliver(post.engine)}


@pytest.mark.parametrize("how", ["answers", "is invited"])
async def test_a_delegate_who_speaks_for_themselves_is_answered_for_by_nobody(
    post: Post, event: Event, mine: str, how: str
) -> None:
    bob = "bob@corp.example"
    await post(to_delegates(event, mine, bob), mine)
    await deliver(post.engine)
    if how == "answers":
        own = at((await attendee(post.engine, event, bob)).token)
        await post(mails.reply(event.uid, bob, "ACCEPTED", to=own, proven=False))
    else:
        await invite(post.engine, event, bob)
    before = await partstat(post, event, bob)
    line = f'ATTENDEE;PARTSTAT=DECLINED;DELEGATED-FROM="mailto:{ME}":mailto:{bob}'
    assert (await post(written(event, mine, line), mine)).code == "sender_unauthenticated"
    assert await partstat(post, event, bob) is before


async def test_one_who_was_invited_before_is_not_answered_for_by_being_delegated_to(
    post: Post, event: Event, mine: str
) -> None:
    await post(to_delegates(event, mine, VICTIM), mine)
    line = f'ATTENDEE;PARTSTAT=DECLINED;DELEGATED-FROM="mailto:{ME}":mailto:{VICTIM}'
    assert (await post(written(event, mine, line), mine)).code == "sender_unauthenticated"
    await unharmed(post, event)
    assert [m for m in await deliver(post.engine) if m.kind.calendar] == []


async def test_who_turned_up_unproven_hears_of_nothing_until_they_prove_themselves(
    tmp_path: Path, clock: Clock
) -> None:
    made = {"sender_auth": "flag", "authserv_ids": mails.OPERATOR_SERVER}
    async with engine_in(tmp_path, clock, **made) as engine, receiving(engine) as post:
        event = await created(engine)
        stranger = STRANGERS[0]
        await post(mails.reply(event.uid, f"{LURE} <{stranger}>", "ACCEPTED", proven=False))
        found = await attendee(engine, event, stranger)
        assert (found.partstat, found.proven, found.name) == (Partstat.ACCEPTED, False, "")
        done = await do(engine, UpdateEvent(uid=event.uid, location="Elsewhere"))
        assert (done.notified, await deliver(engine)) == (0, [])
        await post(mails.reply(event.uid, stranger, "ACCEPTED", sequence=1, dtstamp=clock()))
        done = await do(engine, UpdateEvent(uid=event.uid, location="There"))
        assert done.notified == 1
        assert [m.email for m in await deliver(engine)] == [stranger]


async def test_an_organizer_may_invite_who_turned_up_unproven(tmp_path: Path, clock: Clock) -> None:
    async with engine_in(tmp_path, clock, sender_auth="flag") as engine, receiving(engine) as post:
        event = await created(engine)
        await post(mails.reply(event.uid, STRANGERS[0], "ACCEPTED", proven=False))
        await invite(engine, event, STRANGERS[0])
        assert [m.email for m in await deliver(engine)] == [STRANGERS[0]]
        await do(engine, CancelEvent(uid=event.uid))
        assert [m.email for m in await deliver(engine)] == [STRANGERS[0]]
