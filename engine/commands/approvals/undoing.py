"""Undo what a command changed and owes, while its time lasts and no one has been mailed about it."""

from __future__ import annotations

from datetime import timedelta
from typing import ClassVar, TypeVar

from pydantic import Field

from engine.commands import bulk_changes
from engine.commands.agents.messages import MessageDone
from engine.commands.answers.proposals import ProposalDone
from engine.commands.base import Command, Done, Work
from engine.commands.campaigns import campaigns
from engine.commands.campaigns.campaigns import CampaignDone
from engine.commands.events.events import EventDone
from engine.commands.invites.invites import InviteDone, invite_message
from engine.commands.invites.places import places_left
from engine.commands.invites.reminding import RemindDone
from engine.commands.invites.send_many import InvitesDone
from engine.commands.invites.withdrawing import WithdrawDone
from engine.model.answers import Proposal, ProposalState
from engine.model.bulk_changes import BulkAction, BulkChange
from engine.model.campaigns import Campaign, CampaignState
from engine.model.events import Event
from engine.model.messages import Kind, Method
from engine.model.people import Attendee, Origin
from engine.model.undo import Guest, Undoable
from engine.model.verbs import Verb
from engine.refusals import Code, Refused

D = TypeVar("D", bound=Done)

_ID = 12
"""A length of its own: words that were written down for a held action are told by their length."""
SHOWN = 100
_CAMPAIGNS = 100
"""Newest campaigns of an event that are looked at once it takes place after all."""


async def offered(work: Work, command: Command[Done], done: D) -> D:
    """`done` with its undo, if what the command changed and owes can be undone."""
    seconds = _seconds(work, command, done)
    if not seconds or work.waited or work.actor.kind == "system":
        return done
    facts = _facts(work, command, done)
    if facts is None:
        return done
    undoable = Undoable(
        id=work.randomness.word(_ID),
        command=type(command).__name__,
        asked=work.now,
        until=work.now + timedelta(seconds=seconds),
        key=" ".join(work.actor.chain),
        proposals=tuple(work.closed),
        withdrawn_since=min(work.withdrawn_since, default=None),
        **facts,
    )
    await work.unit.add_undo(undoable)
    if isinstance(done, EventDone) and (done.event.cancelled or done.event.finished(work.now)):
        # A list on its way would skip its rows for good; they wait until the event stays called off.
        await work.unit.delay_jobs(done.event.uid, undoable.until)
    return done.model_copy(update={"undo": undoable.offer})


def _seconds(work: Work, command: Command[Done], done: Done) -> int:
    if not isinstance(done, CampaignDone):
        return work.settings.undo_s
    unseen = bool(getattr(command, "unseen", False)) and not work.approved
    return campaigns.undo_s(work, unseen=unseen)


def _facts(work: Work, command: Command[Done], done: Done) -> dict[str, object] | None:
    """What is kept of a command that can be undone; None for every other."""
    if getattr(command, "dry_run", False) or getattr(command, "prompted", False):
        return None
    match done:
        case EventDone():
            return _of_event(done)
        case CampaignDone():
            return _of_campaign(work, done)
        case RemindDone() if done.campaign_id:
            return {**_at(done.event, Verb.SEND), "campaign_id": done.campaign_id}
        case WithdrawDone() if not done.already:
            messages = (done.message.message_id,) if done.message else ()
            return {
                **_at(done.event, Verb.SEND),
                "taken_out": done.attendee.email,
                "messages": messages,
            }
        case ProposalDone() if done.message_id:
            return {**_at(done.event, Verb.UPDATE), "messages": (done.message_id,)}
        case MessageDone() if done.message_id:
            return {
                "verb": Verb.REPLY,
                "organizer": done.message.organizer,
                "answered": done.message.id,
                "messages": (done.message_id,),
            }
        case InviteDone() | InvitesDone() if getattr(command, "origin", None) is not Origin.TEST:
            return _of_invites(done)
        case _:
            return None


def _at(event: Event, verb: Verb) -> dict[str, object]:
    return {"verb": verb, "organizer": event.organizer, "event_uid": event.uid}


def _of_event(done: EventDone) -> dict[str, object] | None:
    if done.old is None or not done.changed or done.repeated:
        return None
    return {
        **_at(done.event, Verb.UPDATE),
        "before": done.old,
        "sequence": done.event.sequence,
        "made": done.event.modified,
        "campaign_id": done.campaign_id,
    }


def _of_campaign(work: Work, done: CampaignDone) -> dict[str, object] | None:
    """A list that was started now; one that starts later is cancelled like any other."""
    c = done.campaign
    if c.state is not CampaignState.RUNNING or c.started != work.now:
        return None
    return {**_at(done.event, Verb.BULK), "campaign_id": c.id}


