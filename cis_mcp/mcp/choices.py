"""What a caller may choose from when it names something: its events, its campaigns, time zones."""

from __future__ import annotations

from cis_mcp.mcp.tools.base import CallContext
from cis_mcp.views.events import one_line
from engine.itip import zones
from engine.model.actors import Actor
from engine.model.events import Event

CHOICES_MAX = 100
"""As many as the protocol lets one completion hold."""
_BEGINNING_MIN = 4
"""Letters of a uid from which on it is looked for: fewer fit too many."""
_TITLE_SHOWN = 60


async def events(call: CallContext, words: str) -> list[Event]:
    """The caller's events that have these words, the next ones first, or whose uid begins so."""
    actor = call.actor
    if not actor.may_read:
        return []
    found = {event.uid: event for event in await _by_uid(call, actor, words.strip().lower())}
    for after in (call.engine.clock(), None):
        if len(found) < CHOICES_MAX:
            fitting = await call.engine.events_with_words(words, actor, CHOICES_MAX, after)
            found |= {event.uid: event for event in fitting if event.uid not in found}
    return list(found.values())[:CHOICES_MAX]


async def _by_uid(call: CallContext, actor: Actor, beginning: str) -> list[Event]:
    if len(beginning) < _BEGINNING_MIN or not beginning.isalnum():
        return []
    return await call.engine.events_by_uid(beginning, actor, CHOICES_MAX)


async def campaigns(call: CallContext, words: str) -> list[str]:
    """Ids of the caller's newest campaigns: those that begin so, or whose event has these words in its title."""
    actor = call.actor
    if not actor.may_read:
        return []
    wanted = words.strip().lower()
    fitting = []
    for campaign in await call.engine.newest_campaigns(actor, CHOICES_MAX):
        event = await call.engine.event(campaign.event_uid, actor)
        if campaign.id.lower().startswith(wanted) or wanted in event.summary.lower():
            fitting.append(campaign.id)
    return fitting


def timezones(words: str) -> list[str]:
    """IANA names, those that begin so first, then those of which a part does; a near miss finds the nearest."""
    wanted = words.strip().lower().replace(" ", "_")
    names = zones.names()
    begin = [name for name in names if name.lower().startswith(wanted)]
    hold = [name for name in names if wanted in name.lower() and name not in begin]
    known = zones.resolve(words) if wanted else None
    return list(dict.fromkeys([*([known] if known else []), *begin, *hold])) or zones.nearest(words)


def label(event: Event) -> str:
    """An event as a person knows it and a tool finds it; a title that came by mail is not put in a user's mouth."""
    start = event.span.local(event.span.start)
    at = f"{start:%A %Y-%m-%d}" if event.span.all_day else f"{start:%A %Y-%m-%d %H:%M}"
    title = "event" if event.source_uid is not None else one_line(event.summary, _TITLE_SHOWN)
    return f"{title}, {at} (uid {event.uid})"
