"""The bounds of whoever asks, held at each command."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta

from engine.commands.base import Work
from engine.model.events import Event
from engine.model.keys import Standing
from engine.model.links import NO_HOST
from engine.refusals import Code, Refused


def out_of_bounds(bound: str, message: str) -> Refused:
    """The refusal by one bound; what to do next the face says."""
    return Refused(Code.OUT_OF_BOUNDS, message, bound=bound)


def refuse_recipient(bounds: Standing, address: str) -> None:
    """Refuse with OUT_OF_BOUNDS an address that the bounds don't let mail go to."""
    if not bounds.may_mail(address):
        raise out_of_bounds("to", f"The key's bounds don't let it mail “{address[:80]}”.")


def refuse_links(bounds: Standing, texts: Iterable[str]) -> None:
    """Refuse with OUT_OF_BOUNDS texts that a mail client would link to where the bounds don't allow it."""
    if not bounds.bounds_links:
        return
    for text in texts:
        host = bounds.outside_links(text)
        if host:
            what = "a link without a host" if host == NO_HOST else f"“{host[:80]}”"
            raise out_of_bounds("links", f"The key's bounds don't let its texts link to {what}.")


def texts_of(event: Event) -> list[str]:
    """What an event says to everybody, as it stands in mails."""
    own = [
        event.summary,
        event.location,
        event.description,
        event.url,
        event.organizer_name,
        event.cancel_reason,
    ]
    for override in event.overrides:
        own += [override.summary, override.location, override.description, override.url]
    if event.reserved:
        own += [event.reserved.location or "", event.reserved.description or "", event.reserved.url or ""]
    return [text for text in own if text]


def refuse_horizon(bounds: Standing, start: datetime, now: datetime) -> None:
    """Refuse with OUT_OF_BOUNDS an event that starts later than the bounds allow."""
    days = bounds.limit("horizon_days")
    if days and start > now + timedelta(days=days):
        raise out_of_bounds("horizon_days", f"The key's bounds let events start within {days} days.")


async def refuse_events(work: Work) -> None:
    """Refuse with OUT_OF_BOUNDS one more event where as many as the bounds allow stand already."""
    for key in work.bounds.keys:
        most = key.bounds.events_max if key.bounds else 0
        if most and await work.unit.standing_events(key.id, work.now) >= most:
            raise out_of_bounds(
                "events_max", f"The key's bounds let {most} events of its making stand at a time."
            )
