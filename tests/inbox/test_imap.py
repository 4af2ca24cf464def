"""IMAP as a source, against a real Dovecot: every mail once, whatever breaks."""

from __future__ import annotations

import asyncio
import logging
import shutil
import ssl
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from imapclient import IMAPClient

from engine.engine import Engine
from engine.inbox.sources import imap, imapfolder
from tests.faults.scene import killed
from tests.support import mails
from tests.support.dovecot import PASSWORD, USER, Dovecot, dovecot
from tests.support.engines import engine_in
from tests.support.processes import program
from tests.support.proxy import Proxy, proxied
from tests.support.serving import serving
from tests.support.sources import actions, fetching, spooled, taken
from tests.support.waiting import DEADLINE_S, eventually

DONE = ".CIS.done"


@pytest.fixture
async def server() -> AsyncIterator[Dovecot]:
    async with dovecot() as running:
        yield running


@pytest.fixture
async def proxy(server: Dovecot) -> AsyncIterator[Proxy]:
    async with proxied(server.port) as running:
        yield running


def request(number: int, **values: object) -> bytes:
    """An invitation of its own; `number` tells it from the others."""
    return mails.request(mails.vevent(f"client-uid-{number}"), **values).as_bytes()


def by_hand(server: Dovecot) -> IMAPClient:
    """The account, as a person's mail program opens it."""
    context = ssl.create_default_context(cafile=str(server.folder / "authority.pem"))
    client = IMAPClient("localhost", server.tls_port, ssl_context=context)
    client.login(USER, PASSWORD)
    return client


def append(server: Dovecot, raw: bytes, folder: str = "INBOX") -> None:
    with by_hand(server) as client:
        client.append(folder, raw)


def _made_anew(server: Dovecot) -> None:
    with by_hand(server) as client:
        if client.folder_exists("Invites"):
            client.delete_folder("Invites")
        client.create_folder("Invites")


async def came(engine: Engine, number: int, action: str = "created") -> None:
    """Return when so many mails came to `action`."""

    async def enough() -> bool:
        return (await actions(engine))[action] >= number

    await eventually(enough)


async def test_a_mail_is_taken_then_seen_and_moved_away(engine: Engine, server: Dovecot) -> None:
    server.deliver(request(1))
    async with fetching(engine, server.url()):
        await came(engine, 1)
        (name,) = await eventually(lambda: server.files(DONE))
        assert name.endswith(":2,S")
        await eventually(lambda: not server.files())


async def test_a_mail_goes_to_the_mailbox_its_headers_name(engine: Engine, server: Dovecot) -> None:
    stray = mails.listed("uid,email\nx,ann@example.com\n")
    stray["Delivered-To"] = "everything@cis.test"
    server.deliver(stray)
    async with fetching(engine, server.url()):
        (intake,) = await eventually(lambda: taken(engine))
    assert intake.mailbox == "bulk"


async def test_the_server_tells_of_new_mail_at_once(engine: Engine, server: Dovecot, proxy: Proxy) -> None:
    async with fetching(engine, server.plain_url(proxy.port, poll="1500")):
        await eventually(lambda: proxy.asked("IDLE"))
        server.deliver(request(1))
        await came(engine, 1)
        await eventually(lambda: len(proxy.asked("IDLE")) == 2)
        server.deliver(request(2))
        await came(engine, 2)


async def test_a_server_that_only_answers_is_asked_again_and_again(engine: Engine) -> None:
    async with dovecot(capability="IMAP4rev1 NAMESPACE UIDPLUS") as server, proxied(server.port) as proxy:
        async with fetching(engine, server.plain_url(proxy.port, poll="1")):
            for number in (1, 2):
                await asyncio.to_thread(append, server, request(number))
                await came(engine, number)
            await eventually(lambda: len(server.files(DONE)) == 2 and not server.files())
        assert not proxy.asked("IDLE|MOVE")


async def test_done_mails_can_be_flagged_where_they_are(engine: Engine, server: Dovecot) -> None:
    server.deliver(request(1))
    async with fetching(engine, server.url(done="flag", poll="1")):
        await came(engine, 1)
        await eventually(lambda: server.files()[0].endswith(":2,Sa"))
        server.deliver(request(2))
        await came(engine, 2)
    assert len(server.files()) == 2
    assert await actions(engine) == {"created": 2}


async def test_done_mails_can_be_deleted(engine: Engine, server: Dovecot) -> None:
    server.deliver(request(1))
    async with fetching(engine, server.url(done="delete")):
        await came(engine, 1)
        await eventually(lambda: not server.files())
    assert server.files(DONE) == []


