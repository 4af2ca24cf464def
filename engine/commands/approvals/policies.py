"""Why a command of a key waits for its owner: what its bounds say of approval, held against what the command did."""

from __future__ import annotations

import hashlib
import json
from collections.abc import AsyncIterator, Iterator
from datetime import timedelta

from engine.commands.agents.bounds import out_of_bounds, personal_texts, texts_of
from engine.commands.agents.messages import MessageDone
from engine.commands.approvals import holdable
from engine.commands.base import Command, Done, Work
from engine.commands.campaigns.campaigns import CampaignDone
from engine.commands.composing import personal_values
from engine.commands.events.events import EventDone
from engine.commands.invites.invites import InviteDone
from engine.commands.invites.send_many import InvitesDone
from engine.commands.triggers.deliveries import DeliveryDone
from engine.commands.triggers.triggers import SetTriggerLive
from engine.itip import personal, recurrence
from engine.model.bounds import Approval, Bounds, Mode
from engine.model.events import Event
from engine.model.held import HoldReason
from engine.model.keys import Standing
from engine.model.links import outside
from engine.model.times import Instant

SHORT_NOTICE = timedelta(hours=24)
_TIMES = frozenset({"start", "end", "timezone", "recurrence", "rdates", "exdates", "overrides"})


def policy(bounds: Standing) -> str:
    """What an approval is bound to: the keys and their bounds, as they are."""
    canonical = [(key.id, key.bounds.model_dump(mode="json") if key.bounds else None) for key in bounds.keys]
    return f"keys:{hashlib.sha256(json.dumps(canonical, sort_keys=True).encode()).hexdigest()}"


async def reasons(work: Work, command: Command[Done], done: Done) -> tuple[HoldReason, ...]:
    """Why it waits; empty if it does not. Raises Refused: OUT_OF_BOUNDS for what would wait and cannot."""
    bounds = work.bounds
    standing = isinstance(command, SetTriggerLive) and command.live and not work.actor.everywhere
    if not bounds.bounded or holdable.free(command):
        return (HoldReason.TRIGGER,) if standing else ()
    if bounds.mode(work.now) is Mode.OBSERVE:
        await _observe(work, command, done)
        return (HoldReason.TRIGGER,) if standing else ()
    everything = bounds.mode(work.now) is Mode.HOLD or Approval.EVERYTHING in bounds.approval
    if type(command).__name__ not in holdable.COMMANDS:
        if everything:
            raise out_of_bounds(
                "mode", "Everything that this key asks waits for a yes, and this cannot wait."
            )
        return ()
    if not holdable.changed(work, done):
        return ()
    found = [HoldReason.TRIGGER] if standing else []
    found += [HoldReason(one.value) async for one in _met(work, command, done)]
    if work.exceeded:
        found.append(HoldReason.BOUNDS)
    if bounds.unkeyed:
        found.append(HoldReason.NO_KEY)
    elif bounds.mode(work.now) is Mode.HOLD:
        found.append(HoldReason.MODE)
    return tuple(dict.fromkeys(found))


async def _observe(work: Work, command: Command[Done], done: Done) -> None:
    """Note what would have waited; a key that only observes waits for nobody."""
    if type(command).__name__ in holdable.COMMANDS and holdable.changed(work, done):
        work.observed.extend([f"approval:{one.value}" async for one in _met(work, command, done)])


async def refuse_unasked(work: Work, command: Command[Done], done: Done) -> None:
    """Refuse with OUT_OF_BOUNDS a command of a batch that would have to wait: its row has no way to."""
    if work.approved or not work.bounds.approval or not holdable.changed(work, done):
        return
    found = [one.value async for one in _met(work, command, done)]
    if found and work.bounds.mode(work.now) is Mode.OBSERVE:
        work.observed.extend(f"approval:{one}" for one in found)
    elif found:
        raise out_of_bounds(
            "approval",
            f"It needs a yes ({', '.join(found)}), for which this cannot wait. Ask for it by itself.",
        )


async def _met(work: Work, command: Command[Done], done: Done) -> AsyncIterator[Approval]:
    """The approvals of the bounds that the command meets."""
    for approval in sorted(work.bounds.approval):
        if await _meets(work, command, done, approval):
            yield approval


