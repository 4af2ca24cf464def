"""Answers grouped by event, domain, calendar client or hour, counted when asked."""

from __future__ import annotations

from engine.model.counters import AnswerGroup, AnswerGrouping
from engine.model.people import Partstat
from engine.store.sqlite.counters import at_domain
from engine.store.sqlite.search import Search

_KEYS = {
    AnswerGrouping.EVENT: "a.event_uid",
    AnswerGrouping.DOMAIN: "substr(a.email, instr(a.email, '@') + 1)",
    AnswerGrouping.CLIENT: "a.prodid",
    AnswerGrouping.NONE: "''",
    AnswerGrouping.HOUR: "strftime('%Y-%m-%dT%H:00:00Z', a.receipt_arrived, 'unixepoch')",
}
_SCOPES = {
    "event": "a.event_uid = ?",
    "organizer": "e.organizer = ?",
    "domain": f"{at_domain('e.organizer')} = ?",
}
_ANSWERED = {AnswerGrouping.CLIENT, AnswerGrouping.HOUR}
"""Groupings that include only attendees who have answered."""


class Groups(Search):
    """Questions that count attendees in groups."""

    async def answer_groups(self, scope: str, key: str, by: AnswerGrouping, limit: int) -> list[AnswerGroup]:
        """The largest groups, or the newest hours; `scope` is event, organizer or domain."""
        where = _SCOPES[scope]
        answered = " AND a.receipt_arrived IS NOT NULL" if by in _ANSWERED else ""
        sums = ", ".join(f"sum(a.partstat = '{p.value}') AS \"{p.label}\"" for p in Partstat)
        people = "count(DISTINCT a.email)" if by is AnswerGrouping.NONE else "count(*)"
        order = "grouped DESC" if by is AnswerGrouping.HOUR else "people DESC, grouped"
        found = await self.all(
            f"SELECT {_KEYS[by]} AS grouped, {people} AS people, e.status = 'cancelled' AS cancelled, "
            f"json_extract(e.body, '$.summary') AS summary, {sums} FROM attendee a JOIN event e ON e.uid = a.event_uid "
            f"WHERE {where} AND a.withdrawn IS NULL{answered} GROUP BY grouped ORDER BY {order} LIMIT ?",
            [key, limit],
        )
        of_event = by is AnswerGrouping.EVENT
        return [
            AnswerGroup(
                key=row["grouped"],
                people=row["people"],
                rsvp={p.label: row[p.label] for p in Partstat},
                summary=row["summary"] if of_event else "",
                cancelled=bool(row["cancelled"]) if of_event else False,
            )
            for row in found
        ]
