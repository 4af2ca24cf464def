"""The ledger of owed messages and their outcomes."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Collection, Iterable, Sequence
from datetime import datetime

from engine.model.campaigns import Campaign, CampaignState
from engine.model.changes import ChangeKind
from engine.model.messages import Kind, Message, MessageState
from engine.refusals import Code
from engine.store import rules
from engine.store.dynamodb.attendees import Attendees
from engine.store.dynamodb.audiences import AudienceQuestions
from engine.store.dynamodb.budgets import Budgets
from engine.store.dynamodb.day_limit import SentHours
from engine.store.dynamodb.ids import new_id
from engine.store.dynamodb.owed import (
    INVITEES,
    MAILS,
    OLDER,
    Invitee,
    Owed,
    RowPlace,
    kind_of,
    ledger_keys,
    moved,
    notified,
    place,
    reports_sent,
    row_of,
    with_past,
)
from engine.store.dynamodb.table import Index
from engine.store.dynamodb.windows import Windows

_JUDGED = frozenset({MessageState.SENT, MessageState.FAILED})
"""The states of its newest messages by which a campaign is judged."""
_SETTLED_MOST = 70
"""The number of items up to which a unit changes one more message, with its counters and those of its keys."""
_REPORTS_MOST = 2_000
"""The most mails to one address among which the last report is searched for."""


class LedgerQuestions(AudienceQuestions):
    """Questions about the ledger."""

    async def message_by_message_id(self, message_id: str) -> Message | None:
        """The message with this Message-ID, or None."""
        found = await self._found(Index.MESSAGE, message_id)
        return await self.shown(found) if found else None

    async def row_by_message_id(self, message_id: str) -> Owed | None:
        """The row with this Message-ID, or None."""
        return await self._found(Index.MESSAGE, message_id)

    async def _found(self, index: Index, value: str) -> Owed | None:
        items = await self.items.indexed(index, value, limit=1) if value else []
        return row_of(items[0]) if items else None

    async def shown(self, owed: Owed) -> Message:
        """A message as shown to callers: being sent while a dispatcher holds it."""
        m = owed.message
        if not m.state.pending or m.id not in await self.held_ids():
            return m
        return m.model_copy(update={"state": MessageState.SENDING, "attempts": m.attempts + 1})

    async def older(self, invitee: Invitee) -> list[Owed]:
        """The calendar messages to a person before the newest, oldest first."""
        uid, email = invitee.attendee.event_uid, invitee.attendee.email
        return await self.rows.under(OLDER, uid, "message", email) if invitee.past else []

    async def messages_to(self, event_uid: str, email: str) -> list[Owed]:
        """The calendar messages to a person, oldest first."""
        for invitee in await self.invitees(event_uid, [email]):
            newest = [invitee.newest] if invitee.newest else []
            return [*await self.older(invitee), *newest]
        return []

    async def rows_at(self, places: Iterable[RowPlace]) -> dict[str, Owed]:
        """The existing rows at these places, by id."""
        places = list(places)
        mails = [(p.email, p.id) for p in places if not p.uid]
        found = {owed.message.id: owed for owed in await self.rows.many(MAILS, mails)}
        people = [(p.uid, "attendee", p.email) for p in places if p.uid]
        for invitee in await self.rows.many(INVITEES, people):
            if invitee.newest:
                found[invitee.newest.message.id] = invitee.newest
        rest = [(p.uid, "message", p.email, p.id) for p in places if p.uid and p.id not in found]
        found |= {owed.message.id: owed for owed in await self.rows.many(OLDER, rest)}
        wanted = {p.id for p in places}
        return {id_: owed for id_, owed in found.items() if id_ in wanted}

    async def last_message(self, event_uid: str, email: str) -> Message | None:
        """The newest calendar message to an attendee, in any state."""
        found = await self.invitees(event_uid, [email])
        newest = found[0].newest if found else None
        return await self.shown(newest) if newest else None

    async def last_sent(self, event_uid: str, email: str) -> Message | None:
        """The newest calendar message to an attendee that a mail server accepted, or may have."""
        held = await self.held_ids()
        for owed in reversed(await self.messages_to(event_uid, email)):
            m = owed.message
            if m.state is MessageState.SENT or (m.state.pending and m.id in held):
                return await self.shown(owed)
        return None

    async def last_report(self, event_uid: str, email: str) -> datetime | None:
        """When `email` was last owed a report of the event."""
        found = await self.rows.under(MAILS, email, backwards=True, limit=_REPORTS_MOST)
        of_event = (
            o.message for o in found if (o.message.kind, o.message.event_uid) == (Kind.REPORT, event_uid)
        )
        return max((m.created for m in of_event), default=None)

    async def notified(self, event_uid: str, emails: Collection[str]) -> set[str]:
        """Those of `emails` who received the event, or may have."""
        held = await self.held_ids()
        people = await self.invitees(event_uid, emails)
        return {i.attendee.email for i in people if any(notified(m, held) for m in i.messages)}

    async def sent_message(self, message_id: str, transport_id: str) -> Message | None:
        """The message with this Message-ID, or with this id that a mail service gave it."""
        found = await self._found(Index.MESSAGE, message_id) or await self._found(
            Index.TRANSPORT, transport_id
        )
        return await self.shown(found) if found else None


class Ledger(LedgerQuestions, Attendees, Budgets, SentHours, Windows):
    """Changes of the ledger in a unit of work."""

    items_per_unit = 30
    """How many people fit into a transaction of 100 items, with everything that belongs to them."""

    def __init__(self, *given: object) -> None:
        super().__init__(*given)  # type: ignore[arg-type]
        self.owed: list[str] = []

    @abstractmethod
    async def campaign(self, campaign_id: str) -> Campaign | None:
        """The campaign with this id, or None."""

    async def add_messages(self, messages: Sequence[Message], *, priority: int) -> None:
        """Add owed messages, each once (promise 3); lower priorities are sent first."""
        if rules.updates(messages):
            await self.leases()  # before the rows: an unchanged lease then proves that they still wait
        people = await self._people(messages)
        new = rules.newly_owed(
            rules.not_covered(messages, await self._waiting(messages, people)), ledger_keys(people)
        )
        campaigns = {m.campaign_id: await self.campaign(m.campaign_id) for m in new if m.campaign_id}
        for message in new:
            campaign = campaigns.get(message.campaign_id or "")
            owed = Owed(
                message=message.model_copy(update={"id": new_id()}),
                priority=priority,
                held=bool(campaign and campaign.state is CampaignState.PAUSED),
                rated=bool(campaign and campaign.rate),
            )
            await self._keep_new(owed)
            self.count_message(owed.message, owed.message.state, 1)
            self.owed.append(message.message_id)
        await self.count_for_persons_and_keys(new)

    async def _people(self, messages: Sequence[Message]) -> dict[tuple[str, str], Invitee]:
        """The attendees to whom the calendar messages among these go, in one request."""
        keys = [(m.event_uid or "", "attendee", m.email) for m in messages if m.method]
        found = await self.rows.many(INVITEES, keys)
        return {(i.attendee.event_uid, i.attendee.email): i for i in found}

    async def _waiting(self, messages: Sequence[Message], people: dict[tuple[str, str], Invitee]) -> set[str]:
        """Those of the people notified of changes whose pending message has certainly not left yet."""
        changes = rules.updates(messages)
        if not changes:
            return set()
        places = [
            RowPlace(m.event_uid or "", m.email, p.id)
            for m in changes
            if m.method and (invitee := people.get((m.event_uid or "", m.email)))
            for p in invitee.messages
            if p.state.pending and p.kind is Kind.INVITE and not (p.in_doubt or p.recurrence_id)
        ]
        return {owed.message.email for owed in await self._waiting_at(places)}

    async def _keep_new(self, owed: Owed) -> None:
        m = owed.message
        if not m.method:
            await self.rows.put(MAILS, owed)
            return
        invitee = await self.rows.get(INVITEES, m.event_uid or "", "attendee", m.email)
        assert invitee is not None, "calendar messages go to attendees"
        if invitee.newest:
            await self.rows.put(OLDER, invitee.newest)
        await self.rows.put(INVITEES, moved(invitee, owed))

    async def save_row(self, old: Owed, new: Owed) -> None:
        """Replace a row, and update counters and budgets by its state."""
        m = new.message
        if old.message.state is not m.state:
            self.count_message(m, old.message.state, -1)
            self.count_message(m, m.state, 1)
            if m.state is MessageState.FAILED:
                self.count_failure(m.organizer, m.code)
                self._note_failure(m)
            if m.campaign_id and m.state in _JUDGED:
                failed = m.state is MessageState.FAILED
                self.note_settled(m.campaign_id, m.settled or m.created, failed=failed, answer=m.answer)
        await self.settle_budgets(old.message, m)
        if not m.method:
            await self.rows.put(MAILS, new)
            return
        invitee = await self.rows.get(INVITEES, m.event_uid or "", "attendee", m.email)
        assert invitee is not None, "calendar messages go to attendees"
        if invitee.newest and invitee.newest.message.id == m.id:
            await self.rows.put(INVITEES, invitee.model_copy(update={"newest": new}))
        else:
            await self.rows.put(OLDER, new)
            await self.rows.put(INVITEES, with_past(invitee, new))

    def count_message(self, message: Message, state: MessageState, n: int) -> None:
        """Count a message in a state."""
        if message.kind.calendar:
            self.count(message.event_uid, message.organizer, f"delivery.{state}", n)
        self.count_in_campaign(message.campaign_id, state.value, n)
        if message.kind is Kind.REPORT and state is MessageState.SENT and message.event_uid:
            self.items.add(reports_sent(message.event_uid), "sent", n)

    def _note_failure(self, m: Message) -> None:
        bounced = m.code == Code.BOUNCED
        self.note(
            ChangeKind.MESSAGE_BOUNCED if bounced else ChangeKind.MESSAGE_FAILED,
            at=m.settled or m.created,
            organizer=m.organizer,
            event_uid=m.event_uid,
            email=m.email,
            campaign_id=m.campaign_id or "",
            sequence=m.sequence,
            status=m.kind.value,
            code=m.code,
            words=m.answer,
        )

    async def settle(self, rows: Iterable[Owed], state: MessageState, code: Code, now: datetime) -> int:
        """Put messages into a final state, and return how many."""
        count = 0
        for owed in rows:
            ended = owed.changed(state=state, code=code.value, settled=now)
            await self.save_row(owed, ended)
            count += 1
        return count

    @property
    def full(self) -> bool:
        """True once the unit of work has no room for another message and what belongs to it."""
        return self.items.actions > _SETTLED_MOST

    async def settle_some(self, rows: Sequence[Owed], state: MessageState, code: Code, now: datetime) -> int:
        """Put as many of these messages as fit into a unit into a final state, and return how many."""
        count = 0
        for owed in rows[: self.items_per_unit]:
            if self.full:
                break
            count += await self.settle([owed], state, code, now)
        return count

    async def hand_over(self, message: Message, now: datetime) -> None:
        """Settle a waiting message as sent by the caller; it is never sent from here."""
        waiting = await self._waiting_at([place(message)])
        self.count_sent(await self.settle(waiting, MessageState.SENT, Code.HANDED_OVER, now), now)

    async def add_sent(self, messages: Sequence[Message], now: datetime) -> None:
        """Store messages that another server sent when they were created; known ones stay unchanged."""
        ended = {"state": MessageState.SENT, "code": Code.HANDED_OVER.value}
        before = len(self.owed)
        await self.add_messages(
            [m.model_copy(update={**ended, "settled": m.created}) for m in messages], priority=1
        )
        new = set(self.owed[before:])
        for message in messages:
            if message.message_id in new:
                self.count_sent(1, message.created)

    async def _waiting_at(self, places: Iterable[RowPlace]) -> list[Owed]:
        """The rows at these places that are still owed and not leased."""
        found = await self.rows_at(places)
        return await self.unheld([o for o in found.values() if o.message.state.pending])

    async def bounce(self, message: Message, answer: str, now: datetime) -> bool:
        """Mark a message as bounced; False if it had failed already, or had not left."""
        for owed in (await self.rows_at([place(message)])).values():
            m = owed.message
            if m.state is MessageState.SENT or (m.state.pending and m.id in await self.held_ids()):
                failed = {"state": MessageState.FAILED, "code": Code.BOUNCED.value, "answer": answer}
                await self.save_row(owed, owed.changed(**failed, settled=now))
                return True
        return False

    async def note_answer(self, message: Message, answer: str) -> bool:
        """Store what a server reported later about a sent message; False if it is not in that state."""
        owed = (await self.rows_at([place(message)])).get(message.id)
        if owed is None or owed.message.state is not MessageState.SENT:
            return False
        await self.save_row(owed, owed.changed(answer=answer))
        return True

    async def withdraw_for_attendee(self, email: str, organizer: str, code: Code, now: datetime) -> int:
        """Withdraw the messages to one person from one organizer that have not left, and return how many.

        Only as many as fit into a unit; the claim withdraws the others when they are due.
        """
        found = await self.items.indexed(Index.PERSON, email)
        people = [INVITEES.value(item) for item in found if kind_of(item.key) is INVITEES]
        events = {i.attendee.event_uid: await self.event(i.attendee.event_uid) for i in people}
        mine = [i for i in people if (e := events[i.attendee.event_uid]) and e.organizer == organizer]
        waiting = [o for i in mine for o in await self._unsent(i)]
        return await self.settle_some(waiting, MessageState.WITHDRAWN, code, now)

    async def withdraw_for_person(self, event_uid: str, email: str, code: Code, now: datetime) -> int:
        """Withdraw the messages to one person about one event that have not left yet, and return how many."""
        waiting = [o for i in await self.invitees(event_uid, [email]) for o in await self._unsent(i)]
        return await self.settle(waiting, MessageState.WITHDRAWN, code, now)

    async def _unsent(self, invitee: Invitee) -> list[Owed]:
        """The messages to a person that are still owed and not leased."""
        uid, email = invitee.attendee.event_uid, invitee.attendee.email
        pending = [RowPlace(uid, email, p.id) for p in invitee.messages if p.state.pending]
        return await self._waiting_at(pending) if pending else []
