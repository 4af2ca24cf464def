"""Import a whole calendar from a file or the web: its new, changed and removed events."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from engine import plainfile
from engine.commands.agents.reaching import ReachOut
from engine.commands.approvals.policies import refuse_unasked
from engine.commands.base import Command, Done, Work
from engine.commands.feeds.feeds import EntryStep, FeedDone, FindFeed, GoneStep, SaveFeed
from engine.commands.tables.batch import Batch, Rehearsed, Step, StepOutcome
from engine.engine import Engine
from engine.imports import fetch, webpage
from engine.imports.imported import Imported, ImportOptions, ImportPlan, summed
from engine.itip import zones
from engine.itip.feed import MAX_BYTES, Calendar, FeedEvent, read_calendar
from engine.model.actors import Actor
from engine.model.feeds import Feed, FeedEntry
from engine.process import pools
from engine.publicweb import addresses as publicweb
from engine.refusals import Code, Refused

Progress = Callable[[int, int], Awaitable[None]]

_CHEAP_BYTES = 1 << 16
"""The largest calendar, in bytes, that is read in a thread; a larger one is read in a process with limits."""
_CHUNK = 500
_CHUNK_S = 0.25
"""The seconds that one transaction may take, so that others can write between two."""
_FEW_GONE = 3
_SHARE_GONE = 0.2
"""The largest share of future events that one import may remove unless it is forced."""


async def import_file(
    engine: Engine,
    actor: Actor,
    data: bytes,
    filename: str,
    options: ImportOptions,
    progress: Progress | None = None,
) -> Imported:
    """Import a calendar from bytes; the same name means the same calendar.

    Raises Refused: NOT_ALLOWED, INVALID_CALENDAR, TOO_LARGE, CALENDAR_SHRUNK, UNKNOWN_TIMEZONE, …
    """
    name = options.name or filename
    found = await _found(engine, actor, options, f"name:{name}", name)
    unfetched = found.feed.model_copy(update={"source": "", "etag": "", "last_modified": ""})
    return await _import(engine, actor, found, data, unfetched, options, progress)


async def import_url(
    engine: Engine,
    actor: Actor,
    url: str,
    options: ImportOptions,
    progress: Progress | None = None,
    way: publicweb.Way = publicweb.PUBLIC_WEB,
) -> Imported:
    """Import the calendar at a URL; if its server says that it is unchanged, nothing is read.

    Raises Refused as `import_file` does, and OUT_OF_BOUNDS, URL_NOT_ALLOWED, URL_NOT_READABLE.
    """
    url = fetch.web_address(url)
    identity = f"name:{options.name}" if options.name else f"url:{url}"
    found = await _found(engine, actor, options, identity, options.name or _host(url))
    # A calendar that is unchanged has other times in another zone.
    source = _hash(f"{url}\n{options.timezone}".encode() if options.timezone else url.encode())
    before = found.feed
    conditions = _conditions(before) if before.source == source else {}

    async def judge(place: str) -> None:
        await engine.apply(ReachOut(url=place, verb="events"), actor)

    fetched = await fetch.fetch(url, conditions, way, judge)
    if fetched is None:
        return _nothing_new(found, options)
    known_by = {"source": source, "etag": fetched.etag, "last_modified": fetched.last_modified}
    return await _import(
        engine, actor, found, fetched.content, before.model_copy(update=known_by), options, progress
    )


def read_file(path: str, limit: int = MAX_BYTES) -> tuple[str, bytes]:
    """The name and up to `limit` + 1 bytes of a regular file. Raises Refused: PATH_NOT_READABLE."""
    return plainfile.read(path, limit, hint="Give the path of a file on this machine, or an https address.")


def _host(url: str) -> str:
    """The part of a URL that may be shown, since its path may be a secret."""
    return url.partition("://")[2].partition("/")[0].partition("?")[0]


def _hash(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def _conditions(feed: Feed) -> dict[str, str]:
    """Headers by which the server need not send again a calendar that the last import completed."""
    if not feed.digest:
        return {}
    conditions = {"If-None-Match": feed.etag, "If-Modified-Since": feed.last_modified}
    return {name: value for name, value in conditions.items() if value and value.isascii()}


async def _found(engine: Engine, actor: Actor, options: ImportOptions, identity: str, name: str) -> FeedDone:
    if options.timezone:
        zones.require(options.timezone)
    return await engine.apply(FindFeed(organizer=options.organizer, identity=identity, name=name), actor)


def _nothing_new(found: FeedDone, options: ImportOptions) -> Imported:
    return Imported(
        calendar=found.feed.name,
        organizer=found.feed.organizer,
        unchanged=len(found.entries),
        dry_run=options.dry_run,
    )


async def _import(
    engine: Engine,
    actor: Actor,
    found: FeedDone,
    data: bytes,
    feed: Feed,
    options: ImportOptions,
    progress: Progress | None,
) -> Imported:
    digest = _hash(data + (options.timezone or "").encode())
    if digest == found.feed.digest:
        if feed.source != found.feed.source and not options.dry_run:
            # So that its server need not send it again.
            await _save(engine, actor, feed)
        return _nothing_new(found, options)
    planned = _planned if len(data) <= _CHEAP_BYTES else engine.limited.limiting(_planned)
    calendar, plan = await pools.IMPORTS.run(planned, found, feed, data, options, engine.clock())
    await _recognise(engine, plan)
    _refuse_shrunk(found, plan, options)
    begun = feed.model_copy(update={"digest": ""})
    steps = _steps(plan, feed, options)
    outcomes = await _Run(engine, actor, begun, options, progress).all(steps)
    imported = summed(found.feed, plan, calendar, outcomes, options, left=len(steps) - len(outcomes))
    unheld = any(isinstance(step, EntryStep) and step.unheld for step in steps)
    whole = plan.whole and not (imported.failed or imported.left or imported.kept or unheld)
    if whole and not options.dry_run:
        await _save(engine, actor, feed.model_copy(update={"digest": digest, "imported": engine.clock()}))
    return imported


async def _save(engine: Engine, actor: Actor, feed: Feed) -> None:
    command: Command[Done] = SaveFeed(feed=feed)
    await engine.apply(command, actor)


def _planned(
    found: FeedDone, feed: Feed, data: bytes, options: ImportOptions, now: datetime
) -> tuple[Calendar, ImportPlan]:
    """Read the calendar and compare it with the last import; slow, so it runs in a thread or a process."""
    reading = webpage.read_page if webpage.is_page(data) else read_calendar
    calendar = reading(data, default_zone=options.timezone)
    known = {entry.source_uid: entry for entry in found.entries}
    bad = {each.uid for each in calendar.unreadable if each.uid}
    unread = bad & known.keys()
    plan = ImportPlan(whole=calendar.whole)
    for entry in calendar.entries:
        if entry.event.recurrence_id is not None and entry.event.uid in unread:
            continue  # A date of a series that stays as it was.
        digest, before = entry.digest, known.pop(entry.uid, None)
        if before and before.digest == digest:
            plan.unchanged += 1
        elif not before and _over(entry, now.timestamp()):
            plan.past += 1
        else:
            plan.steps.append(EntryStep(feed, entry, digest, before, options.audience))
    plan.gone = [left for uid, left in known.items() if uid in found.standing and not _names(uid) & bad]
    return calendar, plan


def _names(uid: str) -> set[str]:
    """By what an unreadable event may be named: its UID, also where it is kept with its start as one of several."""
    without_time = uid.rpartition(" ")[0]
    return {uid, without_time, without_time.rpartition(" ")[0]}


async def _recognise(engine: Engine, plan: ImportPlan) -> None:
    """Match events with a new UID to removed events with the same title and start.

    Some programs create new UIDs each time they write a calendar.
    """
    new = [step for step in plan.steps if isinstance(step, EntryStep) and step.known is None]
    if not new or not plan.gone:
        return
    known: dict[tuple[datetime, str], FeedEntry] = {}
    for entry in plan.gone:
        event = await engine.store.event(entry.event_uid)
        if event is not None:
            known.setdefault((event.span.start_utc, event.summary), entry)
    same = {id(step): known.pop(key, None) for step in new if (key := _title_and_start(step.entry))}
    plan.steps = [
        replace(s, known=same.get(id(s)) or s.known) if isinstance(s, EntryStep) else s for s in plan.steps
    ]
    renamed = {id(entry) for entry in same.values() if entry}
    plan.gone = [entry for entry in plan.gone if id(entry) not in renamed]


def _title_and_start(entry: FeedEvent) -> tuple[datetime, str] | None:
    span = entry.event.span
    return (span.start_utc, " ".join(entry.event.summary.split())) if span else None


def _over(entry: FeedEvent, now: float) -> bool:
    """True for a single event that has ended; a season's calendar begins with many of them."""
    event = entry.event
    alone = not (event.recurrence or event.rdates)
    return alone and event.span is not None and event.span.end_utc.timestamp() <= now


