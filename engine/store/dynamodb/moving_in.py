"""Converts documents of another store to items of the table: values with their index entries, and derived items."""

from __future__ import annotations

import json
from bisect import bisect_right
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from itertools import groupby
from typing import Any, TypeVar

from pydantic import BaseModel

from engine.model.answers import Proposal, ProposalState
from engine.model.changes import Change, ChangeKind
from engine.model.counters import KeptMail
from engine.model.events import Event
from engine.model.list_rows import Recipient
from engine.model.messages import Message, MessageState
from engine.model.people import Attendee
from engine.store.dynamodb.answers import AUTOMATIC_REPLIES, AutomaticReply
from engine.store.dynamodb.attendees import MAILED, ZONES, LastZone, Mailed
from engine.store.dynamodb.budgets import counted_of_key, mails_of
from engine.store.dynamodb.bulk_changes import CHANGES, KeptChange
from engine.store.dynamodb.campaigns import CAMPAIGNS
from engine.store.dynamodb.change_pages import Places
from engine.store.dynamodb.changes import CHAINS, ENTRIES, HEADS, SHARDS, ChangeEntry, LastChain, ShardHead
from engine.store.dynamodb.day_limit import SENT_HOURS
from engine.store.dynamodb.events import EVENTS, ORGANIZERS, shown
from engine.store.dynamodb.kinds import TABLES
from engine.store.dynamodb.links import LINKS, counters
from engine.store.dynamodb.lists import CHUNKS, SKIPPED, Chunk
from engine.store.dynamodb.names import Key, joined, number
from engine.store.dynamodb.organizers import ADDRESSES, FurtherAddress
from engine.store.dynamodb.owed import INVITEES, MAILS, OLDER, Invitee, Owed, summary
from engine.store.dynamodb.pictures import CONTENTS, PICTURES, PictureContent
from engine.store.dynamodb.posted import SIZES
from engine.store.dynamodb.quarantine import SHARES, SUMS, Share
from engine.store.dynamodb.record import HEAD, ROWS, KeptHead
from engine.store.dynamodb.revisions import REPLACED, Replaced
from engine.store.dynamodb.rows import KindTable
from engine.store.dynamodb.sessions import SESSIONS, KeptSession
from engine.store.dynamodb.tallies import SHARDS as TALLY_SHARDS
from engine.store.dynamodb.tallies import campaign_key, event_key, organizer_key
from engine.store.dynamodb.touched import PEOPLED, Peopled
from engine.store.dynamodb.triggers import DELIVERIES, NAMES, TRIGGERS, Name, counted_at
from engine.store.dynamodb.webhooks import WEBHOOKS
from engine.store.dynamodb.wires import Item
from engine.store.protocol.moving import Document, place_text
from engine.store.rules import attendee_counters

_CHANGES_TOGETHER = 20
_ROWS_TOGETHER = 500
Value = Mapping[str, Any]
Said = Iterator[Item]


