"""What keeps a mail from leaving holds for one that its asker sends as well: stops, hours, and limits per minute."""

from __future__ import annotations

from engine.commands.agents import bounds
from engine.commands.base import Work
from engine.model.events import Event
from engine.model.keys import Standing
from engine.model.messages import Kind
from engine.model.stops import EVERYTHING
from engine.refusals import Code, Refused
from engine.store import rules


async def refuse_waiting(work: Work, event: Event, email: str, *, new: bool) -> None:
    """Refuse what would have to wait if it left from here; `new`: it was not handed over before.

    Raises Refused: OUT_OF_BOUNDS, KEY_ENDED.
    """
    stopped = {stop.organizer for stop in await work.unit.stops()}
    if stopped & {EVERYTHING, event.organizer}:
        raise _stopped("Mail is stopped.")
    standing = (await bounds.standing_for(work, event)).in_force(work.now)
    _refuse_by_keys(work, event, email, standing)
    minutes = {key.id: key.bounds.minute for key in standing.keys if key.bounds and key.bounds.minute}
    if new and minutes and not await work.unit.spend_minutes(minutes, work.now):
        raise bounds.out_of_bounds(
            "minute",
            f"Out of the key's bounds: {min(minutes.values())} mails a minute. Ask again in a minute.",
        )


def _refuse_by_keys(work: Work, event: Event, email: str, standing: Standing) -> None:
    """Refuse what the keys that cause the invite would not let leave now."""
    keys = len(work.caused_by(event).split())
    verdict = rules.by_keys(Kind.INVITE, email, event, standing, keys, work.now)
    if verdict.held:
        raise _stopped("The key that made the event is stopped.")
    if verdict.code is Code.KEY_ENDED:
        raise Refused(Code.KEY_ENDED, "The key that made the event has ended.", "Ask the operator.")
    if verdict.code:
        raise bounds.out_of_bounds("to", f"Out of the key's bounds: it may not mail “{email[:80]}”.")
    if verdict.due:
        opens = verdict.due.isoformat(timespec="minutes")
        raise bounds.out_of_bounds("hours", f"Out of the key's bounds: its mail may leave from {opens} on.")


def _stopped(why: str) -> Refused:
    return Refused(
        Code.OUT_OF_BOUNDS,
        f"{why} Nothing leaves, also by the caller's own way.",
        "Ask whoever stopped it to resume it.",
        bound="stopped",
    )
