"""Questions of callers about events and attendees."""

from __future__ import annotations

from collections.abc import AsyncIterator, Collection

from engine.model import cursors
from engine.model.answers import Receipt
from engine.model.counters import AnswerGroup, AnswerGrouping, Statistics
from engine.model.events import Event
from engine.model.messages import History
from engine.model.people import Attendee, Partstat
from engine.model.queries import AttendeePage, AttendeeQuery, EventName
from engine.store.dynamodb.answers import AnswerQuestions
from engine.store.dynamodb.attendees import RECEIPTS
from engine.store.dynamodb.events import EVENTS, ORGANIZERS
from engine.store.dynamodb.names import joined
from engine.store.dynamodb.owed import INVITEES
from engine.store.dynamodb.requests import REMEMBERED, RequestQuestions
from engine.store.dynamodb.statistics import StatisticsQuestions

_HISTORY_MAX = 500
_ID_LENGTH = 8
"""The length of short ids, which differs from that of uids."""
_BEGINNING = (0.0, "")
_ANSWERED = {AnswerGrouping.CLIENT, AnswerGrouping.HOUR}
"""Groupings that include only attendees who have answered."""


class NamingQuestions(RequestQuestions):
    """Questions about events by their names."""

    async def events_named(self, name: str, actor: str) -> list[Event]:
        """The events with this uid, this short id, or made with this key by the address `actor`."""
        remembered = await self.remembered(actor, name)
        uids = [name.lower(), *([remembered[1]] if remembered else [])]
        named = await self.rows.many(EVENTS, [(uid, "event") for uid in dict.fromkeys(uids)])
        by_id = await self.rows.by(EVENTS, "id", name.lower())
        return list({event.uid: event for event in [*named, *by_id]}.values())

    async def single_dates(self, organizer: str, source_uid: str, limit: int) -> list[Event]:
        """The organizer's events, not cancelled, made of single dates of this UID, in order of their dates."""
        first = joined(source_uid)
        found: list[Event] = []
        async for event in self.rows.each_by(
            EVENTS, "source", organizer, after=f"{first} ", before=f"{first}!"
        ):
            if not event.cancelled:
                found.append(event)
            if len(found) == limit:
                break
        return found

    async def event_names(self, uids: Collection[str]) -> dict[str, EventName]:
        """Short id and title of each of these events, by uid; those unknown are left out."""
        found = await self.rows.many(EVENTS, [(uid, "event") for uid in uids])
        return {event.uid: EventName(id=event.id, summary=event.summary) for event in found}