async def test_a_server_that_names_folders_its_own_way_is_understood(engine: Engine) -> None:
    async with dovecot(separator=".", prefix="INBOX.") as server:
        server.deliver(request(1))
        async with fetching(engine, server.url()):
            await eventually(lambda: server.files(DONE))


async def test_a_password_in_any_script_logs_in(engine: Engine) -> None:
    async with dovecot(password="pässwörd ü%,") as server:
        server.deliver(request(1))
        async with fetching(engine, server.url(password="pässwörd ü%,")):
            await came(engine, 1)


async def test_what_a_person_has_read_is_taken_all_the_same(engine: Engine, server: Dovecot) -> None:
    server.deliver(request(1))
    with by_hand(server) as client:
        client.select_folder("INBOX")
        client.add_flags([1], [b"\\Seen"])
    async with fetching(engine, server.url()):
        await came(engine, 1)


async def test_a_kill_between_storing_and_marking_takes_no_mail_twice(
    tmp_path: Path, server: Dovecot
) -> None:
    server.deliver(*(request(number) for number in range(30)))
    async with proxied(server.port) as proxy:
        settings = {"INBOX": server.plain_url(proxy.port), "AUTHSERV_IDS": mails.OPERATOR_SERVER}
        async with program(tmp_path, "worker", **settings) as first:
            proxy.at(r"UID STORE .*Seen", first.kill)
            proxy.refused = "UID (STORE|MOVE)"
            await killed(first)
        assert proxy.asked("UID FETCH .*BODY")
        assert len(server.files()) == 30
        proxy.refused = ""
        fetched = len(proxy.asked("UID FETCH .*BODY"))
        async with engine_in(tmp_path) as engine, program(tmp_path, "worker", **settings):
            await eventually(lambda: len(server.files(DONE)) == 30)
            server.deliver(request(30))
            await came(engine, 31)
            found = await actions(engine)
            assert found["created"] == 31
            assert found.total() - found["ignored"] == 31
        assert len(proxy.asked("UID FETCH .*BODY")) == fetched + 1


async def test_a_watermark_that_is_lost_takes_no_mail_twice(
    engine: Engine, server: Dovecot, proxy: Proxy
) -> None:
    server.deliver(request(1))
    proxy.refused = "UID (STORE|MOVE)"
    async with fetching(engine, server.plain_url(proxy.port)):
        await came(engine, 1)
        await eventually(lambda: proxy.asked("IDLE"))
    (mark,) = (engine.settings.data_dir / "inbox" / "sources").glob("*.json")
    mark.unlink()
    proxy.refused = ""
    async with fetching(engine, server.plain_url(proxy.port)):
        await eventually(lambda: server.files(DONE))
    assert len(proxy.asked("UID FETCH .*BODY")) == 2
    assert await actions(engine) == {"created": 1}


async def test_marking_that_is_refused_takes_no_mail_twice(
    engine: Engine, server: Dovecot, proxy: Proxy, caplog: pytest.LogCaptureFixture
) -> None:
    proxy.refused = "UID (STORE|MOVE)"
    server.deliver(request(1))
    url = server.plain_url(proxy.port, poll="1")
    for number in (1, 2):
        async with fetching(engine, url):
            await came(engine, number)
            server.deliver(request(number + 1))
            await came(engine, number + 1)
    assert await actions(engine) == {"created": 3}
    assert len(proxy.asked("UID FETCH .*BODY")) == 3
    assert "could not be marked: " in caplog.text
    assert len(server.files()) == 3


async def test_a_server_that_starts_anew_is_found_again(engine: Engine, server: Dovecot) -> None:
    async with fetching(engine, server.url()):
        server.deliver(request(1))
        await came(engine, 1)
        await server.stop()
        await server.start()
        await asyncio.to_thread(append, server, request(2))
        await came(engine, 2)


