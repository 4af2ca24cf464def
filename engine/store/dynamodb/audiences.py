"""Who is addressed by a change: the people of an event, by their answers to it and to its instances."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Collection
from datetime import date, datetime

from engine.model.campaigns import Campaign, CampaignState
from engine.model.messages import Fanout, Kind
from engine.model.people import Attendee, Partstat
from engine.store import rules
from engine.store.dynamodb.answers import answers_to_instances
from engine.store.dynamodb.attendees import AttendeeQuestions
from engine.store.dynamodb.held_now import Held
from engine.store.dynamodb.names import joined
from engine.store.dynamodb.owed import INVITEES, Invitee, called_off, is_meant, items_of_next, notified

CHUNK_MOST = 77
"""The most items for the people to whom a unit of work owes messages; budgets and counters need at most 20 more."""
_LOOKED_AT = 2_000
"""The most attendees that one unit of work reads to find those that a job addresses."""
_CAMPAIGNS = 100
"""The newest campaigns of an event among which a cancelled list is looked for."""


class AudienceQuestions(AttendeeQuestions, Held):
    """Questions about audiences."""

    @abstractmethod
    async def last_campaigns(self, event_uid: str, organizer: str, limit: int) -> list[Campaign]:
        """The newest campaigns for an event of that organizer, newest first."""

    async def _meant_besides(
        self,
        event_uid: str,
        partstats: Collection[Partstat],
        recurrence_id: date | datetime | None,
        emails: Collection[str],
    ) -> set[str]:
        """The people who are included although their answer to the event may differ."""
        answered = await answers_to_instances(self.rows, event_uid, recurrence_id)
        return {*emails, *(a.email for a in answered if a.partstat in partstats)}

    async def audience_size(
        self,
        event_uid: str,
        partstats: Collection[Partstat],
        recurrence_id: date | datetime | None = None,
        emails: Collection[str] = (),
    ) -> int:
        """How many proven attendees gave one of these answers, for the event or an instance, or are in `emails`.

        Those whose invite was called off with its list are not among them.
        """
        counted = await self.event_tally(event_uid, own=False)
        unproven = await self.rows.by(INVITEES, "unproven", event_uid)
        others = await self._meant_besides(event_uid, partstats, recurrence_id, emails)
        more = [i.attendee for i in await self.invitees(event_uid, others)]
        return (
            sum(counted.get(f"rsvp.{p.label}", 0) for p in partstats)
            - sum(i.attendee.partstat in partstats for i in unproven)
            + sum(a.partstat not in partstats and a.proven and a.withdrawn is None for a in more)
            - await self._called_off(event_uid, partstats, others)
        )

    async def _called_off(
        self, event_uid: str, partstats: Collection[Partstat], others: Collection[str]
    ) -> int:
        """How many people with these answers hear nothing, since their invite was called off with its list."""
        event = await self.event(event_uid)
        lists = await self.last_campaigns(event_uid, event.organizer, _CAMPAIGNS) if event else []
        if not any(c.kind is Kind.INVITE and c.state is CampaignState.CANCELLED and c.started for c in lists):
            return 0
        found = 0
        async for invitee in self.rows.each_under(INVITEES, event_uid, "attendee"):
            found += is_meant(invitee.attendee, partstats, ()) and _left_out(invitee, others)
        return found

    async def notified_size(
        self,
        event_uid: str,
        partstats: Collection[Partstat],
        recurrence_id: date | datetime | None = None,
        emails: Collection[str] = (),
    ) -> int:
        """How many attendees with these answers, or in `emails`, received the event, or may have."""
        others = await self._meant_besides(event_uid, partstats, recurrence_id, emails)
        held, found = await self.held_ids(), 0
        async for invitee in self.rows.each_under(INVITEES, event_uid, "attendee"):
            meant = is_meant(invitee.attendee, partstats, others)
            found += meant and any(notified(m, held) for m in invitee.messages)
        return found

    async def audience(self, job: Fanout, limit: int) -> tuple[list[Attendee], str | None]:
        """The next attendees of a job, and its new cursor, None after the last.

        They are in order of their addresses, and in smaller batches if few are included, or if what they were sent
        before takes more of the unit of work.
        """
        others = await self._meant_besides(job.event_uid, job.partstats, job.recurrence_id, job.emails)
        last, counted = job.cursor, job.kind in rules.FOR_PERSONS
        after = joined("attendee", last) if last else ""
        found, seen, items = list[Attendee](), 0, 0
        async for invitee in self.rows.each_under(INVITEES, job.event_uid, "attendee", after=after):
            if is_meant(invitee.attendee, job.partstats, others) and not _left_out(invitee, others):
                items += items_of_next(invitee, counted=counted)
                if found and items > CHUNK_MOST:
                    return found, last
                found.append(invitee.attendee)
            seen, last = seen + 1, invitee.attendee.email
            if len(found) == limit or seen == _LOOKED_AT:
                return found, last
        return found, None


def _left_out(invitee: Invitee, others: Collection[str]) -> bool:
    return invitee.attendee.email not in others and called_off(invitee)
