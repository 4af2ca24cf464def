"""Counters as shown: they change when a message settles; until then, leases show what is being sent."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping

from engine.model.counters import Statistics
from engine.model.messages import MessageState
from engine.store.dynamodb.held_now import ALL, LEASES
from engine.store.dynamodb.leases import LeaseQuestions
from engine.store.dynamodb.organizers import OrganizerQuestions
from engine.store.dynamodb.owed import Owed

_SENDING = f"delivery.{MessageState.SENDING}"


class StatisticsQuestions(OrganizerQuestions, LeaseQuestions):
    """Counters of events, organizers, domains and the system."""

    async def statistics(self, scope: str, key: str) -> Statistics:
        """The counters of an event, an organizer, the organizers of a domain, or the system."""
        return shown(await self.tally(scope, key))

    async def tally(self, scope: str, key: str) -> dict[str, int]:
        """The same counters by name, for a recount."""
        if scope == "event":
            return with_held(await self.event_tally(key), await self._held_of_event(key))
        if scope == "organizer":
            counted = await self.organizer_tally(key)
            return with_held(counted, [o for o in await self._held_mails() if o.message.organizer == key])
        if scope == "domain":
            mine = [o for o in await self._held_mails() if o.message.organizer.rpartition("@")[2] == key]
            return with_held(await self.domain_tally(key), mine)
        return with_held(await self.system_tally(), await self._held_mails())

    async def _held_of_event(self, uid: str) -> list[Owed]:
        """The messages being sent to one event's attendees; if there are none, only leases are read.

        The leases are read as of a moment ago, which costs half.
        """
        listed = await self.items.query(LEASES.partition(ALL), consistent=False)
        held = [
            row.place
            for lease in map(LEASES.value, listed)
            for run in lease.runs.values()
            for row in run.rows
            if row.uid == uid
        ]
        found = (await self.rows_at(held)).values() if held else ()
        return [owed for owed in found if owed.message.state.pending]

    async def _held_mails(self) -> list[Owed]:
        """The messages being sent to attendees."""
        return [owed for owed in (await self.sending()).values() if owed.message.kind.calendar]


def with_held(counted: Mapping[str, int], held: Iterable[Owed]) -> dict[str, int]:
    """The counters with leased messages counted as being sent."""
    found = Counter(counted)
    for owed in held:
        found[f"delivery.{owed.message.state}"] -= 1
        found[_SENDING] += 1
    return dict(found)


def shown(counters: Mapping[str, int]) -> Statistics:
    """Counters from numbers by name, where a name is `attendees` or `<group>.<member>`."""
    found = Statistics()
    groups = {"rsvp": found.rsvp, "origin": found.origin, "prodid": found.prodid, "delivery": found.delivery}
    for name, n in counters.items():
        group, _, member = name.partition(".")
        if group in groups and (n or member in groups[group]):
            groups[group][member] = n
    single = {name: counters.get(name, 0) for name in ("attendees", "proposals")}
    return found.model_copy(update=single)
