"""The bounds of the keys that cause a change, enforced in each command."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta

from engine.commands import plan_limits
from engine.commands.base import Work
from engine.itip import personal
from engine.model.bounds import Approval, Mode
from engine.model.events import Event
from engine.model.keys import UNBOUNDED, Standing
from engine.model.links import NO_HOST
from engine.model.messages import Chosen, Fanout, Kind
from engine.refusals import Code, Refused


async def standing_for(work: Work, event: Event) -> Standing:
    """The keys whose bounds hold for what `work` causes at `event`: its own, or those that made the event."""
    cause = work.caused_by(event)
    if not cause:
        return UNBOUNDED
    standing = work.bounds if cause == work.key else await work.unit.standing(cause.split())
    return standing.linking(event.linked)


def refuse(work: Work, standing: Standing, bound: str, message: str) -> None:
    """Refuse with OUT_OF_BOUNDS by one bound; for keys that only observe, note it and go on."""
    if standing.mode(work.now) is Mode.OBSERVE:
        work.observed.append(bound)
        return
    raise out_of_bounds(bound, f"Out of the key's bounds: {message}")


def out_of_bounds(bound: str, message: str) -> Refused:
    """The refusal by one bound; the face adds what to do next."""
    return Refused(Code.OUT_OF_BOUNDS, message, bound=bound)


def refuse_recipient(work: Work, standing: Standing, address: str) -> None:
    """Refuse with OUT_OF_BOUNDS an address that the keys may not mail, as it was given."""
    # A period at the end is cleaned away from what was copied; what compares with bounds has none.
    if not standing.may_mail(address) or (standing.bounded and address.strip().endswith(".")):
        bound = "not_to" if standing.denies(address) else "to"
        refuse(work, standing, bound, f"it may not mail “{address[:80]}”.")


def refuse_links(work: Work, standing: Standing, texts: Iterable[str]) -> None:
    """Refuse with OUT_OF_BOUNDS texts that a mail client would turn into links to hosts outside the keys' bounds."""
    if not standing.bounds_links:
        return
    refuse_link(work, standing, next((host for text in texts if (host := standing.outside_links(text))), ""))


def refuse_links_that_wait(work: Work, texts: Iterable[str]) -> None:
    """Refuse with OUT_OF_BOUNDS texts whose links need a yes, where what says them cannot wait for one."""
    standing = work.bounds.unasked()
    host = next((host for text in texts if (host := standing.outside_links(text))), "")
    if not host:
        return
    if standing.mode(work.now) is Mode.OBSERVE:
        work.observed.append(f"approval:{Approval.LINKS.value}")
        return
    what = "A link without a host" if host == NO_HOST else f"A link to “{host[:80]}”"
    raise out_of_bounds("approval", f"{what} needs a yes that this cannot wait for.")


def refuse_link(work: Work, standing: Standing, host: str) -> None:
    """Refuse with OUT_OF_BOUNDS a link to `host`; an empty host is no link."""
    if host:
        what = "a link without a host" if host == NO_HOST else f"“{host[:80]}”"
        refuse(
            work, standing, "links", f"its texts may not contain {what}, which mail clients turn into a link."
        )


def texts_of(event: Event) -> list[str]:
    """The texts of an event that all attendees read in their mails."""
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


def personal_texts(event: Event, values: Mapping[str, str]) -> list[str]:
    """The texts of an event as one person reads them, and their name."""
    if event.verbatim or not personal.placeholders(event):
        return [*texts_of(event), values.get("name", "")]
    given = {**dict.fromkeys(personal.placeholders(event), ""), **values}
    return [*texts_of(personal.personalize(event, given)), values.get("name", "")]


def refuse_event(work: Work, event: Event, *texts: str, old: Event | None = None) -> None:
    """Refuse with OUT_OF_BOUNDS an event that the actor's keys may not make, or from `old` may not change so."""
    if not work.bounds.bounded:
        return
    refuse_links(work, work.bounds.linking(event.linked), [*texts_of(event), *texts])
    days = work.bounds.limit("horizon_days")
    later = old is None or _latest(event) > _latest(old)
    if days and later and not event.cancelled and _latest(event) > work.now + timedelta(days=days):
        refuse(work, work.bounds, "horizon_days", f"events start within {days} days.")


def _latest(event: Event) -> datetime:
    """The latest start that the event names; a recurring one is judged by its first."""
    return max([event.span.start_utc, *(override.span.start_utc for override in event.overrides)])


def refuse_exceeded(work: Work) -> None:
    """Refuse with OUT_OF_BOUNDS a change that passes a bound and needs no approval."""
    if work.exceeded and not work.approved:
        bound, why = work.exceeded[0]
        refuse(work, work.bounds, bound, why)


async def refuse_events(work: Work, organizer: str) -> None:
    """Refuse one more event where as many as the keys' bounds or the organizer's plan allow are there already.

    Raises Refused: OUT_OF_BOUNDS, EVENT_LIMIT_REACHED, FREE_TRIAL_ENDED.
    """
    await plan_limits.refuse_events(work, organizer)
    for key in work.bounds.keys:
        most = key.bounds.events_max if key.bounds else 0
        if most and await work.unit.standing_events(key.id, work.now) >= most:
            refuse(work, work.bounds, "events_max", f"{most} of its events may be active at a time.")


async def exceed_audience(work: Work, standing: Standing, event: Event, kind: Kind, group: Chosen) -> None:
    """Note that a change would reach people whom the keys may not mail, if it would: then it waits for a decision."""
    if not any(one.to is not None or one.not_to for one in standing.bounds) or event.key == work.key:
        return
    job = Fanout(event_uid=event.uid, kind=kind, partstats=group.partstats, emails=group.emails)
    while True:
        people, cursor = await work.unit.audience(job, work.unit.items_per_unit)
        outside = next((a for a in people if not standing.may_mail(a.email)), None)
        if outside:
            work.exceed("to", "some of the people it would notify are outside the bound.")
        if outside or cursor is None:
            return
        job = job.model_copy(update={"cursor": cursor})
