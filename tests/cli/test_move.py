"""`cis-mcp move` between two files of SQLite, and what it refuses; tests/judges moves to DynamoDB and back."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path

import pytest

from engine.moving import move_store
from engine.refusals import Code, Refused
from engine.store.protocol.moving import KINDS, Document
from engine.store.sqlite.moving import MovableFile
from tests.cli.processes import run
from tests.store.test_links import LINK
from tests.support.clock import Clock
from tests.support.engines import created, engine_in
from tests.support.everything import ANN, BOB, fill


async def refused(source: Path, target: Path | str) -> Code:
    with pytest.raises(Refused) as raised:
        await move_store(str(source), str(target))
    assert raised.value.hint
    return raised.value.code


@pytest.fixture(scope="module")
def lived_in(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with an installation in which something of each kind is kept, and the uid of its event."""
    import asyncio

    folder = tmp_path_factory.mktemp("lived_in")

    async def made() -> None:
        async with engine_in(folder, Clock(), undo_campaign_s=0) as engine:
            (folder / "uid").write_text(await fill(engine))

    asyncio.run(made())
    return folder


@pytest.fixture
def folder(lived_in: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(lived_in, tmp_path / "copied"))


async def test_everything_is_moved_recounted_and_goes_on(folder: Path, tmp_path: Path) -> None:
    new = tmp_path / "moved" / "cis.sqlite3"
    new.parent.mkdir(mode=0o700)
    code, out, err = await run(folder, "move", "--from", str(folder / "cis.sqlite3"), "--to", str(new))
    assert (code, err) == (0, "")
    lines = out.splitlines()
    assert {line.split()[0] for line in lines[1:-4]} == set(KINDS) - {
        "old-line",
        "pace",
        "quota",
        "record-cut",
    }
    assert all(line.split()[1] == line.split()[2] for line in lines[1:-3])
    heads = [line.partition("head ")[2] for line in lines[-3:-1]]
    assert heads[0] == heads[1] != ""
    uid = (folder / "uid").read_text()
    async with engine_in(new.parent, Clock()) as moved, engine_in(folder, Clock()) as before:
        assert await moved.store.attendee(uid, ANN) == await before.store.attendee(uid, ANN)
        after, there = [await each.store.statistics("event", uid) for each in (moved, before)]
        assert (after.attendees, after.rsvp, after.origin) == (there.attendees, there.rsvp, there.origin)
        assert (there.delivery["sending"], after.delivery["queued"]) == (1, 1), "what was being sent waits"
        assert [h.message.in_doubt for h in await moved.store.history(uid, BOB)] == [True]
        assert (await moved.store.changes(None, None, 100)) == (await before.store.changes(None, None, 100))
        trigger = await moved.store.trigger_named("deals")
        assert trigger is not None
        assert trigger.secrets == ("one",)
        await created(moved, summary="The first event over here")


async def test_a_store_that_is_not_empty_takes_nothing(folder: Path) -> None:
    database = folder / "cis.sqlite3"
    shutil.copy(database, folder / "other.sqlite3")
    assert await refused(database, folder / "other.sqlite3") is Code.NOT_ALLOWED
    assert await refused(folder / "not-there.sqlite3", folder / "new.sqlite3") is Code.NOT_ALLOWED
    assert (
        await refused("dynamodb://one?region=eu-west-1", "dynamodb://two?region=eu-west-1")
        is Code.NOT_ALLOWED
    )  # type: ignore[arg-type]
    assert not (folder / "new.sqlite3").exists()


async def test_nothing_is_moved_out_of_a_file_that_a_server_has_open(folder: Path) -> None:
    async with engine_in(folder, Clock()):
        assert await refused(folder / "cis.sqlite3", folder / "new.sqlite3") is Code.BUSY
    assert not (folder / "new.sqlite3").exists()


async def test_a_secret_that_does_not_open_is_not_lost_in_silence(folder: Path) -> None:
    (folder / "secrets.key").rename(folder / "elsewhere.key")
    assert await refused(folder / "cis.sqlite3", folder / "new.sqlite3") is Code.NOT_ALLOWED


async def test_a_signed_link_whose_key_does_not_open_becomes_no_open_one(tmp_path: Path) -> None:
    async with engine_in(tmp_path, Clock()) as engine, engine.store.unit() as unit:
        await unit.save_link(LINK.model_copy(update={"key": "link-secret"}))
    (tmp_path / "secrets.key").unlink()
    assert await refused(tmp_path / "cis.sqlite3", tmp_path / "new.sqlite3") is Code.NOT_ALLOWED


async def test_a_move_that_is_broken_off_leaves_no_file_and_is_begun_anew(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = MovableFile.take

    async def breaks(self: MovableFile, documents: Sequence[Document]) -> None:
        await real(self, documents)
        if any(document.kind == "attendee" for document in documents):
            raise OSError("the disk is gone")

    source, target = folder / "cis.sqlite3", folder / "new.sqlite3"
    monkeypatch.setattr(MovableFile, "take", breaks)
    with pytest.raises(OSError, match="gone"):
        await move_store(str(source), str(target))
    assert [path.name for path in folder.glob("new*")] == []
    monkeypatch.undo()
    kinds = await move_store(str(source), str(target))
    assert all(kind.same for kind in kinds)
    assert target.exists()


async def test_what_differs_is_told_and_no_server_opens_it(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from cis_mcp.cli import moving

    real = MovableFile.take

    async def loses(self: MovableFile, documents: Sequence[Document]) -> None:
        await real(self, [document for document in documents if document.kind != "stop"])

    monkeypatch.setattr(MovableFile, "take", loses)
    assert await moving.move(str(folder / "cis.sqlite3"), str(folder / "new.sqlite3")) == 1
    assert "stop                       1           0  differs" in capsys.readouterr().out
    assert not (folder / "new.sqlite3").exists()
