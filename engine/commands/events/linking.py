"""What calendars and systems of record write: texts that link where the key may not are left out, the rest stays.

New times, places and cancellations go out; what was left out waits for approval (`approvals/left_out.py`).
"""

from __future__ import annotations

from collections.abc import Collection
from typing import TypeVar, cast

from engine.commands.base import Work
from engine.commands.events.calendars import UNTITLED
from engine.commands.events.events import CreateEvent, UpdateEvent
from engine.model.addresses import canonical_domain
from engine.model.bounds import Mode
from engine.model.events import Event, Override
from engine.model.held import LeftOutTexts
from engine.model.keys import Standing

C = TypeVar("C", bound=CreateEvent | UpdateEvent)

_TEXTS = ("summary", "location", "description", "url")


def permitted(
    work: Work, command: C, keys: Standing, event: Event | None = None
) -> tuple[C, LeftOutTexts | None]:
    """`command` without the texts that may not link as they do by the bounds of `keys`, and those.

    `event`: what it changes.
    """
    standing = keys.linking(event.linked if event else ())
    if not standing.bounds_links or standing.mode(work.now) is Mode.OBSERVE:
        return command, None
    given = {name: str(getattr(command, name) or "") for name in _TEXTS}
    texts = {name: text for name, text in given.items() if standing.outside_links(text)}
    values: dict[str, object] = dict.fromkeys(texts, None if event else "")
    if "summary" in texts and not event:
        values["summary"] = _unlinked(standing, texts["summary"])
    without = cast("C", command.model_copy(update=values))
    dates = _dates(standing, without, event)
    changed = dates != without.overrides
    if not texts and not changed:
        return command, None
    asked = (command.overrides or ()) if changed else ()
    said = [*texts.values(), *(getattr(one, name) for one in asked for name in _TEXTS)]
    left = LeftOutTexts(
        event_uid=event.uid if event else "", texts=texts, dates=asked, hosts=_named(standing, said)
    )
    return cast("C", without.model_copy(update={"overrides": dates})), left


def _unlinked(standing: Standing, title: str) -> str:
    """A title without whatever in it links outside: a new event has no other to keep."""
    rest = " ".join(word for word in title.split() if not standing.outside_links(word))
    return UNTITLED if not rest or standing.outside_links(rest) else rest


def _dates(standing: Standing, command: C, event: Event | None) -> tuple[Override, ...] | None:
    """The changed dates of a series; a text that links outside stays as that date, or else the series, has it."""
    if not command.overrides:
        return command.overrides
    known = {one.recurrence_id: one for one in event.overrides} if event else {}
    whole = {name: _said(command, event, name) for name in _TEXTS}

    def kept(one: Override, name: str) -> str:
        before = str(getattr(known.get(one.recurrence_id), name, whole[name]))
        return whole[name] if standing.outside_links(before) else before

    def without(one: Override) -> Override:
        outside = [name for name in _TEXTS if standing.outside_links(getattr(one, name))]
        return one.model_copy(update={name: kept(one, name) for name in outside}) if outside else one

    return tuple(map(without, command.overrides))


def _said(command: C, event: Event | None, name: str) -> str:
    """A text of the whole series, as the command leaves it."""
    value = getattr(command, name)
    return str(getattr(event, name) if value is None and event else value or "")


def _named(standing: Standing, texts: Collection[str]) -> tuple[str, ...]:
    """The hosts that an approval may name; none if one of the links names no host, such as a telephone's number."""
    hosts = [canonical_domain(host) for text in texts for host in standing.all_outside(text)]
    return () if None in hosts else tuple(sorted({host for host in hosts if host}))


def told(left: LeftOutTexts) -> str:
    """A note on what was left out, for the outcome of a request."""
    names = [*sorted(left.texts), *(["texts of changed dates"] if left.dates else [])]
    links = "links" if names == [*left.texts] else "link"
    return f"left out, and waits for approval: {', '.join(names)}, which {links} outside the bounds"
