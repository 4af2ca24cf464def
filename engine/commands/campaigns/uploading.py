"""Brings a long list into the store before its draft is made: each unit of work judges and keeps a part of it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from typing import NamedTuple

from engine.commands.base import Apply, Command, Work
from engine.commands.campaigns import validation
from engine.commands.notifying import Progress
from engine.commands.randomness import CAMPAIGN_ID_LENGTH
from engine.model.campaigns import Campaign
from engine.model.events import Event
from engine.model.list_rows import Recipient
from engine.model.people import Origin
from engine.refusals import Code, Refused
from engine.store.rules import LIST_KEPT


class Uploaded(NamedTuple):
    """A list that is in the store and judged, for the event at that SEQUENCE."""

    campaign_id: str
    sequence: int
    rows: list[Recipient]


class _Begun(NamedTuple):
    campaign: Campaign
    sequence: int
    size: int


async def upload(
    apply: Apply,
    usable: Callable[[Work], Awaitable[Event]],
    rows: Sequence[Recipient],
    origin: Origin,
) -> Uploaded | None:
    """Keep the rows, as many at a time as a unit takes; None if one unit takes them all, and nothing was kept.

    `usable`: gives the event, or refuses. Raises Refused: what `usable` does; SEQUENCE_MISMATCH.
    """
    begun = await apply(partial(_begin, usable=usable, rows=len(rows), origin=origin))
    if begun is None:
        return None
    judged: list[Recipient] = []
    seen: dict[str, int] = {}
    taken = 0
    for first in range(0, len(rows), begun.size):
        part = list(rows[first : first + begun.size])
        done = await apply(partial(_keep, usable=usable, begun=begun, rows=part, seen=seen, taken=taken))
        seen |= {row.email: row.row for row in done.rows if not row.code}
        judged += done.rows
        taken += done.taken
    return Uploaded(begun.campaign.id, begun.sequence, judged)


async def _begin(
    work: Work, *, usable: Callable[[Work], Awaitable[Event]], rows: int, origin: Origin
) -> _Begun | None:
    event = await usable(work)
    size = work.unit.rows_per_unit
    if rows <= size:
        return None
    campaign = Campaign(
        id=work.randomness.word(CAMPAIGN_ID_LENGTH),
        event_uid=event.uid,
        organizer=event.organizer,
        origin=origin,
        created=work.now,
    )
    return _Begun(campaign, event.sequence, size)


async def _keep(
    work: Work,
    *,
    usable: Callable[[Work], Awaitable[Event]],
    begun: _Begun,
    rows: list[Recipient],
    seen: dict[str, int],
    taken: int,
) -> validation.Judged:
    event = await usable(work)
    refuse_changed(event, begun.sequence)
    judged = await validation.judged(work, event, rows, begun.campaign.origin, seen, taken)
    await work.unit.upload_rows(begun.campaign, judged.rows)
    return judged


def refuse_changed(event: Event, sequence: int) -> None:
    """Refuse with SEQUENCE_MISMATCH if the rows were judged for another revision of the event."""
    if event.sequence != sequence:
        raise Refused(
            Code.SEQUENCE_MISMATCH, "The event changed while the list was being read.", "Send the list again."
        )


class DropAbandoned(Command[Progress]):
    """Delete the next rows of a list whose draft was never made."""

    async def carry_out(self, work: Work) -> Progress:
        """Drop a part of an abandoned list; `worked` is false if there is none. Refuses nothing."""
        campaign_id = await work.unit.abandoned_list(work.now - LIST_KEPT)
        if campaign_id is not None:
            await work.unit.drop_rows(campaign_id, work.unit.items_per_unit)
        return Progress(worked=campaign_id is not None)
