"""Imports the data of a published Calendar Invite Server: its DynamoDB table, or an export of that table.

A table may return attendees before their events, so they wait in a temporary file until the events are imported.
An import that was interrupted can be repeated: what was imported before stays.
"""

from __future__ import annotations

import asyncio
import gzip
import json
import re
import tempfile
from collections import Counter
from collections.abc import AsyncGenerator, AsyncIterator, Iterator, Mapping
from contextlib import aclosing
from pathlib import Path
from typing import IO
from urllib.parse import parse_qsl

from engine.aws.chain import CredentialChain, NoCredentials
from engine.aws.connections import ServiceEndpoint
from engine.aws.dynamodb import DynamoTable, Item, plain
from engine.aws.errors import AwsRefused, Unanswered, Unreached
from engine.aws.s3 import BUCKET, Bucket
from engine.commands.feeds.taking_over import (
    ATTENDEES_MAX,
    TakenAttendee,
    TakenBlock,
    TakenDone,
    TakenEvent,
    TakenOrganizer,
    TakeOverAttendees,
    TakeOverEvent,
    TakeOverOrganizers,
)
from engine.commands.operators.operators import may_administer
from engine.engine import Engine, system_clock
from engine.imports import reference_table
from engine.model.actors import Actor
from engine.model.base import Value
from engine.refusals import Code, Refused

FORMS = "dynamodb://TABLE?region=…, dynamodb-export:s3://bucket/folder/ or dynamodb-export:FOLDER"
_TABLE = re.compile(r"[A-Za-z0-9_.-]{3,255}")
_REGION = re.compile(r"[a-z]{2,4}(-[a-z]+){1,3}-[0-9]{1,2}")
_EXPORT = "dynamodb-export:"
_PROBLEMS_MAX = 50
_OBJECT_MAX = 512 * 1024 * 1024
_LINE_MAX = 1024 * 1024
"""The most bytes of an item as text; DynamoDB's own limit is 400 kB."""
_HINT = "The role needs dynamodb:Scan on the table, or s3:ListBucket and s3:GetObject on the export."


class TakenOver(Value):
    """The result of an import: how many of each kind are new, newer than before or known, and the first problems."""

    counts: Mapping[str, Mapping[str, int]]
    left_out: int
    problems: tuple[str, ...]

    @property
    def failed(self) -> bool:
        """True if something was left out."""
        return bool(self.left_out)


def names_one(source: str) -> bool:
    """True for a source that is an installation rather than a calendar."""
    return source.startswith(("dynamodb://", _EXPORT))


async def take_over(
    engine: Engine, actor: Actor, source: str, *, timezone: str = "UTC", wait_s: float = 0.5
) -> TakenOver:
    """Import the data in `source`, with events shown in `timezone`; this can be repeated safely.

    Raises Refused: NOT_ALLOWED, INVALID_ARGUMENT, UNKNOWN_TIMEZONE, URL_NOT_READABLE, PATH_NOT_READABLE.
    """
    may_administer(actor)
    taking = _Taking(engine, actor, timezone)
    try:
        with tempfile.TemporaryFile("w+", encoding="utf-8", dir=_folder(engine)) as kept:
            async with aclosing(_items(source, wait_s)) as items:
                await taking.first(items, kept)
            await taking.second(kept)
    except AwsRefused as refused:
        why = f"The installation cannot be read: {refused.code}."
        raise Refused(Code.URL_NOT_READABLE, why, _HINT) from refused
    except (Unreached, Unanswered, NoCredentials) as error:
        why = f"The installation cannot be read: {str(error)[:200]}."
        raise Refused(Code.URL_NOT_READABLE, why, "Repeat it: what was imported stays.") from error
    return taking.result()


def _folder(engine: Engine) -> Path:
    """The folder for the temporary file, which no other user can read, since the file holds addresses."""
    engine.settings.data_dir.mkdir(parents=True, exist_ok=True)
    return engine.settings.data_dir


