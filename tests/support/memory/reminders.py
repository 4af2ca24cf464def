"""A unit of work over a snapshot: who may be reminded."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime

from engine.model.messages import Chosen, Kind, MessageState
from engine.model.people import Attendee, Partstat
from engine.model.reminders import PAUSE, REMINDERS_MAX, ReminderGroup
from engine.store import rules
from tests.support.memory.ledger import LedgerUnit, touched


class ReminderUnit(LedgerUnit):
    """The part of a unit of work that concerns reminders."""

    async def reminder_groups(
        self, event_uid: str, who: Chosen, now: datetime, shown: int
    ) -> list[ReminderGroup]:
        groups: dict[str, list[str]] = {}
        for a in self.attendees_of(event_uid):
            if a.proven and (a.partstat in who.partstats or a.email in who.emails):
                groups.setdefault(self._reason(a, now), []).append(a.email)
        return [
            ReminderGroup(reason=why, people=len(emails), emails=tuple(emails[:shown]))
            for why, emails in sorted(groups.items())
        ]

    async def remindable(self, event_uid: str, emails: Collection[str], now: datetime) -> set[str]:
        people = [a for a in self.attendees_of(event_uid) if a.proven and a.email in emails]
        return {a.email for a in people if not self._reason(a, now)}

    def _reason(self, a: Attendee, now: datetime) -> str:
        organizer = self.t.get("event", a.event_uid).organizer
        if a.partstat in {Partstat.DECLINED, Partstat.DELEGATED}:
            return a.partstat.value
        if self.suppressed(a.email) or self.blocked(a.email, organizer) is not None:
            return "barred"
        rows = [
            r
            for _, r in self.owed(
                lambda m: (m.event_uid, m.email) == (a.event_uid, a.email) and bool(m.method)
            )
        ]
        settled = [r for r in rows if r.message.state in {MessageState.SENT, MessageState.FAILED}]
        if settled and settled[-1].message.state is MessageState.FAILED:
            return "bounced"
        if not any(r.message.method == "REQUEST" and (touched(r) or r.message.in_doubt) for r in rows):
            return "not_invited"
        ended = {MessageState.FAILED, MessageState.WITHDRAWN}
        reminded = [
            m
            for m in (r.message for r in rows)
            if m.kind is Kind.REMINDER and (m.state not in ended or m.in_doubt)
        ]
        if len(reminded) >= REMINDERS_MAX:
            return "reminded_often"
        if any(m.created > now - PAUSE for m in reminded):
            return "reminded_today"
        today = self.owed(
            lambda m: rules.counts_for_person(m) and rules.person(m.email) == rules.person(a.email)
        )
        full = sum(rules.day(r.message.created) == rules.day(now) for _, r in today) >= rules.PERSON_DAY
        return "person_limit" if full else ""
