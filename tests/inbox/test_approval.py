"""The organizer's switch: what their calendar client changes waits for a yes (`cis-mcp organizer approval`)."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest

from engine.commands.agents.switches import SetOrganizerApproval
from engine.commands.approvals.deciding import Decide
from engine.commands.events.events import UpdateEvent
from engine.engine import Engine
from engine.model.events import Event
from engine.model.held import Channel, HeldState
from engine.model.messages import Kind, Message
from engine.refusals import Code
from tests.support import mails
from tests.support.approvals import PUBLIC, asking, code_in, held_in, page
from tests.support.clock import Clock
from tests.support.engines import deliver, do, engine_in, invite_all_answers, jobs_done, refusal
from tests.support.inboxes import Post, receiving
from tests.support.leaving import left
from tests.support.mails import END, OPERATOR_SERVER, STAMP, START, vevent

OLGA, BOSS = "olga@cis.test", "boss@example.org"
HOUR = timedelta(hours=1)


@pytest.fixture
async def engine(tmp_path: Path, clock: Clock) -> AsyncIterator[Engine]:
    async with engine_in(tmp_path, clock, authserv_ids=OPERATOR_SERVER, public_url=PUBLIC) as opened:
        yield opened


@pytest.fixture
async def post(engine: Engine) -> AsyncIterator[Post]:
    async with receiving(engine) as opened:
        yield opened


async def switched_on(post: Post, approver: str = "") -> Event:
    """An event of Olga's with four people; from now on her changes wait."""
    await post(mails.request())
    (event,) = [e for e in await events(post) if e.organizer == OLGA]
    await invite_all_answers(post.engine, event)
    await do(post.engine, SetOrganizerApproval(address=OLGA, on=True, approver=approver))
    return event


async def events(post: Post) -> list[Event]:
    return await post.engine.events_by_uid("", post.engine.local, 100)


async def now(post: Post, event: Event) -> Event:
    return await post.engine.event(event.uid, post.engine.local)


def moved(sequence: int = 1, hours: int = 1, **values: object) -> object:
    by = hours * HOUR
    return mails.request(
        vevent(start=START + by, end=END + by, sequence=sequence, dtstamp=STAMP + sequence * HOUR, **values)  # type: ignore[arg-type]
    )


async def gone(post: Post) -> list[Message]:
    return [m for m in await deliver(post.engine) if m.kind in {Kind.UPDATE, Kind.CANCELLATION}]


async def test_a_change_waits_and_only_the_organizer_is_mailed(post: Post) -> None:
    event = await switched_on(post)
    intake = await post(moved())
    assert (intake.action, intake.code, intake.uid) == ("held", "", event.uid)
    assert await now(post, event) == event
    (asked,) = await deliver(post.engine)
    assert (asked.kind, asked.email) == (Kind.NOTICE, OLGA)
    assert asked.notice
    assert "Sunday, 2 May 2027, 23:00 – Monday, 3 May 2027, 01:00 (UTC)" in asked.notice.text
    assert "People mailed, at least: 3" in asked.notice.text


async def test_looking_at_the_page_changes_nothing_and_the_button_carries_it_out(post: Post) -> None:
    event = await switched_on(post)
    await post(moved())
    code = code_in(asking(await deliver(post.engine))[0])
    for _ in range(3):
        shown = await page(post.engine, code)
        assert shown.status_code == 200
        assert "A change that came from your calendar" in shown.text
        assert "Monday, 3 May 2027, 00:00" in shown.text
    assert await now(post, event) == event
    done = await page(post.engine, code, decision="yes")
    assert "People notified: 3" in done.text
    assert (await now(post, event)).span.start == START + HOUR
    assert len(await gone(post)) == 3


async def test_approving_twice_sends_once(post: Post) -> None:
    await switched_on(post)
    await post(moved())
    code = code_in(asking(await deliver(post.engine))[0])
    (waiting,) = await held_in(post.engine)
    for _ in range(2):
        assert (await page(post.engine, code, decision="yes")).status_code == 200
    await do(post.engine, Decide(held_id=waiting.id, approve=True, channel=Channel.COMMAND_LINE))
    assert len(await gone(post)) == 3


async def test_what_leaves_is_the_mail_that_was_shown(post: Post) -> None:
    event = await switched_on(post)
    await post(moved(description="Bring your own cup, and {{name}} stays as it is."))
    await deliver(post.engine)
    (held,) = await held_in(post.engine)
    sample = held.preview.sample
    assert sample
    await do(post.engine, Decide(held_id=held.id, approve=True, channel=Channel.COMMAND_LINE))
    await jobs_done(post.engine)
    mail = next(m for m in await left(post.engine) if m.to == sample.to)
    attendee = await post.engine.store.attendee(event.uid, sample.to)
    assert attendee
    assert (mail.subject, mail.text.replace(attendee.token, "sample").replace("\r\n", "\n")) == (
        sample.subject,
        sample.text,
    )


async def test_a_no_needs_a_reason_and_ends_it(post: Post) -> None:
    event = await switched_on(post)
    await post(moved())
    code = code_in(asking(await deliver(post.engine))[0])
    assert "needs a reason" in (await page(post.engine, code, decision="no")).text
    assert (await held_in(post.engine))[0].state is HeldState.WAITING
    assert (await page(post.engine, code, decision="no", why="Too early")).status_code == 200
    assert await now(post, event) == event
    assert "refused already" in (await page(post.engine, code, decision="yes")).text
    (held,) = await held_in(post.engine, waiting=False)
    assert (held.state, held.why, held.channel) == (HeldState.REFUSED, "Too early", Channel.PAGE)
    assert held.decided_by == f"owner:{OLGA}"


