"""The nightly export to S3: each night once, by whichever process, and nothing of an earlier night is left."""

from __future__ import annotations

import asyncio
import csv
import io
import json
from datetime import UTC, datetime
from pathlib import Path

import pytest

from engine.engine import Engine
from engine.jobs import jobs, nightly
from engine.model.exports import Table
from engine.settings import Settings
from tests.support.clock import Clock
from tests.support.engines import created, deliver, engine_in, invite
from tests.support.s3 import NAME, S3, s3
from tests.support.ses import ENVIRONMENT, REGION
from tests.support.waiting import eventually

NIGHT = datetime(2027, 3, 2, 2, 0, tzinfo=UTC)


@pytest.fixture(autouse=True)
def _credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in ENVIRONMENT.items():
        monkeypatch.setenv(name, value)


def _setting(store: S3, more: str = "") -> str:
    return f"s3://{NAME}/bi/daily?region={REGION}&endpoint={store.url}{more}"


async def _furnished(engine: Engine) -> None:
    event = await created(engine, summary="=1+1")
    await invite(engine, event, "kim@guests.example")
    await deliver(engine)


async def _night(engine: Engine) -> None:
    """What a server does when it looks at the clock."""
    nights = nightly.Nights(engine)
    nights.look()
    await nights.ended()


async def test_every_night_all_tables_are_written_once_with_manifests(tmp_path: Path) -> None:
    clock = Clock(NIGHT.replace(hour=1))
    async with s3() as store, engine_in(tmp_path, clock, export=_setting(store)) as engine:
        await _furnished(engine)
        await _night(engine)
        assert store.objects == {}, "it is too early"
        clock.move(hours=1)
        await _night(engine)
        for table in Table:
            assert f"bi/daily/{table.value}/csv/part-00000.csv" in store.objects
            manifest = json.loads(store.objects[f"bi/daily/{table.value}/manifest.json"][0])
            assert manifest["fileLocations"] == [
                {"URIs": [f"s3://{NAME}/bi/daily/{table.value}/csv/part-00000.csv"]}
            ]
            assert manifest["globalUploadSettings"]["format"] == "CSV"
        text = store.objects["bi/daily/attendees/csv/part-00000.csv"][0].decode()
        assert "k*******@guests.example" in text
        (event,) = csv.DictReader(
            io.StringIO(store.objects["bi/daily/events/csv/part-00000.csv"][0].decode())
        )
        assert event["summary"] == "'=1+1", "no spreadsheet takes it for a formula"
        assert store.refused == []
        before = {key: at for key, (_, at) in store.objects.items()}
        clock.move(hours=3)
        await _night(engine)
        assert {key: at for key, (_, at) in store.objects.items()} == before, "tonight is done"


async def test_the_next_night_replaces_it_and_leaves_what_is_not_ours(tmp_path: Path) -> None:
    clock = Clock(NIGHT)
    async with s3() as store, engine_in(tmp_path, clock, export=_setting(store, "&addresses=yes")) as engine:
        await _furnished(engine)
        store.put("bi/daily/attendees/csv/part-00007.csv", b"old", NIGHT)
        store.put("bi/daily/notes.txt", b"mine", NIGHT)
        await _night(engine)
        assert "bi/daily/attendees/csv/part-00007.csv" not in store.objects
        assert "bi/daily/notes.txt" in store.objects
        assert b"kim@guests.example" in store.objects["bi/daily/attendees/csv/part-00000.csv"][0]
        clock.move(days=1)
        await _night(engine)
        done = [key for key in store.objects if "_done/" in key]
        assert done == ["bi/daily/_done/2027-03-03"]


async def test_a_night_that_fails_is_tried_again_in_an_hour(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    clock = Clock(NIGHT)
    async with s3(denied=True) as store, engine_in(tmp_path, clock, export=_setting(store)) as engine:
        nights = nightly.Nights(engine)
        nights.look()
        await nights.ended()
        assert "the nightly export failed with AwsRefused" in caplog.text
        store.denied = False
        nights.look()
        await nights.ended()
        assert store.objects == {}
        clock.move(hours=1)
        nights.look()
        await nights.ended()
        assert "bi/daily/_done/2027-03-02" in store.objects


async def test_a_server_that_ends_breaks_it_off_and_the_night_is_done_anew(tmp_path: Path) -> None:
    async with s3() as store, engine_in(tmp_path, Clock(NIGHT), export=_setting(store)) as engine:
        nights = nightly.Nights(engine)
        nights.look()
        await asyncio.sleep(0)
        await nights.stop()
        assert not [key for key in store.objects if "_done/" in key]
        await _night(engine)
        assert "bi/daily/_done/2027-03-02" in store.objects


async def test_without_the_setting_nothing_is_exported(tmp_path: Path) -> None:
    async with engine_in(tmp_path, Clock(NIGHT)) as engine:
        await _night(engine)


@pytest.mark.parametrize(
    "wrong", ["bucket", "s3://b", "https://bucket/x", "s3://bucket/x?other=1", "s3://bucket/x?addresses=all"]
)
def test_a_place_that_is_none_is_refused_when_the_server_starts(wrong: str) -> None:
    with pytest.raises(ValueError, match="s3://BUCKET/PREFIX"):
        Settings(export=wrong, _env_file=None)  # type: ignore[call-arg]


async def test_a_server_that_runs_writes_the_night_by_itself(tmp_path: Path) -> None:
    async with s3() as store, engine_in(tmp_path, Clock(NIGHT), export=_setting(store)) as engine:
        await _furnished(engine)
        running = asyncio.create_task(jobs.run(engine))

        async def written() -> bool:
            return "bi/daily/_done/2027-03-02" in store.objects

        await eventually(written)
        running.cancel()
        with pytest.raises(asyncio.CancelledError):
            await running


def test_a_place_has_a_prefix_that_ends_with_a_slash() -> None:
    assert nightly.ExportTarget.of("s3://bucket/a/b").prefix == "a/b/"
    assert nightly.ExportTarget.of("s3://bucket").prefix == ""
    with pytest.raises(ValueError, match="must be"):
        nightly.ExportTarget.of("s3://bucket/x?what=1")
