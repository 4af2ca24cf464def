"""Which delivery makes one needless that still waits: whatever the older asks for, the newer one asks for as well."""

from __future__ import annotations

from collections.abc import Sequence

from engine.model.rules import Deed, Settable
from engine.model.triggers import AskedFor, Delivery
from engine.rules.mapping import Mapped

_ENDS = frozenset({Deed.CANCEL, Deed.FORGET})
_MORE = frozenset({(Deed.INVITE, Deed.UPDATE)})
"""Pairs of which the first does what the second does, and more."""


def asks(mapped: Mapped) -> AskedFor:
    """What is kept of a delivery's content while it waits, to compare it with newer ones."""
    fields = {Settable.DURATION_MINUTES.value if name == Settable.END else name for name in mapped.values}
    return AskedFor(
        do=mapped.do,
        uid=mapped.uid,
        fields=tuple(sorted(fields)),
        people=mapped.people is not None,
        stay=mapped.stay,
        digest=mapped.digest,
    )


def covers(newer: AskedFor, older: AskedFor | None) -> bool:
    """True if nothing is lost when only the newer is carried out; None: it is not known what the older asks for."""
    if newer.do in _ENDS:
        return True
    if older is None or newer.uid != older.uid:
        return False
    if newer.digest == older.digest and newer.stay == older.stay:
        return True
    same = newer.do is older.do or (newer.do, older.do) in _MORE
    return same and set(older.fields) <= set(newer.fields) and _names_all(newer, older)


def later(found: Sequence[Delivery], than: Delivery) -> list[Delivery]:
    """Those that came after one, of the deliveries about its object, oldest first; it may not be among them yet."""
    ids = [one.id for one in found]
    if than.id in ids:
        return list(found[ids.index(than.id) + 1 :])
    return [one for one in found if one.received > than.received]


def _names_all(newer: AskedFor, older: AskedFor) -> bool:
    """True if those whom the older names need not be looked for: the newer says who has the event, or is for all."""
    if newer.do is Deed.REMIND:
        return not newer.people and not older.people
    return not older.people or (newer.people and not newer.stay)
