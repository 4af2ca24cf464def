"""Events and their organizers."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from engine.model.base import Value
from engine.model.changes import ChangeKind
from engine.model.events import Event
from engine.store.dynamodb.changes import Noting
from engine.store.dynamodb.lists import ListQuestions
from engine.store.dynamodb.names import FOREVER, Key, joined, moment
from engine.store.dynamodb.rows import Entry, KindTable, shard


class KeptOrganizer(Value):
    """A stored organizer. `named`: the name was set explicitly, so mails do not change it.

    The others are those of OrganizerProfile.
    """

    address: str
    name: str = ""
    created: datetime
    suspended: bool = False
    registered: datetime | None = None
    named: bool = False
    zone: str = ""
    language: str = ""
    lists: bool = True
    drafts: bool = False
    addresses: tuple[str, ...] = ()


def _of_organizer(event: Event) -> Iterable[Entry]:
    yield event.organizer, f"{moment(event.created)}#{event.uid}"


def _by_start(event: Event) -> Iterable[Entry]:
    yield event.organizer, f"{moment(event.span.start_utc)}#{event.uid}"


def _of_keys(event: Event) -> Iterable[Entry]:
    if not event.cancelled:
        ends = moment(event.ends_at) if event.ends_at else FOREVER
        for key in event.key.split():
            yield key, f"{ends}#{event.uid}"


def _of_source(event: Event) -> Iterable[Entry]:
    if event.source_uid:
        yield event.organizer, joined(event.source_uid)


def _of_short_id(event: Event) -> Iterable[Entry]:
    if event.id:
        yield event.id, ""


EVENTS = KindTable[Event](
    "event",
    Event,
    key=lambda event: (event.uid, "event"),
    indexes={
        "organizer": _of_organizer,
        "starts": _by_start,
        "key": _of_keys,
        "source": _of_source,
        "id": _of_short_id,
    },
    # Units that owe a mail read its event, which is judged again when the mail is claimed (promise 7).
    checked=False,
)
ORGANIZERS = KindTable[KeptOrganizer](
    "organizer",
    KeptOrganizer,
    key=lambda organizer: (organizer.address, "organizer"),
    indexes={
        "domain": lambda o: [(o.address.rpartition("@")[2], joined(o.address)), ("", joined(o.address))]
    },
    checked=False,
)


class Sources(Value):
    """An item that changes with each event that is added with such a UID, so that two with the same UID conflict."""

    shard: int


SOURCES = KindTable[Sources]("source-shard", Sources, key=lambda one: (one.shard,), checked=False)
_SHARDS = 1_024


def _sources(organizer: str, source_uid: str) -> Sources:
    return Sources(shard=shard(joined(organizer, source_uid), _SHARDS))


def shown(organizer: str) -> Key:
    """The key of the counter of changes to an organizer's events, for pages that show them."""
    return joined("shown", organizer), "changes"


class EventQuestions(ListQuestions):
    """Questions about events and organizers."""

    async def event(self, uid: str) -> Event | None:
        """The event with this uid, or None."""
        return await self.rows.get(EVENTS, uid, "event")

    async def organizer(self, address: str) -> KeptOrganizer | None:
        """The organizer with this address, or None."""
        return await self.rows.get(ORGANIZERS, address, "organizer")

    async def event_by_source(self, organizer: str, source_uid: str) -> Event | None:
        """The organizer's event with this UID in the organizer's own calendar, or None."""
        place = joined(source_uid)
        found = await self.rows.items.query(
            EVENTS.listing("source", organizer), after=f"{place}#", before=f"{place}$", limit=1
        )
        return (await self.rows.pointed(EVENTS, found))[0] if found else None

    async def suspended(self, organizer: str) -> bool:
        """True if the operator has suspended this organizer."""
        found = await self.organizer(organizer)
        return found is not None and found.suspended

    async def registered(self, organizer: str) -> bool:
        """True if this address was registered as an organizer."""
        found = await self.organizer(organizer)
        return found is not None and found.registered is not None


class Events(EventQuestions, Noting):
    """Changes of events and organizers in a unit of work."""

    async def event_by_source(self, organizer: str, source_uid: str) -> Event | None:
        """As the question; if another unit adds such an event meanwhile, this one adds none."""
        await self.rows.get(SOURCES, _sources(organizer, source_uid).shard)
        return await super().event_by_source(organizer, source_uid)

    async def add_event(self, event: Event) -> None:
        """Add a new event, whose organizer must exist."""
        await self.rows.put(EVENTS, event)
        if event.source_uid:
            await self.rows.put(SOURCES, _sources(event.organizer, event.source_uid))
        self.touch(event.uid)
        self._note(event, None)

    async def save_event(self, event: Event) -> None:
        """Replace an event by its new revision."""
        old = await self.event(event.uid)
        await self.rows.put(EVENTS, event)
        self.touch(event.uid)
        self._note(event, old)

    def _note(self, event: Event, before: Event | None) -> None:
        if before is not None and before.sequence == event.sequence:
            return
        self.items.add(shown(event.organizer), "changes", 1)
        kind = ChangeKind.EVENT_CHANGED if before else ChangeKind.EVENT_CREATED
        self.note(
            ChangeKind.EVENT_CANCELLED if event.cancelled else kind,
            at=event.dtstamp,
            organizer=event.organizer,
            event_uid=event.uid,
            sequence=event.sequence,
            status=event.status.value,
            words=event.cancel_reason,
            chain=self.chain,
        )

    async def ensure_organizer(self, address: str, name: str, now: datetime) -> None:
        """Add an organizer, or set the name of an existing one."""
        known = await self.organizer(address)
        if known is None:
            await self.rows.put(ORGANIZERS, KeptOrganizer(address=address, name=name, created=now))
        elif name and not known.named and known.name != name:
            await self.rows.put(ORGANIZERS, known.model_copy(update={"name": name}))

    async def register(self, organizer: str, now: datetime) -> None:
        """Mark an existing organizer as registered."""
        known = await self.organizer(organizer)
        if known and known.registered is None:
            await self.rows.put(ORGANIZERS, known.model_copy(update={"registered": now}))

    async def set_suspended(self, organizer: str, *, suspended: bool) -> None:
        """Suspend an organizer, or end the suspension."""
        known = await self.organizer(organizer)
        if known:
            await self.rows.put(ORGANIZERS, known.model_copy(update={"suspended": suspended}))