class ItemsOfDocuments:
    """Converts documents to items, kind by kind in the order of `KINDS`; sums follow at the end."""

    def __init__(self) -> None:
        self.numbers: Counter[tuple[Key, str]] = Counter()
        self._organizers: dict[str, str] = {}
        self._rated: set[str] = set()
        self._peopled: set[str] = set()
        self._mailed: dict[tuple[str, str], datetime] = {}
        self._zones: dict[tuple[str, str], tuple[datetime, str]] = {}
        self._chains: dict[str, LastChain] = {}
        self._shares: Counter[tuple[bool, str, str]] = Counter()
        self._lots: list[tuple[int, ...]] = []
        self._pending: list[Change] = []
        self._waiting: list[tuple[str, Value]] = []
        self._head = KeptHead(seq=0, head="")
        self._makers: dict[str, Callable[[Value], Said]] = {
            "organizer": self._organizer,
            "event": self._event,
            "revision": self._revision,
            "campaign": self._campaign,
            "attendee": self._attendee,
            "mail": self._mail,
            "proposal": self._proposal,
            "bulk-change": self._bulk_change,
            "session": self._session,
            "sent-hour": self._sent_hour,
            "kept-mail": self._kept_mail,
            "dropped": self._dropped,
            "picture": self._picture,
            "link": self._link,
            "trigger": self._trigger,
            "delivery": self._delivery,
            "posted": self._posted,
            "webhook": self._webhook,
            "record": self._record,
        }

    def items(self, documents: Sequence[Document]) -> Said:
        """The items of these documents."""
        for kind, some in groupby(documents, key=lambda document: document.kind):
            values = [document.value for document in some]
            if kind == "row":
                yield from self._rows(values)
            elif kind == "change":
                yield from self._changes([_of(Change, value) for value in values])
            elif maker := self._makers.get(kind):
                for value in values:
                    yield from maker(value)
            else:
                table = TABLES[kind]
                for value in values:
                    yield from table.items(table.of_plain(value))

    def rest(self) -> Said:
        """The items that depend on all documents."""
        yield from self._lot(len(self._pending))
        for shard in range(SHARDS):
            if entries := len(self._lots[shard::SHARDS]):
                yield from HEADS.items(ShardHead(shard=shard, entries=entries))
        for chain in self._chains.values():
            yield from CHAINS.items(chain)
        for (organizer, domain), first in self._mailed.items():
            yield from MAILED.items(Mailed(organizer=organizer, domain=domain, first=first))
        for (organizer, email), (arrived, zone) in self._zones.items():
            yield from ZONES.items(LastZone(organizer=organizer, email=email, zone=zone, arrived=arrived))
        for proven, share in dict.fromkeys((proven, share) for proven, share, _ in self._shares):
            counts = {name: self._shares[proven, share, name] for name in ("mails", "bytes")}
            yield from SHARES.items(Share(proven=proven, share=share, **counts))
        if self._head.seq:
            yield from HEAD.items(self._head)
        for kind, value in self._waiting:
            yield from _plain(TRIGGERS if kind == "trigger" else WEBHOOKS, self._with_cursor(value))

    # organizers, events, lists

    def _organizer(self, value: Value) -> Said:
        yield from _plain(ORGANIZERS, value)
        for address in value["addresses"]:
            yield from ADDRESSES.items(FurtherAddress(address=address, organizer=value["address"]))

    def _event(self, value: Value) -> Said:
        event = EVENTS.of_plain(value)
        self._organizers[event.uid] = event.organizer
        self.numbers[shown(event.organizer), "changes"] += 1
        yield from EVENTS.items(event)

    def _revision(self, value: Value) -> Said:
        event: Event = EVENTS.of_plain(value)
        yield from REPLACED.items(Replaced(n=event.sequence, event=event))

    def _campaign(self, value: Value) -> Said:
        kept = CAMPAIGNS.of_plain(value)
        if kept.campaign.rate:
            self._rated.add(kept.campaign.id)
        yield from CAMPAIGNS.items(kept)

    def _rows(self, values: Sequence[Value]) -> Said:
        for list_id, some in groupby(values, key=lambda value: str(value["list_id"])):
            rows = [Recipient(**value["row"]) for value in some]
            for first in range(0, len(rows), _ROWS_TOGETHER):
                yield from CHUNKS.items(
                    Chunk(list_id=list_id, rows=tuple(rows[first : first + _ROWS_TOGETHER]))
                )
            self.numbers[campaign_key(list_id, 0), SKIPPED] += sum(bool(row.code) for row in rows)

    # people and what they are owed

    def _attendee(self, value: Value) -> Said:
        attendee = _of(Attendee, value["attendee"])
        owed = [self._counted(one) for one in value["messages"]]
        newest, older = (owed[-1], owed[:-1]) if owed else (None, [])
        yield from INVITEES.items(Invitee(attendee=attendee, newest=newest, past=tuple(map(summary, older))))
        for one in older:
            yield from OLDER.items(one)
        yield from self._known(attendee)

    def _known(self, attendee: Attendee) -> Said:
        """The items derived from an attendee."""
        uid, organizer = attendee.event_uid, self._organizers[attendee.event_uid]
        for name in attendee_counters(attendee):
            self._count(uid, organizer, name)
        if uid not in self._peopled:
            self._peopled.add(uid)
            yield from PEOPLED.items(Peopled(organizer=organizer, uid=uid))
        domain = organizer, attendee.email.rpartition("@")[2]
        self._mailed[domain] = min(self._mailed.get(domain, attendee.created), attendee.created)
        if attendee.zone:
            person, arrived = (organizer, attendee.email), attendee.receipt_arrived or attendee.created
            if person not in self._zones or self._zones[person][0] < arrived:
                self._zones[person] = arrived, attendee.zone

    def _mail(self, value: Value) -> Said:
        yield from MAILS.items(self._counted(value))

    def _counted(self, value: Value) -> Owed:
        rated = value["message"]["campaign_id"] in self._rated
        owed = _of(Owed, {**value, "rated": rated})
        m = owed.message
        if m.kind.calendar:
            self._count(m.event_uid if m.method else None, m.organizer, f"delivery.{m.state}")
        self._settled(m)
        return owed

    def _settled(self, m: Message) -> None:
        if m.campaign_id:
            self.numbers[campaign_key(m.campaign_id, 0), m.state.value] += 1
        if m.state is MessageState.FAILED:
            self.numbers[organizer_key(m.organizer, 0), f"failure.{m.code}"] += 1
        if name := counted_of_key(m):
            for key in m.key.split():
                self.numbers[mails_of(key, hash(m.id) % TALLY_SHARDS), name] += 1

    def _count(self, uid: str | None, organizer: str, name: str) -> None:
        if uid is not None:
            self.numbers[event_key(uid, 0), name] += 1
        self.numbers[organizer_key(organizer, 0), name] += 1

    def _proposal(self, value: Value) -> Said:
        proposal = _of(Proposal, value["proposal"])
        if proposal.state is ProposalState.OPEN:
            self._count(proposal.event_uid, self._organizers[proposal.event_uid], "proposals")
        yield from _plain(TABLES["proposal"], value)

    def _bulk_change(self, value: Value) -> Said:
        yield from CHANGES.items(_of(KeptChange, value))

    # the log

    def _changes(self, changes: Iterable[Change]) -> Said:
        for change in changes:
            if change.kind is ChangeKind.AUTOMATIC_REPLY:
                yield from AUTOMATIC_REPLIES.items(AutomaticReply(place=place_text(change.id), change=change))
            if change.chain and change.event_uid:
                last = LastChain(event_uid=change.event_uid, chain=change.chain, at=change.at)
                self._chains[change.event_uid] = last
            self._pending.append(change)
            if len(self._pending) == _CHANGES_TOGETHER:
                yield from self._lot(_CHANGES_TOGETHER)

    def _lot(self, most: int) -> Said:
        """The next entry of the log; entries are distributed over the shards in turn."""
        some, self._pending = self._pending[:most], self._pending[most:]
        if some:
            shard, place = len(self._lots) % SHARDS, len(self._lots) // SHARDS
            self._lots.append(tuple(change.id for change in some))
            turn = some[-1].id
            yield from ENTRIES.items(ChangeEntry(shard=shard, place=place, turn=turn, changes=tuple(some)))

    def _with_cursor(self, value: Value) -> Value:
        """The value with a cursor in place of the last change that was received."""
        if value["cursor"] is None:
            return {**value, "cursor": ""}
        whole = bisect_right(self._lots, value["cursor"], key=lambda lot: lot[-1])
        entries = [len(self._lots[shard:whole:SHARDS]) for shard in range(SHARDS)]
        told = bisect_right(self._lots[whole], value["cursor"]) if whole < len(self._lots) else 0
        places = Places(entries, whole % SHARDS, told) if told else Places(entries)
        return {**value, "cursor": places.cursor()}

    # what is kept in parts

    def _session(self, value: Value) -> Said:
        yield from SESSIONS.items(_of(KeptSession, {"session": value}))

    def _sent_hour(self, value: Value) -> Said:
        self.numbers[(SENT_HOURS, joined(number(value["hour"]), 0)), "n"] += value["n"]
        yield from ()

    def _kept_mail(self, value: Value) -> Said:
        mail: KeptMail = TABLES["kept-mail"].of_plain(value)
        for name, n in (("mails", 1), ("bytes", mail.size)):
            self._shares[mail.proven, mail.share, name] += n
            self.numbers[SUMS, f"kept_{name}"] += n
        yield from TABLES["kept-mail"].items(mail)

    def _dropped(self, value: Value) -> Said:
        for name, n in value.items():
            self.numbers[SUMS, f"dropped_{name}"] += n
        yield from ()

    def _picture(self, value: Value) -> Said:
        yield from _plain(PICTURES, value["picture"])
        yield from CONTENTS.items(PictureContent(name=value["picture"]["name"], text=value["content"]))

    def _link(self, value: Value) -> Said:
        yield from _plain(LINKS, value["link"])
        for name in ("shown", "unmerged", "pressed"):
            self.numbers[counters(value["link"]["id"]), name] += value[name]

    def _trigger(self, value: Value) -> Said:
        trigger = value["trigger"]
        self.numbers[counted_at(trigger["id"]), "unproven"] += value["unproven"]
        yield from NAMES.items(Name(name=trigger["name"]))
        self._waiting.append(("trigger", trigger))

    def _delivery(self, value: Value) -> Said:
        delivery = value["delivery"]
        at = counted_at(delivery["trigger_id"])
        for name, n in (("deliveries", 1), *((name, delivery[name]) for name in ("invited", "withdrawn"))):
            self.numbers[at, name] += n
        yield from _plain(DELIVERIES, value)

    def _posted(self, value: Value) -> Said:
        yield from _plain(TABLES["posted"], value)
        names = ("id", "received", "size", "divided")
        yield from _plain(SIZES, {name: value[name] for name in names})

    def _webhook(self, value: Value) -> Said:
        self._waiting.append(("webhook", value))
        yield from ()

    def _record(self, value: Value) -> Said:
        if value["seq"] > self._head.seq:
            self._head = KeptHead(seq=value["seq"], head=value["head"])
        yield from _plain(ROWS, value)


M = TypeVar("M", bound=BaseModel)


def _of(model: type[M], value: Value) -> M:
    """The value from which a document was created."""
    return model.model_validate_json(json.dumps(value))


def _plain(table: KindTable[Any], value: Value) -> Said:
    yield from table.items(table.of_plain(value))