def _of_invites(done: InviteDone | InvitesDone) -> dict[str, object] | None:
    every = [done] if isinstance(done, InviteDone) else [one.done for one in done.invites if one.done]
    new = [one for one in every if not one.already and one.message]
    if not new:
        return None
    messages = [one.message for one in new if one.message]
    return {
        "verb": Verb.SEND,
        "organizer": messages[0].organizer,
        "event_uid": new[0].attendee.event_uid,
        "messages": tuple(message.message_id for message in messages),
        "invited": tuple(f"{one.attendee.event_uid} {one.attendee.email}" for one in new if not one.was),
        "guests": tuple(_guest(one.was) for one in new if one.was),
    }


def _guest(was: Attendee) -> Guest:
    return Guest(
        event_uid=was.event_uid, email=was.email, name=was.name, fields=was.fields, proven=was.proven
    )


class UndoDone(Done):
    """What was undone; `withdrawn`: mails that do not leave; `event`: as it is now, where it was changed."""

    undone: Undoable
    event: Event | None = None
    withdrawn: int = 0
    repeated: bool = Field(False, description="it was undone before; nothing was done now")


class UndoCommand(Command[UndoDone]):
    """Take back whole what a command changed and owes; safe to repeat."""

    free: ClassVar[bool] = True

    undo_id: str

    async def carry_out(self, work: Work) -> UndoDone:
        """Raises Refused: UNKNOWN_UNDO, UNDO_OVER, NOT_ALLOWED."""
        found = await work.unit.undoable(self.undo_id)
        if found is None or not work.actor.owns(found.organizer):
            raise Refused(Code.UNKNOWN_UNDO, "There is nothing to undo under this id.")
        work.require(found.verb)
        if not _may_take_back(work, found):
            raise Refused(
                Code.NOT_ALLOWED,
                "A key takes back what it asked for itself, or a key under it.",
                "Whoever asked for this can take it back.",
            )
        event = await work.unit.event(found.event_uid) if found.event_uid else None
        if found.undone:
            return UndoDone(undone=found, event=event, repeated=True)
        await _refuse_over(work, found, event)
        undone = found.model_copy(update={"undone": work.now})
        withdrawn = await _withdrawn(work, found)
        if event and found.before:
            event = await _restored(work, event, found)
        await _people(work, found)
        for proposal in found.proposals:
            await _reopened(work, proposal)
        if answered := await work.unit.inbox_message(found.answered):
            await work.unit.save_inbox_message(answered.model_copy(update={"answered": None, "answer": ""}))
        await work.unit.save_undo(undone)
        return UndoDone(undone=undone, event=event, withdrawn=withdrawn)

    def subject(self) -> str:
        """What the record names it by: the undo's id."""
        return self.undo_id


def _may_take_back(work: Work, found: Undoable) -> bool:
    """False for a key where a person or another key asked: it would bring back whom and what it may not name."""
    return not work.actor.key or work.actor.key in found.key.split()


async def _refuse_over(work: Work, found: Undoable, event: Event | None) -> None:
    """Refuse with UNDO_OVER what can no longer be undone, with whom a correction would reach."""
    if found.before and event and event.modified != found.made:
        raise Refused(
            Code.UNDO_OVER, "The event has been changed again since.", "Undo the newest change first."
        )
    reached = await work.unit.people_reached(found)
    if reached:
        people = "1 person was" if reached == 1 else f"{reached} people were"
        raise Refused(
            Code.UNDO_OVER,
            f"{people} mailed already, so it cannot be undone; putting it right means one more mail to each.",
        )
    if found.until <= work.now:
        raise Refused(Code.UNDO_OVER, f"It could be undone until {found.until:%Y-%m-%d %H:%M:%S} UTC.")
    out = await _still_out(work, found)
    if event and out and out.partstat.holds_place and await places_left(work, event) == 0:
        raise Refused(
            Code.UNDO_OVER,
            "Their place was given to someone else since, and no other is left.",
            "Raise the number of places, and undo it then.",
        )


async def _still_out(work: Work, found: Undoable) -> Attendee | None:
    """Whom the command took out, unless they are in again."""
    known = await work.unit.attendee(found.event_uid, found.taken_out) if found.taken_out else None
    return known if known and known.withdrawn is not None else None


async def _withdrawn(work: Work, found: Undoable) -> int:
    """Withdraw what the command owes; returns how many people hear nothing."""
    mails = await work.unit.withdraw_messages(found, Code.TAKEN_BACK, work.now) if found.messages else 0
    campaign = await work.unit.campaign(found.campaign_id) if found.campaign_id else None
    if campaign is None:
        return mails
    await campaigns.cancel(work, campaign)
    return mails + campaign.valid


