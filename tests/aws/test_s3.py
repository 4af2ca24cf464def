"""Objects of S3: read in pieces, measured, listed page by page, found in another region."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime

import pytest

from engine.aws.chain import CredentialChain
from engine.aws.errors import AwsRefused
from engine.aws.s3 import Bucket
from engine.engine import system_clock
from tests.support.s3 import NAME, S3, s3
from tests.support.ses import ENVIRONMENT, REGION

AT = datetime(2027, 3, 1, 8, tzinfo=UTC)


@pytest.fixture(autouse=True)
def _credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in ENVIRONMENT.items():
        monkeypatch.setenv(name, value)


def bucket_of(store: S3, name: str = NAME) -> Bucket:
    return Bucket(name, REGION, store.url, CredentialChain(), system_clock)


@pytest.mark.parametrize("key", ["in/abc", "a b+c/ü&=?#%~.csv"])
async def test_an_object_is_read_whatever_its_key_is(key: str) -> None:
    async with s3() as store:
        store.put(key, b"hello", AT)
        bucket = bucket_of(store)
        found = await bucket.read(key, 100)
        assert (found.data, found.about.key, found.about.at, found.about.size) == (b"hello", key, AT, 5)
        await bucket.close()


async def test_a_long_object_is_read_in_pieces_and_no_further_than_is_asked_for() -> None:
    long = bytes(range(256)) * 80_000
    async with s3() as store:
        store.put("long", long, AT)
        bucket = bucket_of(store)
        assert (await bucket.read("long", len(long))).data == long
        assert len(store.read) == 3
        cut = await bucket.read("long", 9_000_000)
        assert (len(cut.data), cut.about.size) == (9_000_001, len(long))
        await bucket.close()


async def test_an_empty_object_and_one_that_is_not_there() -> None:
    async with s3() as store:
        store.put("empty", b"", AT)
        bucket = bucket_of(store)
        assert (await bucket.read("empty", 10)).data == b""
        assert (await bucket.head("empty")).size == 0
        with pytest.raises(AwsRefused) as refused:
            await bucket.read("nothing", 10)
        assert refused.value.code == "NoSuchKey"
        await bucket.close()


async def test_a_listing_goes_on_page_by_page() -> None:
    async with s3(page=2) as store:
        for key in ("in/a", "in/b&c", "in/d", "out/e"):
            store.put(key, b"xy", AT)
        bucket = bucket_of(store)
        first, following = await bucket.page("in/")
        second, end = await bucket.page("in/", following)
        assert [(o.key, o.at, o.size) for o in (*first, *second)] == [
            (key, AT, 2) for key in ("in/a", "in/b&c", "in/d")
        ]
        assert end == ""
        await bucket.close()


async def test_several_that_ask_at_the_same_time_share_one_client() -> None:
    async with s3() as store:
        store.put("a", b"x", AT)
        bucket = bucket_of(store)
        await asyncio.gather(*(bucket.head("a") for _ in range(5)))
        client = await bucket._open()
        assert len(client._connections._idle) == 5
        await bucket.close()


async def test_a_bucket_of_another_region_is_found() -> None:
    async with s3(region="us-west-2") as store:
        store.put("a", b"there", AT)
        bucket = bucket_of(store)
        assert (await bucket.read("a", 10)).data == b"there"
        assert store.refused == ["PermanentRedirect"]
        await bucket.close()
