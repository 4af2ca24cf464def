"""What is asked of the store in memory: always of the newest snapshot."""

from __future__ import annotations

import unicodedata
from collections import Counter
from collections.abc import AsyncIterator, Callable, Collection, Sequence
from datetime import datetime
from typing import Any

from engine.model import cursors
from engine.model.answers import ProposalState, Receipt
from engine.model.campaigns import Campaign
from engine.model.changes import ChangeKind
from engine.model.confirmations import Confirmation, ConfirmationKind
from engine.model.counters import (
    AnswerGroup,
    AnswerGrouping,
    DomainBrief,
    Intake,
    KeptMail,
    KeptSums,
    OrganizerBrief,
    Statistics,
)
from engine.model.events import Event
from engine.model.held import HeldAction
from engine.model.keys import Key
from engine.model.messages import History, Message, MessageState
from engine.model.people import Attendee, Partstat
from engine.model.queries import AttendeePage, AttendeeQuery, ChangePage, EventName, EventPage, EventQuery
from engine.model.searching import WordsRead
from engine.model.sessions import LoginSession, SignInLink
from engine.model.stops import Stop
from engine.store import rules
from tests.support.memory import stops
from tests.support.memory.held import listed
from tests.support.memory.ledger import shown
from tests.support.memory.tables import Tables
from tests.support.memory.unit import WholeUnit

_MADE_BY_MAIL = {"created", "updated", "cancelled"}