async def test_a_cancellation_waits_as_well(post: Post) -> None:
    event = await switched_on(post)
    assert (await post(mails.cancel())).action == "held"
    assert not (await now(post, event)).cancelled
    await page(post.engine, code_in(asking(await deliver(post.engine))[0]), decision="yes")
    assert (await now(post, event)).cancelled
    assert {m.kind for m in await gone(post)} == {Kind.CANCELLATION}


async def test_a_newer_edit_takes_the_place_of_the_one_that_waits(post: Post) -> None:
    event = await switched_on(post)
    codes = []
    for sequence in (1, 2):
        await post(moved(sequence, hours=sequence))
        codes.append(code_in(asking(await deliver(post.engine))[0]))
    assert len(await held_in(post.engine)) == 1
    assert "newer edit" in (await page(post.engine, codes[0], decision="yes")).text
    assert await now(post, event) == event
    await page(post.engine, codes[1], decision="yes")
    assert (await now(post, event)).span.start == START + 2 * HOUR


async def test_an_older_edit_that_comes_late_does_not_take_its_place(post: Post) -> None:
    await switched_on(post)
    await post(moved(3, hours=3))
    assert (await post(moved(2, hours=2))).code == "stale"
    (held,) = await held_in(post.engine)
    assert "02:00" in held.preview.differences[0].after


async def test_an_edit_that_is_taken_back_waits_no_longer(post: Post) -> None:
    await switched_on(post)
    await post(moved(1))
    await post(moved(2, hours=0))
    assert await held_in(post.engine) == []


async def test_a_change_meanwhile_voids_the_approval(post: Post) -> None:
    event = await switched_on(post)
    await post(moved())
    code = code_in(asking(await deliver(post.engine))[0])
    await do(post.engine, UpdateEvent(uid=event.uid, description="See https://evil.example"))
    await deliver(post.engine)
    assert (await page(post.engine, code, decision="yes")).status_code == 409
    assert (await now(post, event)).span == event.span
    assert await gone(post) == []


async def test_turning_the_switch_voids_what_waits_and_lets_later_changes_through(post: Post) -> None:
    event = await switched_on(post)
    await post(moved())
    code = code_in(asking(await deliver(post.engine))[0])
    await do(post.engine, SetOrganizerApproval(address=OLGA, on=False))
    assert "rule" in (await page(post.engine, code, decision="yes")).text
    assert (await post(moved(2, hours=2))).action == "updated"
    assert (await now(post, event)).span.start == START + 2 * HOUR


async def test_nobody_decides_in_time_is_a_no(post: Post, clock: Clock) -> None:
    event = await switched_on(post)
    await post(moved())
    code = code_in(asking(await deliver(post.engine))[0])
    clock.move(days=7)
    assert "not decided in time" in (await page(post.engine, code, decision="yes")).text
    assert await now(post, event) == event


async def test_a_named_approver_decides_and_the_organizer_hears_of_it(post: Post) -> None:
    await switched_on(post, BOSS)
    await post(moved())
    mailed = {m.email: m for m in await deliver(post.engine)}
    assert set(mailed) == {OLGA, BOSS}
    assert mailed[OLGA].notice
    assert mailed[OLGA].notice.subject.startswith("Needs approval")
    assert PUBLIC not in mailed[OLGA].notice.text
    post.pace_s = 0
    assert isinstance(post.engine.clock, Clock)
    post.engine.clock.move(minutes=2)
    await page(post.engine, code_in(mailed[BOSS]), decision="yes")
    told = [m for m in await deliver(post.engine) if m.email == OLGA]
    assert told[0].notice
    assert told[0].notice.subject == "Approved: Season opener"


async def test_approval_mail_never_goes_to_an_address_for_which_a_key_exists(post: Post) -> None:
    from engine.commands.agents.keys import CreateKey

    await do(post.engine, CreateKey(name="agent", address=BOSS))
    switch = SetOrganizerApproval(address=OLGA, on=True, approver=BOSS)
    assert await refusal(post.engine, switch) is Code.NOT_ALLOWED
    await switched_on(post)
    await do(post.engine, CreateKey(name="agent", address=OLGA))
    await post(moved())
    assert asking(await deliver(post.engine)) == []
    assert (await held_in(post.engine))[0].address == ""


async def test_a_key_that_was_made_after_the_mail_left_makes_its_link_worthless(post: Post) -> None:
    from engine.commands.agents.keys import CreateKey

    event = await switched_on(post)
    await post(moved())
    code = code_in(asking(await deliver(post.engine))[0])
    await do(post.engine, CreateKey(name="agent", address=OLGA))
    assert (await page(post.engine, code, decision="yes")).status_code == 404
    assert await now(post, event) == event


async def test_new_events_and_tools_do_not_wait(post: Post) -> None:
    event = await switched_on(post)
    assert (await post(mails.request(vevent("another")))).action == "created"
    done = await do(post.engine, UpdateEvent(uid=event.uid, summary="Renamed"))
    assert done.held is None
    assert (await now(post, event)).summary == "Renamed"
