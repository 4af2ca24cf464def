"""Nobody is flooded: invites and reminders to one person are limited, whoever asks for them."""

from __future__ import annotations

from engine.commands.answers.receipts import RecordReceipt
from engine.commands.campaigns.campaigns import CampaignAction
from engine.commands.events.events import CancelEvent
from engine.commands.invites.invites import SendInvite
from engine.commands.invites.reminding import Remind
from engine.commands.invites.send_many import SendInvites
from engine.engine import SYSTEM, Engine
from engine.model.people import Origin, Partstat, Party
from engine.refusals import Code
from engine.store.rules import PERSON_DAY, PERSON_PROMPTED_DAY
from tests.support.clock import Clock
from tests.support.engines import (
    control,
    created,
    deliver,
    do,
    drafted,
    invite,
    jobs_done,
    refusal,
)


async def fill(engine: Engine, left: int = 0) -> None:
    """Owe pat@ all of a day's invites but `left`, each under a tag of its own."""
    event = await created(engine)
    draft = await drafted(engine, event, [f"pat+{n}@example.com" for n in range(PERSON_DAY - left)])
    await control(engine, draft, CampaignAction.START)
    await jobs_done(engine)


async def test_a_person_is_invited_so_often_a_day_and_again_the_next(engine: Engine, clock: Clock) -> None:
    await fill(engine)
    event = await created(engine)
    once_more = SendInvite(uid=event.uid, email="pat@example.com")
    assert await refusal(engine, once_more) is Code.PERSON_LIMIT
    clock.move(hours=15)
    await do(engine, once_more)


async def test_asking_again_for_what_was_sent_is_no_mail_and_no_refusal(engine: Engine) -> None:
    event = await created(engine)
    await invite(engine, event, "pat@example.com")
    await fill(engine, left=1)
    assert (await invite(engine, event, "pat@example.com")).already


async def test_changes_and_cancellations_reach_whoever_was_invited_to_much(engine: Engine) -> None:
    await fill(engine)
    await deliver(engine)
    draft_event = (await engine.store.uids(None, "", 10))[0]
    await do(engine, CancelEvent(uid=draft_event))
    assert len(await deliver(engine)) == PERSON_DAY


async def test_a_list_skips_and_names_the_row_of_such_a_person(engine: Engine) -> None:
    await fill(engine, left=1)
    event = await created(engine)
    draft = await drafted(engine, event, ["pat@example.com", "pat+a@example.com", "quinn@example.com"])
    await control(engine, draft, CampaignAction.START)
    await jobs_done(engine)
    view = await engine.campaign(draft.campaign.id, engine.local)
    assert [(row.email, row.code) for row in view.skipped] == [("pat+a@example.com", "person_limit")]
    assert view.counts["queued"] == 2


async def test_of_several_events_the_last_ones_are_refused_and_the_others_stand(engine: Engine) -> None:
    await fill(engine, left=1)
    one, two = await created(engine), await created(engine)
    done = await do(engine, SendInvites(uids=(one.uid, two.uid), email="pat@example.com"))
    assert [i.refusal.code if i.refusal else None for i in done.invites] == [None, Code.PERSON_LIMIT]


async def test_a_reminder_leaves_such_a_person_out_and_says_so(engine: Engine, clock: Clock) -> None:
    event = await created(engine)
    await invite(engine, event, "pat@example.com")
    await deliver(engine)
    clock.move(days=1)
    await fill(engine)
    done = await do(engine, Remind(uid=event.uid))
    assert [(group.reason, group.people) for group in done.left_out] == [("person_limit", 1)]


async def test_strangers_make_us_invite_a_person_less_often(engine: Engine) -> None:
    for _ in range(PERSON_PROMPTED_DAY):
        event = await created(engine)
        await invite(engine, event, "pat@example.com", origin=Origin.LANDINGPAGE, prompted=True)
    event = await created(engine)
    by_page = SendInvite(uid=event.uid, email="pat+x@example.com", prompted=True)
    assert await refusal(engine, by_page) is Code.PERSON_LIMIT
    await invite(engine, event, "pat@example.com")


async def test_a_delegate_counts_as_asked_for_by_a_stranger(engine: Engine) -> None:
    for _ in range(PERSON_PROMPTED_DAY):
        event = await created(engine)
        await invite(engine, event, "pat@example.com", prompted=True)
    event = await created(engine)
    ann = (await invite(engine, event, "ann@example.com")).attendee
    sends = RecordReceipt(
        token=ann.token, partstat=Partstat.DELEGATED, delegates=(Party(address="pat@example.com"),)
    )
    await do(engine, sends, SYSTEM)
    async with engine.store.unit() as unit:
        assert await unit.attendee(event.uid, "pat@example.com") is None


async def test_counters_of_days_that_are_over_are_deleted(engine: Engine, clock: Clock) -> None:
    await fill(engine)
    clock.move(days=3)
    assert "drop_days" in await engine.store.due_jobs(clock())
    await jobs_done(engine)
    assert "drop_days" not in await engine.store.due_jobs(clock())
