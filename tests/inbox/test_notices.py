"""An organizer hears of every change made in their name by mail, in one mail a minute at most."""

from __future__ import annotations

import asyncio
import itertools
from datetime import timedelta
from email.message import EmailMessage
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.commands.intake import NoChange
from engine.commands.notifying import SHOWN, notify
from engine.engine import SYSTEM, Engine
from engine.inbox.handling.received import Outcome
from engine.inbox.intake.intake import Inbox
from engine.inbox.spool.spool import OwnMailbox, ReceivedEnvelope, Spooled
from engine.model.messages import Kind, Message, Notice
from tests.support import mails
from tests.support.clock import Clock
from tests.support.engines import created, deliver, engine_in, jobs_done
from tests.support.soak import examples

OLGA = "olga@cis.test"


async def take(engine: Engine, mail: EmailMessage, sender: str | None = OLGA, box: str = "create") -> Outcome:
    """Handle a mail right now, at the time that the clock shows."""
    inbox = Inbox(engine)
    envelope = ReceivedEnvelope(id=inbox.spool.new_name(), mailboxes=(OwnMailbox(name=box),), sender=sender)
    await inbox.kept.do(Spooled(envelope=envelope, raw=mail.as_bytes()))
    try:
        (outcome,) = await inbox.handle(envelope.id)
    finally:
        await inbox.close()
    return outcome


def invitation(number: int, sender: str = OLGA, **values: object) -> EmailMessage:
    event = mails.vevent(f"{sender}-{number}", summary=f"Game {number}", organizer=sender)
    return mails.request(event, sender=sender, **values)


async def told(engine: Engine) -> list[Message]:
    """The notices that leave now."""
    return [m for m in await deliver(engine) if m.kind is Kind.NOTICE]


def words(message: Message) -> str:
    assert message.notice
    return f"{message.notice.subject}\n{message.notice.words}"


async def test_the_first_notice_leaves_at_once_and_the_next_ones_as_one(engine: Engine, clock: Clock) -> None:
    await take(engine, invitation(0))
    (first,) = await told(engine)
    assert words(first).startswith("Created: Game 0")
    for number in range(1, 4):
        clock.move(seconds=5)
        assert (await take(engine, invitation(number))).action == "created"
    clock.move(seconds=44)
    assert await told(engine) == []
    clock.move(seconds=1)
    (later,) = await told(engine)
    assert (later.email, later.organizer) == (OLGA, OLGA)
    assert "3 of your mails were handled" in words(later)
    assert all(f"- Created: Game {number} ·" in words(later) for number in range(1, 4))
    clock.move(hours=1)
    assert await told(engine) == []


async def test_a_single_notice_that_had_to_wait_leaves_as_it_is(engine: Engine, clock: Clock) -> None:
    await take(engine, invitation(0))
    await take(engine, mails.cancel(mails.vevent(f"{OLGA}-0", sequence=1)))
    clock.move(minutes=1)
    _, second = await told(engine)
    assert words(second).startswith("Cancelled: Game 0")
    assert second.event_uid


async def test_of_many_the_first_are_shown_and_the_others_counted(engine: Engine, clock: Clock) -> None:
    for number in range(SHOWN + 6):
        await take(engine, invitation(number))
    clock.move(minutes=1)
    _, later = await told(engine)
    assert words(later).count("- Created:") == SHOWN
    assert "- and 5 more" in words(later)
    assert f"{SHOWN + 5} of your mails were handled" in words(later)


async def test_a_season_of_mails_is_one_notice_a_minute(engine: Engine, clock: Clock) -> None:
    minutes = 2
    for number in range(30 * minutes):
        await take(engine, invitation(number))
        await jobs_done(engine)
        clock.move(seconds=2)
    clock.move(minutes=1)
    gone = await told(engine)
    assert len(gone) <= minutes + 1
    times = sorted(message.created for message in gone)
    assert all(later - sooner >= timedelta(minutes=1) for sooner, later in itertools.pairwise(times))


async def test_each_organizer_has_a_minute_of_their_own(engine: Engine) -> None:
    for sender in (OLGA, "otto@cis.test", OLGA, "otto@cis.test"):
        await take(engine, invitation(len(sender), sender))
    assert sorted(m.email for m in await told(engine)) == [OLGA, "otto@cis.test"]


async def test_gathered_notices_outlive_a_restart_and_leave_once(tmp_path: Path, clock: Clock) -> None:
    values = {"authserv_ids": mails.OPERATOR_SERVER}
    async with engine_in(tmp_path, clock, **values) as engine:
        for number in range(3):
            await take(engine, invitation(number))
        assert len(await told(engine)) == 1
    clock.move(minutes=1)
    async with engine_in(tmp_path, clock, **values) as engine, engine_in(tmp_path, clock, **values) as other:
        await asyncio.gather(jobs_done(engine), jobs_done(other))
        (later,) = await told(engine)
        assert "2 of your mails" in words(later)
        assert await told(other) == []