class Asked:
    """The questions that a unit does not answer as well."""

    _kept: Tables

    def _begin(self) -> WholeUnit:
        return WholeUnit(Tables(self._kept.rows, self._kept.version))

    async def events_with_statistics(self, name: str, actor: str) -> list[tuple[Event, Statistics]]:
        events = await self._begin().events_named(name, actor)
        return [(event, await self.statistics("event", event.uid)) for event in events]

    async def statistics(self, scope: str, key: str) -> Statistics:
        mine = self._of(scope, key)
        found = Statistics()
        people = [a for a in self._kept.of("attendee").values() if mine(a.event_uid) and a.withdrawn is None]
        for name, n in Counter(name for a in people for name in rules.attendee_counters(a)).items():
            group, _, member = name.partition(".")
            if member:
                getattr(found, group)[member] = n
        for row in self._kept.of("message").values():
            if row.message.kind.calendar and mine(row.message.event_uid):
                found.delivery[shown(row).state.value] += 1
        open_ones = [
            p
            for p in self._kept.of("proposal").values()
            if mine(p.event_uid) and p.state is ProposalState.OPEN
        ]
        return found.model_copy(update={"attendees": len(people), "proposals": len(open_ones)})

    def _of(self, scope: str, key: str) -> Callable[[str | None], bool]:
        def mine(uid: str | None) -> bool:
            event = self._kept.get("event", uid)
            return event is not None and key == _key_of(event, scope)

        return mine

    async def event_names(self, uids: Collection[str]) -> dict[str, EventName]:
        found = (self._kept.of("event").get(uid) for uid in uids)
        return {event.uid: EventName(id=event.id, summary=event.summary) for event in found if event}

    async def uids(self, organizer: str | None, beginning: str, limit: int) -> list[str]:
        events = self._kept.of("event").values()
        fits = (e.uid for e in events if e.uid.startswith(beginning) and organizer in {None, e.organizer})
        return sorted(fits)[:limit]

    async def attendees(self, query: AttendeeQuery) -> AttendeePage:
        (after,) = cursors.opened(query.cursor, int) if query.cursor else (0,)
        people = list(self._begin().attendees_of(query.uid))
        if query.by_answer:
            people = sorted((a for a in people if a.receipt_arrived), key=_answered)
        fits = [(n, a) for n, a in enumerate(people, start=1) if _belongs(query, a)]
        found = [(n, a) for n, a in fits if n > int(str(after))]
        page = found[: query.limit]
        more = len(found) > query.limit
        return AttendeePage(
            uid=query.uid,
            attendees=tuple(a for _, a in page),
            next_cursor=cursors.written(page[-1][0]) if more else None,
        )

    async def answer_groups(self, scope: str, key: str, by: AnswerGrouping, limit: int) -> list[AnswerGroup]:
        events = [e for e in self._kept.of("event").values() if key == _key_of(e, scope)]
        groups: dict[str, list[Attendee]] = {}
        for event in events:
            for one in self._begin().attendees_of(event.uid):
                if by not in {AnswerGrouping.CLIENT, AnswerGrouping.HOUR} or one.receipt_arrived:
                    groups.setdefault(_group_of(one, by), []).append(one)
        titles = {event.uid: event for event in events} if by is AnswerGrouping.EVENT else {}
        found = [_counted(name, people, by, titles.get(name)) for name, people in groups.items()]
        if by is AnswerGrouping.HOUR:
            return sorted(found, key=lambda g: g.key, reverse=True)[:limit]
        return sorted(found, key=lambda g: (-g.people, g.key))[:limit]

    async def organizers(
        self, domain: str, beginning: str, limit: int, after: str = ""
    ) -> list[OrganizerBrief]:
        fitting = sorted(
            address
            for address in self._kept.of("organizer")
            if address > after and address.startswith(beginning) and domain in {"", address.partition("@")[2]}
        )
        counted = [(one, (await self.statistics("organizer", one)).attendees) for one in fitting[:limit]]
        return [OrganizerBrief(address=address, invited=invited) for address, invited in counted]

    async def organizer_domains(self, limit: int) -> list[DomainBrief]:
        found = Counter(address.partition("@")[2] for address in self._kept.of("organizer"))
        ordered = sorted(found.items(), key=lambda item: (-item[1], item[0]))
        return [DomainBrief(domain=domain, organizers=n) for domain, n in ordered[:limit]]

    async def every_attendee(self, uid: str) -> AsyncIterator[Attendee]:
        for attendee in self._begin().attendees_of(uid):
            yield attendee

    async def history(self, event_uid: str, email: str) -> list[History]:
        rows = self._begin().owed(lambda m: (m.event_uid, m.email) == (event_uid, email) and bool(m.method))
        return [History(message=shown(row), attempts=row.attempts) for _, row in rows]

    async def receipts(self, event_uid: str, email: str) -> list[Receipt]:
        return list(self._kept.where("receipt", lambda r: (r.event_uid, r.email) == (event_uid, email)))

    async def instance_answers(
        self, event_uid: str, email: str | None = None, recurrence_id: Any = None
    ) -> list[Any]:
        instance = recurrence_id.isoformat() if recurrence_id else None
        found = self._kept.of("instance_answer").items()
        return [
            answer
            for key, answer in sorted(found, key=lambda item: (item[0][2], item[0][1]))
            if key[0] == event_uid and email in {None, key[1]} and instance in {None, key[2]}
        ]

    async def campaigns(
        self, organizer: str | None, limit: int, before: tuple[datetime, str] | None = None
    ) -> list[Campaign]:
        found = self._kept.where("campaign", lambda c: organizer in {None, c.organizer})
        older = [c for c in found if before is None or (c.created, c.id) < before]
        return sorted(older, key=lambda c: (c.created, c.id), reverse=True)[:limit]

    async def failures(self, campaign_id: str, limit: int) -> list[Message]:
        rows = self._begin().owed(lambda m: m.campaign_id == campaign_id and m.state is MessageState.FAILED)
        return [row.message for _, row in rows][:limit]

    async def message_by_message_id(self, message_id: str) -> Message | None:
        rows = self._begin().owed(lambda m: m.message_id == message_id)
        return shown(rows[0][1]) if rows else None

    async def changes(
        self, owner: str | None, since: str | None, limit: int, *kinds: ChangeKind
    ) -> ChangePage:
        found = list(self._kept.where("change", lambda c: owner in {None, c.organizer}))
        found = [change for change in found if not kinds or change.kind in kinds]
        if since is not None:
            (after,) = cursors.opened(since, int)
            found = [change for change in found if change.id > int(str(after))]
        page = found[-limit:] if since is None else found[:limit]
        cursor = cursors.written(page[-1].id if page else 0) if page or since is None else since
        return ChangePage(changes=tuple(page), cursor=cursor, more=since is not None and len(found) > limit)

    async def key_by_digest(self, digest: str) -> Key | None:
        return next((key for key in self._kept.of("key").values() if key.digest == digest), None)

    async def keys(self) -> list[Key]:
        return list(self._kept.of("key").values())

    # search

    async def search(self, query: EventQuery) -> EventPage:
        start, _, asked = cursors.opened(query.cursor, int, int, int) if query.cursor else (0, 0, 0)
        fits = sorted(
            (e for e in self._kept.of("event").values() if _fits(e, query) and self._peopled(e, query)),
            key=lambda e: (e.span.start_utc, e.uid),
        )
        page = fits[int(str(start)) : int(str(start)) + query.limit]
        end = int(str(start)) + len(page)
        return EventPage(
            events=tuple(page),
            next_cursor=cursors.written(end, 0, asked) if end < len(fits) else None,
            search_cursor=cursors.written(" ".join(e.uid for e in page)) if page else None,
            occasions=tuple(e.span for e in page),
            read=WordsRead(),
        )

    def _peopled(self, event: Event, query: EventQuery) -> bool:
        people = any(
            a.event_uid == event.uid and a.withdrawn is None for a in self._kept.of("attendee").values()
        )
        return query.has_attendees in {None, people}

    async def listed(self, search_cursor: str) -> tuple[str, ...]:
        (uids,) = cursors.opened(search_cursor, str, longest=cursors.LISTED_MAX)
        known = tuple(uid for uid in str(uids).split() if uid in self._kept.of("event"))
        if not known:
            raise cursors.forged()
        return known

    async def names(self, organizer: str | None, phrases: Collection[str]) -> frozenset[str]:
        events = [e for e in self._kept.of("event").values() if organizer in {None, e.organizer}]
        texts = [" ".join(_words(e)) for e in events]
        return frozenset(p for p in phrases if any(" ".join(_split(p)) in text for text in texts))

    # the inbox

    async def tokens(self, asked: Collection[str]) -> set[str]:
        known = {a.token for a in self._kept.of("attendee").values()} | set(self._kept.of("confirmation"))
        return (known | {h.code for h in self._kept.of("held").values()}) & set(asked)

    def token_now(self, token: str) -> bool | None:
        return None

    async def organizes(self, address: str) -> bool:
        agents = (key.address for key in self._kept.of("key").values())
        return address in {*self._kept.of("organizer"), *agents}

    async def noted(self, intake_prefix: str) -> bool:
        return bool(await self.notes(intake_prefix))

    async def notes(self, intake_prefix: str) -> list[Intake]:
        found = self._kept.where("intake", lambda i: i.id.startswith(intake_prefix))
        return sorted(found, key=lambda i: (i.at, i.id))

    async def replaced_revisions(self, event_uid: str) -> list[Event]:
        kept = self._kept.get("revision", event_uid) or {}
        return [kept[sequence] for sequence in sorted(kept)]

    async def left_today(self, limit: int, now: datetime) -> int:
        return await self._begin().left_today(limit, now)

    async def organizer_name(self, organizer: str) -> str:
        return await self._begin().organizer_name(organizer)

    async def mails_of_event(self, event_uid: str, limit: int) -> list[str]:
        lines = self._kept.where("intake", lambda i: i.uid == event_uid and i.action in _MADE_BY_MAIL)
        return list(
            dict.fromkeys(i.id.partition(":")[0] for i in sorted(lines, key=lambda i: i.id, reverse=True))
        )[:limit]

    async def events_of_mails(self, mails: Collection[str]) -> dict[str, datetime | None]:
        found: dict[str, datetime | None] = {}
        for line in self._kept.of("intake").values():
            mail, event = line.id.partition(":")[0], self._kept.get("event", line.uid)
            if mail in mails and event and line.action in _MADE_BY_MAIL:
                ends = (found.get(mail, event.ends_at), event.ends_at)
                found[mail] = None if None in ends else max(end for end in ends if end)
        return found

    async def registrations(self, address: str | None, limit: int) -> list[Confirmation]:
        found = self._kept.where(
            "confirmation",
            lambda c: (
                c.used is None
                and c.kind is ConfirmationKind.REGISTRATION
                and (address is None or c.address == address)
            ),
        )
        return sorted(found, key=lambda c: (c.address, c.created))[:limit]

    async def stops(self) -> list[Stop]:
        return stops.listed(self._kept)

    async def session(self, digest: str) -> LoginSession | None:
        return self._kept.get("session", digest)

    async def sign_in(self, digest: str) -> SignInLink | None:
        return self._kept.get("sign_in", digest)

    async def held_action(self, held_id: str) -> HeldAction | None:
        return self._kept.get("held", held_id)

    async def held_by_code(self, code: str) -> HeldAction | None:
        return next(self._kept.where("held", lambda h: h.code == code), None)

    async def held_actions(
        self,
        organizer: str | None,
        *,
        waiting: bool,
        limit: int,
        before: tuple[float, str] | None = None,
        asked: str | None = None,
    ) -> list[HeldAction]:
        return listed(self._kept, organizer, waiting=waiting, limit=limit, before=before, asked=asked)

    async def registered(self, organizer: str) -> bool:
        return organizer in self._kept.of("registered")

    async def proven_since(self, now: datetime, limit: int) -> list[Confirmation]:
        sure = {key for key, proof in self._kept.of("proof").items() if proof["sure"]}

        def given(c: Confirmation) -> bool:
            if c.kind is ConfirmationKind.REGISTRATION:
                return c.address in self._kept.of("registered")
            return c.kind is ConfirmationKind.FIRST_PROOF and any((c.address, p) in sure for p in c.proofs)

        found = self._kept.where("confirmation", lambda c: c.used is None and c.expires > now and given(c))
        return sorted(found, key=lambda c: c.created)[:limit]

    # raw mails that changed nothing

    async def kept_sums(self) -> KeptSums:
        kept, dropped = self._kept.of("kept").values(), self._kept.of("dropped").values()
        return KeptSums(
            kept_mails=len(kept),
            kept_bytes=sum(mail.size for mail in kept),
            dropped_mails=len(dropped),
            dropped_bytes=sum(mail.size for mail in dropped),
        )

    async def first_to_go(self, limit: int, now: datetime, share_max: int | None = None) -> list[KeptMail]:
        mails = self._unawaited(now)
        sums: Counter[tuple[bool, str]] = Counter()
        for mail in self._kept.of("kept").values():
            sums[mail.proven, mail.share] += mail.size
        largest = [share for share, _ in sums.most_common()]
        order = [share for share in largest if share_max is not None and sums[share] > share_max]
        order += [share for share in largest if not share[0]]
        order += [share for share in largest if share[0] and share_max is not None]
        for proven, share in order:
            if found := [m for m in mails if (m.proven, m.share) == (proven, share)]:
                return found[:limit]
        return []

    async def waiting_before(self, before: datetime, limit: int, now: datetime) -> list[str]:
        return [m.mail for m in self._unawaited(now) if m.waits and m.at < before][:limit]

    async def not_kept(self, mails: Sequence[str]) -> list[str]:
        return [mail for mail in mails if mail not in self._kept.of("kept")]

    def _unawaited(self, now: datetime) -> list[KeptMail]:
        waiting = {
            c.mail
            for c in self._kept.of("confirmation").values()
            if c.used is None and c.expires > now and c.asked
        }
        return sorted(
            (m for m in self._kept.of("kept").values() if m.mail not in waiting), key=lambda m: m.at
        )


