"""A store that cannot be read for a while costs time, and no mail."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from engine.commands.campaigns.campaigns import CampaignAction
from engine.engine import Engine
from engine.outbox.maildir import MaildirTransport
from tests.support.clock import Clock
from tests.support.engines import control, created, drafted, working
from tests.support.unreadable import without
from tests.support.waiting import eventually


def _given_back(engine: Engine) -> list[tuple[str, int, int]]:
    """The states and attempts of what is due later than it was owed, and how many there are of each."""
    sql = "SELECT state, attempts, count(*) FROM message WHERE due > created GROUP BY 1, 2"
    with closing(sqlite3.connect(engine.settings.database)) as raw:
        return raw.execute(sql).fetchall()


async def test_mails_wait_while_what_they_need_cannot_be_read_and_go_once_it_can(
    engine: Engine, clock: Clock, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    people = [f"p{n}@example.com" for n in range(60)]
    draft = await drafted(engine, await created(engine), people)
    outbox = tmp_path / "outbox"
    with without(engine, "branding"):
        async with working(engine, MaildirTransport(outbox)):
            await control(engine, draft, CampaignAction.START)
            await eventually(lambda: _given_back(engine) == [("queued", 0, len(people))])
    assert 1 <= caplog.text.count("the store cannot be read") < len(people)
    clock.move(minutes=1)
    async with working(engine, MaildirTransport(outbox)):
        await eventually(lambda: len(list(outbox.glob("new/*"))) == len(people))