class Questions(NamingQuestions, AnswerQuestions, StatisticsQuestions):
    """The store's own questions about events and attendees."""

    async def events_named(self, name: str, actor: str) -> list[Event]:
        """The events that a name can mean; its form decides where to look first, for fewer reads than in a unit.

        Names are read as of a moment ago, events consistently.
        """
        rows, wanted = self.rows, name.lower()
        key = await rows.items.get_eventual(REMEMBERED.at(actor, name))
        found = await rows.many(EVENTS, [(REMEMBERED.value(key).uid, "event")]) if key else []
        if len(name) == _ID_LENGTH:
            listed = await rows.items.query(EVENTS.listing("id", wanted), consistent=False)
            found += await rows.pointed(EVENTS, listed)
        else:
            found += await rows.many(EVENTS, [(wanted, "event")])
        if not found:
            return await super().events_named(name, actor)
        return list({event.uid: event for event in found}.values())

    async def events_with_statistics(self, name: str, actor: str) -> list[tuple[Event, Statistics]]:
        """Like `events_named`, each with its counters."""
        events = await self.events_named(name, actor)
        return [(event, await self.statistics("event", event.uid)) for event in events]

    # attendees

    async def attendees(self, query: AttendeeQuery) -> AttendeePage:
        """A page of attendees of an event: by address, or in the order of their answers."""
        after = _opened(query.cursor) if query.cursor else _BEGINNING
        if query.by_answer:
            answered = [a async for a in self.every_attendee(query.uid) if a.receipt_arrived]
            people = sorted((a for a in answered if _place(query, a) > after), key=lambda a: _place(query, a))
            found = [a for a in people if _fits(query, a)][: query.limit + 1]
        else:
            found = []
            async for a in self.every_attendee(query.uid, after[1]):
                if _fits(query, a):
                    found.append(a)
                if len(found) > query.limit:
                    break
        page = found[: query.limit]
        more = len(found) > query.limit
        cursor = cursors.written(*_place(query, page[-1])) if more else None
        return AttendeePage(uid=query.uid, attendees=tuple(page), next_cursor=cursor)

    async def every_attendee(self, uid: str, after: str = "") -> AsyncIterator[Attendee]:
        """All attendees of an event after this address, by address, read in pages."""
        place = joined("attendee", after) if after else ""
        async for invitee in self.rows.each_under(INVITEES, uid, "attendee", after=place):
            if invitee.attendee.withdrawn is None:
                yield invitee.attendee

    async def history(self, event_uid: str, email: str) -> list[History]:
        """The newest messages to one attendee of an event, oldest first, with attempts that settled nothing."""
        found = (await self.messages_to(event_uid, email))[-_HISTORY_MAX:]
        return [History(message=await self.shown(owed), attempts=owed.attempts) for owed in found]

    async def receipts(self, event_uid: str, email: str) -> list[Receipt]:
        """The newest receipts of one attendee of an event, oldest first."""
        found = await self.rows.under(
            RECEIPTS, event_uid, "receipt", email, limit=_HISTORY_MAX, backwards=True
        )
        return [kept.receipt for kept in reversed(found)]

    # groups

    async def answer_groups(self, scope: str, key: str, by: AnswerGrouping, limit: int) -> list[AnswerGroup]:
        """Attendees of an event, an organizer or an organizers' domain in groups: the largest, or the newest hours.

        It reads all attendees.
        """
        groups: dict[str, _Group] = {}
        async for event in self._events_of(scope, key):
            async for attendee in self.every_attendee(event.uid):
                if by in _ANSWERED and not attendee.receipt_arrived:
                    continue
                name = _grouped(attendee, by)
                groups.setdefault(name, _Group(event)).add(attendee, by)
        found = [group.counted(name, by) for name, group in groups.items()]
        if by is AnswerGrouping.HOUR:
            return sorted(found, key=lambda g: g.key, reverse=True)[:limit]
        return sorted(found, key=lambda g: (-g.people, g.key))[:limit]

    async def _events_of(self, scope: str, key: str) -> AsyncIterator[Event]:
        if scope == "event":
            event = await self.event(key)
            if event:
                yield event
            return
        domain = scope == "domain"
        organizers = [o async for o in self._at(key)] if domain else [key]
        for organizer in organizers:
            async for event in self.rows.each_by(EVENTS, "organizer", organizer):
                yield event

    async def _at(self, domain: str) -> AsyncIterator[str]:
        async for organizer in self.rows.each_by(ORGANIZERS, "domain", domain):
            yield organizer.address


class _Group:
    """Attendees who have something in common."""

    def __init__(self, event: Event) -> None:
        self._event = event
        self._rsvp = {p.label: 0 for p in Partstat}
        self._people = 0
        self._addresses: set[str] = set()

    def add(self, attendee: Attendee, by: AnswerGrouping) -> None:
        """Count an attendee; if one group has all of them, each address is counted only once among the people."""
        self._rsvp[attendee.partstat.label] += 1
        self._people += 1
        if by is AnswerGrouping.NONE:
            self._addresses.add(attendee.email)

    def counted(self, name: str, by: AnswerGrouping) -> AnswerGroup:
        """The group with its counts."""
        people = len(self._addresses) if by is AnswerGrouping.NONE else self._people
        if by is not AnswerGrouping.EVENT:
            return AnswerGroup(key=name, people=people, rsvp=self._rsvp)
        e = self._event
        return AnswerGroup(key=name, people=people, rsvp=self._rsvp, summary=e.summary, cancelled=e.cancelled)


def _grouped(attendee: Attendee, by: AnswerGrouping) -> str:
    arrived = attendee.receipt_arrived
    found = {
        AnswerGrouping.EVENT: attendee.event_uid,
        AnswerGrouping.DOMAIN: attendee.email.rpartition("@")[2],
        AnswerGrouping.CLIENT: attendee.prodid,
        AnswerGrouping.HOUR: arrived.strftime("%Y-%m-%dT%H:00:00Z") if arrived else "",
        AnswerGrouping.NONE: "",
    }
    return found[by]


def _opened(cursor: str) -> tuple[float, str]:
    at, email = cursors.opened(cursor, float, str)
    return float(str(at)), str(email)


def _place(query: AttendeeQuery, attendee: Attendee) -> tuple[float, str]:
    arrived = attendee.receipt_arrived if query.by_answer else None
    return arrived.timestamp() if arrived else 0.0, attendee.email


def _fits(query: AttendeeQuery, attendee: Attendee) -> bool:
    since, domain = query.answered_since, attendee.email.rpartition("@")[2]
    return (
        query.status in {None, attendee.partstat}
        and query.domain in {"", domain}
        and (since is None or bool(attendee.receipt_arrived and attendee.receipt_arrived >= since))
        and _named(query.words.lower(), attendee)
    )


def _named(words: str, attendee: Attendee) -> bool:
    known = {"", attendee.email, f"@{attendee.email.rpartition('@')[2]}"}
    return words in known or words in attendee.name.lower()
