"""Recounts one event's partition, and what keys have spent (promise 10)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from engine.model.answers import InstanceAnswer, ProposalState, Receipt
from engine.model.events import Event
from engine.model.messages import Message, MessageState
from engine.store import rules
from engine.store.dynamodb.answers import DELEGATIONS, INSTANCE_ANSWERS, PROPOSALS
from engine.store.dynamodb.attendees import RECEIPTS
from engine.store.dynamodb.budgets import KEY_DAYS, PERSONS, RESERVES, CampaignReserve, SpentDay
from engine.store.dynamodb.events import EVENTS
from engine.store.dynamodb.owed import INVITEES, OLDER, Invitee, Owed
from engine.store.dynamodb.rows import KindTable
from engine.store.dynamodb.wires import Item
from engine.store.rules import attendee_counters

_SETTLED = frozenset({MessageState.SENT, MessageState.FAILED, MessageState.WITHDRAWN})
_KINDS: Mapping[str, KindTable[Any]] = {
    "attendee": INVITEES,
    "event": EVENTS,
    "message": OLDER,
    "receipt": RECEIPTS,
    "instance": INSTANCE_ANSWERS,
    "proposal": PROPOSALS,
    "delegation": DELEGATIONS,
}


class Partition:
    """An event with everything that belongs to it."""

    def __init__(self, items: Iterable[Item]) -> None:
        found: dict[str, list[Any]] = {kind: [] for kind in _KINDS}
        for item in items:
            kind = item.key[1].partition("#")[0]
            if kind in _KINDS:
                found[kind].append(_KINDS[kind].value(item))
        events: list[Event] = found["event"]
        self.event = events[0] if events else None
        self.people: list[Invitee] = found["attendee"]
        self.older: list[Owed] = found["message"]
        self.receipts: list[Receipt] = [kept.receipt for kept in found["receipt"] if kept.receipt.counted]
        self.instances: list[InstanceAnswer] = found["instance"]
        self.proposals = [kept.proposal for kept in found["proposal"]]
        self.delegators = {one.delegator for one in found["delegation"]}
        self.emails = {one.attendee.email for one in self.people}

    @property
    def messages(self) -> list[Message]:
        """The calendar messages to the attendees."""
        newest = [one.newest for one in self.people if one.newest]
        return [owed.message for owed in (*self.older, *newest)]

    def counted(self) -> Counter[str]:
        """The correct counters."""
        found = Counter(name for one in self.people for name in attendee_counters(one.attendee))
        found.update(f"delivery.{m.state}" for m in self.messages if m.kind.calendar)
        opened = sum(p.state is ProposalState.OPEN for p in self.proposals)
        return found + Counter(proposals=opened)

    def contradictions(self) -> Iterator[tuple[str, int]]:
        """Contradictions, with how often each occurs."""
        yield "attendees and messages without an event", int(self.event is None)
        yield "messages settled without a time", sum(unsettled(m) for m in self.messages)
        yield (
            "invites to people who are not attendees",
            sum(owed.message.email not in self.emails for owed in self.older),
        )
        newest = self.event.sequence if self.event else 0
        yield (
            "messages with a revision that does not exist yet",
            sum(m.sequence > newest for m in self.messages),
        )
        yield "attendees who know of other messages than there are", self._forgetful()
        yield "attendees whose last counted receipt says something else", self._mistaken()
        yield "answers for single instances that no counted receipt gave", self._unfounded()
        yield (
            "answers for single instances of people who are not attendees",
            sum(one.email not in self.emails for one in self.instances),
        )
        yield (
            "delegations of people who are not attendees",
            sum(delegator not in self.emails for delegator in self.delegators),
        )

    def _forgetful(self) -> int:
        kept = {owed.message.id: owed.message.state for owed in self.older}
        known = {past.id: past.state for one in self.people for past in one.past}
        return sum(kept.get(one) is not known.get(one) for one in {*kept, *known})

    def _mistaken(self) -> int:
        last = {r.email: r.partstat for r in self.receipts if r.recurrence_id is None}
        return sum(
            a.receipt_arrived is not None and a.partstat is not last.get(a.email, a.partstat)
            for a in (one.attendee for one in self.people)
        )

    def _unfounded(self) -> int:
        last = {(r.email, r.recurrence_id): r.partstat for r in self.receipts if r.recurrence_id}
        return sum(
            answer.partstat is not last.get((answer.email, answer.recurrence_id)) for answer in self.instances
        )


class BudgetsCounted:
    """What keys have spent by day, as stored, and as the ledger says."""

    def __init__(self) -> None:
        self._kept: Counter[tuple[str, int, str]] = Counter()
        self._counted: Counter[tuple[str, int, str]] = Counter()

    def message(self, m: Message) -> None:
        """Count a message towards the budgets of its keys, unless it was withdrawn before it could leave."""
        budget = rules.budget_of(m.kind)
        if budget and (m.state is not MessageState.WITHDRAWN or m.in_doubt):
            for key in m.key.split():
                self._counted[key, rules.day(m.created), budget] += 1

    def see(self, item: Item) -> None:
        """Record a person whom keys mailed, a reserve, or a day of a key."""
        if item.key[0].startswith("person#"):
            for key, met in PERSONS.value(item).keys.items():
                self._counted[key, met.first, "people"] += 1
        elif item.key[0].startswith("reserve#"):
            reserve = RESERVES.value(item)
            for key in reserve.key.split():
                self._add(self._counted, key, reserve)
        else:
            day = KEY_DAYS.value(item)
            self._add(self._kept, day.key, day)

    @staticmethod
    def _add(to: Counter[tuple[str, int, str]], key: str, spent: SpentDay | CampaignReserve) -> None:
        for name in ("mails", "people", "changes"):
            to[key, spent.day, name] += getattr(spent, name)

    def differing(self) -> int:
        """How many days of keys differ from the ledger."""
        every = {*self._kept, *self._counted}
        return len(
            {(key, day) for key, day, n in every if self._kept[key, day, n] != self._counted[key, day, n]}
        )


def unsettled(message: Message) -> bool:
    """True if a message is in a final state without the time of settling."""
    return message.state in _SETTLED and message.settled is None
