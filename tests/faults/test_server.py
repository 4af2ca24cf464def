"""The mail server is down, silent, busy or ill: nobody has to step in for the mails to arrive."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from engine.commands.campaigns.campaigns import CampaignAction
from engine.model.campaigns import CampaignState
from tests.faults.scene import (
    HELD,
    PATIENCE_S,
    PEOPLE,
    SOAK,
    Story,
    asked,
    campaign_to,
    crowd,
    ready_worker,
    retries_come_nearer,
    stopped,
    worker,
)
from tests.support.engines import control
from tests.support.processes import program
from tests.support.relay import Relay, relaying
from tests.support.serving import serving
from tests.support.waiting import eventually


async def went_down(relay: Relay, after: int) -> None:
    """The server dies after that many mails."""
    down = asyncio.Event()
    relay.after(after, down.set)
    await asyncio.wait_for(down.wait(), PATIENCE_S)
    await relay.stop()


def states(folder: Path) -> dict[object, object]:
    sql = f"SELECT iif({HELD}, 'sending', state), count(*) FROM message GROUP BY 1"
    return dict(asked(folder, sql))  # type: ignore[arg-type]


async def test_a_server_that_dies_and_comes_back_gets_every_mail(tmp_path: Path) -> None:
    async with relaying() as relay, campaign_to(tmp_path, crowd()) as story:
        async with worker(tmp_path, relay.port):
            await went_down(relay, PEOPLE // 3)
            taken = Counter(d.message_id for d in relay.deliveries)
            await eventually(lambda: states(tmp_path).get("deferred"), PATIENCE_S)
            await relay.start()
            await story.all_sent()
        assert set(relay.by_recipient()) == set(story.people)
        again = {i for i, n in Counter(d.message_id for d in relay.deliveries).items() if n > 1}
        assert again <= set(taken)
        assert len({d.name for d in relay.deliveries}) == len(story.people)


@asynccontextmanager
async def silent_server() -> AsyncIterator[int]:
    """A port on which connections are accepted and nothing is ever said."""
    never = asyncio.Event()

    async def say_nothing(_reader: asyncio.StreamReader, _writer: asyncio.StreamWriter) -> None:
        await never.wait()

    async with serving(say_nothing) as port:
        yield port


async def test_a_server_that_never_answers_keeps_nobody_from_looking_or_stopping(tmp_path: Path) -> None:
    people = crowd(200)
    async with relaying() as relay, campaign_to(tmp_path, people) as story:
        async with silent_server() as port, worker(tmp_path, port) as process:
            await eventually(lambda: states(tmp_path).get("sending"), PATIENCE_S)
            async with program(tmp_path, "check") as check:
                assert await asyncio.wait_for(check.wait(), PATIENCE_S) == 0
            assert process.returncode is None
            await stopped(process)
        assert not states(tmp_path).get("sending")
        retries_come_nearer(tmp_path, 3_600)
        async with worker(tmp_path, relay.port):
            await story.all_sent()
        assert Counter(d.recipient for d in relay.deliveries) == Counter(people)


async def recovers(story: Story, relay: Relay, verb: str, answer: str) -> None:
    """The server answers so to every `verb` in the middle of a campaign, and later is well again."""
    ill, refused = asyncio.Event(), Counter[str]()

    def manner(asked: str, recipient: str) -> str:
        if not ill.is_set() or asked != verb:
            return ""
        refused[verb] += 1
        return answer

    relay.manner = manner
    async with worker(story.folder, relay.port):
        relay.after(len(story.people) // 3, ill.set)
        await eventually(lambda: refused[verb] >= 3, PATIENCE_S)
        ill.clear()
        await story.all_sent()


@pytest.mark.parametrize(
    ("verb", "answer"),
    [
        ("MAIL", "421 4.7.0 Too many connections, closing"),
        ("DATA", "421 4.3.2 Shutting down"),
        *([("RCPT", "450 4.2.1 Greylisted"), ("DATA", "452 4.3.1 Disk full")] if SOAK else []),
    ],
)
async def test_a_server_that_refuses_for_a_while_gets_every_mail_once(
    tmp_path: Path, verb: str, answer: str
) -> None:
    async with relaying() as relay, campaign_to(tmp_path, crowd(PEOPLE // 2)) as story:
        await recovers(story, relay, verb, answer)
        assert Counter(d.recipient for d in relay.deliveries) == Counter(story.people)


async def test_a_domain_that_always_refuses_rests_and_holds_nobody_up(tmp_path: Path) -> None:
    good, broken = crowd(PEOPLE // 2), crowd(PEOPLE // 2, "broken.example")
    mixed = [email for pair in zip(broken, good, strict=True) for email in pair]
    async with relaying() as relay, campaign_to(tmp_path, mixed, fail_share=0) as story:

        def manner(verb: str, recipient: str) -> str:
            refused = verb == "RCPT" and recipient.endswith("@broken.example")
            return "451 4.7.1 Not today" if refused else ""

        relay.manner = manner
        async with worker(tmp_path, relay.port) as process:
            await eventually(lambda: len(relay.deliveries) == len(good), PATIENCE_S)
            await stopped(process)
        assert {d.recipient for d in relay.deliveries} == set(good)
        tries = sum(n for email, n in relay.asked.items() if email.endswith("@broken.example"))
        # Five in a row, and the batches that were under way on four connections by then.
        assert 5 <= tries <= 5 + 4 * 32
        assert not states(tmp_path).get("failed")
        relay.manner = lambda verb, recipient: ""
        retries_come_nearer(tmp_path, 3_600)
        async with worker(tmp_path, relay.port):
            await story.all_sent()
        assert Counter(d.recipient for d in relay.deliveries) == Counter(mixed)


async def test_a_campaign_that_fails_too_often_pauses_itself_and_can_be_resumed(tmp_path: Path) -> None:
    people = crowd(max(PEOPLE, 2_000))
    async with relaying() as relay, campaign_to(tmp_path, people) as story:
        relay.manner = lambda verb, recipient: "554 5.7.1 Looks like spam" if verb == "DATA" else ""

        async def paused() -> bool:
            return await story.state() is CampaignState.PAUSED

        async with worker(tmp_path, relay.port):
            await eventually(paused, PATIENCE_S)
            view = await story.engine.campaign(story.draft.campaign.id, story.engine.local)
            assert "554 5.7.1 Looks like spam" in view.campaign.note
            await eventually(lambda: not states(tmp_path).get("sending"), PATIENCE_S)
            stood = await story.counts()
            assert 100 <= stood["failed"] < len(story.people)
            relay.manner = lambda verb, recipient: ""
            await control(story.engine, story.draft, CampaignAction.RESUME)
            await story.finished()
        ended = await story.counts()
        assert ended["failed"] == stood["failed"]
        assert ended["sent"] == len(story.people) - stood["failed"] == len(relay.deliveries)


async def test_two_workers_share_a_campaign_and_no_mail_goes_twice(tmp_path: Path) -> None:
    people = crowd()
    async with relaying() as one, relaying() as two, campaign_to(tmp_path, people, start=False) as story:
        async with ready_worker(tmp_path, one), ready_worker(tmp_path, two):
            one.answering.clear()
            two.answering.clear()
            await control(story.engine, story.draft, CampaignAction.START)
            # One alone cannot hold them all.
            await eventually(lambda: one.deliveries and two.deliveries, PATIENCE_S)
            one.answering.set()
            two.answering.set()
            await story.all_sent()
        assert Counter(d.recipient for d in one.deliveries + two.deliveries) == Counter(people)