async def _meets(work: Work, command: Command[Done], done: Done, approval: Approval) -> bool:
    if isinstance(done, DeliveryDone) and approval is not Approval.BULK:
        # What a delivery does is many things: what may have to wait for one of them waits as a whole.
        return True
    match approval:
        case Approval.EVERYTHING:
            return True
        case Approval.BULK:
            return holdable.people(done) > work.bounds.limit("approval_bulk")
        case Approval.CHANGES:
            return isinstance(done, EventDone) and not done.created
        case Approval.TIME_CHANGES:
            return isinstance(done, EventDone) and not done.created and _at_short_notice(work, done)
        case Approval.OUTSIDE_HOURS:
            return holdable.people(done) > 0 and work.bounds.opens(work.now) > work.now
        case Approval.LINKS:
            return await _links(work, command, done)
        case Approval.NEW_DOMAIN:
            return await _first_contact(work, done)


async def _links(work: Work, command: Command[Done], done: Done) -> bool:
    """True for a link to a host that the key which has links wait does not name in `links`."""
    texts = await _texts(work, command, done)
    approved = done.old.linked if isinstance(done, EventDone) and done.old else ()
    return any(
        outside(text, (*(one.links or ()), *approved)) for one in _asking_of_links(work) for text in texts
    )


def _asking_of_links(work: Work) -> Iterator[Bounds]:
    return (one for one in work.bounds.bounds if Approval.LINKS in one.approval)


def _at_short_notice(work: Work, done: EventDone) -> bool:
    """True for another time, or a cancellation, within a day of the start; of a series, at any time."""
    if not (done.event.cancelled or _TIMES & _retimed(done)):
        return False
    both = [event for event in (done.old, done.event) if event]
    return any(event.recurring or event.span.start_utc - work.now < SHORT_NOTICE for event in both)


def _retimed(done: EventDone) -> set[str]:
    """What changed, but for dates of a series that only say something else."""
    names, old, new = set(done.changed), done.old, done.event
    if "overrides" in names and old and not any(_apart(old, new, one) for one in _other(old, new)):
        names.discard("overrides")
    return names


def _other(old: Event, new: Event) -> set[Instant]:
    return {one.recurrence_id for one in {*old.overrides} ^ {*new.overrides}}


def _apart(old: Event, new: Event, one: Instant) -> bool:
    before, after = recurrence.instance(old, one).span, recurrence.instance(new, one).span
    return (before.start, before.end) != (after.start, after.end)


async def _texts(work: Work, command: Command[Done], done: Done) -> list[str]:
    """What people would read that was not there before, or is in a mail for the first time."""
    own = [str(getattr(command, name, "") or "") for name in ("note", "reason", "name")]
    own += [str(value) for value in (getattr(command, "fields", None) or {}).values()]
    if isinstance(done, EventDone):
        before = set(texts_of(done.old)) if done.old else set[str]()
        return own + [text for text in texts_of(done.event) if text not in before]
    if isinstance(done, CampaignDone):
        return [*own, *texts_of(done.event), *_of_list(work, done.event)]
    if isinstance(done, MessageDone):
        return [*own, *(str(getattr(command, name, "")) for name in ("title", "body"))]
    for one in _invites(done):
        event = await work.unit.event(one.attendee.event_uid)
        own += personal_texts(event, personal_values(one.attendee)) if event else []
    return own


def _of_list(work: Work, event: Event) -> list[str]:
    """Of a list with values of its own nobody has seen all: it counts as if there were links among them.

    Where each mail's links are held against `links` as it leaves, there are none but those that are named.
    """
    if all(one.links is not None for one in _asking_of_links(work)):
        return []
    return ["https://in.a.list/"] if personal.placeholders(event) - {"name", "email"} else []


async def _first_contact(work: Work, done: Done) -> bool:
    """True for the first mail of an organizer to a domain; a list counts as that."""
    if isinstance(done, CampaignDone):
        return True
    for organizer, email in [one async for one in _invited(work, done)]:
        if not await work.unit.mailed_domain(organizer, email.rpartition("@")[2], work.now):
            return True
    return False


async def _invited(work: Work, done: Done) -> AsyncIterator[tuple[str, str]]:
    """The organizer and the address of each invite, or of an answer to a message."""
    if isinstance(done, MessageDone):
        yield done.message.organizer, done.message.sender
    for one in _invites(done):
        event = await work.unit.event(one.attendee.event_uid)
        if event:
            yield event.organizer, one.attendee.email


def _invites(done: Done) -> Iterator[InviteDone]:
    if isinstance(done, InviteDone):
        yield done
    if isinstance(done, InvitesDone):
        yield from (one.done for one in done.invites if one.done)
