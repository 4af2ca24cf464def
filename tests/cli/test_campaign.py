"""`cis-mcp campaign` as processes: lists, shows and follows what other processes send."""

from __future__ import annotations

import asyncio
import os
import pty
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from engine.commands.campaigns.campaigns import CampaignAction
from engine.engine import Engine
from engine.model.messages import MessageState
from tests.cli.processes import environment, run, started
from tests.support.engines import claim, control, created, deliver, drafted, jobs_done, settle
from tests.support.forks import cis_mcp
from tests.support.waiting import DEADLINE_S, eventually

PEOPLE = [f"p{n}@example.com" for n in range(3)]
NASTY = "550 \x1b[31mno such user\x1b]0;title\x07\n[bold]x"


async def _campaign(engine: Engine, *, start: bool = True) -> str:
    draft = await drafted(engine, await created(engine), PEOPLE)
    if start:
        await control(engine, draft, CampaignAction.START)
    return draft.campaign.id


async def _fail_one(engine: Engine, text: str = NASTY) -> None:
    await jobs_done(engine)
    (one,) = await claim(engine, limit=1)
    await settle(engine, [one], MessageState.FAILED, code="rejected_by_server", text=text)


@asynccontextmanager
async def _following(folder: Path, key: str) -> AsyncIterator[asyncio.subprocess.Process]:
    process = await started(folder, "campaign", key, "--follow")
    try:
        async with asyncio.timeout(DEADLINE_S):
            yield process
    finally:
        if process.returncode is None:
            process.kill()
        await process.communicate()


async def test_campaigns_are_listed_newest_first(engine: Engine, tmp_path: Path) -> None:
    code, out, err = await run(tmp_path, "campaign")
    assert (code, out, "There are no campaigns." in err) == (0, "", True)
    first, second = await _campaign(engine), await _campaign(engine, start=False)
    await _fail_one(engine)
    code, out, _ = await run(tmp_path, "campaign")
    lines = {line.split()[0]: line for line in out.splitlines()}
    assert (code, set(lines)) == (0, {first, second})
    assert "running  1/3 done, 1 failed" in lines[first]
    assert "draft  0/3 done" in lines[second]


async def test_a_campaign_is_shown_once_with_its_failures(engine: Engine, tmp_path: Path) -> None:
    key = await _campaign(engine)
    await _fail_one(engine)
    code, out, _ = await run(tmp_path, "campaign", key)
    assert code == 0
    head, failed = out.splitlines()
    assert re.fullmatch(
        rf"Campaign {key}, invite for «Season opener» \(\w+\), running: 1 of 3 done: 1 failed, 2 queued", head
    )
    assert failed.startswith("Failed: p0@example.com: rejected_by_server 550 ")
    assert "\x1b" not in out
    assert "\x07" not in out


async def test_following_prints_lines_into_a_pipe_and_ends_with_the_campaign(
    engine: Engine, tmp_path: Path
) -> None:
    key = await _campaign(engine)
    async with _following(tmp_path, key) as process:
        assert process.stdout is not None
        assert b"0 of 3 done" in await process.stdout.readline()
        await _fail_one(engine)
        line = await process.stdout.readline()
        while b"0 of 3 done" in line:  # it looked between the messages and the first answer
            line = await process.stdout.readline()
        assert b"1 of 3 done: 1 failed, 2 queued; " in line
        await deliver(engine)
        rest = (await process.stdout.read()).decode()
        assert await process.wait() == 0
    assert "finished: 3 of 3 done: 2 sent, 1 failed\n" in rest
    assert "Failed: p0@example.com: rejected_by_server" in rest


async def test_following_ends_when_the_campaign_is_cancelled(engine: Engine, tmp_path: Path) -> None:
    draft = await drafted(engine, await created(engine), PEOPLE)
    await control(engine, draft, CampaignAction.START)
    async with _following(tmp_path, draft.campaign.id) as process:
        assert process.stdout is not None
        assert b"0 of 3 done" in await process.stdout.readline()
        await control(engine, draft, CampaignAction.CANCEL)
        assert b"cancelled: 3 of 3 done" in await process.stdout.read()
        assert await process.wait() == 0


async def test_following_changes_nothing_when_it_is_left(engine: Engine, tmp_path: Path) -> None:
    key = await _campaign(engine)
    async with _following(tmp_path, key) as process:
        assert process.stdout is not None
        await process.stdout.readline()
        process.terminate()
        await process.wait()
    assert (await engine.campaign(key, engine.local)).campaign.state == "running"
    assert len(await deliver(engine)) == 3


async def test_a_terminal_gets_a_bar_with_rate_and_time_left(engine: Engine, tmp_path: Path) -> None:
    key = await _campaign(engine)
    screen, end = pty.openpty()
    seen = bytearray()
    asyncio.get_running_loop().add_reader(screen, lambda: seen.extend(_read(screen)))
    process = await cis_mcp(
        *("campaign", key, "--follow"),
        env=environment(tmp_path, TERM="xterm", COLUMNS="120"),
        cwd=tmp_path,
        stdin=None,
        stdout=end,
        stderr=None,
    )
    os.close(end)
    try:
        await eventually(lambda: b"0 of 3 done" in seen)
        await _fail_one(engine)
        await eventually(
            lambda: re.search(rb"33 %.*1 of 3 done.*/s, about [\d:]+ left", seen, re.DOTALL), DEADLINE_S
        )
        await eventually(lambda: b"Failed: p0@example.com" in seen)
        await deliver(engine)
        async with asyncio.timeout(DEADLINE_S):
            assert await process.wait() == 0
        await eventually(lambda: b"100 %" in seen)
    finally:
        asyncio.get_running_loop().remove_reader(screen)
        os.close(screen)
        if process.returncode is None:
            process.kill()
            await process.wait()
    assert "━".encode() in seen
    assert b"\x1b]0;title" not in seen


def _read(screen: int) -> bytes:
    """What came, or nothing: a terminal whose other end is closed cannot be read."""
    try:
        return os.read(screen, 65_536)
    except OSError:
        asyncio.get_running_loop().remove_reader(screen)
        return b""


async def test_an_unknown_campaign_and_a_senseless_follow_are_refused(tmp_path: Path) -> None:
    await run(tmp_path, "vendor", "set", "own")
    for arguments in (("nothing",), ("nothing", "--follow")):
        code, out, err = await run(tmp_path, "campaign", *arguments)
        assert (code, out, err.startswith("unknown_campaign: ")) == (2, "", True)
    code, _, err = await run(tmp_path, "campaign", "--follow")
    assert (code, "--follow needs the ID" in err) == (2, True)
