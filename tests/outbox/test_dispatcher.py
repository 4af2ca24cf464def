"""The dispatcher: what is owed goes out, once, and what a server answered is written down."""

from __future__ import annotations

import asyncio
import sqlite3
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from datetime import timedelta
from pathlib import Path

import pytest

from engine.commands.answers.receipts import RecordReceipt
from engine.commands.campaigns.campaigns import CampaignAction
from engine.commands.campaigns.reports import SendReport
from engine.commands.events.events import CancelEvent, UpdateEvent
from engine.commands.events.instances import CancelInstance
from engine.engine import SYSTEM, Engine
from engine.model.events import Event
from engine.model.messages import Message, MessageState
from engine.model.people import Partstat
from engine.outbox.dispatcher import Dispatcher
from engine.outbox.maildir import MaildirTransport
from engine.outbox.smtp.pipelining import Patience, PipeliningTransport
from engine.outbox.target import SmtpTarget
from engine.refusals import Code
from tests.support.clock import Clock
from tests.support.engines import claim, control, created, do, drafted, engine_in, invite, ledger, working
from tests.support.sink import DROP, HANG, Sink, sinking
from tests.support.waiting import DEADLINE_S, eventually, time_passes

ANN = "ann@example.com"


def smtp(sink: Sink, connections: int = 2, answer_s: float = 10) -> PipeliningTransport:
    target = SmtpTarget.of(f"smtp://127.0.0.1:{sink.port}?connections={connections}")
    patience = Patience(connect=answer_s, answer=answer_s, end_of_data=answer_s)
    return PipeliningTransport(target, "cis.test", patience)


@asynccontextmanager
async def sending(engine: Engine, dispatchers: int = 1) -> AsyncIterator[Sink]:
    """A sink, and dispatchers that send to it."""
    async with sinking() as sink, working(engine, smtp(sink), dispatchers):
        yield sink


async def message_in(engine: Engine, event: Event, state: MessageState, email: str = ANN) -> Message:
    """The message to `email`, once it is in `state`."""

    async def found() -> Message | None:
        message = await ledger(engine, event, email)
        return message if message.state is state else None

    return await eventually(found)


async def test_the_first_invite_of_a_fresh_install_goes_out(engine: Engine) -> None:
    async with sending(engine) as sink:
        event = await created(engine)
        await invite(engine, event, ANN, name="Ann Lee")
        await message_in(engine, event, MessageState.SENT)
        (mail,) = sink.mails
        assert mail.recipient == ANN
        assert mail.message["To"] == "Ann Lee <ann@example.com>"
        assert mail.calendar["METHOD"] == "REQUEST"
        assert mail.event["UID"] == event.uid


async def test_the_receipt_address_is_organizer_and_envelope_sender_and_stays_the_same(
    engine: Engine,
) -> None:
    async with sending(engine) as sink:
        event = await created(engine, organizer_name="Olga, the Boss")
        done = await invite(engine, event, ANN)
        await eventually(lambda: len(sink.mails) == 1)
        await do(engine, UpdateEvent(uid=event.uid, location="Elsewhere"))
        await eventually(lambda: len(sink.mails) == 2)
        await do(engine, CancelEvent(uid=event.uid))
        await eventually(lambda: len(sink.mails) == 3)
        address = f"rsvp+{done.attendee.token}@cis.test"
        assert {mail.sender for mail in sink.mails} == {address}
        assert {str(mail.event["ORGANIZER"]) for mail in sink.mails} == {f"mailto:{address}"}
        assert [mail.calendar["METHOD"] for mail in sink.mails] == ["REQUEST", "REQUEST", "CANCEL"]
        assert [mail.event["SEQUENCE"] for mail in sink.mails] == [0, 1, 2]
        assert len({mail.message_id for mail in sink.mails}) == 3
        stamps = [mail.event["DTSTAMP"].dt for mail in sink.mails]
        assert stamps == sorted(set(stamps))
        assert sink.mails[0].message["Reply-To"] == '"Olga, the Boss" <agent@cis.test>'