class _Taking:
    """One import."""

    def __init__(self, engine: Engine, actor: Actor, timezone: str) -> None:
        self._engine, self._actor, self._timezone = engine, actor, timezone
        self._counts: dict[str, Counter[str]] = {}
        self._problems: list[str] = []
        self._left_out = 0
        self._organizers: dict[str, TakenOrganizer] = {}
        self._blocks: list[TakenBlock] = []

    async def first(self, items: AsyncIterator[Item], kept: IO[str]) -> None:
        """Import the events, and set aside their attendees, organizers and blocks."""
        async for item in items:
            try:
                found = reference_table.read(item)
            except (ValueError, OverflowError) as error:
                self._problem(f"{reference_table.named(item)}: {str(error)[:100]}")
                continue
            if isinstance(found, TakenEvent):
                await self._event(found)
            elif isinstance(found, TakenAttendee):
                kept.write(f"{found.model_dump_json()}\n")
            elif isinstance(found, TakenOrganizer):
                self._note(found)
            elif isinstance(found, TakenBlock):
                self._blocks.append(found)

    async def second(self, kept: IO[str]) -> None:
        """Import attendees, event by event, then organizers and blocks."""
        size = min(ATTENDEES_MAX, self._engine.store.items_per_unit)
        for uid, some in _by_event(kept, size):
            done = await self._engine.apply(TakeOverAttendees(event_uid=uid, attendees=some), self._actor)
            self._count("attendees", done)
        organizers = list(self._organizers.values())
        for first in range(0, len(organizers), size // 2):
            part = tuple(organizers[first : first + size // 2])
            self._count(
                "organizers", await self._engine.apply(TakeOverOrganizers(organizers=part), self._actor)
            )
        for first in range(0, len(self._blocks), size):
            blocks = tuple(self._blocks[first : first + size])
            self._count("blocks", await self._engine.apply(TakeOverOrganizers(blocks=blocks), self._actor))

    def result(self) -> TakenOver:
        """The result of the import."""
        counts = {kind: dict(counted) for kind, counted in self._counts.items()}
        return TakenOver(counts=counts, left_out=self._left_out, problems=tuple(self._problems))

    async def _event(self, found: TakenEvent) -> None:
        command = TakeOverEvent(event=found, timezone=self._timezone)
        try:
            self._count("events", await self._engine.apply(command, self._actor))
        except Refused as refused:
            if refused.code is Code.UNKNOWN_TIMEZONE:
                raise
            self._problem(f"event {found.uid[:60]}: {refused.code}")

    def _note(self, found: TakenOrganizer) -> None:
        """Combine the items about one organizer, each of which has only a part."""
        before = self._organizers.get(found.address, TakenOrganizer(address=found.address))
        own = {"suspended": before.suspended or found.suspended, "lists": before.lists or found.lists}
        self._organizers[found.address] = before.model_copy(update=own)

    def _count(self, kind: str, done: TakenDone) -> None:
        counted = self._counts.setdefault(kind, Counter(new=0, newer=0, known=0))
        counted.update(new=done.new, newer=done.newer, known=done.known)
        for problem in done.problems:
            self._problem(problem)

    def _problem(self, words: str) -> None:
        self._left_out += 1
        if len(self._problems) < _PROBLEMS_MAX:
            self._problems.append(words)


def _by_event(kept: IO[str], size: int) -> Iterator[tuple[str, tuple[TakenAttendee, ...]]]:
    """The attendees set aside, in runs of the same event of at most `size`."""
    kept.seek(0)
    some: list[TakenAttendee] = []
    for line in kept:
        one = TakenAttendee.model_validate_json(line)
        if some and (one.event_uid != some[0].event_uid or len(some) == size):
            yield some[0].event_uid, tuple(some)
            some = []
        some.append(one)
    if some:
        yield some[0].event_uid, tuple(some)


async def _items(source: str, wait_s: float) -> AsyncGenerator[Item, None]:
    """Every item of a table, or of its export. Raises Refused: INVALID_ARGUMENT, PATH_NOT_READABLE."""
    if source.startswith("dynamodb://"):
        name, region = _place(source.removeprefix("dynamodb://"))
        if not _TABLE.fullmatch(name):
            raise _unknown()
        scanned = _scanned(name, region, wait_s)
    else:
        place = source.removeprefix(_EXPORT)
        scanned = _exported(place) if place.startswith("s3://") else _in_files(Path(place))
    async with aclosing(scanned) as items:
        async for item in items:
            yield item


def _place(text: str) -> tuple[str, str]:
    """The name, and the region or an empty string. Raises Refused: INVALID_ARGUMENT."""
    body, _, query = text.partition("?")
    options = dict(parse_qsl(query, keep_blank_values=True))
    region = options.pop("region", "")
    if options or (region and not _REGION.fullmatch(region)):
        raise _unknown()
    return body.rstrip("/") if "/" not in body.rstrip("/") else body, region


def _unknown() -> Refused:
    return Refused(Code.INVALID_ARGUMENT, "That is not an installation.", f"Give one of: {FORMS}.")


async def _region(chain: CredentialChain, named: str) -> str:
    region = named or await chain.region()
    if not region:
        raise Refused(Code.INVALID_ARGUMENT, "No region is known for it.", "Add ?region=eu-west-1.")
    return region


async def _scanned(name: str, named: str, wait_s: float) -> AsyncGenerator[Item, None]:
    chain = CredentialChain()
    region = await _region(chain, named)
    endpoint = ServiceEndpoint.of(await chain.url("dynamodb", "dynamodb", region))
    table = DynamoTable(name, region, endpoint, chain, system_clock, wait_s)
    try:
        async for item in table.items():
            yield item
    finally:
        await table.close()


async def _exported(place: str) -> AsyncGenerator[Item, None]:
    """The items of an export in S3, from those objects that hold items."""
    body, named = _place(place.removeprefix("s3://"))
    name, _, prefix = body.partition("/")
    if not BUCKET.fullmatch(name):
        raise _unknown()
    chain = CredentialChain()
    bucket = Bucket(name, await _region(chain, named), "", chain, system_clock)
    try:
        following = ""
        while True:
            objects, following = await bucket.page(prefix, following)
            for each in objects:
                if each.size and _holds_items(each.key):
                    data = (await bucket.read(each.key, _OBJECT_MAX)).data
                    for item in _in(data, each.key):
                        yield item
            if not following:
                return
    finally:
        await bucket.close()


async def _in_files(place: Path) -> AsyncGenerator[Item, None]:
    """The items of an export on this machine: a file, or all files below a folder."""
    paths = await asyncio.to_thread(lambda: sorted(place.rglob("*")) if place.is_dir() else [place])
    found = [path for path in paths if path.is_file() and (path == place or _holds_items(path.name))]
    if not found:
        raise Refused(
            Code.PATH_NOT_READABLE, f"No export is at {place}.", "Name its folder, or a .json.gz file."
        )
    for path in found:
        try:
            data = await asyncio.to_thread(path.read_bytes)
        except OSError as error:
            raise Refused(Code.PATH_NOT_READABLE, f"{path} cannot be read: {error.strerror}.") from None
        for item in _in(data, path.name):
            yield item


def _holds_items(key: str) -> bool:
    """True for the data of an export, false for its manifests."""
    return key.endswith((".json.gz", ".json")) and "manifest" not in key.rpartition("/")[2]


def _in(data: bytes, name: str) -> Iterator[Item]:
    """The items of a file of DynamoDB JSON, one per line. Raises Refused: INVALID_ARGUMENT."""
    try:
        lines = gzip.decompress(data) if data.startswith(b"\x1f\x8b") else data
        for line in filter(None, lines.split(b"\n")):
            yield plain(json.loads(_bounded(line))["Item"])
    except (ValueError, KeyError, TypeError, AttributeError, EOFError, OSError) as error:
        why = f"{name.rpartition('/')[2][:80]} is no export of DynamoDB in DynamoDB JSON: {str(error)[:100]}."
        raise Refused(Code.INVALID_ARGUMENT, why, "Export the table as DynamoDB JSON.") from None


def _bounded(line: bytes) -> bytes:
    if len(line) > _LINE_MAX:
        raise ValueError("an item is longer than any of DynamoDB")
    return line
