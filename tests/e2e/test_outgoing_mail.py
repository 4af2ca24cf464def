"""Every kind of mail that leaves, held before the judges."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from datetime import date, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from engine.commands.campaigns.reports import SendReport
from engine.commands.events.events import CancelEvent, CreateEvent, UpdateEvent
from engine.commands.events.instances import CancelInstance, ChangeInstance
from engine.commands.events.timing import Timing
from engine.commands.invites.invites import SendInvite
from engine.engine import Engine
from engine.model.events import Override
from engine.model.messages import Audience
from engine.model.times import Span
from engine.outbox.maildir import MaildirTransport
from tests.judges import judge, missing
from tests.support.clock import Clock
from tests.support.engines import do, engine_in, working
from tests.support.waiting import eventually

WORDS = {
    "summary": "Überraschung; mit Komma, Strichpunkt \\ und 🎉 " + "sehr " * 20 + "lang",
    "location": "Café “Zur Post”, Straße 1; Wien",
    "description": "Line one\nLine two, with: everything; and <b>markup</b> & more\n\n" + "wörter " * 60,
    "url": "https://example.com/path?a=1&b=2",
    "organizer_name": 'Jane "JD" Doe; Events, Inc.',
}
EVENTS = {
    "timed": CreateEvent(
        when=Timing(start="2027-05-02T19:00", duration="PT2H", timezone="America/New_York"), **WORDS
    ),
    "all-day": CreateEvent(when=Timing(start="2027-05-02", timezone="Europe/Vienna"), **WORDS),
    "recurring": CreateEvent(
        when=Timing(start="2027-05-03T09:30", duration="PT45M", timezone="Europe/Vienna"),
        recurrence="FREQ=WEEKLY;BYDAY=MO;COUNT=20",
        **WORDS,
    ),
    "recurring all-day": CreateEvent(
        when=Timing(start="2027-05-03", timezone="Asia/Tokyo"), recurrence="FREQ=YEARLY", **WORDS
    ),
    "plain": CreateEvent(
        summary="x", when=Timing(start="2027-05-02T19:00:00Z", duration="PT1M"), location="", description=""
    ),
}


@pytest.fixture
async def sending(tmp_path: Path, clock: Clock) -> AsyncIterator[Engine]:
    """An engine that sends into a Maildir."""
    async with engine_in(tmp_path, clock) as engine, working(engine, MaildirTransport(tmp_path / "outbox")):
        yield engine


async def _mails(engine: Engine, count: int) -> list[bytes]:
    """What has left, without the two envelope lines that a delivering agent adds."""
    folder = engine.settings.data_dir / "outbox" / "new"
    await eventually(lambda: folder.is_dir() and len(list(folder.iterdir())) >= count)
    return [path.read_bytes().split(b"\r\n", 2)[2] for path in sorted(folder.iterdir())]


def _faults(mails: list[bytes]) -> list[str]:
    return [fault for mail in mails for fault in judge(mail)]


def test_the_judges_are_there_where_they_are_required() -> None:
    if os.environ.get("CIS_JUDGES") == "required":
        assert missing() == []
    elif missing():
        pytest.skip("; ".join(missing()))


@pytest.mark.parametrize("kind", EVENTS)
async def test_invite_update_and_cancellation_pass_all_judges(sending: Engine, kind: str) -> None:
    event = (await do(sending, EVENTS[kind])).event
    await do(sending, SendInvite(uid=event.uid, email="ann@example.com", name="Ann; “A, B” Lee: 李"))
    await _mails(sending, 1)
    await do(sending, UpdateEvent(uid=event.uid, location="Elsewhere, far", audience=Audience.ALL))
    await _mails(sending, 2)
    await do(sending, CancelEvent(uid=event.uid, reason="Rain; too much", audience=Audience.ALL))
    mails = await _mails(sending, 3)
    assert len(mails) == 3
    assert _faults(mails) == []
    assert [b"method=REQUEST" in m or b"method=CANCEL" in m for m in mails] == [True] * 3


async def test_an_instance_that_is_moved_and_one_that_is_cancelled_pass_all_judges(sending: Engine) -> None:
    event = (await do(sending, EVENTS["recurring"])).event
    await do(sending, SendInvite(uid=event.uid, email="ann@example.com", name="Ann"))
    await _mails(sending, 1)
    zone = ZoneInfo("Europe/Vienna")
    second, third = datetime(2027, 5, 10, 9, 30, tzinfo=zone), datetime(2027, 5, 17, 9, 30, tzinfo=zone)
    moved = Span(start=second.replace(hour=11), end=second.replace(hour=12), timezone="Europe/Vienna")
    override = Override(recurrence_id=second, span=moved, summary="Later, once")
    await do(sending, ChangeInstance(uid=event.uid, override=override))
    await _mails(sending, 2)
    await do(sending, CancelInstance(uid=event.uid, recurrence_id=third))
    await _mails(sending, 3)
    await do(sending, SendInvite(uid=event.uid, email="ben@example.com", name="Ben"))
    mails = await _mails(sending, 4)
    assert _faults(mails) == []


async def test_an_event_with_days_taken_out_passes_all_judges(sending: Engine) -> None:
    weekly = EVENTS["recurring all-day"].model_copy(update={"exdates": (date(2028, 5, 3),)})
    event = (await do(sending, weekly)).event
    await do(sending, SendInvite(uid=event.uid, email="ann@example.com", name="Ann"))
    assert _faults(await _mails(sending, 1)) == []


async def test_the_report_passes_the_byte_lint(sending: Engine) -> None:
    event = (await do(sending, EVENTS["timed"])).event
    await do(sending, SendInvite(uid=event.uid, email="ann@example.com", name="=cmd()"))
    await _mails(sending, 1)
    await do(sending, SendReport(uid=event.uid))
    report = (await _mails(sending, 2))[-1]
    assert judge(report) == []
    assert b"Auto-Submitted: auto-" in report
