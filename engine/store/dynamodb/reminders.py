"""Finds attendees who may be reminded of an event: none too often, and none for whom it is useless."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime

from engine.model.messages import Chosen, Kind, MessageState
from engine.model.people import Partstat
from engine.model.reminders import PAUSE, REMINDERS_MAX, ReminderGroup
from engine.store import rules
from engine.store.dynamodb.ledger import LedgerQuestions
from engine.store.dynamodb.owed import INVITEES, Invitee, notified
from engine.store.dynamodb.suppressions import SuppressionQuestions

_SETTLED = frozenset({MessageState.SENT, MessageState.FAILED})
_PAGE = 100


class Reminders(SuppressionQuestions, LedgerQuestions):
    """The part of a unit of work for reminders."""

    async def reminder_groups(
        self, event_uid: str, who: Chosen, now: datetime, shown: int
    ) -> list[ReminderGroup]:
        """The attendees in `who`, grouped by why they get no reminder, with the first `shown` of each by address."""
        sizes: dict[str, int] = {}
        first: dict[str, list[str]] = {}
        page: list[Invitee] = []
        async for invitee in self.rows.each_under(INVITEES, event_uid, "attendee"):
            if invitee.attendee.partstat in who.partstats or invitee.attendee.email in who.emails:
                page.append(invitee)
            if len(page) == _PAGE:
                await self._group(page, now, shown, sizes, first)
                page = []
        await self._group(page, now, shown, sizes, first)
        return [
            ReminderGroup(reason=why, people=n, emails=tuple(first[why])) for why, n in sorted(sizes.items())
        ]

    async def _group(
        self,
        page: Sequence[Invitee],
        now: datetime,
        shown: int,
        sizes: dict[str, int],
        first: dict[str, list[str]],
    ) -> None:
        for email, why in (await self._reasons(page, now)).items():
            sizes[why] = sizes.get(why, 0) + 1
            if len(emails := first.setdefault(why, [])) < shown:
                emails.append(email)

    async def remindable(self, event_uid: str, emails: Collection[str], now: datetime) -> set[str]:
        """Those of `emails` who may be reminded of the event now."""
        reasons = await self._reasons(await self.invitees(event_uid, emails), now)
        return {email for email, why in reasons.items() if not why}

    async def _reasons(self, people: Sequence[Invitee], now: datetime) -> dict[str, str]:
        """Why each of the relevant people gets no reminder; empty if they get one."""
        counts = [i for i in people if i.attendee.proven and i.attendee.withdrawn is None]
        if not counts:
            return {}
        event = await self.event(counts[0].attendee.event_uid)
        emails = [i.attendee.email for i in counts]
        barred = await self.barred(event.organizer if event else "", emails)
        held, mails = await self.held_ids(), await self.person_mails(emails, now)
        full = {who for who, n in mails.items() if n.all >= rules.PERSON_DAY}
        return {
            i.attendee.email: "barred"
            if i.attendee.email in barred and not _declined(i)
            else _reason(i, held, full, now)
            for i in counts
        }


def _declined(invitee: Invitee) -> bool:
    return invitee.attendee.partstat in {Partstat.DECLINED, Partstat.DELEGATED}


def _reason(invitee: Invitee, held: Collection[str], full: Collection[str], now: datetime) -> str:
    messages, attendee = invitee.messages, invitee.attendee
    if _declined(invitee):
        return attendee.partstat.value
    settled = [m for m in messages if m.state in _SETTLED]
    if settled and settled[-1].state is MessageState.FAILED:
        return "bounced"
    if not any(notified(m, held) for m in messages):
        return "not_invited"
    reminded = [m for m in messages if m.kind is Kind.REMINDER and not m.ended]
    if len(reminded) >= REMINDERS_MAX:
        return "reminded_often"
    if any(m.created > now - PAUSE for m in reminded):
        return "reminded_today"
    return "person_limit" if rules.person(attendee.email) in full else ""
