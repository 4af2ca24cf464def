"""The figures are those of the ledger, the answers and the mails; they cost little however much there is."""

from __future__ import annotations

import os
import sqlite3
import time
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from cis_mcp.watch.health import Health
from cis_mcp.watch.metrics import Folders, MetricsCollector, resident_bytes
from engine.commands.campaigns.campaigns import CampaignAction
from engine.commands.invites.invites import SendInvite
from engine.engine import Engine
from engine.inbox.intake.intake import Inbox
from engine.inbox.spool.spool import OwnMailbox
from engine.model.messages import MessageState
from engine.observe.observer import LAG_S, Observer
from engine.store.sqlite.schema import MIGRATIONS
from tests.outbox.scripted import scripted
from tests.support.clock import Clock
from tests.support.engines import (
    claim,
    control,
    created,
    deliver,
    drafted,
    engine_in,
    invite,
    invite_all_answers,
    jobs_done,
    refusal,
    settings_in,
    settle,
    working,
)
from tests.support.inboxes import inbox_of
from tests.support.mails import bounced, reply
from tests.support.queries import counting_queries
from tests.support.soak import SOAK
from tests.support.waiting import eventually

Figures = dict[tuple[str, tuple[tuple[str, str], ...]], float]


async def figures(engine: Engine) -> Figures:
    """All samples by name and labels, as Prometheus reads them."""
    text = await MetricsCollector(engine, Health()).text()
    families = text_string_to_metric_families(text)
    return {(s.name, tuple(s.labels.items())): s.value for family in families for s in family.samples}


def _of(found: Figures, name: str, **labels: str) -> float:
    return found.get((name, tuple(labels.items())), 0)


async def test_messages_and_answers_are_told_as_they_are_counted(engine: Engine) -> None:
    event = await created(engine)
    await invite_all_answers(engine, event)
    await invite(engine, event, "late@example.com")
    found = await figures(engine)
    assert _of(found, "cis_messages", state="sent") == 4
    assert _of(found, "cis_messages", state="queued") == 1
    assert _of(found, "cis_messages_sent_total") == 4
    assert [_of(found, "cis_attendees", answer=a) for a in ("accepted", "tentative", "declined")] == [1, 1, 1]
    assert _of(found, "cis_attendees", answer="noaction") == 2
    assert _of(found, "cis_commands_total", command="SendInvite", outcome="done") == 5
    assert _of(found, "cis_command_seconds_count", command="SendInvite") == 5


async def test_every_state_of_a_message_is_told_before_there_is_any(engine: Engine) -> None:
    found = await figures(engine)
    assert [found["cis_messages", (("state", state.value),)] for state in MessageState] == [0] * 6


async def test_refused_commands_are_counted_by_their_code(engine: Engine) -> None:
    event = await created(engine)
    for _ in range(2):
        assert await refusal(engine, SendInvite(uid=event.uid, email="nobody")) == "invalid_address"
    assert (
        _of(await figures(engine), "cis_commands_total", command="SendInvite", outcome="invalid_address") == 2
    )


async def test_failures_are_counted_by_code_and_a_bounce_takes_nothing_from_what_was_accepted(
    engine: Engine,
) -> None:
    event = await created(engine)
    for name in ("one", "two", "three"):
        await invite(engine, event, f"{name}@example.com")
    claims = await claim(engine)
    await settle(engine, claims[:1], MessageState.FAILED, code="rejected_by_server", text="550 no")
    await settle(engine, claims[1:], MessageState.SENT, text="250 OK")
    attendee = claims[1].attendee
    assert attendee is not None
    raw = bounced(attendee.email, f"rsvp+{attendee.token}@cis.test")
    async with inbox_of(engine) as inbox:
        outcomes = await inbox.take(raw, (OwnMailbox(name="rsvp", token=attendee.token),))
    assert [o.action for o in outcomes] == ["bounce"]
    found = await figures(engine)
    assert _of(found, "cis_messages_failed_total", code="rejected_by_server") == 1
    assert _of(found, "cis_messages_failed_total", code="bounced") == 1
    assert _of(found, "cis_messages_sent_total") == 2
    assert _of(found, "cis_messages", state="failed") == 2
    assert _of(found, "cis_mails_total", action="bounce", code="") == 1


async def test_failures_of_an_older_database_are_counted_once_it_is_opened(tmp_path: Path) -> None:
    async with engine_in(tmp_path) as engine:
        await invite(engine, await created(engine), "one@example.com")
        await settle(engine, await claim(engine), MessageState.FAILED, code="rejected_by_server", text="550")
    with sqlite3.connect(tmp_path / "cis.sqlite3") as old:
        old.execute("DELETE FROM tally WHERE scope = 'failure'")
        (version,) = old.execute("PRAGMA user_version").fetchone()
        step = _step_of("'failure'")
        if step < version - 1:
            pytest.skip("later steps cannot be taken twice")
        old.execute(f"PRAGMA user_version = {step}")
    async with engine_in(tmp_path) as engine:
        assert _of(await figures(engine), "cis_messages_failed_total", code="rejected_by_server") == 1


def _step_of(words: str) -> int:
    return next(n for n, script in enumerate(MIGRATIONS) if words in script)


async def test_the_age_is_that_of_the_message_which_is_due_longest(engine: Engine, clock: Clock) -> None:
    event = await created(engine)
    assert _of(await figures(engine), "cis_oldest_due_seconds") == 0
    await invite(engine, event, "first@example.com")
    clock.move(seconds=90)
    await invite(engine, event, "second@example.com")
    clock.move(seconds=10)
    assert _of(await figures(engine), "cis_oldest_due_seconds") == 100
    await deliver(engine)
    assert _of(await figures(engine), "cis_oldest_due_seconds") == 0