async def test_rule_12_each_mail_names_its_own_recipient_alone(engine: Engine) -> None:
    async with sending(engine) as sink:
        event = await created(engine, summary="Hello {{name}}")
        people = [f"p{n}@example.com" for n in range(5)]
        for email in people:
            await invite(engine, event, email, name=email[:2].upper())
        await eventually(lambda: len(sink.mails) == 5)
        for mail in sink.mails:
            others = [p.encode() for p in people if p != mail.recipient]
            assert not any(other in mail.content for other in others)
            assert str(mail.event["ATTENDEE"]) == f"mailto:{mail.recipient}"
            assert mail.message["Subject"] == f"Hello {mail.recipient[:2].upper()}"


async def test_one_instance_is_cancelled_in_the_mail_too(engine: Engine) -> None:
    async with sending(engine) as sink:
        series = await created(engine, recurrence="FREQ=WEEKLY;COUNT=4")
        await invite(engine, series, ANN)
        await eventually(lambda: len(sink.mails) == 1)
        assert sink.mails[0].event["RRULE"]["COUNT"] == [4]
        second = series.span.start + timedelta(weeks=1)
        await do(engine, CancelInstance(uid=series.uid, recurrence_id=second))
        await eventually(lambda: len(sink.mails) == 2)
        gone = sink.mails[1].event
        assert sink.mails[1].calendar["METHOD"] == "CANCEL"
        assert gone["RECURRENCE-ID"].dt == second
        assert "RRULE" not in gone
        await invite(engine, series, "bob@example.com")
        await eventually(lambda: len(sink.mails) == 3)
        assert sink.mails[2].event["EXDATE"].dts[0].dt == second


async def test_a_report_is_mailed_with_its_csv_and_the_empty_sender(engine: Engine) -> None:
    async with sending(engine) as sink:
        event = await created(engine)
        done = await invite(engine, event, ANN)
        await do(engine, RecordReceipt(token=done.attendee.token, partstat=Partstat.ACCEPTED), SYSTEM)
        await do(engine, SendReport(uid=event.uid))
        (mail,) = await eventually(lambda: sink.to("agent@cis.test"))
        assert mail.sender in {"", "<>"}
        (csv,) = [p for p in mail.message.walk() if p.get_content_type() == "text/csv"]
        assert csv.get_filename() == f"{event.uid}.csv"
        assert csv.get_content().splitlines() == [
            "email,name,status,origin,prodid,answered",
            "ann@example.com,,accepted,api,,2027-03-01T09:00:00Z",
        ]


async def test_a_5xx_is_final_and_kept_in_the_servers_words(engine: Engine) -> None:
    async with sending(engine) as sink:
        sink.answer(ANN, "550 5.1.1 No such user here")
        event = await created(engine)
        await invite(engine, event, ANN)
        failed = await message_in(engine, event, MessageState.FAILED)
        assert (failed.code, failed.answer) == (Code.REJECTED_BY_SERVER, "550 5.1.1 No such user here")
        assert sink.asked[ANN] == 1


async def test_a_4xx_is_tried_again_after_growing_waits(engine: Engine, clock: Clock) -> None:
    async with sending(engine) as sink:
        sink.answer(ANN, "450 4.2.1 Greylisted", "451 4.3.0 Later", "452 4.2.2 Full", "")
        event = await created(engine)
        await invite(engine, event, ANN)
        waits = []
        for attempt in range(1, 4):
            deferred = await message_in(engine, event, MessageState.DEFERRED)
            assert deferred.attempts == attempt
            waits.append(deferred.due - clock())
            clock.now = deferred.due
            engine.owed.notify()
            await eventually(lambda seen=attempt: sink.asked[ANN] > seen)  # type: ignore[misc]
        gone = await message_in(engine, event, MessageState.SENT)
        assert waits == sorted(waits)
        assert timedelta(seconds=20) < waits[0] < timedelta(seconds=40)
        assert gone.message_id == sink.mails[0].message_id


