"""Of several answers of one person the newest counts, however long each of them took or waited."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from datetime import datetime, timedelta
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import pytest

from engine.commands.answers.proposals import RecordProposal
from engine.commands.answers.receipts import RecordReceipt
from engine.commands.events.events import UpdateEvent
from engine.commands.invites.withdrawing import WithdrawInvite
from engine.engine import SYSTEM, Engine
from engine.inbox.intake.intake import Inbox
from engine.inbox.quarantine import Quarantine
from engine.inbox.routes.confirm import by_page
from engine.model.answers import ProposalState
from engine.model.events import Event
from engine.model.people import Attendee, Partstat
from tests.inbox.test_confirm import code_in
from tests.support import mails
from tests.support.clock import Clock
from tests.support.engines import attendee, created, deliver, do, engine_in, invite
from tests.support.inboxes import Post, receiving
from tests.support.intakes import newest
from tests.support.waiting import eventually

ANN = "ann@example.com"
ACCEPTED, DECLINED = Partstat.ACCEPTED, Partstat.DECLINED
LARGE = bytes(range(256)) * 1_000
FETCHED_S = 1_795_000_000
"""When the mails of a mailbox came in, in seconds since 1970."""


@pytest.fixture
async def engine(tmp_path: Path, clock: Clock) -> AsyncIterator[Engine]:
    settings = {"authserv_ids": mails.OPERATOR_SERVER, "public_url": "https://cis.example.org"}
    async with engine_in(tmp_path, clock, **settings) as opened:
        yield opened


@pytest.fixture
async def post(engine: Engine) -> AsyncIterator[Post]:
    async with receiving(engine) as opened:
        yield opened


async def invited(engine: Engine) -> tuple[Event, Attendee]:
    event = await created(engine)
    ann = (await invite(engine, event, ANN)).attendee
    await deliver(engine)
    return event, ann


async def of_a_revised_series(engine: Engine, *, one_date: bool) -> dict[str, Any]:
    """What an answer to a series, or to one date of it, names; the series has a revision since its invite."""
    event = await created(engine, recurrence="FREQ=WEEKLY;COUNT=4")
    ann = (await invite(engine, event, ANN)).attendee
    await do(engine, UpdateEvent(uid=event.uid, description="Bring shoes"))
    return {"token": ann.token, "recurrence_id": event.span.start if one_date else None}


async def counts(engine: Engine, event: Event) -> Partstat:
    return (await attendee(engine, event, ANN)).partstat


def words(ann: Attendee, word: str, *, sender: str = ANN, large: bool = False) -> EmailMessage:
    """An answer by plain mail; a large one takes longer to read."""
    to = f"rsvp+{ann.token}@cis.test"
    answer = mails.mail(sender, to, subject=f"{word}: Season opener", text=word, proven=False)
    if large:
        answer.add_attachment(LARGE, maintype="image", subtype="png", filename="logo.png")
    return answer


async def fetched(engine: Engine, answers: Sequence[EmailMessage], *, timed: bool = True) -> None:
    """Handle mails of a mailbox without envelopes that were fetched together, oldest first."""
    inbox = Inbox(engine)
    for n, answer in enumerate(answers):
        came = FETCHED_S + 60 * n if timed else 0
        await inbox.keep(f"{came:010d}{n:09d}.imap_abc_1_{n}", answer.as_bytes())
    task = asyncio.create_task(inbox.run())
    await eventually(lambda: not list((engine.settings.data_dir / "inbox" / "new").iterdir()))
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


async def test_of_two_answers_that_are_fetched_together_the_newer_counts(engine: Engine) -> None:
    event, ann = await invited(engine)
    await fetched(engine, [words(ann, "Yes", large=True), words(ann, "No")])
    receipts = await engine.store.receipts(event.uid, ANN)
    assert [(r.partstat, r.counted) for r in receipts] == [(ACCEPTED, True), (DECLINED, True)]
    assert await counts(engine, event) is DECLINED


async def test_an_answer_of_which_the_mailbox_tells_no_time_was_given_when_it_was_fetched(
    engine: Engine, clock: Clock
) -> None:
    event, ann = await invited(engine)
    await do(engine, RecordReceipt(token=ann.token, partstat=ACCEPTED), SYSTEM)
    clock.move(hours=1)
    await fetched(engine, [words(ann, "No")], timed=False)
    assert [r.dtstamp for r in await engine.store.receipts(event.uid, ANN)][1] == clock()
    assert await counts(engine, event) is DECLINED


async def test_answers_at_one_token_from_two_addresses_count_by_their_arrival(engine: Engine) -> None:
    event, ann = await invited(engine)
    await fetched(engine, [words(ann, "Yes", sender="ann@home.example", large=True), words(ann, "No")])
    assert await counts(engine, event) is DECLINED


def unproven(event: Event, *, dtstamp: datetime | None) -> bytes:
    """An answer at plain rsvp@ that nothing proves."""
    answer = mails.reply(event.uid, ANN, proven=False, dtstamp=dtstamp or mails.STAMP)
    if dtstamp is None:
        (part,) = (p for p in answer.walk() if p.get_content_type() == "text/calendar")
        lines = part.get_content().splitlines(keepends=True)
        kept = "".join(line for line in lines if not line.startswith("DTSTAMP"))
        part.set_content(kept, subtype="calendar", params={"method": "REPLY"})
    return answer.as_bytes()


@pytest.mark.parametrize("ahead", [None, timedelta(days=900)], ids=["unstamped", "ahead"])
async def test_an_old_answer_that_is_confirmed_late_leaves_a_newer_one(
    post: Post, clock: Clock, ahead: timedelta | None
) -> None:
    engine = post.engine
    event, ann = await invited(engine)
    raw = unproven(event, dtstamp=clock() + ahead if ahead else None)
    assert (await post(raw, "rsvp@cis.test")).code == "sender_unauthenticated"
    code = code_in(await post.notice())
    clock.move(days=1)
    newer = mails.reply(event.uid, ANN, "DECLINED", to=f"rsvp+{ann.token}@cis.test", dtstamp=clock())
    assert (await post(newer)).code == ""
    clock.move(days=1)
    await by_page(engine, code)
    await eventually(lambda: len(post.files("done")) == 3 and not post.files("new"))
    assert (await newest(engine))[0].code == "stale"
    assert await counts(engine, event) is DECLINED


async def test_an_answer_that_the_operator_lets_through_late_leaves_a_newer_one(
    engine: Engine, clock: Clock
) -> None:
    event, ann = await invited(engine)
    async with receiving(engine) as post:
        assert (await post(unproven(event, dtstamp=None), "rsvp@cis.test")).code == "sender_unauthenticated"
        clock.move(days=1)
        await post(words(ann, "No"))
        clock.move(days=1)
        quarantine = Quarantine(engine)
        (held,) = (await quarantine.page()).mails
        (outcome,) = await post.inbox.handle(await quarantine.release(held.id, engine.local))
    assert outcome.code == "stale"
    assert await counts(engine, event) is DECLINED


async def test_an_answer_without_a_sequence_is_as_old_as_its_mail_whatever_was_revised_since(
    engine: Engine, clock: Clock
) -> None:
    event, ann = await invited(engine)
    monday = clock()
    clock.move(days=1)
    await do(engine, RecordReceipt(token=ann.token, partstat=DECLINED, sequence=0, dtstamp=clock()), SYSTEM)
    await do(engine, UpdateEvent(uid=event.uid, summary="Another name"))
    clock.move(days=1)
    done = await do(engine, RecordReceipt(token=ann.token, partstat=ACCEPTED, arrived=monday), SYSTEM)
    assert (done.receipt.counted, done.receipt.code) == (False, "stale")
    assert await counts(engine, event) is DECLINED


@pytest.mark.parametrize("one_date", [False, True])
async def test_a_calendar_that_missed_revisions_answers_after_an_answer_without_a_sequence(
    engine: Engine, clock: Clock, one_date: bool
) -> None:
    said = await of_a_revised_series(engine, one_date=one_date)
    clock.move(hours=1)
    await do(engine, RecordReceipt(**said, partstat=Partstat.TENTATIVE), SYSTEM)
    clock.move(hours=1)
    later = RecordReceipt(**said, partstat=ACCEPTED, sequence=0, dtstamp=clock())
    assert (await do(engine, later, SYSTEM)).receipt.counted


@pytest.mark.parametrize("one_date", [False, True])
async def test_a_calendars_answer_that_comes_late_leaves_a_later_one_without_a_sequence(
    engine: Engine, clock: Clock, one_date: bool
) -> None:
    said = await of_a_revised_series(engine, one_date=one_date)
    clock.move(hours=1)
    pressed = clock()
    clock.move(hours=1)
    assert (await do(engine, RecordReceipt(**said, partstat=DECLINED), SYSTEM)).receipt.counted
    clock.move(hours=1)
    late = RecordReceipt(**said, partstat=ACCEPTED, sequence=1, dtstamp=pressed)
    assert (await do(engine, late, SYSTEM)).receipt.code == "stale"
    later = RecordReceipt(**said, partstat=ACCEPTED, sequence=1, dtstamp=clock())
    assert (await do(engine, later, SYSTEM)).receipt.counted


async def test_an_answer_to_a_later_revision_counts_after_one_without_a_sequence_though_its_clock_is_slow(
    engine: Engine, clock: Clock
) -> None:
    event, ann = await invited(engine)
    assert (await do(engine, RecordReceipt(token=ann.token, partstat=DECLINED), SYSTEM)).receipt.counted
    before = clock() - timedelta(minutes=1)
    clock.move(minutes=1)
    await do(engine, UpdateEvent(uid=event.uid, description="Bring shoes"))
    clock.move(minutes=2)
    later = RecordReceipt(token=ann.token, partstat=ACCEPTED, sequence=1, dtstamp=before)
    assert (await do(engine, later, SYSTEM)).receipt.counted


async def test_an_answer_without_a_sequence_lets_none_from_before_the_invite_count(
    engine: Engine, clock: Clock
) -> None:
    event, ann = await invited(engine)
    before = clock()
    await do(engine, WithdrawInvite(uid=event.uid, email=ANN))
    await invite(engine, event, ANN)
    clock.move(hours=1)
    await do(engine, RecordReceipt(token=ann.token, partstat=ACCEPTED), SYSTEM)
    old = RecordReceipt(token=ann.token, partstat=DECLINED, sequence=0, dtstamp=before)
    assert (await do(engine, old, SYSTEM)).receipt.code == "stale"
    assert await counts(engine, event) is ACCEPTED


async def test_a_proposal_without_a_sequence_is_replaced_by_the_calendars_later_one(
    engine: Engine, clock: Clock
) -> None:
    event, ann = await invited(engine)
    await do(engine, UpdateEvent(uid=event.uid, description="Bring shoes"))
    for comment, sequence in (("An hour later?", None), ("Two hours later?", 0)):
        clock.move(hours=1)
        proposing = RecordProposal(token=ann.token, comment=comment, sequence=sequence)
        assert (await do(engine, proposing, SYSTEM)).proposal.state is ProposalState.OPEN


async def test_a_calendars_proposal_that_comes_late_leaves_a_later_one_without_a_sequence(
    engine: Engine, clock: Clock
) -> None:
    event, ann = await invited(engine)
    await do(engine, UpdateEvent(uid=event.uid, description="Bring shoes"))
    clock.move(hours=1)
    begun = clock()
    clock.move(hours=1)
    states = []
    for sequence, dtstamp in ((None, None), (1, begun), (0, None)):
        clock.move(hours=1)
        proposing = RecordProposal(
            token=ann.token, comment=f"{sequence}?", sequence=sequence, dtstamp=dtstamp or clock()
        )
        states.append((await do(engine, proposing, SYSTEM)).proposal.state)
    assert states == [ProposalState.OPEN, ProposalState.REPLACED, ProposalState.OPEN]


async def test_who_is_invited_again_may_answer_with_a_clock_that_is_slow(
    engine: Engine, clock: Clock
) -> None:
    event, ann = await invited(engine)
    await do(engine, WithdrawInvite(uid=event.uid, email=ANN))
    clock.move(hours=1)
    again = (await invite(engine, event, ANN)).message
    assert again is not None
    clock.move(minutes=2)
    slow = {"token": ann.token, "dtstamp": clock() - timedelta(minutes=3)}
    before = RecordReceipt(**slow, partstat=DECLINED, sequence=again.sequence - 1)
    assert (await do(engine, before, SYSTEM)).receipt.code == "stale"
    said = RecordReceipt(**slow, partstat=ACCEPTED, sequence=again.sequence)
    assert (await do(engine, said, SYSTEM)).receipt.counted
