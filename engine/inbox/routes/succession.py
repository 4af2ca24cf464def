"""A series that goes on as another one keeps its people: whoever had the old series is invited to the new one.

Calendars change "this and all following" by ending the series and beginning a new one, each in a mail of its own.
"""

from __future__ import annotations

import re
from datetime import timedelta

from engine.commands.mails.first_proof import NewProof
from engine.engine import Engine
from engine.inbox.handling.once import ALREADY_RECEIVED, apply_once
from engine.inbox.handling.received import MailAction, Outcome, ReceivedMail, named, turned_down
from engine.inbox.routes.list_campaign import DraftAndStart
from engine.model.events import Event
from engine.model.list_rows import ListRow
from engine.model.messages import Fanout, Kind
from engine.model.people import Attendee, Partstat
from engine.model.queries import EventQuery

_GOOGLE = re.compile(r"(.+)_R\d{8}(?:T\d{6}Z?)?(@google\.com)")
"""The UID that Google gives to what follows a series, made of that of the series."""
_GAP = timedelta(days=40)
"""How long before the new series the old one may end: one occurrence of a monthly rule."""
_JUST_NOW = timedelta(hours=1)
PEOPLE_MAX = 1_000


async def continue_series(engine: Engine, received: ReceivedMail, event: Event) -> str:
    """Invite the people of the series that `event` goes on with; what was done, in words, empty if there is none.

    An organizer whose proof is new invites as many as that proof may reach, else no one.
    """
    old = await _predecessor(engine, event) if event.recurring and not received.flagged else None
    return await _continued(engine, received, old, event) if old else ""


async def continued_before(engine: Engine, received: ReceivedMail, event: Event) -> str:
    """As `continue_series`, where the mail that began the new series came before the one that ends `event`."""
    new = await _successor(engine, event) if event.recurring and not received.flagged else None
    return await _continued(engine, received, event, new) if new else ""


async def _continued(engine: Engine, received: ReceivedMail, old: Event, event: Event) -> str:
    people = await _people(engine, old)
    if not people:
        return ""
    if len(people) > PEOPLE_MAX:
        return _not_invited(old, event, "they are too many to be invited without being asked for")
    try:
        outcome = await _invited(engine, received, event, people)
    except NewProof:
        return _not_invited(old, event, "what proves your mail is new")
    if outcome.code and outcome != ALREADY_RECEIVED:
        return _not_invited(old, event, outcome.detail)
    return f"{event.uid} continues the series {old.uid}, whose {len(people)} people are invited to it."


def _not_invited(old: Event, event: Event, why: str) -> str:
    return f"{event.uid} continues the series {old.uid}, whose attendees are not invited to it: {why}."


async def _predecessor(engine: Engine, event: Event) -> Event | None:
    """The series that ended just before `event` begins, if its calendar says so or has just shortened it for that."""
    start = event.span.start_utc
    query = EventQuery(organizer=event.organizer, after=start - _GAP, before=start, limit=100)
    before = (await engine.store.search(query)).events
    if base := _google_base(event):
        parts = [old for old in before if _part_before(old, event)]
        newest = max(parts, key=lambda old: old.span.start_utc, default=None)
        return newest or await engine.store.event_by_source(event.organizer, base)
    found = [old for old in before if old.summary == event.summary and _ended_for(old, event)]
    return max(found, key=lambda old: old.ends_at or old.dtstamp, default=None)


def _google_base(event: Event) -> str:
    """The UID of the series of which Google's UID says that `event` follows it; empty if it says nothing."""
    match = _GOOGLE.fullmatch(event.source_uid or "")
    return match.group(1) + match.group(2) if match else ""


def _of_google(old: Event, base: str) -> bool:
    return base in {old.source_uid, _google_base(old)}


def _part_before(old: Event, event: Event) -> bool:
    """True if `old` is a part of the series of which Google's UID says that `event` follows it, and begins before."""
    stands = old.recurring and not old.cancelled and old.uid != event.uid
    return stands and _of_google(old, _google_base(event)) and old.span.start_utc < event.span.start_utc


async def _successor(engine: Engine, event: Event) -> Event | None:
    """The series that begins where `event` ends since a moment ago, and that came shortly before that."""
    if event.ends_at is None or event.cancelled:
        return None
    query = EventQuery(organizer=event.organizer, after=event.ends_at, before=event.ends_at + _GAP, limit=100)
    found = [
        new
        for new in (await engine.store.search(query)).events
        if new.recurring
        and not new.sequence
        and new.summary == event.summary
        and new.span.start_utc >= event.ends_at
        and timedelta(0) <= event.dtstamp - new.created <= _JUST_NOW
        and (not _google_base(new) or _of_google(event, _google_base(new)))
        and _ended_for(event, new)
    ]
    return min(found, key=lambda new: new.span.start_utc, default=None)


def _ended_for(old: Event, event: Event) -> bool:
    """True if `old` was a series that ended before `event` begins, and that a moment ago went on."""
    if old.uid == event.uid or old.cancelled or old.ends_at is None or old.ends_at > event.span.start_utc:
        return False
    shortened = any(e.recurrence_id is None and e.recurrence != old.recurrence for e in old.earlier)
    return old.recurring and shortened and abs(event.created - old.dtstamp) <= _JUST_NOW


async def _people(engine: Engine, event: Event) -> list[Attendee]:
    """Who has the event, or is owed it, and did not decline it; a few more than are invited at once at most."""
    job = Fanout(event_uid=event.uid, kind=Kind.UPDATE, partstats=frozenset(Partstat) - {Partstat.DECLINED})
    found: list[Attendee] = []
    cursor: str | None = ""
    while cursor is not None and len(found) <= PEOPLE_MAX:
        job = job.model_copy(update={"cursor": cursor})
        async with engine.store.unit() as unit:
            people, cursor = await unit.audience(job, 100)
        found += [a for a in people if a.partstat is not Partstat.DECLINED]
    return found


async def _invited(engine: Engine, received: ReceivedMail, event: Event, people: list[Attendee]) -> Outcome:
    rows = [ListRow(a.email, a.name, dict(a.fields), number) for number, a in enumerate(people, start=1)]
    return await apply_once(
        engine,
        # Each part of a mail is weighed by itself here, since the rehearsal of the mail made no series to go on with.
        received.model_copy(update={"weighed": False}),
        DraftAndStart(uid=event.uid, recipients=rows, report_to=received.mail.from_address),
        received.actor,
        outcome=lambda done: Outcome(action=MailAction.CAMPAIGN, uid=done.event.uid),
        part=f"goes-on:{named(event.uid)}",
        no=turned_down,
    )
