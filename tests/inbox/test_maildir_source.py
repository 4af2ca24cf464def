"""A Maildir as a source: every mail once, whatever breaks."""

from __future__ import annotations

import asyncio
import os
import shutil
from pathlib import Path
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.engine import Engine
from engine.inbox import sources
from engine.inbox.intake.intake import Inbox
from engine.inbox.sources.account import ImapAccount
from tests.support import mails
from tests.support.engines import engine_in
from tests.support.processes import program
from tests.support.sources import actions, fetching, spooled, taken
from tests.support.waiting import eventually


@pytest.fixture
def maildir(tmp_path: Path) -> Path:
    """An empty Maildir."""
    for part in ("tmp", "new", "cur"):
        (tmp_path / "mail" / part).mkdir(parents=True)
    return tmp_path / "mail"


def deliver(maildir: Path, number: int, raw: bytes | None = None) -> Path:
    """Put a mail in as a delivering agent does."""
    raw = raw or mails.request(mails.vevent(f"client-uid-{number}")).as_bytes()
    path = maildir / "new" / f"{1_800_000_000 + number}.M1P1.mx.example.net"
    (maildir / "tmp" / path.name).write_bytes(raw)
    return (maildir / "tmp" / path.name).rename(path)


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


async def came(engine: Engine, number: int, action: str = "created") -> None:
    async def enough() -> bool:
        return (await actions(engine))[action] >= number

    await eventually(enough)


async def test_a_mail_is_taken_and_then_seen(engine: Engine, maildir: Path) -> None:
    async with fetching(engine, f"maildir://{maildir}"):
        for number in (1, 2):
            path = deliver(maildir, number)
            await came(engine, number)
            await eventually(lambda name=path.name: f"{name}:2,S" in names(maildir / "cur"))
    assert names(maildir / "new") == []


async def test_a_mail_can_be_deleted_when_it_is_in(engine: Engine, maildir: Path) -> None:
    deliver(maildir, 1)
    async with fetching(engine, f"maildir://{maildir}?done=delete"):
        await came(engine, 1)
        await eventually(lambda: not names(maildir / "new"))
    assert names(maildir / "cur") == []


async def test_a_mail_that_was_stored_and_not_moved_is_not_taken_twice(engine: Engine, maildir: Path) -> None:
    path = deliver(maildir, 1)
    before = path.stat()
    async with fetching(engine, f"maildir://{maildir}"):
        await came(engine, 1)
        (moved,) = await eventually(lambda: list((maildir / "cur").iterdir()))
        moved.rename(path)
        assert path.stat().st_mtime_ns == before.st_mtime_ns
        await eventually(lambda: not names(maildir / "new"))
    assert len(await taken(engine)) == 1
    assert len(names(engine.settings.data_dir / "inbox" / "done")) == 1


async def test_kills_take_no_mail_twice_and_leave_none_out(tmp_path: Path, maildir: Path) -> None:
    for number in range(90):
        deliver(maildir, number)
    folder = tmp_path / "data"
    settings = {"INBOX": f"maildir://{maildir}", "AUTHSERV_IDS": mails.OPERATOR_SERVER}
    for count in (1, 36):
        async with program(folder, "worker", **settings) as worker:
            await eventually(lambda least=count: len(names(maildir / "cur")) >= least)
            worker.kill()
            await worker.wait()
    async with engine_in(folder) as engine, program(folder, "worker", **settings):
        await came(engine, 90)
        found = await actions(engine)
        # A mail that was handled and not put away at the kill comes by once more, and changes nothing.
        assert found["created"] == 90
        assert found["ignored"] <= 2
        assert set(found) <= {"created", "ignored"}
        # A mail is noted before its file has moved.
        await eventually(lambda: len(names(folder / "inbox" / "done")) == 90)
    assert len(names(maildir / "cur")) == 90


async def test_a_mail_that_is_too_large_is_put_aside_and_noted(tmp_path: Path, maildir: Path) -> None:
    deliver(maildir, 1, b"x" * 30_000)
    deliver(maildir, 2)
    values = {"max_mail_bytes": 20_000, "authserv_ids": mails.OPERATOR_SERVER}
    async with (
        engine_in(tmp_path / "data", **values) as engine,
        fetching(engine, f"maildir://{maildir}?done=delete"),
    ):
        await came(engine, 1)
        await came(engine, 1, "refused")
        await eventually(lambda: not names(maildir / "new"))
        assert {(i.action, i.code) for i in await taken(engine)} == {
            ("refused", "too_large"),
            ("created", ""),
        }
    assert [name.partition(":2,")[2] for name in names(maildir / "cur")] == ["F"]


