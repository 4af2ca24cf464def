"""A long list is judged and kept in parts before its draft is made, and nothing of that shows."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from engine.commands.campaigns.campaigns import CampaignAction, DraftCampaign
from engine.commands.events.events import CancelEvent, UpdateEvent
from engine.commands.events.timing import Timing
from engine.engine import Engine
from engine.model.list_rows import ListRow
from engine.refusals import Code
from engine.store.sqlite.unit import SqliteUnit
from tests.support.clock import Clock
from tests.support.engines import (
    control,
    created,
    deliver,
    do,
    drafted,
    engine_in,
    invite,
    jobs_done,
    refusal,
)

PEOPLE = [f"p{i}@example.com" for i in range(7)]


@pytest.fixture(autouse=True)
def small_units(monkeypatch: pytest.MonkeyPatch) -> None:
    """A unit of work takes two rows, as if the lists were five hundred times as long."""
    monkeypatch.setattr(SqliteUnit, "items_per_unit", 2)


async def lists(engine: Engine) -> list[str]:
    """The ids of all lists that the database holds."""
    async with engine.store.unit() as unit:
        found = await unit.all("SELECT DISTINCT campaign_id FROM campaign_row")  # type: ignore[attr-defined]
    return [row["campaign_id"] for row in found]


async def test_a_list_that_goes_up_in_parts_is_judged_as_if_it_came_whole(engine: Engine) -> None:
    event = await created(engine)
    await invite(engine, event, "known@example.com")
    rows = [
        "p1@example.com",
        "known@example.com",
        "nonsense",
        "p2@example.com",
        "P1@example.com",
        "known@example.com",
    ]
    draft = await drafted(engine, event, rows)
    view = await engine.campaign(draft.campaign.id, engine.local)
    assert (view.campaign.total, view.campaign.valid) == (6, 2)
    assert {row.row: row.code for row in view.skipped} == {
        2: "already_invited",
        3: "invalid_address",
        5: "duplicate_row",
        6: "already_invited",
    }
    assert next(row.detail for row in view.skipped if row.row == 5) == "email: as in row 1"


async def test_the_draft_of_such_a_list_is_sent_whole(engine: Engine) -> None:
    event = await created(engine)
    await control(engine, await drafted(engine, event, PEOPLE), CampaignAction.START)
    await jobs_done(engine)
    sent = [m.email for m in await deliver(engine)]
    assert sorted(sent) == PEOPLE


async def test_a_limit_of_invites_counts_over_all_parts(tmp_path: Path, clock: Clock) -> None:
    async with engine_in(tmp_path, clock, invite_limit=3) as engine:
        draft = await drafted(engine, await created(engine), PEOPLE)
    assert draft.campaign.valid == 3


async def test_a_list_for_an_event_that_was_cancelled_is_refused_before_it_goes_up(engine: Engine) -> None:
    event = await created(engine)
    await do(engine, CancelEvent(uid=event.uid))
    rows = [ListRow(email=email) for email in PEOPLE]
    assert await refusal(engine, DraftCampaign(uid=event.uid, recipients=rows)) is Code.EVENT_CANCELLED
    assert await lists(engine) == []


async def test_a_list_whose_event_changes_meanwhile_is_refused_and_dropped(
    engine: Engine, clock: Clock
) -> None:
    event = await created(engine)
    rows = [ListRow(email=email) for email in PEOPLE]

    class Between(DraftCampaign):
        """The event changes once the list is up."""

        async def upload(self, apply: object) -> None:
            await super().upload(apply)  # type: ignore[arg-type]
            later = Timing(start=(event.span.start + timedelta(days=1)).isoformat())
            await engine.apply(UpdateEvent(uid=event.uid, when=later), engine.local)

    between = Between(uid=event.uid, recipients=rows)
    assert await refusal(engine, between) is Code.SEQUENCE_MISMATCH
    assert len(await lists(engine)) == 1
    await jobs_done(engine)
    assert len(await lists(engine)) == 1
    clock.move(hours=1, seconds=1)
    await jobs_done(engine)
    assert await lists(engine) == []
