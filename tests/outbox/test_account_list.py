"""The suppression list of the SES account is read before mail leaves: whole once, then what is new."""

from __future__ import annotations

import logging
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from engine.commands.campaigns.campaigns import CampaignAction
from engine.commands.invites.suppressing import Suppress
from engine.engine import Engine, system_clock
from engine.model.messages import MessageState
from engine.model.suppressions import SuppressionCause
from engine.outbox.account_list import AccountList
from engine.outbox.ses import SesTarget, SesTransport
from engine.refusals import Code
from tests.support.clock import Clock
from tests.support.engines import control, created, drafted, engine_in, ledger, working
from tests.support.ses import ENVIRONMENT, Ses, ses
from tests.support.waiting import eventually

ANN, BOB, EVE = "ann@example.com", "bob@example.com", "eve@example.com"
LISTED = [("Ann@Example.com", "BOUNCE", 1.0), ("no address", "BOUNCE", 2.0), (EVE, "COMPLAINT", 3.0)]


@pytest.fixture(autouse=True)
def _credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in ENVIRONMENT.items():
        monkeypatch.setenv(name, value)


def transport(account: Ses) -> SesTransport:
    return SesTransport(SesTarget.of(account.outbox), "cis.test", system_clock)


async def read(engine: Engine, account: Ses) -> None:
    way = transport(account)
    await AccountList(way, engine, page_s=0).fresh()
    await way.close()


async def causes(engine: Engine) -> dict[str, SuppressionCause]:
    return {one.target: one.cause for one in await engine.suppressions(engine.local, "", 100)}


async def test_a_campaign_leaves_out_whom_the_account_does_not_mail(tmp_path: Path) -> None:
    async with ses(suppressed=LISTED) as account, engine_in(tmp_path, system_clock) as engine:
        event = await created(engine)
        await control(engine, await drafted(engine, event, [ANN, BOB]), CampaignAction.START)
        async with working(engine, transport(account)):
            await eventually(lambda: len(account.sent) == 1)
        found = await ledger(engine, event, ANN)
        assert (found.state, found.code) == (MessageState.WITHDRAWN, Code.ADDRESS_SUPPRESSED)
        assert [sent.given.recipient for sent in account.sent] == [BOB]


async def test_the_next_draft_names_them_and_why(tmp_path: Path) -> None:
    async with ses(suppressed=LISTED) as account, engine_in(tmp_path) as engine:
        await read(engine, account)
        assert await causes(engine) == {ANN: SuppressionCause.BOUNCED, EVE: SuppressionCause.COMPLAINED}
        draft = await drafted(engine, await created(engine), [ANN, BOB])
        assert (draft.campaign.total, draft.campaign.valid) == (2, 1)


async def test_a_long_list_is_read_page_by_page(tmp_path: Path) -> None:
    many = [(f"p{n}@example.com", "BOUNCE", float(n)) for n in range(5)]
    async with ses(suppressed=many, page=2) as account, engine_in(tmp_path) as engine:
        await read(engine, account)
        assert [asked.get("NextToken") for asked in account.lists_asked] == [None, "2", "4"]
        assert len(await causes(engine)) == 5


async def test_later_what_is_new_is_read_and_not_before_ten_minutes_are_over(
    tmp_path: Path, clock: Clock
) -> None:
    async with ses(suppressed=LISTED) as account, engine_in(tmp_path, clock) as engine:
        await read(engine, account)
        clock.move(minutes=9)
        await read(engine, account)  # another process: it sees that the list was read
        assert len(account.lists_asked) == 1
        clock.move(minutes=1)
        account.suppressed.append((BOB, "BOUNCE", clock().timestamp()))
        await read(engine, account)
        asked = datetime.fromisoformat(account.lists_asked[1]["StartDate"])
        assert asked == (clock() - timedelta(minutes=70)).astimezone(UTC).replace(microsecond=0)
        assert BOB in await causes(engine)


async def test_an_account_that_shows_no_list_keeps_no_mail_back(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    refused = {"/v2/email/suppression/addresses"}
    async with ses(refused=refused) as account, engine_in(tmp_path, system_clock) as engine:
        event = await created(engine)
        await control(engine, await drafted(engine, event, [ANN]), CampaignAction.START)
        with caplog.at_level(logging.WARNING):
            async with working(engine, transport(account)):
                await eventually(lambda: len(account.sent) == 1)
        assert caplog.text.count("do-not-mail list of the mail service could not be read") == 1


async def test_an_entry_of_ours_stays_as_it_was(tmp_path: Path) -> None:
    async with ses(suppressed=LISTED[:1]) as account, engine_in(tmp_path) as engine:
        await engine.apply(Suppress(targets=(ANN,)), engine.local)
        await read(engine, account)
        assert await causes(engine) == {ANN: SuppressionCause.ASKED}
