"""The nightly export to S3: each night once, by whichever process, and nothing of an earlier night is left."""

from __future__ import annotations

import asyncio
import csv
import io
import json
from datetime import UTC, datetime
from importlib.util import find_spec
from pathlib import Path

import pytest

from engine.engine import Engine
from engine.exporting.files import Form
from engine.jobs import jobs, nightly
from engine.model.exports import Table
from engine.refusals import Code, Refused
from engine.settings import Settings
from tests.support.clock import Clock
from tests.support.engines import created, deliver, engine_in, invite
from tests.support.httpstub import Asked, Told
from tests.support.s3 import NAME, S3, s3
from tests.support.ses import ENVIRONMENT, REGION
from tests.support.waiting import eventually

NIGHT = datetime(2027, 3, 2, 2, 0, tzinfo=UTC)
PART = "part-20270302T020000-00000.csv"
LAST = Form.PARQUET if find_spec("pyarrow") else Form.CSV
FOREIGN = ("notes.txt", "attendees/README", "messages/1f3a9c", "events/csv/mine.csv", "_done/notes")
"""What others may keep below the same prefix."""


class Refusing(S3):
    """A bucket that refuses to be written where `refusing` stands in the address, or answers what it never does."""

    refusing = ""
    garbled = False

    async def answer(self, asked: Asked) -> Told:
        if self.garbled:
            wrong = "<ListBucketResult><Contents><Key>k</Key><LastModified>x</LastModified><Size>1</Size></Contents>"
            return Told(200, {}, wrong.encode())
        if asked.method == "PUT" and self.refusing and self.refusing in asked.target:
            return self._error(403, "AccessDenied", "no")
        return await super().answer(asked)


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


def _named(store: S3, table: Table) -> list[str]:
    """The keys that a table's manifest names."""
    manifest = json.loads(store.objects[f"bi/daily/{table.value}/manifest.json"][0])
    return [uri.removeprefix(f"s3://{NAME}/") for one in manifest["fileLocations"] for uri in one["URIs"]]


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
            assert list(_named(store, table)) == [f"bi/daily/{table.value}/csv/{PART}"]
            manifest = json.loads(store.objects[f"bi/daily/{table.value}/manifest.json"][0])
            assert manifest["globalUploadSettings"]["format"] == "CSV"
        text = store.objects[f"bi/daily/attendees/csv/{PART}"][0].decode()
        assert "k*******@guests.example" in text
        (event,) = csv.DictReader(io.StringIO(store.objects[f"bi/daily/events/csv/{PART}"][0].decode()))
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
        for key in FOREIGN:
            store.put(f"bi/daily/{key}", b"mine", NIGHT)
        await _night(engine)
        assert "bi/daily/attendees/csv/part-00007.csv" not in store.objects
        assert b"kim@guests.example" in store.objects[f"bi/daily/attendees/csv/{PART}"][0]
        clock.move(days=1)
        await _night(engine)
        assert [key for key in store.objects if "_done/2" in key] == ["bi/daily/_done/2027-03-03"]
        assert f"bi/daily/attendees/csv/{PART}" not in store.objects
        assert {f"bi/daily/{key}" for key in FOREIGN} <= store.objects.keys()


async def test_two_processes_write_a_night_once(tmp_path: Path) -> None:
    clock = Clock(NIGHT)
    async with (
        s3() as store,
        engine_in(tmp_path, clock, export=_setting(store)) as one,
        engine_in(tmp_path, clock, export=_setting(store)) as other,
    ):
        await _furnished(one)
        place = nightly.ExportTarget.of(_setting(store))
        written = await asyncio.gather(*(nightly.export(engine, place) for engine in (one, other)))
        assert sorted(written)[0] == 0 < sorted(written)[1]
        assert len(store.written) == sorted(written)[1], "each object once"
        for table in Table:
            assert set(_named(store, table)) <= store.objects.keys()


async def test_the_night_of_a_process_that_died_is_another_s_once_its_turn_is_over(tmp_path: Path) -> None:
    clock = Clock(NIGHT)
    async with s3() as store, engine_in(tmp_path, clock, export=_setting(store)) as engine:
        assert await nightly.ExportTurn(engine, nightly.ExportTarget.of(_setting(store))).take()
        nights = nightly.Nights(engine)
        nights.look()
        await nights.ended()
        assert store.objects == {}
        clock.move(hours=1)
        nights.look()
        await nights.ended()
        assert "bi/daily/_done/2027-03-02" in store.objects


async def test_a_process_that_stood_still_writes_no_manifest_over_that_of_another(tmp_path: Path) -> None:
    clock = Clock(NIGHT)
    async with s3() as store, engine_in(tmp_path, clock, export=_setting(store)) as engine:
        place = nightly.ExportTarget.of(_setting(store))
        still, other = (nightly.ExportTurn(engine, place) for _ in range(2))
        assert await still.take()
        await still.keep()
        clock.move(hours=1)
        assert await other.take()
        with pytest.raises(Refused) as refused:
            await still.keep()
        assert refused.value.code is Code.BUSY
        await still.leave()
        await other.keep()


async def test_a_night_that_breaks_off_leaves_each_manifest_with_the_files_of_one_night(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    clock = Clock(NIGHT)
    async with s3(kind=Refusing) as store, engine_in(tmp_path, clock, export=_setting(store)) as engine:
        assert isinstance(store, Refusing)
        await _furnished(engine)
        await _night(engine)
        before = dict(store.objects)
        await invite(engine, await created(engine), "lea@guests.example")
        clock.move(days=1)
        store.refusing = "/attendees/manifest.json"
        await _night(engine)
        assert "the nightly export failed with AwsRefused" in caplog.text
        (file,) = _named(store, Table.ATTENDEES)
        assert (file, store.objects[file]) == (f"bi/daily/attendees/csv/{PART}", before[file])
        assert _named(store, Table.EVENTS) != [f"bi/daily/events/csv/{PART}"]
        for table in Table:
            assert set(_named(store, table)) <= store.objects.keys()
        store.refusing = ""
        clock.move(hours=1)
        await _night(engine)
        named = {key for table in Table for key in _named(store, table)}
        assert {key for key in store.objects if key.endswith(".csv")} == named


async def test_files_that_no_manifest_will_name_are_withdrawn(tmp_path: Path) -> None:
    async with (
        s3(kind=Refusing) as store,
        engine_in(tmp_path, Clock(NIGHT), export=_setting(store)) as engine,
    ):
        assert isinstance(store, Refusing)
        store.refusing = f"/attendees/{LAST.value}/"
        await _night(engine)
        assert not [key for key in store.objects if "/attendees/" in key]


async def test_a_fault_that_no_one_expected_is_logged_and_the_night_is_tried_again(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    clock = Clock(NIGHT)
    async with s3(kind=Refusing) as store, engine_in(tmp_path, clock, export=_setting(store)) as engine:
        assert isinstance(store, Refusing)
        store.garbled = True
        nights = nightly.Nights(engine)
        nights.look()
        await nights.ended()
        assert "the nightly export failed by a fault of ours" in caplog.text
        await nights.stop()
        store.garbled = False
        clock.move(hours=1)
        nights.look()
        await nights.ended()
        assert "bi/daily/_done/2027-03-02" in store.objects


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