async def test_a_clock_that_is_turned_back_keeps_nothing_waiting(engine: Engine, clock: Clock) -> None:
    await take(engine, invitation(0))
    await take(engine, invitation(1))
    await told(engine)
    clock.move(days=-1)
    assert len(await told(engine)) == 1
    clock.move(days=-1)
    await take(engine, invitation(2))
    assert len(await told(engine)) == 1


async def test_tables_that_are_gathered_come_as_one(engine: Engine, clock: Clock) -> None:
    for number in range(3):
        table = f"action,key,summary,date,start,end,timezone\nCREATE,k{number},G,2027-05-02,19:00,21:00,UTC\n"
        made = mails.mail(OLGA, "create@cis.test")
        made.add_attachment(table.encode(), maintype="text", subtype="csv", filename="table.csv")
        await take(engine, made)
    clock.move(minutes=1)
    _, later = await told(engine)
    assert later.notice
    header, *rows = later.notice.outcomes.split("\r\n")
    assert header.startswith("row,action,outcome")
    assert [row.split(",")[:3] for row in rows if row] == [["1", "create", "created"]] * 2


@pytest.mark.parametrize(
    ("sender", "headers"),
    [("", {}), (OLGA, {"Auto-Submitted": "auto-generated"}), ("", {"Precedence": "bulk"})],
)
async def test_no_way_of_sending_keeps_a_change_from_its_organizer(
    engine: Engine, sender: str, headers: dict[str, str]
) -> None:
    await take(engine, invitation(0, headers=headers), sender)
    (notice,) = await told(engine)
    assert notice.email == OLGA


async def test_a_list_is_reported_whatever_its_envelope_says(engine: Engine, clock: Clock) -> None:
    made = await take(engine, invitation(0))
    await told(engine)
    clock.move(seconds=60)
    await take(engine, mails.listed(f"uid,email\n{made.uid},ann@example.com\n"), "", "bulk")
    (report,) = await told(engine)
    assert report.email == OLGA
    assert "1 invites sent" in words(report)


async def test_reports_of_lists_are_gathered_into_the_one_notice_a_minute(
    engine: Engine, clock: Clock
) -> None:
    made = await take(engine, invitation(0))
    assert len(await told(engine)) == 1
    for name in ("ann", "bob"):
        await take(engine, mails.listed(f"uid,email\n{made.uid},{name}@example.com\n"), "", "bulk")
        assert await told(engine) == []
    clock.move(seconds=60)
    (both,) = await told(engine)
    assert both.email == OLGA
    assert words(both).count("1 invites sent") == 2


async def test_a_change_that_nothing_proves_reaches_its_organizer(tmp_path: Path, clock: Clock) -> None:
    async with engine_in(tmp_path, clock, sender_auth="flag") as engine:
        outcome = await take(engine, invitation(0, proven=False), "mallory@example.net")
        assert (outcome.action, outcome.code) == ("created", "sender_unauthenticated")
        (notice,) = await told(engine)
        assert notice.email == OLGA


async def test_agents_hear_by_their_tools_alone(engine: Engine) -> None:
    await created(engine)
    assert await told(engine) == []


@examples(40)
@given(gaps=st.lists(st.integers(0, 90), min_size=1, max_size=60))
def test_whenever_notices_come_none_is_lost_and_none_within_a_minute_of_another(gaps: list[int]) -> None:
    with TemporaryDirectory() as folder:
        asyncio.run(_keeps_the_pace(Path(folder), gaps))


async def _keeps_the_pace(folder: Path, gaps: list[int]) -> None:
    clock = Clock()
    async with engine_in(folder, clock) as engine:
        for number, gap in enumerate(gaps):
            clock.move(seconds=gap)
            await jobs_done(engine)
            notice = Notice(subject=f"n{number}", text="It is so.\n")
            await engine.apply(NoChange(), SYSTEM, also=lambda work, _, n=notice: notify(work, OLGA, n, None))
        clock.move(minutes=1)
        gone = await told(engine)
    times = sorted(message.created for message in gone)
    assert all(later - sooner >= timedelta(minutes=1) for sooner, later in itertools.pairwise(times))
    assert sum(_count(words(message)) for message in gone) == len(gaps)


def _count(said: str) -> int:
    number, _, rest = said.partition(" ")
    return int(number) if rest.startswith("of your mails") else 1