async def _restored(work: Work, event: Event, found: Undoable) -> Event:
    """The old content as a new revision, of which nobody hears: nobody has heard of the one between."""
    assert found.before is not None
    moment = max(work.now.replace(microsecond=0), event.dtstamp + timedelta(seconds=1))
    values = {
        "sequence": event.sequence + 1,
        "dtstamp": moment,
        "last_modified": moment,
        "source_sequence": event.source_sequence,
        "source_dtstamp": event.source_dtstamp,
    }
    restored = found.before.model_copy(update=values)
    await work.unit.save_event(restored)
    if event.cancelled and not restored.cancelled:
        await _uncancelled(work, event, found)
    # What was changed before it can be undone as before: the event is again as that change left it.
    for earlier in await work.unit.undos_of(event.uid, work.now):
        if earlier.made == found.before.modified:
            await work.unit.save_undo(earlier.model_copy(update={"made": restored.modified}))
    # So do the lists that were started for later.
    for campaign in await work.unit.last_campaigns(event.uid, event.organizer, _CAMPAIGNS):
        if campaign.state is CampaignState.SCHEDULED and campaign.event_modified == found.before.modified:
            again = campaign.model_copy(update={"event_modified": restored.modified})
            await work.unit.save_campaign(again)
    return restored


async def _uncancelled(work: Work, event: Event, found: Undoable) -> None:
    """Owe again all that was withdrawn since the event was cancelled, be it by a job or at a claim."""
    since = found.withdrawn_since or found.asked
    again = BulkChange(
        action=BulkAction.OWE_AGAIN,
        event_uid=event.uid,
        code=Code.EVENT_CANCELLED.value,
        since=since,
    )
    await bulk_changes.begin(work, again)
    for campaign in await work.unit.last_campaigns(event.uid, event.organizer, _CAMPAIGNS):
        if campaign.state is CampaignState.FINISHED and (campaign.finished or since) >= since:
            await _running_again(work, campaign)


async def _running_again(work: Work, campaign: Campaign) -> None:
    """A campaign that came to its end since its event was cancelled, if it owes mails again."""
    counts = await work.unit.campaign_counts(campaign.id)
    if counts.get("queued", 0) or counts.get("withdrawn", 0):
        running = {"state": CampaignState.RUNNING, "finished": None}
        await work.unit.save_campaign(campaign.model_copy(update=running))


async def _people(work: Work, found: Undoable) -> None:
    """Who was invited is out again, or a guest as before; who was taken out is in again."""
    for guest in found.guests:
        known = await work.unit.attendee(guest.event_uid, guest.email)
        if known:
            earlier = {"name": guest.name, "fields": guest.fields, "proven": guest.proven}
            await work.unit.change_attendee(known, known.model_copy(update=earlier))
    for name in found.invited:
        uid, _, email = name.partition(" ")
        known = await work.unit.attendee(uid, email)
        if known and known.withdrawn is None:
            await _out_again(work, known)
    out = await _still_out(work, found)
    if out:
        await work.unit.change_attendee(out, out.model_copy(update={"withdrawn": None}))
        await work.unit.owe_again(found.event_uid, found.taken_out, Code.INVITE_WITHDRAWN, found.asked)


async def _out_again(work: Work, known: Attendee) -> None:
    """Out of the event again; who has it still, since the invite had overtaken a withdrawal, is told of that."""
    uid, email = known.event_uid, known.email
    gone = known.model_copy(update={"withdrawn": work.now})
    await work.unit.change_attendee(known, gone)
    event, last = await work.unit.event(uid), await work.unit.last_sent(uid, email)
    told = last is not None and last.method is Method.CANCEL and last.recurrence_id is None
    if event and not told and email in await work.unit.notified(uid, [email]):
        await work.unit.add_messages([invite_message(work, event, gone, kind=Kind.WITHDRAWAL)], priority=0)


async def _reopened(work: Work, proposal: Proposal) -> None:
    """Open a proposal again that was closed, unless the attendee has made another since."""
    every = await work.unit.proposals(proposal.event_uid, proposal.email, None)
    known = next((one for one in every if one.id == proposal.id), None)
    newer = any(
        one.state is ProposalState.OPEN and one.recurrence_id == proposal.recurrence_id for one in every
    )
    if known and not newer:
        await work.unit.settle_proposal(known, ProposalState.OPEN)


class UndosDone(Done):
    """What can be undone now, newest first."""

    undos: tuple[Undoable, ...]


class ShowUndos(Command[UndosDone]):
    """Show what can still be undone: the caller's own, or the operator's all."""

    in_record: ClassVar[bool] = False
    free: ClassVar[bool] = True

    async def carry_out(self, work: Work) -> UndosDone:
        """The newest of them. Refuses nothing."""
        own = None if work.actor.everywhere else work.actor.address
        return UndosDone(undos=tuple(await work.unit.undos(own, work.now, SHOWN)))