@pytest.mark.parametrize("end", ["72 hours", "the event's end"])
async def test_retries_end(engine: Engine, clock: Clock, end: str) -> None:
    async with sending(engine) as sink:
        sink.answer(ANN, "450 4.2.1 Later")
        event = await created(engine)
        if end != "72 hours":
            clock.now = event.span.end_utc - timedelta(seconds=10)
        await invite(engine, event, ANN)
        if end == "72 hours":
            deferred = await message_in(engine, event, MessageState.DEFERRED)
            assert deferred.code == ""
            clock.move(hours=72, minutes=1)
            engine.owed.notify()
        failed = await message_in(engine, event, MessageState.FAILED)
        assert (failed.code, failed.answer) == (Code.RETRIES_EXHAUSTED, "450 4.2.1 Later")


@pytest.mark.parametrize(("how", "command"), [(DROP, "RCPT"), (DROP, "DATA"), (HANG, "RCPT")])
async def test_a_connection_that_breaks_or_hangs_defers_the_message_and_the_others_go(
    engine: Engine, clock: Clock, how: str, command: str
) -> None:
    async with sending(engine) as sink:
        sink.answer(ANN, how, "", command=command)
        event = await created(engine)
        await invite(engine, event, ANN)
        if how == HANG:
            await eventually(lambda: sink.hangs)
            time_passes(11)
        deferred = await message_in(engine, event, MessageState.DEFERRED)
        await invite(engine, event, "bob@example.com")
        clock.now = deferred.due + timedelta(seconds=60)
        engine.owed.notify()
        await eventually(lambda: {ANN, "bob@example.com"} <= set(sink.recipients))
        assert {m.message_id for m in sink.to(ANN)} == {deferred.message_id}


async def test_a_server_that_is_down_for_a_while_loses_nothing(engine: Engine, clock: Clock) -> None:
    event = await created(engine)
    async with sinking() as sink:
        port, transport = sink.port, smtp(sink)
    async with working(engine, transport):
        await invite(engine, event, ANN)
        deferred = await message_in(engine, event, MessageState.DEFERRED)
        assert "connect" in deferred.answer
        async with sinking(port=port) as sink:
            clock.now = deferred.due + timedelta(seconds=60)
            engine.owed.notify()
            await eventually(lambda: sink.recipients == [ANN])
            await message_in(engine, event, MessageState.SENT)


async def test_stopping_finishes_what_is_in_flight_and_gives_back_the_rest(engine: Engine) -> None:
    event = await created(engine)
    async with sinking() as sink:
        dispatcher = Dispatcher(engine, smtp(sink, connections=1, answer_s=10 * DEADLINE_S))
        draft = await drafted(engine, event, [f"p{n}@example.com" for n in range(50)])
        sink.answer("p0@example.com", HANG, command="DATA")
        async with working(engine, MaildirTransport(Path("unused")), dispatchers=0):
            await control(engine, draft, CampaignAction.START)
            task = asyncio.create_task(dispatcher.run())
            await eventually(lambda: sink.asked["p0@example.com"])
        task.cancel()
        async with asyncio.timeout(DEADLINE_S):
            await asyncio.gather(task, return_exceptions=True)
    with closing(sqlite3.connect(engine.settings.database)) as raw:
        sql = "SELECT email, in_doubt, attempts FROM message WHERE state IN ('queued','deferred')"
        found = raw.execute(sql).fetchall()
    doubtful = [email for email, in_doubt, _ in found if in_doubt]
    assert len(found) == 50
    assert doubtful == ["p0@example.com"]
    assert {attempts for email, _, attempts in found if email not in doubtful} == {0}


async def test_two_dispatchers_share_the_work_and_never_send_twice(engine: Engine) -> None:
    event = await created(engine)
    async with sending(engine, dispatchers=2) as sink:
        draft = await drafted(engine, event, [f"p{n}@example.com" for n in range(300)])
        await control(engine, draft, CampaignAction.START)
        await eventually(lambda: len(sink.mails) >= 300)
        assert set(Counter(sink.recipients).values()) == {1}
        assert len({mail.message_id for mail in sink.mails}) == 300


