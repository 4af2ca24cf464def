"""Finds attendees who may be reminded of an event: none too often, and none for whom it is useless."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime

from engine.model.messages import Chosen
from engine.model.reminders import PAUSE, REMINDERS_MAX, ReminderGroup
from engine.store.rules import PERSON_DAY, day
from engine.store.sqlite.ledger import NOTIFIED, Ledger
from engine.store.sqlite.person_schema import PERSON
from engine.store.sqlite.session import IN_LIST, as_list
from engine.store.sqlite.suppressions import by_domain

_OF_PERSON = "m.event_uid = a.event_uid AND m.email = a.email"
_REMINDED = (
    f"FROM message m WHERE {_OF_PERSON} AND m.kind = 'reminder' AND "
    "(m.state NOT IN ('failed','withdrawn') OR m.in_doubt = 1)"
)
_BOUNCED = (
    f"(SELECT m.state = 'failed' FROM message m WHERE {_OF_PERSON} AND m.method IS NOT NULL "
    "AND m.state IN ('sent','failed') ORDER BY m.id DESC LIMIT 1)"
)
_REASON = f"""CASE
    WHEN a.partstat IN ('declined','delegated') THEN a.partstat
    WHEN EXISTS (SELECT 1 FROM suppression s WHERE s.email = a.email)
        OR EXISTS (SELECT 1 FROM block b WHERE b.email = a.email AND b.organizer = e.organizer)
        OR {by_domain("a.email", "''")} OR {by_domain("a.email", "e.organizer")} THEN 'barred'
    WHEN {_BOUNCED} THEN 'bounced'
    WHEN NOT EXISTS (SELECT 1 FROM message m WHERE {_OF_PERSON} AND {NOTIFIED}) THEN 'not_invited'
    WHEN (SELECT count(*) {_REMINDED}) >= {REMINDERS_MAX} THEN 'reminded_often'
    WHEN EXISTS (SELECT 1 {_REMINDED} AND m.created > ?) THEN 'reminded_today'
    WHEN EXISTS (SELECT 1 FROM person_mail p WHERE p.day = ? AND p.person = {PERSON.replace("email", "a.email")}
        AND p.n >= {PERSON_DAY}) THEN 'person_limit'
    ELSE '' END"""
_OF_EVENT = (
    f"SELECT a.id, a.email, {_REASON} AS reason FROM attendee a JOIN event e ON e.uid = a.event_uid "
    "WHERE a.event_uid = ? AND a.proven = 1 AND a.withdrawn IS NULL"
)


class Reminders(Ledger):
    """The part of a unit of work for reminders."""

    async def reminder_groups(
        self, event_uid: str, who: Chosen, now: datetime, shown: int
    ) -> list[ReminderGroup]:
        """The attendees in `who`, grouped by why they get no reminder, with the first `shown` of each by address."""
        found = await self.all(
            f"SELECT email, reason, n FROM (SELECT email, reason, count(*) OVER (PARTITION BY reason) AS n, "
            f"row_number() OVER (PARTITION BY reason ORDER BY id) AS place FROM ({_OF_EVENT} "
            f"AND (a.partstat {IN_LIST} OR a.email {IN_LIST}))) WHERE place <= ? ORDER BY reason, place",
            [
                (now - PAUSE).timestamp(),
                day(now),
                event_uid,
                as_list(who.partstats),
                as_list(who.emails),
                shown,
            ],
        )
        groups: dict[str, list[str]] = {}
        sizes: dict[str, int] = {}
        for row in found:
            groups.setdefault(row["reason"], []).append(row["email"])
            sizes[row["reason"]] = row["n"]
        return [ReminderGroup(reason=r, people=sizes[r], emails=tuple(groups[r])) for r in groups]

    async def remindable(self, event_uid: str, emails: Collection[str], now: datetime) -> set[str]:
        """Those of `emails` who may be reminded of the event now."""
        found = await self.all(
            f"SELECT email FROM ({_OF_EVENT} AND a.email {IN_LIST}) WHERE reason = ''",
            [(now - PAUSE).timestamp(), day(now), event_uid, as_list(emails)],
        )
        return {row["email"] for row in found}
