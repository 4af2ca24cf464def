"""Whether due messages may leave: reads the facts for all of them at once and applies the rules."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from engine.model.campaigns import Campaign, CampaignState
from engine.model.claims import Claim
from engine.model.events import Event
from engine.model.keys import UNBOUNDED, Standing
from engine.model.messages import Kind, Message, Method, first_tried
from engine.model.people import Attendee
from engine.model.stops import EVERYTHING
from engine.refusals import Code
from engine.store import rules
from engine.store.dynamodb.campaigns import CAMPAIGNS
from engine.store.dynamodb.events import EVENTS, ORGANIZERS, KeptOrganizer
from engine.store.dynamodb.keys import KEYS, KeyQuestions, stop_of
from engine.store.dynamodb.owed import Invitee, Owed
from engine.store.dynamodb.reminders import Reminders
from engine.store.dynamodb.suppressions import FORGETTING_KEYS
from engine.store.dynamodb.undos import Undos


@dataclass(frozen=True, slots=True)
class Against:
    """The facts that may bar a message (engine.store.rules.Waiting)."""

    kind: str
    method: str | None
    recurrence_id: object
    campaign_state: str | None
    suspended: int | None
    suppressed: int
    blocked: str | None
    partstat: str | None
    proven: int | None
    withdrawn: int | None
    in_doubt: int
    reached: int | None


@dataclass(frozen=True, slots=True)
class Facts:
    """The facts about due messages."""

    events: dict[str, Event]
    people: dict[tuple[str, str], Invitee]
    organizers: dict[str, KeptOrganizer]
    languages: dict[str, str]
    campaigns: dict[str, Campaign]
    refusing: dict[tuple[str, str], str]
    standings: dict[str, Standing]
    stopped: Collection[str]

    def attendee(self, m: Message) -> Attendee | None:
        """The attendee a calendar message is for, or None."""
        found = self.people.get((m.event_uid or "", m.email)) if m.method else None
        return found.attendee if found else None

    def campaign_state(self, m: Message) -> CampaignState | None:
        """The state of the campaign that a message belongs to."""
        campaign = self.campaigns.get(m.campaign_id or "")
        return campaign.state if campaign else None

    def waits(self, m: Message) -> bool:
        """True for mail that is stopped until it is resumed; notices are never stopped."""
        if self.campaign_state(m) is CampaignState.PAUSED:
            return True
        return m.kind is not Kind.NOTICE and not {EVERYTHING, m.organizer}.isdisjoint(self.stopped)

    def barred(self, m: Message, now: datetime) -> Code | None:
        """Why a message may not leave, or None (promise 7)."""
        attendee, organizer = self.attendee(m), self.organizers.get(m.organizer)
        state = self.campaign_state(m)
        against = Against(
            kind=m.kind.value,
            method=m.method.value if m.method else None,
            recurrence_id=m.recurrence_id,
            campaign_state=state.value if state else None,
            suspended=int(organizer.suspended) if organizer else None,
            suppressed=int(("", m.email) in self.refusing),
            blocked=self.refusing.get((m.organizer, m.email)),
            partstat=attendee.partstat.value if attendee else None,
            proven=int(attendee.proven) if attendee else None,
            withdrawn=int(attendee.withdrawn is not None) if attendee else None,
            in_doubt=int(m.in_doubt),
            reached=self._reached(m),
        )
        return rules.barred(against, self.events.get(m.event_uid or ""), now)

    def _reached(self, m: Message) -> int | None:
        """Of a withdrawal by the organizer: whether a request has reached its person, or may yet have."""
        found = self.people.get((m.event_uid or "", m.email))
        if m.kind is not Kind.WITHDRAWAL or m.prompted or found is None:
            return None
        asked = [p for p in found.messages if p.method == Method.REQUEST]
        return int(any(p.gone or p.state.pending for p in asked)) if asked else None

    def by_keys(self, m: Message, now: datetime) -> rules.KeyVerdict:
        """The verdict of the keys that caused a message, as of now."""
        if not m.key:
            return rules.LEAVES
        event = self.events.get(m.event_uid or "")
        standing = self.standings[m.key].in_force(now)
        return rules.by_keys(m.kind, m.email, event, standing, len(m.key.split()), now)

    def claim(self, owed: Owed, now: datetime) -> Claim:
        """The claim for a dispatcher."""
        m = owed.message
        organizer = self.organizers.get(m.organizer)
        return Claim(
            m,
            self.events.get(m.event_uid or ""),
            self.attendee(m),
            organizer.name if organizer else "",
            self.languages.get(m.organizer, ""),
            self.standings[m.key].in_force(now) if m.key else UNBOUNDED,
            first_tried(owed.attempts),
        )


class Judging(KeyQuestions, Reminders, Undos):
    """The part of a unit of work that reads the facts about messages."""

    @abstractmethod
    async def organizer_language(self, organizer: str) -> str:
        """The tag of the organizer's language; empty if it is not set."""

    async def depend_on_hold(self, m: Message, facts: Facts) -> None:
        """Keep this unit only if the campaign or the stops that hold a message are unchanged then.

        Otherwise it would be held by what was resumed meanwhile, which releases it no more.
        """
        if m.campaign_id and facts.campaign_state(m) is CampaignState.PAUSED:
            await self.fixed_campaign(m.campaign_id)
        stops = {EVERYTHING, m.organizer}.intersection(facts.stopped)
        await self.items.get_many([stop_of(one) for one in stops], checked=True)

    async def _foresee_facts(
        self, messages: Sequence[Message], uids: Sequence[str], organizers: Sequence[str]
    ) -> None:
        """Read in one request what is needed below."""
        campaigns = {m.campaign_id for m in messages if m.campaign_id}
        keys = {key for m in messages for key in m.key.split()}
        await self.items.get_many(
            [
                FORGETTING_KEYS.at("key"),
                *(EVENTS.at(uid, "event") for uid in uids),
                *(ORGANIZERS.at(one, "organizer") for one in organizers),
                *(CAMPAIGNS.at(one) for one in sorted(campaigns)),
                *(KEYS.at(key) for key in sorted(keys)),
            ]
        )

    async def first_within(self, rows: Sequence[Owed], most: int) -> Sequence[Owed]:
        """The first of these rows for which the unit reads at most `most` items: one for each key and each list."""
        await self.items.get_many(KEYS.at(key) for owed in rows for key in owed.message.key.split())
        read = {""}
        for n, owed in enumerate(rows):
            if n and self.items.actions >= most:
                return rows[:n]
            if owed.message.key not in read:
                await self.standing(owed.message.key.split())
                read.add(owed.message.key)
        return rows

    async def facts(self, rows: Iterable[Owed], people: dict[tuple[str, str], Invitee]) -> Facts:
        """The facts about these messages; `people` has the items of their attendees."""
        messages = [owed.message for owed in rows]
        uids = dict.fromkeys(m.event_uid for m in messages if m.event_uid)
        organizers = dict.fromkeys(m.organizer for m in messages)
        await self._foresee_facts(messages, [*uids], [*organizers])
        events = await self.rows.many(EVENTS, [(uid, "event") for uid in uids])
        known = await self.rows.many(ORGANIZERS, [(one, "organizer") for one in organizers])
        refusing: dict[tuple[str, str], str] = {}
        for organizer in ("", *organizers):
            theirs = {m.email for m in messages if organizer in {"", m.organizer}}
            found = await self.refusing(organizer, theirs)
            refusing |= {(organizer, email): why for email, why in found.items()}
        campaigns = {m.campaign_id: await self.campaign(m.campaign_id) for m in messages if m.campaign_id}
        return Facts(
            events={event.uid: event for event in events},
            people=people,
            organizers={organizer.address: organizer for organizer in known},
            languages={one: await self.organizer_language(one) for one in organizers},
            campaigns={id_: campaign for id_, campaign in campaigns.items() if campaign},
            refusing=refusing,
            standings={key: await self.standing(key.split()) for key in {m.key for m in messages if m.key}},
            stopped={stop.organizer for stop in await self.stops()},
        )
