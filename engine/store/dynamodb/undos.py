"""Actions that can be undone."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterable
from datetime import datetime, timedelta

from engine.model.bulk_changes import BulkAction, BulkChange
from engine.model.messages import Fanout, MessageState
from engine.model.undo import Undoable
from engine.refusals import Code
from engine.store.dynamodb.bulk_changes import BulkChanges
from engine.store.dynamodb.campaigns import FANOUTS
from engine.store.dynamodb.names import joined, moment, newest_first
from engine.store.dynamodb.owed import INVITEES, Owed, Past, RowPlace
from engine.store.dynamodb.rows import Entry, KindTable

_ALL = "all"
_KEPT = timedelta(days=1)
_DROPPED_AT_ONCE = 15


def _open(undoable: Undoable) -> Iterable[Entry]:
    if undoable.undone is None:
        yield joined("event", undoable.event_uid), joined(moment(undoable.asked), undoable.id)
        for name in (_ALL, f"of {undoable.organizer}"):
            yield name, joined(newest_first(undoable.asked), undoable.id)


UNDOS = KindTable[Undoable](
    "undo",
    Undoable,
    key=lambda undoable: (undoable.id,),
    indexes={"open": _open, "until": lambda u: [(_ALL, moment(u.until))]},
)


class Undos(BulkChanges):
    """The part of a unit of work for actions that can be undone."""

    async def add_undo(self, undoable: Undoable) -> None:
        """Store an action that can be undone; those that expired more than a day before are deleted."""
        before = moment(undoable.asked - _KEPT)
        self.rows.expire(
            UNDOS, await self.rows.by(UNDOS, "until", _ALL, before=before, limit=_DROPPED_AT_ONCE)
        )
        await self.rows.put(UNDOS, undoable)

    async def undoable(self, undo_id: str) -> Undoable | None:
        """The action with this id that can or could be undone."""
        return await self.rows.get(UNDOS, undo_id)

    async def save_undo(self, undoable: Undoable) -> None:
        """Replace the stored action with the same id."""
        await self.rows.put(UNDOS, undoable)

    async def undos_of(self, event_uid: str, now: datetime) -> list[Undoable]:
        """The actions on an event that can still be undone, oldest first."""
        found = await self.rows.by(UNDOS, "open", joined("event", event_uid))
        return [undoable for undoable in found if undoable.until > now]

    async def undos(self, organizer: str | None, now: datetime, limit: int) -> list[Undoable]:
        """The actions that can still be undone, newest first; of one organizer if given."""
        found: list[Undoable] = []
        async for undoable in self.rows.each_by(
            UNDOS, "open", _ALL if organizer is None else f"of {organizer}"
        ):
            if undoable.until > now:
                found.append(undoable)
            if len(found) == limit:
                break
        return found

    async def people_reached(self, undoable: Undoable) -> int:
        """How many people were sent a mail of the action, or may have been."""
        held = await self.held_ids()
        shown = [await self.shown(owed) for owed in await self._mails(undoable)]
        people = {
            m.email
            for m in shown
            if m.state in {MessageState.SENT, MessageState.SENDING} or m.in_doubt or m.id in held
        }
        if undoable.campaign_id or undoable.before is not None:

            def meant(owed: Owed) -> bool:
                m = owed.message
                of_change = undoable.before is not None and m.sequence >= undoable.sequence
                return of_change or bool(undoable.campaign_id and m.campaign_id == undoable.campaign_id)

            people |= {email async for email in self._reached(undoable.event_uid, meant)}
        return len(people)

    async def calendars_changed(self, event_uid: str, sequence: int) -> int:
        """How many people were sent the event at this revision or a newer one, or may have been."""
        found = self._reached(event_uid, lambda owed: owed.message.sequence >= sequence)
        return len([email async for email in found])

    async def _reached(self, event_uid: str, meant: Callable[[Owed], bool]) -> AsyncIterator[str]:
        """The people of an event to whom one of these messages has left, or may have."""
        held = await self.held_ids()
        async for invitee in self.rows.each_under(INVITEES, event_uid, "attendee"):
            gone = [p for p in invitee.messages if _gone(p, held)]
            places = [RowPlace(event_uid, invitee.attendee.email, p.id) for p in gone]
            rows = await self.rows_at(places) if places else {}
            if any(meant(owed) for owed in rows.values()):
                yield invitee.attendee.email

    async def withdraw_messages(self, undoable: Undoable, code: Code, now: datetime) -> int:
        """Withdraw the single mails of the action, and return how many."""
        waiting = await self.unheld([o for o in await self._mails(undoable) if o.message.state.pending])
        return await self.settle(waiting, MessageState.WITHDRAWN, code, now)

    async def _mails(self, undoable: Undoable) -> list[Owed]:
        """The single mails of the action, found by their people, as the index of Message-IDs is late; others by it."""
        people = _people(undoable)
        await self.rows.many(INVITEES, [(uid, "attendee", email) for uid, email in people])
        rows = [owed for uid, email in people for owed in await self.messages_to(uid, email)]
        known = {owed.message.message_id: owed for owed in rows}
        found = [known.get(one) or await self.row_by_message_id(one) for one in undoable.messages]
        return [owed for owed in found if owed]

    async def owe_again(self, event_uid: str, email: str, code: Code, withdrawn: datetime) -> int:
        """Owe again the messages withdrawn since then with this code, of one person if given; return how many."""
        if email:
            people = await self.invitees(event_uid, [email])
        else:
            people = [i async for i in self.rows.each_under(INVITEES, event_uid, "attendee")]
        count = 0
        for invitee in people:
            ended = [p for p in invitee.messages if p.state is MessageState.WITHDRAWN]
            places = [RowPlace(event_uid, invitee.attendee.email, p.id) for p in ended]
            for owed in (await self.rows_at(places)).values() if places else ():
                m = owed.message
                late = m.settled is not None and m.settled >= withdrawn
                if m.code == code and late and count < self.items_per_unit:
                    await self.save_row(owed, await self.owed_again(owed))
                    count += 1
        return count

    async def delay_jobs(self, event_uid: str, due: datetime) -> None:
        """Postpone the jobs of an event to `due` at the earliest."""
        async for job in self._jobs_of(event_uid):
            await self.rows.put(FANOUTS, job.model_copy(update={"due": max(job.due or due, due)}))

    async def _jobs_of(self, event_uid: str) -> AsyncIterator[Fanout]:
        async for job in self.rows.each_under(FANOUTS, _ALL):
            if job.event_uid == event_uid:
                yield job

    async def put_off(self, event_uid: str, now: datetime, due: datetime) -> None:
        """Postpone the waiting messages of an event that can be undone to `due` at the earliest."""
        async for job in self._jobs_of(event_uid):
            if job.due and now < job.due < due:
                await self.rows.put(FANOUTS, job.model_copy(update={"due": due}))
        if not (await self.event_tally(event_uid)).get(f"delivery.{MessageState.QUEUED}"):
            return
        change = BulkChange(action=BulkAction.PUT_OFF, event_uid=event_uid, since=now, due=due)
        await self.end_bulk_change(change)
        cursor = await self.change_messages(change, now)
        if cursor is not None:
            await self.keep_bulk_change(change.model_copy(update={"cursor": cursor}))


def _gone(past: Past, held: dict[str, str]) -> bool:
    return past.gone or (past.state.pending and past.id in held)


def _people(undoable: Undoable) -> list[tuple[str, str]]:
    """The events and addresses of the people to whom single calendar messages of the action may go."""
    invited = [(uid, email) for uid, _, email in (one.partition(" ") for one in undoable.invited)]
    guests = [(guest.event_uid, guest.email) for guest in undoable.guests]
    taken_out = [(undoable.event_uid, undoable.taken_out)] if undoable.taken_out else []
    asked = [(proposal.event_uid, proposal.email) for proposal in undoable.proposals]
    return [*invited, *guests, *taken_out, *asked]