async def test_what_a_paused_campaign_owes_is_not_overdue(engine: Engine, clock: Clock) -> None:
    draft = await drafted(engine, await created(engine), ["one@example.com", "two@example.com"])
    await control(engine, draft, CampaignAction.START)
    await jobs_done(engine)
    await control(engine, draft, CampaignAction.PAUSE)
    clock.move(hours=1)
    found = await figures(engine)
    assert _of(found, "cis_oldest_due_seconds") == 0
    assert _of(found, "cis_campaigns", state="paused") == 1


async def test_what_was_sent_and_how_long_it_took_is_told(engine: Engine) -> None:
    event = await created(engine)
    async with scripted() as server, working(engine, server.transport()):
        await invite(engine, event, "one@example.com")
        await eventually(lambda: engine.observer.counters.get("cis_send_answers"))
    found = await figures(engine)
    assert _of(found, "cis_send_answers_total", state="sent") == 1
    assert _of(found, "cis_batch_seconds_count") == 1


async def test_the_lag_of_a_receipt_runs_from_its_arrival(engine: Engine) -> None:
    event = await created(engine)
    done = await invite(engine, event, "one@example.com")
    await deliver(engine)
    inbox = Inbox(engine)
    mailbox = OwnMailbox(name="rsvp", token=done.attendee.token)
    raw = reply(event.uid, "one@example.com").as_bytes()
    envelope = inbox.spool.store(raw, (mailbox,), None, name=f"{time.time_ns() - 30_000_000_000}.1_1")
    await inbox.handle(envelope.id)
    found = await figures(engine)
    assert _of(found, "cis_receipt_lag_seconds_count") == 1
    assert 30 <= _of(found, "cis_receipt_lag_seconds_sum") < 40
    assert _of(found, "cis_receipt_lag_seconds_bucket", le="10.0") == 0
    assert _of(found, "cis_receipt_lag_seconds_bucket", le="60.0") == 1


async def test_waiting_and_quarantined_mails_are_counted_anew_when_some_come_or_go(engine: Engine) -> None:
    inbox = Inbox(engine)
    tower = MetricsCollector(engine, Health())

    async def counted() -> tuple[float, float]:
        values = {s.name: s.values.get((), 0) for s in await tower.samples()}
        return values["cis_inbox_waiting"], values["cis_quarantine_size"]

    assert await counted() == (0, 0)
    first = inbox.spool.store(b"Subject: x\r\n\r\nno", (OwnMailbox(name="create"),), None)
    inbox.spool.store(b"Subject: x\r\n\r\nno", (OwnMailbox(name="create"),), None)
    assert await counted() == (2, 0)
    inbox.spool.quarantine(first.id)
    assert await counted() == (1, 1)


def test_a_folder_that_did_not_change_is_not_read_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "new").mkdir()
    (tmp_path / "new" / "mail").touch()
    os.utime(tmp_path / "new", (1_700_000_000, 1_700_000_000))
    folders = Folders(tmp_path)
    assert folders.count("new") == 1
    monkeypatch.setattr(os, "listdir", lambda _: pytest.fail("it was read again"))
    assert folders.count("new") == 1
    assert folders.count("absent") == 0


def test_a_histogram_adds_up_and_its_bounds_are_inclusive() -> None:
    seen = Observer()
    for seconds in (0.005, 0.0051, 10.0, 10_000.0):
        seen.took(LAG_S, seconds)
    (histogram,) = seen.timers[LAG_S.name].values()
    assert histogram.counts[0] == 1
    assert histogram.counts[LAG_S.bounds.index(10.0)] == 1
    assert histogram.counts[-1] == 1
    assert sum(histogram.counts) == 4


def test_memory_is_told_where_the_system_tells() -> None:
    assert resident_bytes() > 10_000_000 or not Path("/proc/self/statm").exists()


_ROWS = 1_000_000
_FILL = """
INSERT INTO message(kind, event_uid, email, organizer, method, sequence, recurrence_id, repeat, message_id,
    priority, created, due, state, code, settled)
WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?)
SELECT 'invite', ?, 'p' || i || '@example.com', 'agent@cis.test', 'REQUEST', 0, '', '', 'm' || i,
    1, 1000 + i, 1000 + i, iif(i % 2, 'queued', 'failed'), iif(i % 2, '', 'rejected_by_server'), iif(i % 2, NULL, 1)
FROM n
"""


@pytest.mark.skipif(not SOAK, reason="writes a million rows; set CIS_SOAK=1")
async def test_the_figures_do_not_count_the_messages_one_by_one(tmp_path: Path) -> None:
    async with engine_in(tmp_path) as engine:
        uid = (await created(engine)).uid
    with sqlite3.connect(tmp_path / "cis.sqlite3") as filled:
        filled.execute(_FILL, [_ROWS, uid])
        filled.execute("INSERT INTO tally VALUES ('failure', '', 'rejected_by_server', ?)", [_ROWS // 2])
        filled.execute("INSERT INTO tally VALUES ('system', '', 'delivery.queued', ?)", [_ROWS // 2])
    with counting_queries() as queries:
        engine = await Engine.open(settings_in(tmp_path))
        try:
            queries.zero()
            text = await MetricsCollector(engine, Health()).text()
            steps = queries.steps
        finally:
            await engine.close()
    assert f'cis_messages_failed_total{{code="rejected_by_server"}} {_ROWS // 2}' in text
    assert steps < _ROWS / 100
