"""Quarantine: mails that wait are listed, shown safely, let through or put away, by the operator alone."""

from __future__ import annotations

import asyncio
import json
import os
import time
from pathlib import Path

import pytest
from click.testing import CliRunner

from cis_mcp.cli.main import cli
from engine.engine import Engine
from engine.inbox import cleaning
from engine.inbox.intake import recount
from engine.inbox.intake.intake import Inbox
from engine.inbox.quarantine import Quarantine
from engine.inbox.spool.spool import OwnMailbox
from tests.support import mails
from tests.support.clock import Clock
from tests.support.engines import engine_in
from tests.support.inboxes import inbox_of
from tests.tools.caller import agent, calling

STRANGER = "someone@example.com"


async def set_aside(engine: Engine, *, sender: str = STRANGER, **values: object) -> str:
    """The id of a mail that waits."""
    event = mails.vevent("u1", organizer=sender)
    raw = mails.request(event, sender=sender, proven=False, **values).as_bytes()
    async with inbox_of(engine) as inbox:
        (outcome,) = await inbox.take(raw, (OwnMailbox(name="create"),))
    assert outcome.action == "quarantined"
    return (await Quarantine(engine).page()).mails[0].id


def files(engine: Engine, part: str) -> list[str]:
    return sorted(path.name for path in (engine.settings.data_dir / "inbox" / part).iterdir())


async def test_what_waits_is_listed_newest_first_with_its_reason(engine: Engine) -> None:
    for n in range(5):
        await set_aside(engine, subject=f"mail {n}")
    async with calling(engine, tier="operator") as caller:
        page = await caller.ok("list_quarantine", limit=3)
        assert [m["subject"] for m in page["mails"]] == ["mail 4", "mail 3", "mail 2"]
        assert page["total"] == 5
        first = page["mails"][0]
        assert (first["code"], first["mailbox"]) == ("sender_unauthenticated", "create")
        assert "not authenticated" in first["detail"]
        assert first["untrusted"]
        rest = await caller.ok("list_quarantine", limit=3, cursor=page["next_cursor"])
        assert [m["subject"] for m in rest["mails"]] == ["mail 1", "mail 0"]
        assert rest["next_cursor"] is None


async def test_a_mail_is_shown_as_plain_words_cut_short(engine: Engine) -> None:
    name = await set_aside(engine, subject="=?utf-8?b?SGkg4oCuIHRoZXJl?=", text="Words\x1b[31m\r\n" * 2_000)
    async with calling(engine, tier="operator") as caller:
        shown = await caller.ok("show_quarantined", id=name)
    assert shown["mail"]["subject"] == "Hi there"
    assert len(shown["text"]) <= 4_000
    assert "\x1b" not in json.dumps(shown, ensure_ascii=False)
    assert "METHOD:REQUEST" in shown["calendars"][0]
    assert shown["untrusted"]


async def test_a_mail_that_cannot_be_read_is_listed_and_shown_all_the_same(engine: Engine) -> None:
    async with inbox_of(engine) as inbox:
        await inbox.take(b"\xff\x00 no mail at all", (OwnMailbox(name="create"),))
    async with calling(engine, tier="operator") as caller:
        (mail,) = (await caller.ok("list_quarantine"))["mails"]
        assert mail["code"]
        await caller.ok("show_quarantined", id=mail["id"])


async def test_a_released_mail_is_carried_out_as_its_sender_s_own(engine: Engine) -> None:
    name = await set_aside(engine)
    async with calling(engine, tier="operator") as caller:
        done = await caller.ok("release_quarantined", id=name)
        assert done["action"] == "created"
        event = await caller.ok("get_event", uid=done["uid"])
        assert event["event"]["organizer"] == STRANGER
        assert await caller.code("release_quarantined", id=name) == "unknown_mail"
    assert files(engine, "quarantine") == []
    assert [files(engine, part) for part in ("in-flight", "journal")] == [[], []]
    assert await recount.differences(engine) == []


async def test_a_dropped_mail_does_nothing_and_is_kept_with_the_handled_ones(engine: Engine) -> None:
    name = await set_aside(engine)
    async with calling(engine, tier="operator") as caller:
        await caller.ok("drop_quarantined", id=name)
        assert (await caller.ok("list_quarantine"))["total"] == 0
        assert await caller.code("drop_quarantined", id=name) == "unknown_mail"
    assert name in files(engine, "done")
    assert await recount.differences(engine) == []