def _steps(plan: ImportPlan, feed: Feed, options: ImportOptions) -> list[Step]:
    gone = plan.gone if plan.cancelling(options) else ()
    return [*plan.steps, *(GoneStep(feed, entry, options.audience) for entry in gone)]


def _refuse_shrunk(found: FeedDone, plan: ImportPlan, options: ImportOptions) -> None:
    """Refuse with CALENDAR_SHRUNK, before any change, if so many events are missing that it may be a mistake."""
    gone, ahead = len(plan.gone), len(found.standing)
    if not gone or options.force or not plan.cancelling(options):
        return
    if gone < ahead and gone <= max(_FEW_GONE, _SHARE_GONE * ahead):
        return
    raise Refused(
        Code.CALENDAR_SHRUNK,
        f"{gone} of the {ahead} future events of an earlier import are missing from this calendar and would be "
        "cancelled for good. Nothing was changed.",
        "If that is intended, repeat the import with force; to keep them, repeat it with gone=keep.",
    )


@dataclass
class _Run:
    """Executes steps in transactions of about a quarter of a second each."""

    engine: Engine
    actor: Actor
    feed: Feed
    options: ImportOptions
    progress: Progress | None

    async def all(self, steps: Sequence[Step]) -> list[StepOutcome]:
        """Execute steps until the time limit, and return their outcomes in order."""
        loop = asyncio.get_running_loop()
        end = loop.time() + self.options.seconds
        outcomes: list[StepOutcome] = []
        while len(outcomes) < len(steps) and loop.time() < end:
            done = len(outcomes)
            outcomes += await self._chunk(steps[done : done + _CHUNK], min(end, loop.time() + _CHUNK_S))
            if self.progress:
                await self.progress(len(outcomes), len(steps))
        return outcomes

    async def _chunk(self, steps: Sequence[Step], end: float) -> tuple[StepOutcome, ...]:
        loop = asyncio.get_running_loop()
        batch = Batch(
            steps=tuple(steps),
            judge=refuse_unasked,
            dry_run=self.options.dry_run,
            enough=lambda: loop.time() > end,
        )

        async def before(work: Work) -> None:
            await work.unit.save_feed(self.feed)

        try:
            done = await self.engine.apply(batch, self.actor, before=before)
        except Rehearsed as rehearsed:
            return rehearsed.outcomes
        return done.outcomes
