"""Counters equal a recount after every sequence of changes (promise 10)."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import Coroutine
from datetime import timedelta
from pathlib import Path
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from engine.commands.answers.deliveries import RecordBounce, Unsubscribe
from engine.commands.answers.receipts import RecordReceipt
from engine.commands.base import Command
from engine.commands.campaigns.campaigns import CampaignAction, ControlCampaign, DraftCampaign
from engine.commands.events.events import CancelEvent, UpdateEvent
from engine.commands.invites.invites import SendInvite
from engine.commands.operators.operators import SuspendOrganizer
from engine.engine import SYSTEM, Engine
from engine.jobs import jobs as job_runner
from engine.model.claims import Claim
from engine.model.events import Event
from engine.model.list_rows import ListRow
from engine.model.messages import MessageState
from engine.model.people import Origin, Partstat
from engine.model.queries import AttendeeQuery
from engine.refusals import Refused
from tests.support.clock import Clock
from tests.support.engines import claim, created, settings_in, settle
from tests.support.migrated import make_database
from tests.support.soak import examples

PEOPLE = [f"{name}@example.com" for name in "abcdefgh"]


class Tallies(RuleBasedStateMachine):
    """Anything that can happen to three events, in any order."""

    def __init__(self) -> None:
        super().__init__()
        self.loop = asyncio.new_event_loop()
        self.folder = tempfile.TemporaryDirectory()
        self.clock = Clock()
        self.claims: list[Claim] = []
        self.campaigns: list[str] = []

    def wait(self, work: Coroutine[Any, Any, Any]) -> Any:
        return self.loop.run_until_complete(work)

    @initialize()
    def begin(self) -> None:
        settings = settings_in(Path(self.folder.name))
        make_database(settings.database)
        self.engine: Engine = self.wait(Engine.open(settings, clock=self.clock))
        self.events: list[Event] = [
            self.wait(created(self.engine, summary=f"Event {n} {{{{name}}}}")) for n in range(3)
        ]

    def teardown(self) -> None:
        self.wait(self.engine.close())
        self.loop.close()
        self.folder.cleanup()

    def apply(self, command: Command[Any]) -> Any:
        """What came of a command; None if it was refused."""
        try:
            return self.wait(self.engine.apply(command, SYSTEM))
        except Refused:
            return None

    def tokens(self) -> list[str]:
        pages = [self.wait(self.engine.store.attendees(AttendeeQuery(uid=e.uid))) for e in self.events]
        return [a.token for page in pages for a in page.attendees]

    @rule(n=st.integers(0, 2), email=st.sampled_from(PEOPLE), origin=st.sampled_from(Origin))
    def send(self, n: int, email: str, origin: Origin) -> None:
        self.apply(SendInvite(uid=self.events[n].uid, email=email, origin=origin))

    @rule(n=st.integers(0, 2), emails=st.lists(st.sampled_from(PEOPLE), min_size=1))
    def campaign(self, n: int, emails: list[str]) -> None:
        rows = [ListRow(email=e) for e in emails]
        done = self.apply(DraftCampaign(uid=self.events[n].uid, recipients=rows))
        if done:
            self.campaigns.append(done.campaign.id)

    @rule(n=st.integers(0, 9), action=st.sampled_from(CampaignAction))
    def control(self, n: int, action: CampaignAction) -> None:
        if self.campaigns:
            one = self.campaigns[n % len(self.campaigns)]
            self.apply(ControlCampaign(campaign_id=one, action=action, confirmed=True))

    @rule()
    def work(self) -> None:
        self.wait(job_runner.step(self.engine))

    @rule(limit=st.integers(1, 5))
    def claims_some(self, limit: int) -> None:
        self.claims += self.wait(claim(self.engine, limit))

    @rule(n=st.integers(1, 4), state=st.sampled_from(["sent", "failed", "deferred", "queued"]))
    def answers(self, n: int, state: str) -> None:
        done, self.claims = self.claims[:n], self.claims[n:]
        due = self.clock() + timedelta(seconds=30) if state == "deferred" else None
        self.wait(settle(self.engine, done, MessageState(state), due=due))

    @rule(n=st.integers(0, 30), partstat=st.sampled_from(Partstat), sequence=st.integers(0, 3))
    def receives(self, n: int, partstat: Partstat, sequence: int) -> None:
        tokens = self.tokens()
        if tokens:
            token = tokens[n % len(tokens)]
            prodid = f"client.{n % 3}"
            self.apply(RecordReceipt(token=token, partstat=partstat, sequence=sequence, prodid=prodid))

    @rule(n=st.integers(0, 2), email=st.sampled_from(PEOPLE), proven=st.booleans())
    def crashes_the_party(self, n: int, email: str, proven: bool) -> None:
        uid = self.events[n].uid
        self.apply(RecordReceipt(uid=uid, email=email, partstat=Partstat.ACCEPTED, authenticated=proven))

    @rule(n=st.integers(0, 30), permanent=st.booleans())
    def bounces(self, n: int, permanent: bool) -> None:
        tokens = self.tokens()
        if tokens:
            self.apply(RecordBounce(token=tokens[n % len(tokens)], permanent=permanent))

    @rule(n=st.integers(0, 30))
    def unsubscribes(self, n: int) -> None:
        tokens = self.tokens()
        if tokens and n > 25:
            self.apply(Unsubscribe(token=tokens[n % len(tokens)]))

    @rule(n=st.integers(0, 2), words=st.sampled_from(["one", "two"]))
    def updates(self, n: int, words: str) -> None:
        self.apply(UpdateEvent(uid=self.events[n].uid, location=words))

    @rule(n=st.integers(0, 2), really=st.integers(0, 5))
    def cancels(self, n: int, really: int) -> None:
        if really == 5:
            self.apply(CancelEvent(uid=self.events[n].uid))

    @rule(suspended=st.booleans())
    def suspends(self, suspended: bool) -> None:
        self.apply(SuspendOrganizer(address="agent@cis.test", suspended=suspended))

    @rule(seconds=st.integers(-60, 60))
    def time_passes(self, seconds: int) -> None:
        self.clock.move(seconds=seconds)

    @invariant()
    def everything_adds_up(self) -> None:
        if not hasattr(self, "engine"):
            return
        assert self.wait(self.engine.check()) == []
        for campaign_id in self.campaigns:
            view = self.wait(self.engine.campaign(campaign_id, SYSTEM))
            assert sum(view.counts.values()) == view.campaign.total
            assert min(view.counts.values()) >= 0


TestTallies = Tallies.TestCase
TestTallies.settings = settings(examples(60), stateful_step_count=30)
