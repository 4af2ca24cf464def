"""Monitoring figures, and the recount of all counters."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from engine.model.campaigns import CampaignState
from engine.model.counters import Figures
from engine.model.messages import Message, MessageState
from engine.store import rules
from engine.store.dynamodb.campaigns import CAMPAIGNS
from engine.store.dynamodb.day_limit import SENT_HOURS
from engine.store.dynamodb.dispatching import Dispatching
from engine.store.dynamodb.held_now import LEASES, Lease
from engine.store.dynamodb.names import joined, plain
from engine.store.dynamodb.owed import MAILS, RowPlace
from engine.store.dynamodb.recounted import BudgetsCounted, Partition, unsettled
from engine.store.dynamodb.statistics import StatisticsQuestions
from engine.store.dynamodb.wires import Item

_FAILURE = "failure."
_STATES = {state.value for state in MessageState}
Named = tuple[str, str, str]
"""Scope, key and name of a counter."""


class CheckQuestions(StatisticsQuestions, Dispatching):
    """Questions for monitoring and checking the store."""

    async def figures(self) -> Figures:
        """Figures for monitoring, as fast with a large store as with a small one."""
        counted = await self.tally("system", "")
        by_group: dict[str, dict[str, int]] = {"delivery": {}, "rsvp": {}, "failure": {}}
        for name, n in counted.items():
            group, _, member = name.partition(".")
            if group in by_group:
                by_group[group][member] = n
        under_way = [CampaignState.RUNNING, CampaignState.PAUSED]
        campaigns = {s.value: await self.rows.count_by(CAMPAIGNS, "state", s.value) for s in under_way}
        return Figures(
            messages=by_group["delivery"],
            answers=by_group["rsvp"],
            failures=by_group["failure"],
            campaigns={state: n for state, n in campaigns.items() if n},
            oldest_due=await self.first_due(await self.leases()),
        )

    async def recount(self) -> list[str]:
        """A sentence for each difference between counters and rows (promise 10).

        It reads the whole table, and again if something differs: differences caused by concurrent writes are
        then others, or gone.
        """
        found = await self._counted()
        if not found:
            return []
        again = set(await self._counted())
        return [sentence for sentence in found if sentence in again]

    async def _counted(self) -> list[str]:
        counting = _Counting()
        partition: list[Item] = []
        async for item in self.items.scan():
            if partition and partition[0].key[0] != item.key[0]:
                counting.event(Partition(partition))
                partition = []
            if item.key[0].startswith("event#"):
                partition.append(item)
            elif item.key[0].startswith("tally#"):
                counting.tally(item)
            elif item.key[0].startswith("mail#"):
                counting.mail(MAILS.value(item).message)
            elif item.key[0].startswith(("person#", "reserve#", "key-day#")):
                counting.budgets.see(item)
            elif item.key[0] == SENT_HOURS:
                counting.hour(item)
            elif item.key[0].startswith("lease#"):
                counting.lease(LEASES.value(item))
        if partition:
            counting.event(Partition(partition))
        there = await self.rows_at(counting.held.values())
        counting.wrong["leases of messages that are not there"] += len(set(counting.held) - set(there))
        return list(counting.differences())


class _Counting:
    """Counters as stored, and as they should be."""

    def __init__(self) -> None:
        self.kept: Counter[Named] = Counter()
        self.counted: Counter[Named] = Counter()
        self.wrong: Counter[str] = Counter()
        self.held: dict[str, RowPlace] = {}
        self.budgets = BudgetsCounted()
        self.hours: Counter[int] = Counter()
        self.left: Counter[int] = Counter()

    def event(self, partition: Partition) -> None:
        """Count what belongs to an event."""
        event = partition.event
        self.wrong.update(dict(partition.contradictions()))
        if event is None:
            return
        for name, n in partition.counted().items():
            self.counted["event", event.uid, name] += n
            self.counted["organizer", event.organizer, name] += n
        for message in partition.messages:
            self._message(message)

    def mail(self, message: Message) -> None:
        """Count a mail that is not a calendar message."""
        self.wrong["messages settled without a time"] += unsettled(message)
        if message.kind.calendar:
            self.counted["organizer", message.organizer, f"delivery.{message.state}"] += 1
        self._message(message)

    def _message(self, m: Message) -> None:
        self.budgets.message(m)
        if m.state is MessageState.SENT and m.settled:
            self.left[rules.hour(m.settled)] += 1
        if m.campaign_id:
            self.counted["campaign", m.campaign_id, m.state.value] += 1
        if m.state is MessageState.FAILED:
            self.counted["organizer", m.organizer, f"{_FAILURE}{m.code}"] += 1

    def tally(self, item: Item) -> None:
        """Record a shard of counters."""
        _, scope, key = item.key[0].split("#", 2)
        if scope == "organizers":
            scope, key = "organizer", item.key[1].partition("#")[2]
        for name, n in item.numbers.items():
            if scope != "campaign" or name in _STATES:
                self.kept[scope, plain(key), name] += n

    def hour(self, item: Item) -> None:
        """Record how many mails left in an hour."""
        self.hours[int(item.key[1].partition("#")[0])] += sum(item.numbers.values())

    def lease(self, lease: Lease) -> None:
        """Record which messages are leased."""
        for run in lease.runs.values():
            for row in run.rows:
                self.wrong["messages that are held twice"] += row.id in self.held
                self.held[row.id] = row.place

    def differences(self) -> Iterator[str]:
        """One sentence for each difference."""
        should: Counter[Named] = Counter()
        for (scope, key, name), n in self.counted.items():
            # As in the keys of counters: long ones by their hash.
            should[scope, plain(joined(key)), name] += n
        for scope, key, name in sorted({*self.kept, *should}):
            kept, counted = self.kept[scope, key, name], should[scope, key, name]
            if kept != counted:
                yield f"{scope} {key} {name}: the counter says {kept}, there are {counted}"
        # A bounced mail did leave, and stays counted.
        fewer = sum(self.hours[hour] < n for hour, n in self.left.items() if hour in self.hours)
        self.wrong["hours that count fewer mails than left in them"] = fewer
        self.wrong["days of keys whose budgets differ from the ledger"] = self.budgets.differing()
        for what, n in self.wrong.items():
            if n:
                yield f"{n} {what}"
