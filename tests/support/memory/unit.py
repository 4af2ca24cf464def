"""A unit of work over a snapshot: events, attendees, answers, feeds, keys and what else is remembered."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Sequence
from datetime import date, datetime
from typing import Any

from engine.model.answers import Delegation, InstanceAnswer, Proposal, ProposalState, Receipt
from engine.model.changes import Change, ChangeKind
from engine.model.counters import Intake
from engine.model.events import Event
from engine.model.feeds import GONE, Feed, FeedEntry
from engine.model.messages import MessageState
from engine.model.organizers import OrganizerProfile
from engine.model.people import Attendee, Origin, Partstat
from engine.store import rules
from engine.store.protocol import AlreadyTakenIn
from tests.support.memory.branding import Brandings
from tests.support.memory.budgets import BudgetUnit
from tests.support.memory.claims import ClaimUnit
from tests.support.memory.forgetting import ForgettingUnit
from tests.support.memory.inbox_messages import InboxUnit
from tests.support.memory.links import LinkUnit
from tests.support.memory.orders import OrderUnit
from tests.support.memory.record import RecordUnit
from tests.support.memory.reminders import ReminderUnit
from tests.support.memory.undo import UndoUnit
from tests.support.memory.webhooks import WebhookUnit

WORDS_MAX = 500


class Unit(WebhookUnit):
    """Everything that a command may read and write."""

    # events

    async def event(self, uid: str) -> Event | None:
        return self.t.get("event", uid)

    async def events_named(self, name: str, actor: str) -> list[Event]:
        low = name.lower()
        remembered = self.t.get("remembered", (actor, name))
        known = {low, remembered[1] if remembered else low}
        return [e for e in self.t.of("event").values() if e.uid in known or (e.id and e.id == low)]

    async def event_by_source(self, organizer: str, source_uid: str) -> Event | None:
        fits = (
            e for e in self.t.of("event").values() if (e.organizer, e.source_uid) == (organizer, source_uid)
        )
        return next(fits, None)

    async def single_dates(self, organizer: str, source_uid: str, limit: int) -> list[Event]:
        events = (e for e in self.t.of("event").values() if e.organizer == organizer and not e.cancelled)
        dates = [e for e in events if (e.source_uid or "").startswith(f"{source_uid} ")]
        return sorted(dates, key=lambda e: e.source_uid or "")[:limit]

    async def add_event(self, event: Event) -> None:
        assert event.uid not in self.t.of("event")
        self.t.put("event", event.uid, event)
        self._event_changed(event, None)

    async def save_event(self, event: Event) -> None:
        before = self.t.get("event", event.uid)
        self.t.put("event", event.uid, event)
        if before.sequence < event.sequence:
            self._keep_revision(before)
        self._event_changed(event, before)

    def _keep_revision(self, event: Event) -> None:
        kept = {**(self.t.get("revision", event.uid) or {}), event.sequence: event}
        newest = sorted(kept)[-rules.REVISIONS_KEPT :]
        self.t.put("revision", event.uid, {sequence: kept[sequence] for sequence in newest})

    def _event_changed(self, event: Event, before: Event | None) -> None:
        if before is not None and before.sequence == event.sequence:
            return
        kind = ChangeKind.EVENT_CHANGED if before else ChangeKind.EVENT_CREATED
        kind = ChangeKind.EVENT_CANCELLED if event.cancelled else kind
        values = {"sequence": event.sequence, "status": event.status, "words": event.cancel_reason}
        values["chain"] = self.chain
        self.note(event.uid, event.dtstamp, kind, **values)

    def note(self, event_uid: str | None, at: datetime, kind: ChangeKind, **values: Any) -> None:
        """Write a line of the log of changes."""
        event = self.t.get("event", event_uid)
        values["words"] = values.get("words", "")[:WORDS_MAX]
        organizer = values.pop("organizer", event.organizer if event else "")
        change = Change(id=0, at=at, kind=kind, organizer=organizer, event_uid=event_uid, **values)
        key = self.t.add("change", change)
        self.t.put("change", key, change.model_copy(update={"id": key}))

    def _chain_of(self, event_uid: str, email: str, at: datetime) -> str:
        chained = self.t.where(
            "change",
            lambda c: c.event_uid == event_uid and c.chain and c.at.timestamp() > at.timestamp() - 3600,
        )
        last = next(reversed(list(chained)), None)
        began = self.t.get("change", int(last.chain.partition(".")[0])) if last else None
        return (
            str(last.chain) if last and began and (began.event_uid, began.email) == (event_uid, email) else ""
        )

    async def note_complaint(
        self, email: str, organizer: str, event_uid: str | None, words: str, now: datetime
    ) -> None:
        self.note(event_uid, now, ChangeKind.COMPLAINT, email=email, organizer=organizer, words=words)

    async def ensure_organizer(self, address: str, name: str, now: datetime) -> None:
        known = self.t.get("organizer", address) or ("", False)
        self.t.put("organizer", address, (self._named(address) or name or known[0], known[1]))

    async def organizer_profile(self, address: str) -> OrganizerProfile | None:
        known = self.t.get("organizer", address)
        if known is None:
            return None
        kept = self.t.get("profile", address) or OrganizerProfile(address=address)
        facts = {"suspended": known[1], "registered": await self.registered(address)}
        return kept.model_copy(update={"name": kept.name or known[0], **facts})

    async def save_organizer(self, profile: OrganizerProfile) -> None:
        known = self.t.get("organizer", profile.address)
        named = profile.name if profile.name != known[0] else self._named(profile.address)
        update = {"name": named, "addresses": tuple(sorted(profile.addresses))}
        self.t.put("profile", profile.address, profile.model_copy(update=update))

    def _named(self, address: str) -> str:
        kept = self.t.get("profile", address)
        return kept.name if kept else ""

    async def organizer_language(self, organizer: str) -> str:
        kept = self.t.get("profile", organizer)
        return kept.language if kept else ""

    async def organizer_of(self, address: str) -> str:
        found = self.t.where("profile", lambda p: address in p.addresses)
        return next((p.address for p in found), "")

    async def suspended(self, organizer: str) -> bool:
        return bool(self.t.get("organizer", organizer) and self.t.get("organizer", organizer)[1])

    async def registered(self, organizer: str) -> bool:
        return organizer in self.t.of("registered")

    async def register(self, organizer: str, now: datetime) -> None:
        if not await self.registered(organizer):
            self.t.put("registered", organizer, now)

    async def set_suspended(self, organizer: str, *, suspended: bool) -> None:
        self.t.put("organizer", organizer, (self.t.get("organizer", organizer)[0], suspended))

    async def knows_organizer(self, address: str) -> bool:
        return address in self.t.of("organizer")

    # attendees

    async def attendee(self, event_uid: str, email: str) -> Attendee | None:
        return self.t.get("attendee", (event_uid, email))

    async def known_attendees(self, event_uid: str, emails: Collection[str]) -> list[Attendee]:
        found = (self.t.get("attendee", (event_uid, email)) for email in emails)
        return [a for a in found if a]

    async def attendee_by_token(self, token: str) -> Attendee | None:
        return next(self.t.where("attendee", lambda a: a.token == token), None)

    async def attendee_count(self, event_uid: str) -> int:
        return len(self._counted(event_uid))

    def _counted(self, event_uid: str) -> list[Attendee]:
        """Counters are those of before the unit."""
        return [a for a in self.t.before.get("attendee", {}).values() if self._here(a, event_uid)]

    def _here(self, attendee: Attendee, event_uid: str) -> bool:
        return attendee.event_uid == event_uid and attendee.withdrawn is None

    async def add_attendees(self, attendees: Sequence[Attendee]) -> None:
        tokens = {a.token for a in self.t.of("attendee").values()}
        zoned = {a.email for a in (*self.t.of("attendee").values(), *attendees) if a.zone}
        for attendee in attendees:
            key = (attendee.event_uid, attendee.email)
            assert attendee.event_uid in self.t.of("event")
            known = self.t.get("attendee", key)
            if known is None:
                assert attendee.token not in tokens
                tokens.add(attendee.token)
                zone = attendee.zone or (self._zone_of(attendee) if attendee.email in zoned else "")
                self.t.put("attendee", key, attendee.model_copy(update={"zone": zone}))
            elif attendee.proven:
                self.t.put("attendee", key, known.model_copy(update={"proven": True}))

    def _zone_of(self, attendee: Attendee) -> str:
        organizer = self.t.get("event", attendee.event_uid).organizer
        answered = [
            a
            for a in self.t.where("attendee", lambda a: a.email == attendee.email and a.zone)
            if self.t.get("event", a.event_uid).organizer == organizer and a.receipt_arrived
        ]
        return max(answered, key=lambda a: a.receipt_arrived).zone if answered else ""

    async def lacking(self, event_uid: str, field: str) -> int:
        people = [a for a in self.attendees_of(event_uid) if a.origin is not Origin.SHARED]
        return sum(not (a.name if field == "name" else a.fields.get(field)) for a in people)

    async def change_attendee(self, old: Attendee, new: Attendee) -> None:
        kept = (
            "partstat",
            "prodid",
            "receipt_sequence",
            "receipt_dtstamp",
            "receipt_arrived",
            "proven",
            "withdrawn",
            "zone",
            "name",
            "fields",
        )
        known = self.t.get("attendee", (new.event_uid, new.email))
        changed = known.model_copy(update={name: getattr(new, name) for name in kept})
        self.t.put("attendee", (new.event_uid, new.email), changed)

    async def invited(self, event_uid: str, emails: Collection[str]) -> set[str]:
        ended = {MessageState.FAILED, MessageState.WITHDRAWN}
        have = {
            m.email for m in self.messages_of(event_uid) if m.method and (m.state not in ended or m.in_doubt)
        }
        came = {a.email for a in self.attendees_of(event_uid) if a.origin is Origin.SHARED and a.proven}
        people = {a.email: a for a in self.t.where("attendee", lambda a: a.event_uid == event_uid)}
        gone = {email for email, a in people.items() if a.withdrawn is not None}
        return (have | came | gone) & set(emails) & set(people)

    async def answers(self, event_uid: str) -> dict[Partstat, int]:
        counted = Counter(a.partstat for a in self._counted(event_uid))
        return {partstat: counted[partstat] for partstat in Partstat}

    async def places_taken(self, event_uid: str) -> int:
        people = self.t.where("attendee", lambda a: self._here(a, event_uid))
        return sum(a.partstat.holds_place for a in people)

    async def limited_invites(self, event_uid: str) -> int:
        return sum(a.origin.limited for a in self._counted(event_uid))

    async def counted_receipt(
        self, event_uid: str, email: str, recurrence_id: date | datetime | None = None
    ) -> Receipt | None:
        said = (event_uid, email, recurrence_id)
        found = self.t.where(
            "receipt", lambda r: r.counted and (r.event_uid, r.email, r.recurrence_id) == said
        )
        return next(reversed(list(found)), None)

    async def record_receipt(self, receipt: Receipt) -> None:
        self.t.add("receipt", receipt)
        values = {"sequence": receipt.sequence, "status": receipt.partstat.label, "code": receipt.code}
        values["chain"] = self._chain_of(receipt.event_uid, receipt.email, receipt.arrived)
        self.note(
            receipt.event_uid,
            receipt.arrived,
            ChangeKind.RECEIPT,
            email=receipt.email,
            words=receipt.comment,
            **values,
        )

    async def automatic_replies(self, event_uid: str, email: str) -> list[Change]:
        wanted = (ChangeKind.AUTOMATIC_REPLY, event_uid, email)
        return list(self.t.where("change", lambda c: (c.kind, c.event_uid, c.email) == wanted))

    async def note_automatic_reply(
        self, event_uid: str, email: str, words: str, now: datetime, most: int
    ) -> bool:
        if len(await self.automatic_replies(event_uid, email)) >= most:
            return False
        self.note(event_uid, now, ChangeKind.AUTOMATIC_REPLY, email=email, words=words)
        return True

    # answers

    async def instance_answer(
        self, event_uid: str, email: str, recurrence_id: date | datetime
    ) -> InstanceAnswer | None:
        return self.t.get("instance_answer", (event_uid, email, recurrence_id.isoformat()))

    async def save_instance_answer(self, answer: InstanceAnswer) -> None:
        key = (answer.event_uid, answer.email, answer.recurrence_id.isoformat())
        self.t.put("instance_answer", key, answer)

    async def add_proposal(self, proposal: Proposal) -> None:
        self.t.put("proposal", proposal.id, proposal)
        if proposal.state is ProposalState.OPEN:
            values = {"sequence": proposal.sequence, "status": proposal.state, "words": proposal.comment}
            values["chain"] = self._chain_of(proposal.event_uid, proposal.email, proposal.arrived)
            self.note(
                proposal.event_uid, proposal.arrived, ChangeKind.PROPOSAL, email=proposal.email, **values
            )

    async def settle_proposal(self, proposal: Proposal, state: ProposalState) -> Proposal:
        settled = proposal.model_copy(update={"state": state})
        self.t.put("proposal", proposal.id, settled)
        return settled

    async def proposals(
        self,
        event_uid: str,
        email: str | None = None,
        state: ProposalState | None = ProposalState.OPEN,
        limit: int = 10_000,
    ) -> list[Proposal]:
        found = self.t.where("proposal", lambda p: p.event_uid == event_uid)
        return [p for p in found if email in {None, p.email} and state in {None, p.state}][:limit]

    async def add_delegation(self, delegation: Delegation) -> None:
        key = (delegation.event_uid, delegation.delegator, delegation.delegate)
        if key not in self.t.of("delegation"):
            self.t.put("delegation", key, delegation)

    async def delegations(self, event_uid: str, email: str) -> list[Delegation]:
        found = self.t.where("delegation", lambda d: d.event_uid == event_uid)
        return sorted((d for d in found if email in {d.delegator, d.delegate}), key=lambda d: d.at)

    async def end_proxy(self, event_uid: str, delegate: str) -> None:
        for key, found in list(self.t.of("delegation").items()):
            if key[0] == event_uid and key[2] == delegate:
                self.t.put("delegation", key, found.model_copy(update={"added": False}))

    async def alias(self, event_uid: str, email: str) -> str:
        return self.t.get("alias", (event_uid, email)) or ""

    async def add_alias(self, event_uid: str, email: str, alias: str) -> None:
        if (event_uid, email) not in self.t.of("alias"):
            self.t.put("alias", (event_uid, email), alias)

    # calendars that are imported again and again

    async def feed(self, feed_id: str) -> Feed | None:
        return self.t.get("feed", feed_id)

    async def save_feed(self, feed: Feed) -> None:
        self.t.put("feed", feed.id, feed)

    async def feed_entries(self, feed_id: str) -> list[FeedEntry]:
        return [entry for key, entry in self.t.of("feed_entry").items() if key[0] == feed_id]

    async def standing_entries(self, feed_id: str, now: datetime) -> set[str]:
        entries = await self.feed_entries(feed_id)
        events = {entry.source_uid: self.t.get("event", entry.event_uid) for entry in entries}
        return {uid for uid, event in events.items() if not event.cancelled and not event.finished(now)}

    async def save_feed_entries(self, feed_id: str, entries: Sequence[FeedEntry]) -> None:
        for entry in entries:
            self.t.put("feed_entry", (feed_id, entry.source_uid), entry)

    async def drop_feed_entries(self, feed_id: str, source_uids: Collection[str]) -> None:
        for uid in source_uids:
            self.t.drop("feed_entry", (feed_id, uid))

    async def in_other_feed(self, feed_id: str, event_uid: str) -> bool:
        return any(
            key[0] != feed_id and entry.event_uid == event_uid and not entry.digest.startswith(GONE)
            for key, entry in self.t.of("feed_entry").items()
        )

    # requests

    async def remembered(self, actor: str, key: str) -> tuple[str, str] | None:
        return self.t.get("remembered", (actor, key))

    async def remember(self, actor: str, key: str, digest: str, uid: str, now: datetime) -> None:
        assert (actor, key) not in self.t.of("remembered")
        self.t.put("remembered", (actor, key), (digest, uid))

    async def taken_in(self, intake_id: str) -> Intake | None:
        return self.t.get("intake", intake_id)

    async def old_requests(self, before: datetime, after: Intake | None, limit: int) -> list[Intake]:
        old = sorted(self.t.where("intake", lambda i: i.at < before), key=lambda i: (i.at, i.id))
        return [i for i in old if after is None or (i.at, i.id) > (after.at, after.id)][:limit]

    async def drop_requests(self, ids: Collection[str]) -> None:
        for one in ids:
            self.t.drop("intake", one)

    async def take_in(self, intake: Intake) -> None:
        if intake.id in self.t.of("intake"):
            raise AlreadyTakenIn(intake.id)
        self.t.put("intake", intake.id, intake)


class WholeUnit(
    ClaimUnit,
    ReminderUnit,
    BudgetUnit,
    RecordUnit,
    LinkUnit,
    ForgettingUnit,
    InboxUnit,
    UndoUnit,
    OrderUnit,
    Brandings,
    Unit,
):
    """What a unit of this store can do, claims among it."""
