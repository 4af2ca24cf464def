"""Nobody else on the machine reads the addresses, tokens and codes in our files."""

from __future__ import annotations

import logging
import os
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from engine.process.private import keep_private
from engine.refusals import Code, Refused
from tests.attacks.door import two_keys
from tests.cli.processes import run
from tests.support.ports import free_port, listens
from tests.support.talk import talking
from tests.support.waiting import eventually

_OTHERS = 0o077
_MAIL = b"From: a@example.com\r\nTo: create@cis.test\r\nSubject: Board\r\n\r\nSee you there."


@pytest.fixture(params=[0o000, 0o022], ids=["umask 000", "umask 022"])
def _umask(request: pytest.FixtureRequest) -> Iterator[None]:
    """What the processes of a test are started with."""
    before = os.umask(request.param)
    yield
    os.umask(before)


def _open_to_others(folder: Path) -> list[str]:
    return [
        f"{path.relative_to(folder.parent)} {stat.S_IMODE(path.lstat().st_mode):o}"
        for path in (folder, *folder.rglob("*"))
        if not path.is_symlink() and path.lstat().st_mode & _OTHERS
    ]


async def _used(folder: Path) -> None:
    """All that writes files: keys, secrets, the store, mail in and mail out, mails set aside."""
    folder.mkdir()
    folder.chmod(0o755)
    smtp = free_port()
    async with two_keys(folder, CIS_INBOX=f"smtp://127.0.0.1:{smtp}", CIS_DNS="127.0.0.1:9") as (ann, _):
        await eventually(lambda: listens(smtp))
        uid = await ann.event()
        for kind in ("create", "postmaster"):
            async with talking(smtp) as talk:
                await talk.begin_data(to=f"{kind}@cis.test")
                talk.say(_MAIL + b"\r\n.\r\n")
                assert await talk.code() == 250
        sent = await ann.call("send_invite", uid=uid, email="carol@example.net", wait_s=30)
        assert sent["status"] == "sent"
        await eventually(lambda: [*folder.glob("inbox/quarantine/*")])
        assert [*folder.glob("outbox/new/*")]
        assert _open_to_others(folder) == []


@pytest.mark.usefixtures("_umask")
async def test_all_that_a_server_writes_is_its_users_alone_and_what_was_opened_is_closed_and_that_is_said(
    tmp_path: Path,
) -> None:
    folder = tmp_path / "data"
    await _used(folder)
    assert _open_to_others(folder) == []
    for path in (folder, *folder.rglob("*")):
        path.chmod(0o777 if path.is_dir() else 0o666)
    code, _, said = await run(folder, "check")
    assert (code, _open_to_others(folder)) == (0, [])
    assert "was open to other users and is closed now" in said
    code, _, said = await run(folder, "check")
    assert (code, "open to other users" in said) == (0, False)


async def test_each_command_closes_the_folder(tmp_path: Path) -> None:
    folder = tmp_path / "data"
    await _used(folder)
    for command in (("key", "list"), ("campaign",), ("check",), ("quarantine", "list")):
        folder.chmod(0o755)
        code, _, said = await run(folder, *command)
        assert code == 0, said
        assert _open_to_others(folder) == [], command


async def test_a_store_elsewhere_is_closed_and_the_folder_around_it_left_alone(tmp_path: Path) -> None:
    tmp_path.chmod(0o755)
    store = tmp_path / "elsewhere.sqlite3"
    settings = {"CIS_STORE": f"sqlite:{store}"}
    folder = tmp_path / "data"
    folder.mkdir()
    assert (await run(folder, "vendor", "set", "own", **settings))[0] == 0
    store.chmod(0o644)
    assert (await run(folder, "check", **settings))[0] == 0
    assert stat.S_IMODE(store.stat().st_mode) == 0o600
    assert stat.S_IMODE(tmp_path.stat().st_mode) == 0o755


def test_a_link_to_a_folder_is_followed_and_links_inside_are_not(tmp_path: Path) -> None:
    outside, folder, link = tmp_path / "outside", tmp_path / "data", tmp_path / "link"
    outside.write_bytes(b"")
    outside.chmod(0o644)
    folder.mkdir()
    folder.chmod(0o755)
    (folder / "inbox").symlink_to(outside)
    link.symlink_to(folder)
    keep_private(link, link / "cis.sqlite3")
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert stat.S_IMODE(outside.stat().st_mode) == 0o644


def test_a_folder_that_holds_something_else_is_refused_and_nothing_in_it_changes(tmp_path: Path) -> None:
    tmp_path.chmod(0o755)
    letter = tmp_path / "letter.txt"
    letter.write_bytes(b"")
    letter.chmod(0o644)
    with pytest.raises(Refused) as raised:
        keep_private(tmp_path, tmp_path / "cis.sqlite3")
    assert raised.value.code is Code.NOT_ALLOWED
    assert [stat.S_IMODE(path.stat().st_mode) for path in (tmp_path, letter)] == [0o755, 0o644]


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can act for another user")
def test_a_folder_of_another_user_is_refused(tmp_path: Path) -> None:
    folder = tmp_path / "data"
    folder.mkdir()
    folder.chmod(0o777)
    for parent in (tmp_path, *tmp_path.parents[:3]):
        if parent != Path("/tmp"):
            parent.chmod(parent.stat().st_mode | 0o011)
    os.chown(folder, 4_001, 4_001)
    os.seteuid(4_002)
    try:
        with pytest.raises(Refused) as raised:
            keep_private(folder, folder / "cis.sqlite3")
    finally:
        os.seteuid(0)
    assert raised.value.code is Code.NOT_ALLOWED


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can act for another user")
def test_a_folder_of_root_that_is_open_is_used_and_told(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """A volume that a container platform mounts."""
    folder = tmp_path / "data"
    folder.mkdir()
    folder.chmod(0o777)
    for parent in (tmp_path, *tmp_path.parents[:3]):
        if parent != Path("/tmp"):
            parent.chmod(parent.stat().st_mode | 0o011)
    os.seteuid(4_002)
    try:
        with caplog.at_level(logging.WARNING):
            keep_private(folder, folder / "cis.sqlite3")
    finally:
        os.seteuid(0)
    assert "cannot be closed" in caplog.text
