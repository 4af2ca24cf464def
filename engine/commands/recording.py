"""What a command leaves in the record: one row, in its own unit of work."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime

from engine.commands import text
from engine.commands.base import Command, Done, Work
from engine.model import record
from engine.model.actors import Actor
from engine.model.campaigns import Campaign
from engine.model.record import Persons
from engine.refusals import Code, Refused

_SALT = 32
"""A length of its own: words that were written down for a held action are told by their length."""
_OURS = re.compile(r"[a-z0-9]{8,64}")
"""Uids and ids that we made; what else a caller names something by may be words of theirs."""


async def enter(work: Work, command: Command[Done], outcome: Done | Refused) -> None:
    """Append the row of a command that was carried out in `work`, or was refused before it."""
    salt = work.randomness.word(_SALT).encode()
    facts = {
        **caller(work.actor, work.now),
        **asked(command, outcome),
        "policy": _policy(work, salt),
        "args": record.commitment(command.committed(), salt),
        **_owed(work),
    }
    if isinstance(outcome, Done):
        facts |= {"observed": sorted(set(work.observed)), **outcome.recorded(salt)}
    await _append(work, facts, salt, _persons(work.actor, command))


async def enter_repeats(work: Work, facts: Mapping[str, object], times: int) -> None:
    """Append the row that stands for `times` refusals equal to one before."""
    salt = work.randomness.word(_SALT).encode()
    await _append(work, {**facts, "at": record.moment(work.now), "times": times}, salt, Persons())


async def enter_finished(
    work: Work, campaign: Campaign, counts: Mapping[str, int], mails: Mapping[str, object]
) -> None:
    """Append the last row of a campaign: what became of its mails, and the root of those that were sent."""
    salt = work.randomness.word(_SALT).encode()
    *above, key = campaign.key.split() or [""]
    facts = {
        "at": record.moment(work.now),
        "kind": work.actor.kind,
        "key": key,
        "chain": above,
        "command": "FinishCampaign",
        "outcome": "done",
        "event": campaign.event_uid,
        "campaign": {
            "id": campaign.id,
            "state": campaign.state.value,
            **{k: n for k, n in counts.items() if n},
        },
        "mails": mails,
    }
    await _append(work, facts, salt, Persons())


def caller(actor: Actor, now: datetime) -> dict[str, object]:
    """The actor, as a row of the record names it."""
    return {
        "at": record.moment(now),
        "kind": actor.kind,
        "key": actor.key,
        "chain": actor.chain[:-1],
        "face": actor.came_by,
        "unproven": actor.unauthenticated,
    }


def refusal(command: Command[Done], refused: Refused) -> dict[str, object]:
    """What equal refusals have in common."""
    return {
        "command": type(command).__name__,
        "outcome": "refused",
        "code": refused.code.value,
        "bound": refused.bound,
    }


def asked(command: Command[Done], outcome: Done | Refused) -> dict[str, object]:
    """What was asked, and the outcome."""
    if isinstance(outcome, Refused):
        return {**refusal(command, outcome), "event": _ours(command.subject(), outcome.code)}
    held = outcome.held
    carried_out = "held" if held else "dry_run" if getattr(command, "dry_run", False) else "done"
    event = getattr(getattr(outcome, "event", None), "uid", "") or _ours(command.subject())
    return {
        "command": type(command).__name__,
        "outcome": carried_out,
        "approval": held.id if held else "",
        "event": event,
    }


def _ours(name: str, code: Code | None = None) -> str:
    """The event or campaign that a command named; empty for what the caller may have made up."""
    return name if code is not Code.UNKNOWN_EVENT and _OURS.fullmatch(name) else ""


def _policy(work: Work, salt: bytes) -> str:
    """A commitment to the bounds that held; empty if there are none."""
    bounds = [one.model_dump_json() for one in work.bounds.bounds]
    return record.commitment("\n".join(bounds).encode(), salt) if bounds else ""


def _owed(work: Work) -> dict[str, object]:
    owed = work.unit.take_owed()
    return {"mails": {"count": len(owed), "root": record.root(owed).hex()}} if owed else {}


def _persons(actor: Actor, command: Command[Done]) -> Persons:
    acts = "" if actor.key or actor.everywhere else actor.address
    return Persons(who=acts, about=_address(command.about()))


def _address(value: str) -> str:
    """The address as it is kept everywhere; empty for what is none."""
    try:
        return text.address(value) if value else ""
    except Refused:
        return ""


async def _append(work: Work, facts: Mapping[str, object], salt: bytes, persons: Persons) -> None:
    place = await work.unit.record_place(persons.addresses)
    fresh = {a: work.randomness.word(_SALT).encode() for a in persons.addresses if a not in place.salts}
    salts = {**place.salts, **fresh}
    named = {
        name: record.commitment(address.encode(), salts[address])
        for name, address in (("who", persons.who), ("about", persons.about))
        if address
    }
    await work.unit.add_row(record.next_row(place.after, {**facts, **named}, salt), fresh)
