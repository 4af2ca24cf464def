"""What calendars and systems of record write: texts that link where the key may not are left out, the rest stays.

New times, places and cancellations go out; what was left out waits for an approval (`agents/left_out.py`).
"""

from __future__ import annotations

from typing import TypeVar, cast

from engine.commands.base import Work
from engine.commands.events.events import CreateEvent, UpdateEvent
from engine.model.addresses import canonical_domain
from engine.model.bounds import Mode
from engine.model.events import Event
from engine.model.held import LeftOut

C = TypeVar("C", bound=CreateEvent | UpdateEvent)

_TEXTS = ("location", "description", "url")
"""A title that links elsewhere leaves nothing to go without it, where the event is new."""


def permitted(work: Work, command: C, event: Event | None = None) -> tuple[C, LeftOut | None]:
    """`command` without the texts that may not link as they do, and those; `event`: what it changes."""
    standing = work.bounds.linking(event.linked if event else ())
    if not standing.bounds_links or standing.mode(work.now) is Mode.OBSERVE:
        return command, None
    names = (*_TEXTS, "summary") if event else _TEXTS
    given = {name: str(getattr(command, name) or "") for name in names}
    found = {name: standing.all_outside(text) for name, text in given.items() if text}
    texts = {name: given[name] for name, hosts in found.items() if hosts}
    if not texts:
        return command, None
    hosts = [canonical_domain(host) for name in texts for host in found[name]]
    without = cast("C", command.model_copy(update=dict.fromkeys(texts, None if event else "")))
    # What names no host, such as a telephone's number, no approval can name either.
    named = () if None in hosts else tuple(sorted({host for host in hosts if host}))
    uid = event.uid if event else ""
    return without, LeftOut(event_uid=uid, texts=texts, hosts=named)


def told(left: LeftOut) -> str:
    """What was left out, for whoever reads what became of a request."""
    return f"left out, and waits for an approval: {', '.join(sorted(left.texts))}, which links outside the bounds"
