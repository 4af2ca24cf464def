"""Choices for a caller's argument: its events, its campaigns, time zones."""

from __future__ import annotations

from cis_mcp.mcp.tools.base import CallContext
from cis_mcp.views.events import one_line
from engine.itip import zones
from engine.model.actors import Actor
from engine.model.events import Event

CHOICES_MAX = 100
"""The most values of one completion, which is the protocol's limit."""
_BEGINNING_MIN = 4
"""The fewest characters of a uid to search for, since fewer match too many."""
_TITLE_SHOWN = 60


async def events(call: CallContext, words: str) -> list[Event]:
    """The caller's events with these words, the next ones first, or with a uid that starts with them."""
    actor = call.actor
    if not _has_own(actor):
        return []
    found = {event.uid: event for event in await _by_uid(call, actor, words.strip().lower())}
    for after in (call.engine.clock(), None):
        if len(found) < CHOICES_MAX:
            fitting = await call.engine.events_with_words(words, actor, CHOICES_MAX, after)
            found |= {event.uid: event for event in fitting if event.uid not in found}
    return list(found.values())[:CHOICES_MAX]


def _has_own(actor: Actor) -> bool:
    """False for whoever reads nothing, and for a domain's owner, who has to name one of its organizers."""
    return actor.may_read and not actor.domain


async def _by_uid(call: CallContext, actor: Actor, beginning: str) -> list[Event]:
    if len(beginning) < _BEGINNING_MIN or not beginning.isalnum():
        return []
    return await call.engine.events_by_uid(beginning, actor, CHOICES_MAX)


async def campaigns(call: CallContext, words: str) -> list[str]:
    """Ids of the caller's newest campaigns that start with these words, or whose event's title contains them."""
    actor = call.actor
    if not _has_own(actor):
        return []
    wanted = words.strip().lower()
    fitting = []
    for campaign in await call.engine.newest_campaigns(actor, CHOICES_MAX):
        event = await call.engine.event(campaign.event_uid, actor)
        if campaign.id.lower().startswith(wanted) or wanted in event.summary.lower():
            fitting.append(campaign.id)
    return fitting


def timezones(words: str) -> list[str]:
    """IANA names: first those that start so, then those with a part that does; if none does, similar ones."""
    wanted = words.strip().lower().replace(" ", "_")
    names = zones.names()
    begin = [name for name in names if name.lower().startswith(wanted)]
    hold = [name for name in names if wanted in name.lower() and name not in begin]
    known = zones.resolve(words) if wanted else None
    return list(dict.fromkeys([*([known] if known else []), *begin, *hold])) or zones.nearest(words)


def label(event: Event) -> str:
    """An event's name for a person and a tool, without a title that came by mail and would look like the user's."""
    start = event.span.local(event.span.start)
    at = f"{start:%A %Y-%m-%d}" if event.span.all_day else f"{start:%A %Y-%m-%d %H:%M}"
    title = "event" if event.source_uid is not None else one_line(event.summary, _TITLE_SHOWN)
    return f"{title}, {at} (uid {event.uid})"