def _key_of(event: Event, scope: str) -> str:
    domain = event.organizer.rpartition("@")[2]
    keys = {"event": event.uid, "organizer": event.organizer, "domain": domain, "system": ""}
    return keys[scope]


def _split(text: str) -> list[str]:
    plain = "".join(c for c in unicodedata.normalize("NFKD", text.casefold()) if not unicodedata.combining(c))
    return "".join(c if c.isalnum() else " " for c in plain).split()


def _words(event: Event) -> list[str]:
    return _split(" ".join((event.summary, event.location, event.description)))


def _fits(event: Event, query: EventQuery) -> bool:
    words, wanted = _words(event), _split(query.query)
    spoken = bool(wanted) or not query.query.strip()
    return (
        spoken
        and all(any(word.startswith(part) for word in words) for part in wanted)
        and query.organizer in {None, event.organizer}
        and query.status in {None, event.status}
        and (
            query.after is None
            or event.ends_at is None
            or _there(event, event.ends_at, query.after) > query.after
        )
        and (query.before is None or _there(event, event.span.start_utc, query.before) < query.before)
    )


def _there(event: Event, moment: datetime, bound: datetime) -> datetime:
    """A moment of an event as a bound is given: on the event's own clock, if that has no zone."""
    return moment if bound.tzinfo else moment.astimezone(event.span.zone).replace(tzinfo=None)


