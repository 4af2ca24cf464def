"""The do-not-mail list as organizers and the operator change it: addresses and whole domains."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from engine.commands import text
from engine.commands.base import Command, Done, Work
from engine.model.actors import Actor
from engine.model.suppressions import ASKED, Suppression, SuppressionCause
from engine.model.verbs import Verb
from engine.refusals import Code, Refused

TARGETS_MAX = 1_000
"""Addresses and domains of one command."""
_NOT_THEIRS = {SuppressionCause.UNSUBSCRIBED, SuppressionCause.COMPLAINED}


class SuppressDone(Done):
    """`organizer`: whose mail the addresses take no more; empty: anybody's."""

    organizer: str
    targets: tuple[str, ...]
    added: int


class UnsuppressDone(Done):
    """What left the list, and what was not on it. `still`: other entries that keep mail from what left."""

    organizer: str
    removed: tuple[str, ...]
    not_listed: tuple[str, ...]
    still: tuple[Suppression, ...]


class Suppress(Command[SuppressDone]):
    """Put addresses and domains on the list; safe to repeat. What is owed to them is withdrawn at its turn."""

    targets: tuple[str, ...]
    organizer: str = ""

    async def carry_out(self, work: Work) -> SuppressDone:
        """Raises Refused: NOT_ALLOWED, INVALID_ADDRESS, EMPTY_LIST, TOO_LARGE."""
        work.require(Verb.SUPPRESS)
        organizer, targets = whose(work.actor, self.organizer), _listed(self.targets)
        entries = [Suppression(target=t, organizer=organizer, reason=ASKED, at=work.now) for t in targets]
        return SuppressDone(
            organizer=organizer, targets=targets, added=await work.unit.add_suppressions(entries)
        )


async def suppressed_in_parts(
    command: Suppress, size: int, apply: Callable[[Suppress], Awaitable[SuppressDone]]
) -> SuppressDone:
    """Apply the command, as several of `size` targets if it names more: a unit of work takes only so many.

    Raises Refused as the command does; an address that is none is refused before anything is done.
    """
    if len(command.targets) <= size:
        return await apply(command)
    targets = _listed(command.targets)
    starts = range(0, len(targets), size)
    parts = [await apply(command.model_copy(update={"targets": targets[n : n + size]})) for n in starts]
    added = sum(part.added for part in parts)
    return parts[0].model_copy(update={"targets": targets, "added": added})


class SuppressOfService(Command[SuppressDone]):
    """Take over entries of the list that our mail service keeps; what is no address is left out."""

    entries: tuple[Suppression, ...]

    async def carry_out(self, work: Work) -> SuppressDone:
        """Keep what is new; an entry that stands already stays as it is."""
        entries = [kept for entry in self.entries if (kept := _usable(entry))]
        added = await work.unit.add_suppressions(entries)
        return SuppressDone(organizer="", targets=tuple(entry.target for entry in entries), added=added)


def _usable(entry: Suppression) -> Suppression | None:
    try:
        return entry.model_copy(update={"target": text.address(entry.target)})
    except Refused:
        return None


class Unsuppress(Command[UnsuppressDone]):
    """Take addresses and domains off the list; all of them, or none if one may not be."""

    targets: tuple[str, ...]
    organizer: str = ""

    async def carry_out(self, work: Work) -> UnsuppressDone:
        """Raises Refused: NOT_ALLOWED, INVALID_ADDRESS, EMPTY_LIST, TOO_LARGE."""
        work.require(Verb.SUPPRESS)
        organizer, targets = whose(work.actor, self.organizer), _listed(self.targets)
        found = {t: await work.unit.suppression(t, organizer) for t in targets}
        entries = [entry for entry in found.values() if entry]
        for entry in entries:
            _refuse_others_wish(work.actor, entry)
        for entry in entries:
            await work.unit.drop_suppression(entry.target, organizer)
        removed = tuple(entry.target for entry in entries)
        return UnsuppressDone(
            organizer=organizer,
            removed=removed,
            not_listed=tuple(t for t in targets if found[t] is None),
            still=tuple(await _still(work, organizer, removed)),
        )


async def _still(work: Work, organizer: str, removed: tuple[str, ...]) -> list[Suppression]:
    above = [part for target in removed for part in text.with_domains(target)]
    return await work.unit.suppressions_of(organizer or None, above)


def _listed(targets: tuple[str, ...]) -> tuple[str, ...]:
    if not targets:
        raise Refused(Code.EMPTY_LIST, "No address is named.", "Name at least one address or domain.")
    if len(targets) > TARGETS_MAX:
        raise Refused(
            Code.TOO_LARGE,
            f"{len(targets)} addresses are too many; give at most {TARGETS_MAX} at once.",
            "Give them in parts.",
        )
    return tuple(dict.fromkeys(text.address_or_domain(target) for target in targets))


def operates(actor: Actor) -> bool:
    """True for the operator, at the machine or by a key with the scope `admin`."""
    return actor.everywhere or (actor.kind == "agent" and Verb.ADMIN in actor.verbs)


def whose(actor: Actor, organizer: str) -> str:
    """Whose list is meant: the actor's own; the operator's concerns all organizers unless one is named.

    Raises Refused: NOT_ALLOWED, INVALID_ADDRESS.
    """
    if operates(actor):
        return text.address(organizer) if organizer else ""
    if organizer and not actor.owns(organizer.strip().lower()):
        raise Refused(Code.NOT_ALLOWED, "That list is another organizer's.", "Leave organizer out for yours.")
    return actor.address


def _refuse_others_wish(actor: Actor, entry: Suppression) -> None:
    if entry.cause in _NOT_THEIRS and not operates(actor):
        raise Refused(
            Code.NOT_ALLOWED,
            f"“{entry.target[:80]}” {entry.cause}: only that person can undo this, not an organizer.",
            "At that person's request the operator can.",
        )
