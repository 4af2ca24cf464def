"""A unit of work over a snapshot: what dispatchers hold, each message by itself."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from engine.model.campaigns import Campaign, CampaignState
from engine.model.claims import Claim, SendResult
from engine.model.counters import Rates
from engine.model.events import Event
from engine.model.keys import Standing
from engine.model.messages import (
    UNTRIED,
    Attempt,
    Kind,
    Message,
    MessageState,
    Method,
    first_tried,
    with_attempt,
)
from engine.model.people import Attendee
from engine.refusals import Code
from engine.store import rules
from tests.support.memory.keys import KeyUnit
from tests.support.memory.quotas import QuotaUnit
from tests.support.memory.tables import Owed

_STANDS = {MessageState.QUEUED, MessageState.DEFERRED, MessageState.SENT}
_LOST = "the sender stopped before an answer was written down; the mail may have gone"


@dataclass(frozen=True)
class _Waiting:
    """What speaks for and against a message (engine.store.rules.Waiting)."""

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


def _person(row: Owed) -> tuple[str | None, str]:
    return row.message.event_uid, row.message.email


class ClaimUnit(QuotaUnit, KeyUnit):
    """The dispatcher's side of the ledger."""

    _turns: Counter[str]

    def reclaim(self, now: datetime, lease_s: float) -> None:
        """Take back what the dead held: it may have left."""
        for key, row in self.owed(lambda m: m.state.pending):
            if row.owner and not now.timestamp() <= row.until <= now.timestamp() + 2 * lease_s:
                tried = Attempt(at=now, state=MessageState.QUEUED, code="in_doubt", answer=_LOST)
                values = {
                    "state": MessageState.QUEUED,
                    "in_doubt": True,
                    "attempts": row.message.attempts + 1,
                }
                back = row.changed(**values)
                held = self._still_held(row)
                self.t.put(
                    "message", key, replace(back, owner="", attempts=(*row.attempts, tried), held=held)
                )

    def _still_held(self, row: Owed) -> bool:
        """A hold ends with its campaign, where the message was leased when that was cancelled."""
        return row.held and self._state_of(row.message.campaign_id) is not CampaignState.CANCELLED

    def renew(self, owner: str, until: float) -> set[int]:
        """Keep what `owner` holds."""
        mine = [(key, row) for key, row in self.owed(lambda m: m.state.pending) if row.owner == owner]
        for key, row in mine:
            self.t.put("message", key, replace(row, until=until))
        return {key for key, _ in mine}

    def claim(
        self, owner: str, limit: int, now: datetime, lease_s: float, rates: Rates, quota: str
    ) -> list[Claim]:
        """Hold what is due and may leave, in order."""
        limit = self._allowed("send", limit, now, rates.all)
        if rates.day:
            limit = min(limit, rules.left_of_day(rates.day, self._used(now)))
        service = self.quota(quota)
        limit = self._allowed(f"quota {quota}", limit, now, service.rate)
        limit = limit if service.remaining is None else min(limit, service.remaining)
        claims: list[Claim] = []
        self._turns = Counter[str]()
        for key, row in self._due(now):
            if len(claims) >= limit:
                break
            campaign = self.t.get("campaign", row.message.campaign_id)
            if not self._paced(row, campaign, now, rates):
                continue
            event = self.t.get("event", row.message.event_uid)
            if self.stopped(row):
                self.t.put("message", key, replace(row, held=True))
                continue
            code, newest = self._judged(row, event, now)
            standing = self.standing_now(row.message.key.split()).in_force(now)
            verdict = rules.KeyVerdict() if code else self._by_keys(row.message, event, standing, now)
            if verdict.held or verdict.due:
                changed = newest.changed(code=verdict.code or "", due=verdict.due or row.message.due)
                self.t.put("message", key, replace(changed, held=verdict.held))
                continue
            if not code and self._late(key, row.message, standing, now):
                continue
            code = code or verdict.code
            if code:
                self.settle([(key, row)], MessageState.WITHDRAWN, code, now)
                continue
            self.t.put("message", key, replace(newest, owner=owner, until=now.timestamp() + lease_s))
            claims.append(self._claim(newest, event)._replace(standing=standing))
            self._spend_all(newest, campaign, now, rates)
        if claims:
            self.spend_quota(quota, len(claims), now)
        return claims

    async def left_today(self, limit: int, now: datetime) -> int:
        return rules.left_of_day(limit, self._used(now))

    def _used(self, now: datetime) -> int:
        """Mails that left within 24 hours, by the hour, or that are held."""
        since = rules.hour(now) - 24
        gone = self.owed(lambda m: m.state is MessageState.SENT and m.settled is not None)
        held = self.owed(lambda m: m.state.pending)
        recent = sum(rules.hour(row.message.settled or now) >= since for _, row in gone)
        return recent + sum(bool(row.owner) for _, row in held)

    def _due(self, now: datetime) -> list[tuple[int, Owed]]:
        oldest = self._oldest()
        free = [
            (key, row)
            for key, row in self.owed(lambda m: m.state.pending and m.due <= now)
            if not (row.held or row.owner)
            and (row.message.method is None or oldest.get(_person(row), key) >= key)
        ]
        return sorted(free, key=lambda found: (self._rate(found[1]) > 0, *_place(*found)))

    def _rate(self, row: Owed) -> float:
        """The rate of a running campaign of its own: it holds nobody else up."""
        campaign = self.t.get("campaign", row.message.campaign_id)
        return (campaign.rate or 0) if campaign and campaign.state is CampaignState.RUNNING else 0

    def _oldest(self) -> dict[tuple[str | None, str], int]:
        """The oldest that is owed to each attendee: messages to one person keep their order."""
        found: dict[tuple[str | None, str], int] = {}
        for key, row in self.owed(lambda m: bool(m.method) and m.state.pending):
            if not row.held:
                found[_person(row)] = min(key, found.get(_person(row), key))
        return found

    def _paced(self, row: Owed, campaign: Campaign | None, now: datetime, rates: Rates) -> bool:
        own = self._rate(row)
        if campaign and own and not self._allowed(campaign.id, 1, now, own):
            return False
        domain = row.message.email.rpartition("@")[2]
        rate = rates.by_domain.get(domain, 0)
        if self._allowed(f"@{domain}", 1, now, rate):
            return True
        later = row.changed(due=self._turn(f"@{domain}", now, rate))
        self.t.put("message", row.message.id, later)
        return False

    def _by_keys(
        self, m: Message, event: Event | None, standing: Standing, now: datetime
    ) -> rules.KeyVerdict:
        if not m.key:
            return rules.KeyVerdict()
        return rules.by_keys(m.kind, m.email, event, standing, len(m.key.split()), now)

    async def spend_minutes(self, minutes: Mapping[str, int], now: datetime) -> bool:
        paces = {f"key:{key}": minute for key, minute in minutes.items()}
        at = now.timestamp()
        if not all(rules.allowed_in_minute(1, self.t.get("pace", k), at, m) for k, m in paces.items()):
            return False
        for pace, minute in paces.items():
            self.t.put("pace", pace, max(self.t.get("pace", pace) or 0.0, at) + 60 / minute)
        return True

    def _late(self, key: int, m: Message, standing: Standing, now: datetime) -> bool:
        """True if it would be too many in a minute for a key; then it is due when its turn comes."""
        for one in standing.keys:
            minute = one.bounds.minute if one.bounds else 0
            if not minute or m.kind in {Kind.CANCELLATION, Kind.WITHDRAWAL}:
                continue
            pace = f"key:{one.id}"
            after = self.t.get("pace", pace)
            if not rules.allowed_in_minute(1, after, now.timestamp(), minute):
                row = self.t.get("message", key)
                late = self._turn(pace, now, minute / 60)
                self.t.put("message", key, row.changed(due=late))
                return True
            self.t.put("pace", pace, max(after or 0.0, now.timestamp()) + 60 / minute)
        return False

    def _turn(self, pace: str, now: datetime, rate: float) -> datetime:
        """When the next of those that a rate does not let go now has its turn."""
        self._turns[pace] += 1
        return now + timedelta(seconds=self._turns[pace] / rate)

    def _allowed(self, key: str, limit: int, now: datetime, rate: float) -> int:
        return rules.allowed(limit, self.t.get("pace", key), now.timestamp(), rate)

    def _spend_all(self, row: Owed, campaign: Campaign | None, now: datetime, rates: Rates) -> None:
        domain = row.message.email.rpartition("@")[2]
        spent = {"send": rates.all, f"@{domain}": rates.by_domain.get(domain, 0)}
        if campaign:
            spent[campaign.id] = campaign.rate or 0
        for key, rate in spent.items():
            if rate:
                self.t.put("pace", key, max(self.t.get("pace", key) or 0.0, now.timestamp()) + 1 / rate)

    def _judged(self, row: Owed, event: Event | None, now: datetime) -> tuple[Code | None, Owed]:
        m = row.message
        attendee = self.t.get("attendee", (m.event_uid, m.email))
        campaign = self.t.get("campaign", m.campaign_id)
        waiting = _Waiting(
            kind=m.kind.value,
            method=m.method,
            recurrence_id=m.recurrence_id,
            campaign_state=campaign.state.value if campaign else None,
            suspended=(self.t.get("organizer", m.organizer) or ("", False))[1],
            suppressed=self.suppressed(m.email),
            blocked=self.blocked(m.email, m.organizer),
            partstat=attendee.partstat if attendee else None,
            proven=attendee.proven if attendee else None,
            withdrawn=attendee.withdrawn is not None if attendee else None,
            in_doubt=m.in_doubt,
            reached=self._reached(m),
        )
        code = rules.barred(waiting, event, now)
        if not code and event and rules.contradicted(m.kind, m.recurrence_id, event, None):
            code = Code.SUPERSEDED
        if code or event is None or m.method is None or m.sequence >= event.sequence:
            return code, row
        newer = row.changed(
            sequence=event.sequence,
            message_id=rules.leaving_message_id(
                m.message_id, m.sequence, event.sequence, in_doubt=m.in_doubt
            ),
        )
        wanted = rules.ledger_key(newer.message)
        others = self.owed(lambda o: o.repeat == m.repeat and rules.ledger_key(o) == wanted)
        for key, other in others:
            if not self._gives_way(other):
                return Code.SUPERSEDED, row
            self.t.put("message", key, other.changed(repeat=str(key)))
        return None, newer

    def _reached(self, m: Message) -> int | None:
        """Of a withdrawal by the organizer: whether a request has reached its person, or may yet have."""
        if m.kind is not Kind.WITHDRAWAL or m.prompted:
            return None
        asked = self.owed(
            lambda p: (p.event_uid, p.email) == (m.event_uid, m.email) and p.method == Method.REQUEST
        )
        return any(o.message.state in _STANDS or o.message.in_doubt for _, o in asked) if asked else None

    def _gives_way(self, other: Owed) -> bool:
        """True for what ended unsent, or is about to with its campaign."""
        m = other.message
        if m.state.pending:
            over = self._state_of(m.campaign_id) is CampaignState.CANCELLED
            return over and not (other.owner or m.in_doubt)
        return m.state is not MessageState.SENT and not m.in_doubt

    def _claim(self, row: Owed, event: Event | None) -> Claim:
        m = row.message
        name = (self.t.get("organizer", m.organizer) or ("",))[0]
        attendee: Attendee | None = self.t.get("attendee", (m.event_uid, m.email)) if m.method else None
        profile = self.t.get("profile", m.organizer)
        language = profile.language if profile else ""
        return Claim(m, event, attendee, name, language, first_tried=first_tried(row.attempts))

    def write(self, owner: str, answers: Sequence[SendResult], now: datetime) -> None:
        """Write down what came of messages that `owner` holds."""
        for answer in answers:
            row = self.t.get("message", answer.message_id)
            if row is None or row.owner != owner or not row.message.state.pending:
                continue
            self._write(row, answer, now)

    def _write(self, row: Owed, answer: SendResult, now: datetime) -> None:
        m = row.message
        tried = not answer.untried and answer.state is not MessageState.QUEUED
        settled = answer.state in {MessageState.SENT, MessageState.FAILED}
        new = row.changed(
            state=answer.state,
            code=answer.code,
            answer=answer.text,
            settled=now if settled else None,
            due=answer.due or m.due,
            attempts=m.attempts + tried,
            in_doubt=m.in_doubt or answer.in_doubt,
        )
        attempts = row.attempts
        if answer.state is MessageState.DEFERRED:
            code = UNTRIED if answer.untried else answer.code
            last = Attempt(at=now, state=answer.state, code=code, answer=answer.text)
            attempts = with_attempt(attempts, last)
        back = replace(new, owner="", until=0.0, attempts=attempts, held=self._still_held(row))
        self.t.put("message", m.id, back)
        if answer.state is MessageState.FAILED:
            self.note_failure(new.message)
        if answer.transport_id:
            self.t.put("transport", answer.transport_id, m.id)


def _place(key: str, row: Owed) -> tuple[int, datetime, str]:
    return row.priority, row.message.due, key