def _answered(attendee: Attendee) -> float:
    return attendee.receipt_arrived.timestamp() if attendee.receipt_arrived else 0.0


def _belongs(query: AttendeeQuery, attendee: Attendee) -> bool:
    since = query.answered_since
    return (
        query.status in {None, attendee.partstat}
        and query.domain in {"", attendee.email.partition("@")[2]}
        and _named(attendee, query.words.lower())
        and (since is None or (attendee.receipt_arrived is not None and attendee.receipt_arrived >= since))
    )


def _named(attendee: Attendee, words: str) -> bool:
    whole = {attendee.email, attendee.email[attendee.email.index("@") :], ""}
    return words in whole or words in attendee.name.lower()


def _group_of(attendee: Attendee, by: AnswerGrouping) -> str:
    hour = f"{attendee.receipt_arrived:%Y-%m-%dT%H}:00:00Z" if attendee.receipt_arrived else ""
    named = {
        AnswerGrouping.EVENT: attendee.event_uid,
        AnswerGrouping.CLIENT: attendee.prodid,
        AnswerGrouping.HOUR: hour,
    }
    return {**named, AnswerGrouping.NONE: "", AnswerGrouping.DOMAIN: attendee.email.partition("@")[2]}[by]


def _counted(name: str, people: list[Attendee], by: AnswerGrouping, event: Event | None) -> AnswerGroup:
    return AnswerGroup(
        key=name,
        people=len({a.email for a in people}) if by is AnswerGrouping.NONE else len(people),
        rsvp={p.label: sum(a.partstat is p for a in people) for p in Partstat},
        summary=event.summary if event else "",
        cancelled=bool(event and event.cancelled),
    )
