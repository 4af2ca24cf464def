"""Keeps proven mails of one sender in the order of their arrival."""

from __future__ import annotations

import asyncio

_PATIENCE_S = 2.0
"""How long a proven mail waits for earlier ones that only claim to be of the same sender."""


class Place:
    """A mail's place among those that claim the same sender."""

    def __init__(self, order: ArrivalOrder, claimed: str) -> None:
        self._order = order
        self.claimed = claimed
        self.proven = False
        self.changed: asyncio.Event | None = None
        self.before: Place | None = None
        self.after: Place | None = None

    @property
    def gone(self) -> bool:
        return self.before is self

    def leave(self) -> None:
        """Give the place up; safe to repeat."""
        self._order.leave(self)

    async def reached(self) -> None:
        """Return when it is the turn of this mail, whose sender is proven; it lasts until the place is left."""
        self.proven = True
        self.wake()
        await self._order.reached(self)

    def wake(self) -> None:
        """Let later mails check again whether it is their turn."""
        if self.changed is not None:
            self.changed.set()


class ArrivalOrder:
    """Whoever is proven waits for proven mails of the same sender that came before, and not long for others."""

    def __init__(self, patience_s: float = _PATIENCE_S) -> None:
        self._patience_s = patience_s
        self._last: dict[str, Place] = {}

    def enter(self, claimed: str) -> Place:
        """The place behind all that claim the same sender."""
        place = Place(self, claimed)
        before = self._last.get(claimed)
        place.before = before
        if before:
            before.after = place
        self._last[claimed] = place
        return place

    def leave(self, place: Place) -> None:
        """Give the place up; safe to repeat."""
        if place.gone:
            return
        if place.before:
            place.before.after = place.after
        if place.after:
            place.after.before = place.before
        elif place.before:
            self._last[place.claimed] = place.before
        else:
            del self._last[place.claimed]
        place.before, place.after = place, None
        place.wake()

    async def reached(self, place: Place) -> None:
        """Wait for proven mails before `place`, and not long for others."""
        if place.before is None:
            return
        deadline = asyncio.get_running_loop().time() + self._patience_s
        while blocking := _blocking(place, deadline):
            await _changed(blocking, deadline)


def _blocking(place: Place, deadline: float) -> Place | None:
    """The nearest place before that is to be waited for."""
    patient = asyncio.get_running_loop().time() < deadline
    before = place.before if not place.gone else None
    while before and not before.proven and not patient:
        before = before.before
    return before


async def _changed(place: Place, deadline: float) -> None:
    """Wait until `place` is left or, until `deadline`, proven."""
    changed = place.changed = place.changed or asyncio.Event()
    changed.clear()
    timeout = asyncio.timeout_at(None if place.proven else deadline)
    try:
        async with timeout:
            await changed.wait()
    except TimeoutError:
        return