async def test_a_wrong_password_is_said_without_it_and_others_go_on(
    engine: Engine, server: Dovecot, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    server.deliver(request(1))
    async with fetching(engine, server.url(password="wr0ng&guess", folder="Other"), server.url()):
        await came(engine, 1)
        await eventually(lambda: "the login is refused" in caplog.text)
    assert "source 1, imaps://localhost" in caplog.text
    assert "Authentication failed" in caplog.text
    assert not [secret for secret in ("wr0ng", PASSWORD, "s3cret", USER) if secret in caplog.text]


async def test_a_certificate_that_nobody_vouches_for_gets_no_password(
    engine: Engine, server: Dovecot, caplog: pytest.LogCaptureFixture
) -> None:
    async with fetching(engine, server.url(cafile="")):
        await eventually(lambda: "certificate verify failed" in caplog.text)
    assert "Login" not in server.log


async def test_starttls_comes_before_the_password(engine: Engine, server: Dovecot) -> None:
    server.deliver(request(1))
    authority = str(server.folder / "authority.pem")
    async with fetching(engine, server.plain_url(starttls="required", cafile=authority)):
        await came(engine, 1)
    (login,) = [line for line in server.log.splitlines() if "Login: " in line]
    assert ", TLS," in login


async def test_numbers_that_begin_anew_leave_no_mail_out(engine: Engine, server: Dovecot) -> None:
    await asyncio.to_thread(_made_anew, server)
    async with fetching(engine, server.url(folder="Invites", poll="1")):
        for number in (1, 2):
            await asyncio.to_thread(append, server, request(number), "Invites")
            await came(engine, number)
            await asyncio.to_thread(_made_anew, server)
    assert await actions(engine) == {"created": 2}
    first, second = (intake.id.partition(":")[0] for intake in await taken(engine))
    assert first.rpartition("_")[2] == second.rpartition("_")[2] == "1"


async def test_a_folder_that_is_made_anew_while_it_is_watched_is_opened_again_at_once(
    engine: Engine, server: Dovecot, proxy: Proxy
) -> None:
    """The server warned without end, hundreds of times a second, and so long nothing came."""
    await asyncio.to_thread(_made_anew, server)
    async with fetching(engine, server.plain_url(proxy.port, folder="Invites", poll="1500")):
        await eventually(lambda: proxy.asked("IDLE"))
        await asyncio.to_thread(_made_anew, server)
        await asyncio.to_thread(append, server, request(1), "Invites")
        await came(engine, 1)
    assert len(proxy.asked("IDLE")) < 10


async def test_a_mail_that_is_too_large_stays_flagged_and_noted(
    tmp_path: Path, server: Dovecot, caplog: pytest.LogCaptureFixture
) -> None:
    server.deliver(request(1) + b"x" * 30_000, request(2))
    values = {"max_mail_bytes": 20_000, "authserv_ids": mails.OPERATOR_SERVER}
    async with engine_in(tmp_path, **values) as engine:
        for _ in range(2):
            async with fetching(engine, server.url()):
                await came(engine, 1)
                await eventually(lambda: [n.partition(":2,")[2] for n in server.files()] == ["F"])
        assert {(i.action, i.code) for i in await taken(engine)} == {
            ("refused", "too_large"),
            ("created", ""),
        }
    assert "stays there; CIS_MAX_MAIL_BYTES is 20000" in caplog.text


@pytest.mark.parametrize("done", ["delete", "move", "flag"])
async def test_a_mail_that_was_never_taken_stays_when_a_person_takes_its_star_off(
    tmp_path: Path, server: Dovecot, done: str
) -> None:
    def starless() -> None:
        with by_hand(server) as client:
            client.select_folder("INBOX")
            client.remove_flags(client.search(), [b"\\Flagged", b"$CisDone"])

    server.deliver(request(1) + b"x" * 30_000, request(2))
    async with engine_in(tmp_path, max_mail_bytes=20_000, authserv_ids=mails.OPERATOR_SERVER) as engine:
        async with fetching(engine, server.url(done=done)):
            await came(engine, 1)
            (large,) = await eventually(
                lambda: [name[:-1] for name in server.files() if name.endswith(":2,F")]
            )
            # What is taken is marked once the watermark has passed all of them.
            kept = 1 if done == "flag" else 0
            await eventually(lambda: (len(server.files()), len(_seen(server))) == (1 + kept, kept))
        await asyncio.to_thread(starless)
        server.deliver(request(3))
        async with fetching(engine, server.url(done=done)):
            # By the time that a new mail is in, what the last connection left unmarked was looked at.
            await came(engine, 2)
            await eventually(lambda: set(server.files()) <= {large} | set(_seen(server)))
            await eventually(lambda: len(_seen(server)) == (2 if done == "flag" else 0))
        assert large in server.files()
        assert await actions(engine) == {"created": 2, "refused": 1}


def _seen(server: Dovecot) -> list[str]:
    return [name for name in server.files() if "S" in name.partition(":2,")[2]]


async def test_hundreds_of_mails_at_once_are_in_the_spool_once_each(engine: Engine, server: Dovecot) -> None:
    many = 220  # three batches
    server.deliver(*(request(number) for number in range(many)))
    async with fetching(engine, server.url(), handling=False) as inbox:
        await eventually(lambda: len(server.files(DONE)) == many)
        names = spooled(inbox)
    assert len(names) == many
    assert sorted(int(name.rpartition("_")[2]) for name in names) == list(range(1, many + 1))
    contents = {inbox.spool.read(name).raw for name in names}  # type: ignore[union-attr]
    assert len(contents) == many


async def test_a_mail_that_cannot_be_stored_stays_until_it_can(
    engine: Engine, server: Dovecot, caplog: pytest.LogCaptureFixture
) -> None:
    server.deliver(request(1))
    async with fetching(engine, server.url(), handling=False) as inbox:
        new = engine.settings.data_dir / "inbox" / "new"
        shutil.rmtree(new)
        await eventually(lambda: "No such file or directory; trying again" in caplog.text)
        assert len(server.files()) == 1
        new.mkdir()
        await eventually(lambda: server.files(DONE))
        assert len(spooled(inbox)) == 1


@pytest.mark.parametrize(
    "unsaid",
    [rb"RFC822\.SIZE \d+ ?", rb"\* \d+ FETCH \(UID 2 RFC822\.SIZE [^\r\n]*\r\n"],
    ids=["its size", "anything"],
)
async def test_a_mail_of_which_the_server_does_not_say_the_size_is_taken(
    engine: Engine, server: Dovecot, proxy: Proxy, unsaid: bytes
) -> None:
    proxy.unsaid = unsaid
    server.deliver(*(request(number) for number in (1, 2, 3)))
    async with fetching(engine, server.plain_url(proxy.port)):
        await came(engine, 3)
        await eventually(lambda: len(server.files(DONE)) == 3)


async def test_the_time_that_an_answer_left_out_is_asked_for_again(
    engine: Engine, server: Dovecot, proxy: Proxy
) -> None:
    proxy.unsaid = rb"INTERNALDATE \"[^\"]*\" ?"
    asked = r"FETCH 1 \(RFC822"
    proxy.at(asked, lambda: proxy.at(asked, lambda: setattr(proxy, "unsaid", b"")))
    server.deliver(request(1))
    async with fetching(engine, server.plain_url(proxy.port)):
        await came(engine, 1)
        done = engine.settings.data_dir / "inbox" / "done"
        (path,) = await eventually(lambda: list(done.iterdir()))
    assert not path.name.startswith("0")


async def test_a_mail_that_the_server_withholds_stops_no_other(
    engine: Engine, server: Dovecot, proxy: Proxy, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(imap, "_TRIES", 2)
    proxy.refused = r"UID FETCH (\d+,)*2(,\d+)* .*BODY"
    server.deliver(*(request(number) for number in (1, 2, 3)))
    async with fetching(engine, server.plain_url(proxy.port)):
        await came(engine, 2)
        await came(engine, 1, "refused")
        await eventually(lambda: [n.partition(":2,")[2] for n in server.files()] == ["F"])
    assert {i.code for i in await taken(engine)} == {"", "unreadable_mail"}


async def test_of_two_processes_one_works_and_the_other_stands_by(
    engine: Engine, server: Dovecot, proxy: Proxy, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    url = server.plain_url(proxy.port)
    async with fetching(engine, url) as first:
        await eventually(lambda: proxy.asked("IDLE"))
        async with fetching(engine, url):
            await eventually(lambda: "standing by" in caplog.text)
            assert len(proxy.asked("LOGIN")) == 1
        server.deliver(request(1))
        await came(engine, 1)
        await eventually(lambda: spooled(first) == [])


async def test_a_server_that_says_nothing_keeps_nobody_from_stopping(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(imapfolder, "_CONNECT_S", 10.0 * DEADLINE_S)
    monkeypatch.setattr(imapfolder, "_ANSWER_S", 10.0 * DEADLINE_S)
    greeted, never = asyncio.Event(), asyncio.Event()

    async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        greeted.set()
        await never.wait()

    async with serving(silent) as port, fetching(engine, f"imap://user:word@127.0.0.1:{port}"):
        await asyncio.wait_for(greeted.wait(), DEADLINE_S)


@pytest.mark.parametrize(
    "greeting", [b"* BYE Busy\r\n", b"\x00\xff\r\n", b"* OK\r\n" + b"x" * 2_000_000, b""]
)
async def test_a_server_that_talks_nonsense_is_waited_out(
    engine: Engine, caplog: pytest.LogCaptureFixture, greeting: bytes
) -> None:
    async def babble(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(greeting)

    async with serving(babble) as port, fetching(engine, f"imap://user:word@127.0.0.1:{port}"):
        await eventually(lambda: "trying again" in caplog.text)
    assert "a fault of ours" not in caplog.text