async def test_the_send_rate_holds_over_all_dispatchers(tmp_path: Path, clock: Clock) -> None:
    async with engine_in(tmp_path, clock, send_rate=20) as engine:
        event = await created(engine)
        draft = await drafted(engine, event, [f"p{n}@example.com" for n in range(50)])
        async with sending(engine, dispatchers=2) as sink:
            await control(engine, draft, CampaignAction.START)
            # A second's worth at once, then as many as the time that passes allows: not one more is to be had.
            for allowed in (20, 30, 40, 50):
                await eventually(lambda n=allowed: len(sink.mails) >= n)  # type: ignore[misc]
                assert await claim(engine, owner="a third") == []
                assert len(sink.mails) == allowed
                clock.move(seconds=0.5)
        assert set(Counter(sink.recipients).values()) == {1}


async def test_what_is_owed_by_another_process_is_seen_without_a_bell(tmp_path: Path) -> None:
    clock = Clock()
    async with engine_in(tmp_path, clock) as one, engine_in(tmp_path, clock) as other, sending(one) as sink:
        event = await created(other)
        done = await invite(other, event, ANN)
        assert done.message is not None
        settled = await other.settled(done.message, DEADLINE_S)
        assert settled.state is MessageState.SENT
        assert sink.recipients == [ANN]


async def test_waiting_for_an_answer_ends_when_the_time_is_over(engine: Engine) -> None:
    event = await created(engine)
    done = await invite(engine, event, ANN)
    assert done.message is not None
    assert (await engine.settled(done.message, 0.1)).state is MessageState.QUEUED


async def test_a_mail_that_cannot_be_made_fails_and_the_next_one_goes(engine: Engine) -> None:
    event = await created(engine)
    await invite(engine, event, ANN)
    await invite(engine, event, "bob@example.com")
    with closing(sqlite3.connect(engine.settings.database)) as raw:
        raw.execute("UPDATE attendee SET email = email, name = ? WHERE email = ?", ["Ann", ANN])
        raw.execute("UPDATE attendee SET token = ? WHERE email = ?", ["x@y\r\nz", ANN])
        raw.commit()
    async with sending(engine) as sink:
        failed = await message_in(engine, event, MessageState.FAILED)
        assert failed.code == Code.RENDER_FAILED
        await eventually(lambda: sink.recipients == ["bob@example.com"])


async def test_an_answer_is_written_down_even_if_the_store_fails_for_a_while(
    engine: Engine, caplog: pytest.LogCaptureFixture
) -> None:
    event = await created(engine)
    async with sending(engine) as sink:
        sink.answer(ANN, HANG, command="DATA")
        await invite(engine, event, ANN)
        await eventually(lambda: sink.hangs)
        rename_table(engine, "tally", "elsewhere")
        time_passes(11)
        await eventually(lambda: "cannot be written down" in caplog.text)
        rename_table(engine, "elsewhere", "tally")
        await message_in(engine, event, MessageState.DEFERRED)


def rename_table(engine: Engine, old: str, new: str) -> None:
    with closing(sqlite3.connect(engine.settings.database)) as raw:
        raw.execute(f"ALTER TABLE {old} RENAME TO {new}")


async def test_the_maildir_holds_whole_mails_with_their_envelope(engine: Engine, tmp_path: Path) -> None:
    folder = tmp_path / "outbox"
    async with working(engine, MaildirTransport(folder)):
        event = await created(engine)
        for n in range(5):
            await invite(engine, event, f"p{n}@example.com")
        await message_in(engine, event, MessageState.SENT, "p4@example.com")
    mails = [path.read_bytes() for path in sorted((folder / "new").iterdir())]
    assert len(mails) == 5
    assert list((folder / "tmp").iterdir()) == []
    for n, mail in enumerate(mails):
        head = mail.split(b"\r\n", 2)
        assert head[0].startswith(b"Return-Path: <rsvp+")
        assert head[1] == f"Delivered-To: p{n}@example.com".encode()
        assert b"\n" not in mail.replace(b"\r\n", b"")


async def test_a_maildir_that_cannot_be_written_defers(engine: Engine, tmp_path: Path) -> None:
    (tmp_path / "outbox").write_text("in the way")
    async with working(engine, MaildirTransport(tmp_path / "outbox")):
        event = await created(engine)
        await invite(engine, event, ANN)
        deferred = await message_in(engine, event, MessageState.DEFERRED)
        assert "Maildir" in deferred.answer