@pytest.mark.parametrize("name", ["../new/x", "..", "", "/etc/passwd", "a\0b", "x" * 240, "nothing"])
async def test_an_id_never_leads_out_of_the_folder(engine: Engine, name: str) -> None:
    async with calling(engine, tier="operator") as caller:
        for tool in ("show_quarantined", "release_quarantined", "drop_quarantined"):
            assert await caller.code(tool, id=name) == "unknown_mail"


async def test_only_the_operator_and_keys_made_for_it_may_decide(engine: Engine) -> None:
    name = await set_aside(engine)
    plain, trusted = agent("agent@cis.test"), agent("agent@cis.test", frozenset({"read", "admin"}))
    async with calling(engine, actor=plain, tier="operator") as caller:
        assert await caller.code("list_quarantine") == "unknown_tool"
        for tool in ("show_quarantined", "release_quarantined", "drop_quarantined"):
            assert await caller.code(tool, id=name) == "unknown_tool"
    assert files(engine, "quarantine") == [name]
    async with calling(engine, actor=trusted, tier="operator") as caller:
        assert (await caller.ok("list_quarantine"))["total"] == 1
        await caller.ok("drop_quarantined", id=name)


async def test_a_mail_released_by_two_at_once_acts_once(engine: Engine) -> None:
    name = await set_aside(engine)
    one, two = Quarantine(engine), Quarantine(engine)
    released = await asyncio.gather(
        one.release(name, engine.local), two.release(name, engine.local), return_exceptions=True
    )
    names = {r for r in released if isinstance(r, str)}
    assert len(names) == 1
    async with inbox_of(engine) as inbox:
        outcomes = await inbox.handle(names.pop())
    assert [o.action for o in outcomes] == ["created"]


def test_the_command_line_does_the_same(tmp_path: Path, clock: Clock) -> None:
    async def fill() -> list[str]:
        async with engine_in(tmp_path, clock) as engine:
            return [await set_aside(engine, subject=f"mail {n}") for n in range(2)]

    kept, dropped = asyncio.run(fill())
    runner, environment = CliRunner(), {"CIS_DATA_DIR": str(tmp_path)}

    def said(*arguments: str) -> str:
        result = runner.invoke(cli, ["quarantine", *arguments], env=environment)
        assert result.exit_code == 0, result.output
        return result.stdout

    assert len([json.loads(line) for line in said("list", "--json").splitlines()]) == 2
    assert "Subject: mail 0" in said("show", kept)
    assert "discarded" in said("drop", dropped)
    assert json.loads(said("release", kept))["action"] in {"created", "refused"}
    assert list((tmp_path / "inbox" / "in-flight").iterdir()) == []
    assert said("list") == ""
    assert runner.invoke(cli, ["quarantine", "show", "nothing"], env=environment).exit_code == 2


def aged(folder: Path, name: str, days: float) -> Path:
    path = folder / name
    path.write_bytes(b"x")
    then = time.time() - days * 86_400
    os.utime(path, (then, then))
    return path


@pytest.mark.parametrize(
    ("keep", "waits", "left"),
    [
        (90, 30, ["new", "young"]),
        (0, 0, ["new", "old", "waits", "young"]),
        (90, 0, ["new", "waits", "young"]),
        (0, 30, ["new", "old", "young"]),
    ],
)
async def test_handled_mails_and_waiting_ones_are_deleted_in_time(
    tmp_path: Path, clock: Clock, keep: int, waits: int, left: list[str]
) -> None:
    async with engine_in(tmp_path, clock, keep_mail_days=keep, keep_quarantine_days=waits) as engine:
        Inbox(engine)
        inbox = tmp_path / "inbox"
        paths = [aged(inbox / "done", "old", 91), aged(inbox / "done", "new", 89)]
        paths += [aged(inbox / "quarantine", "waits", 31), aged(inbox / "quarantine", "young", 29)]
        leftover, half_written = aged(inbox / "tmp", "leftover", 2), aged(inbox / "tmp", "half", 0.5)
        await cleaning.clean(engine)
        assert sorted(p.name for p in paths if p.exists()) == left
        assert not leftover.exists()
        assert half_written.exists()