async def test_only_files_are_mails(engine: Engine, maildir: Path, tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("From: root@example.com\n\nnot for you")
    (maildir / "new" / "1.link").symlink_to(tmp_path / "secret")
    (maildir / "new" / "2.folder").mkdir()
    os.mkfifo(maildir / "new" / "3.pipe")
    deliver(maildir, 4)
    async with fetching(engine, f"maildir://{maildir}"):
        await came(engine, 1)
        await eventually(lambda: names(maildir / "cur"))
    assert await actions(engine) == {"created": 1}
    assert names(maildir / "new") == ["1.link", "2.folder", "3.pipe"]


async def test_a_folder_that_is_not_there_yet_is_waited_for(
    engine: Engine, maildir: Path, caplog: pytest.LogCaptureFixture
) -> None:
    away = maildir.rename(maildir.with_name("away"))
    async with fetching(engine, f"maildir://{maildir}"):
        await eventually(lambda: "there is no folder new/ in it; trying again" in caplog.text)
        away.rename(maildir)
        deliver(maildir, 1)
        await came(engine, 1)


async def test_a_mail_that_cannot_be_stored_stays_until_it_can(
    engine: Engine, maildir: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async with fetching(engine, f"maildir://{maildir}", handling=False) as inbox:
        new = engine.settings.data_dir / "inbox" / "new"
        shutil.rmtree(new)
        deliver(maildir, 1)
        await eventually(lambda: "trying again" in caplog.text)
        assert names(maildir / "cur") == []
        new.mkdir()
        await eventually(lambda: names(maildir / "cur"))
        assert len(spooled(inbox)) == 1


async def test_mails_are_handled_in_the_order_in_which_they_came(engine: Engine, maildir: Path) -> None:
    deliver(maildir, 2, mails.cancel().as_bytes())
    early = deliver(maildir, 1, mails.request().as_bytes())
    os.utime(early, (1_700_000_000, 1_700_000_000))
    async with fetching(engine, f"maildir://{maildir}", handling=False) as inbox:
        await eventually(lambda: len(names(maildir / "cur")) == 2)
        handling = asyncio.create_task(inbox.run())
        await came(engine, 1, "cancelled")
        handling.cancel()
    assert [intake.action for intake in await taken(engine)] == ["cancelled", "created"]


@pytest.mark.parametrize(
    "url",
    [
        "pop3://user:hunter2@mail.example.com",
        "imaps://mail.example.com/INBOX",
        "imaps://user:@mail.example.com",
        "imaps://user:hunter2@mail.example.com:0x/INBOX",
        "imaps://user:hunter2/x@mail.example.com",
        "imaps://user:hunter2#x@mail.example.com",
        "imaps://user:hunter2?x@mail.example.com",
        "imaps://user:hunter2@mail.example.com?starttls=required",
        "imaps://user:hunter2@mail.example.com?done=nothing",
        "imaps://user:hunter2@mail.example.com?poll=0",
        "imaps://user:hunter2@mail.example.com?poll=1800",
        "imaps://user:hunter2@mail.example.com?pol=60",
        "imaps://user:hunter2%0d%0aA1%20LOGOUT@mail.example.com",
        "imap://user:hunter2@mail.example.com?starttls=no",
        "maildir://host/path",
        "smtp://hunter2:25x",
        "maildir://",
        "maildir:///path?done=move",
    ],
)
async def test_a_source_that_cannot_be_understood_is_refused_in_words_without_it(
    engine: Engine, url: str
) -> None:
    with pytest.raises(ValueError, match=r"CIS_INBOX: source 2 must be") as refused:
        sources.named(Inbox(engine), f"smtp://127.0.0.1:2525,{url}")
    assert "hunter2" not in str(refused.value)


def test_a_comma_inside_a_url_does_not_end_it() -> None:
    setting = "smtp://127.0.0.1:25, imaps://u:a,b@mail.example.com/In,box,maildir:///var/mail"
    assert sources.urls(setting) == [
        "smtp://127.0.0.1:25",
        "imaps://u:a,b@mail.example.com/In,box",
        "maildir:///var/mail",
    ]


def test_mail_of_another_machine_comes_by_tls_unless_told_which_way() -> None:
    assert ImapAccount.of("imap://u:p@mail.example.com", 1).tls == "starttls"
    assert ImapAccount.of("imap://u:p@127.0.0.1", 1).tls == "off"
    assert ImapAccount.of("imap://u:p@[::1]", 1).tls == "off"
    assert ImapAccount.of("imap://u:p@localhost?starttls=required", 1).tls == "starttls"
    assert ImapAccount.of("imaps://u:p@localhost", 1).tls == "on"


@given(st.text(max_size=60))
def test_whatever_is_given_is_an_account_or_refused_in_our_own_words(text: str) -> None:
    try:
        ImapAccount.of(f"imaps://{text}", 1)
    except ValueError as error:
        assert str(error).startswith("CIS_INBOX: source 1 must be given as imaps://user:password@host")


@given(st.text(min_size=1, max_size=30).filter(str.isprintable))
def test_nothing_that_names_an_account_shows_its_password(password: str) -> None:
    account = ImapAccount.of(f"imaps://olga:{quote(password, safe='')}@mail.example.com/In", 3)
    assert account.password == password
    assert account.label == "source 3, imaps://mail.example.com:993/In"
    said = account.without_secrets(f"NO [AUTH] {password} of olga is wrong")
    assert said == "NO [AUTH] *** of *** is wrong" or password in "NO [AUTH] *** of olga is wrong"
