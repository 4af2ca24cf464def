"""A process that starts cold reads an image of the file of the search from S3, and then only what changed since."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from engine.aws.chain import CredentialChain
from engine.aws.s3 import Bucket
from engine.itip.recurrence import instances
from engine.model.counters import Rates
from engine.model.queries import EventQuery
from engine.settings import Settings
from engine.store.dynamodb.address import Address
from engine.store.dynamodb.opening import open_table
from engine.store.dynamodb.session import Context
from engine.store.dynamodb.snapshots import SNAPSHOTS, Images, SearchSnapshot
from engine.store.dynamodb.store import DynamoStore
from engine.store.dynamodb.touched import HEADS, TOUCHED
from engine.store.sqlite.search_file import SearchFile
from tests.judges.ministack import KEYS, REGION
from tests.judges.tables import Fixed, emulator, new_address
from tests.store.stores import ORGANIZER, event, save
from tests.support.clock import START

pytestmark = pytest.mark.skipif(
    os.environ.get("CIS_JUDGES") != "required", reason="an emulator of AWS: run by .ci/run (make judges)"
)
EVENTS_MANY = 300
_BUCKETS = count(1)


class _Bucket(Bucket):
    """A bucket that says what it holds, and that is made first."""

    async def make(self) -> None:
        place = f"<LocationConstraint>{REGION}</LocationConstraint>"
        await self._ask(
            "PUT", "", body=f"<CreateBucketConfiguration>{place}</CreateBucketConfiguration>".encode()
        )

    async def keys(self) -> list[str]:
        found, _ = await self.page("search/")
        return [one.key for one in found]


def _now() -> datetime:
    return datetime.now(UTC)


def _bucket(name: str) -> _Bucket:
    return _Bucket(name, REGION, emulator(), CredentialChain(), _now)


@pytest.fixture
async def bucket(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[_Bucket]:
    for name, value in KEYS.items():
        monkeypatch.setenv(name, value)
    made = _bucket(f"search-{next(_BUCKETS)}")
    await made.make()
    yield made
    await made.close()


@asynccontextmanager
async def _process(table: str, bucket: _Bucket) -> AsyncIterator[DynamoStore]:
    """A process of its own over the table, without a file yet."""
    images = Images(_bucket(bucket.name), "search/")
    context = Context(Rates(), instances, SearchFile.open, images=images)
    store = await open_table(Address.of(table), context, Fixed())
    try:
        yield store
    finally:
        await store.close()


async def _filled(store: DynamoStore, first: int, last: int) -> None:
    for start in range(first, last, 20):
        async with store.unit() as unit:
            await unit.ensure_organizer(ORGANIZER, "Olga", START)
            for n in range(start, min(last, start + 20)):
                await unit.add_event(event(f"event{n}", summary=f"Match number{n}"))


async def _found(store: DynamoStore, words: str) -> list[str]:
    page = await store.search(EventQuery(query=words))
    return [found.uid for found in page.events]


async def _reads(store: DynamoStore, words: str) -> tuple[int, list[str]]:
    """How many items a search reads, and what it finds."""
    calls, items = store.calls, 0
    get, page = calls.get, calls.page

    async def counted_get(*keys: Any, **more: Any) -> Any:
        nonlocal items
        found = await get(*keys, **more)
        items += len(found)
        return found

    async def counted_page(asked: Any) -> Any:
        nonlocal items
        found, rest = await page(asked)
        items += len(found)
        return found, rest

    calls.get, calls.page = counted_get, counted_page  # type: ignore[method-assign]
    found = await _found(store, words)
    calls.get, calls.page = get, page  # type: ignore[method-assign]
    return items, found


async def _with_image(table: str, bucket: _Bucket) -> None:
    async with _process(table, bucket) as store:
        await _filled(store, 0, EVENTS_MANY)
        assert await _found(store, "number7") == ["event7"]
    assert len(await bucket.keys()) == 1


async def test_a_cold_start_reads_the_image_and_what_changed_since(bucket: _Bucket) -> None:
    table = new_address()
    await _with_image(table, bucket)
    async with _process(table, _bucket("not-there")) as store:
        whole, found = await _reads(store, "number7")
        assert found == ["event7"]
        assert store.consumed.scans == 0
        await save(store, event("event8", sequence=1, summary="Renamed derby"))  # type: ignore[arg-type]
        await _filled(store, EVENTS_MANY, EVENTS_MANY + 1)
    async with _process(table, bucket) as cold:
        cost, found = await _reads(cold, "derby")
        assert found == ["event8"]
        assert await _found(cold, f"number{EVENTS_MANY}") == [f"event{EVENTS_MANY}"]
        assert "event8" not in await _found(cold, "number8")
    assert whole > EVENTS_MANY
    # the pulse, the heads, the name of the image, four entries of the log, and the events that they name
    assert cost < 50, (cost, whole)


@pytest.mark.parametrize("wrong", ["damaged", "gone", "form", "old", "of another table", "the log is cut"])
async def test_an_image_that_does_not_fit_is_passed_over_and_the_file_is_made_anew(
    wrong: str, bucket: _Bucket
) -> None:
    table = new_address()
    await _with_image(table, bucket)
    (key,) = await bucket.keys()
    async with _process(table, _bucket("not-there")) as store:
        kept = await store.rows.get(SNAPSHOTS, "all")
        assert kept is not None
        await _filled(store, EVENTS_MANY, EVENTS_MANY + 1)
        changed: dict[str, Any] = {
            "form": {"form": "of an older program"},
            "old": {"made": kept.made - 8 * 86_400},
            "of another table": {"places": tuple(place + 99 for place in kept.places)},
        }.get(wrong, {})
        if changed:
            rows = store.rows
            await rows.put(SNAPSHOTS, SearchSnapshot(**{**kept.model_dump(), **changed}))
            await rows.items.commit()
        if wrong == "the log is cut":
            for head in [await store.rows.get(HEADS, shard) for shard in range(8)]:
                rows = store.rows
                for one in await rows.under(TOUCHED, head.shard) if head else []:
                    rows.items.drop(TOUCHED.at(*TOUCHED.key(one)))
                await rows.items.commit()
    if wrong == "damaged":
        await bucket.write(key, b"nothing of ours", "application/octet-stream")
    if wrong == "gone":
        await bucket.delete(key)
    async with _process(table, bucket) as cold:
        assert await _found(cold, "number7") == ["event7"]
        assert await _found(cold, f"number{EVENTS_MANY}") == [f"event{EVENTS_MANY}"]


async def test_the_image_is_made_anew_once_much_has_changed_and_the_old_one_goes(
    bucket: _Bucket, monkeypatch: pytest.MonkeyPatch
) -> None:
    from engine.store.dynamodb import searching

    monkeypatch.setattr(searching, "_GROWN", 2)
    table = new_address()
    await _with_image(table, bucket)
    first = await bucket.keys()
    async with _process(table, bucket) as store:
        assert await _found(store, "number7") == ["event7"]
    assert await bucket.keys() == first, "nothing has changed"
    async with _process(table, bucket) as store:
        await _filled(store, EVENTS_MANY, EVENTS_MANY + 60)
        assert await _found(store, "number7") == ["event7"]
    second = await bucket.keys()
    assert len(second) == 1
    assert second != first


def test_the_setting_is_an_address_on_s3(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="s3://BUCKET/PREFIX"):
        Settings(data_dir=tmp_path, search_snapshot="somewhere")
