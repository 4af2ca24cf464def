"""What callers give and what is large is read by processes, within what the system grants them."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Callable, Iterator

import pytest

from engine.engine import Engine
from engine.imports import feeds
from engine.imports.imported import ImportOptions
from engine.model.queries import EventQuery
from engine.process import pools
from engine.process.limited import LimitedProcesses
from engine.refusals import Code, Refused
from tests.process import dear
from tests.support.calendars import season
from tests.support.waiting import eventually
from tests.tools.caller import calling


@pytest.fixture
def limited() -> Iterator[LimitedProcesses]:
    opened = LimitedProcesses(cpu_s=0)
    yield opened
    opened.close()
    assert opened.pids == []


def code_of(function: Callable[[], object]) -> Code:
    with pytest.raises(Refused) as refused:
        function()
    return refused.value.code


def test_one_process_serves_one_after_the_other(limited: LimitedProcesses) -> None:
    double = limited.limiting(dear.doubled)
    assert [double(n) for n in range(3)] == [0, 2, 4]
    assert len(limited.pids) == 1


def test_a_refusal_comes_as_it_was_raised(limited: LimitedProcesses) -> None:
    assert code_of(limited.limiting(dear.refuses)) is Code.INVALID_CALENDAR
    assert limited.limiting(dear.doubled)(1) == 2


@pytest.mark.parametrize("function", [dear.takes_memory, dear.never_ends])
def test_what_takes_too_much_is_ended_and_refused_and_the_next_is_read(
    limited: LimitedProcesses, function: Callable[[], object]
) -> None:
    assert code_of(limited.limiting(function)) is Code.TOO_COSTLY
    assert limited.limiting(dear.doubled)(1) == 2


def test_a_process_that_ends_amid_its_answer_is_replaced_and_its_caller_may_call_again(
    limited: LimitedProcesses,
) -> None:
    assert code_of(limited.limiting(dear.ends_amid_its_answer)) is Code.BUSY
    assert limited.limiting(dear.doubled)(1) == 2


def test_a_process_that_ended_while_it_had_nothing_to_do_is_replaced(limited: LimitedProcesses) -> None:
    assert limited.limiting(dear.doubled)(1) == 2
    (pid,) = limited.pids
    os.kill(pid, signal.SIGKILL)
    os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT)
    assert limited.limiting(dear.doubled)(2) == 4
    assert limited.pids != [pid]


async def test_closing_ends_what_runs_and_whoever_waits_is_refused(engine: Engine) -> None:
    never = pools.IMPORTS.run(engine.limited.limiting(dear.never_ends))
    waiting = asyncio.create_task(never)
    await eventually(lambda: engine.limited.pids)
    engine.limited.close()
    with pytest.raises(Refused) as refused:
        await waiting
    assert refused.value.code is Code.BUSY


async def test_a_large_calendar_is_read_by_a_process_and_a_small_one_is_not(engine: Engine) -> None:
    small = season(range(3))
    large = small.replace(b"BEGIN:VEVENT", b"BEGIN:VEVENT\r\nX-LONG:" + b"x" * 40_000)
    dry = ImportOptions(dry_run=True)
    for data, processes in ((small, 0), (large, 1)):
        imported = await feeds.import_file(engine, engine.local, data, "season.ics", dry)
        assert (imported.new, len(engine.limited.pids)) == (3, processes)


async def test_a_large_calendar_whose_reading_was_ended_changes_nothing(engine: Engine) -> None:
    large = season(range(1)) + b"x" * 100_000
    engine.limited.close()
    with pytest.raises(Refused) as refused:
        await feeds.import_file(engine, engine.local, large, "season.ics", ImportOptions())
    assert refused.value.code is Code.BUSY
    assert (await engine.store.search(EventQuery())).events == ()


@pytest.mark.parametrize("given", ["csv", "csv_path"])
async def test_a_large_list_is_read_by_a_process_as_a_small_one_is(
    engine: Engine, given: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    rows = [f"p{n}@example.com,Person {n},{'x' * (900 if n else 1)}" for n in range(1_300)]
    file = tmp_path_factory.mktemp("lists") / "list.csv"
    async with calling(engine) as caller:
        uid = await caller.event()
        for some, processes in ((rows[:3], 0), (rows, 1)):
            text = "\n".join(["email,name,note", *some, "p1@example.com"])
            file.write_text(text, encoding="utf-8")
            drafted = await caller.ok("bulk_send", uid=uid, **{given: text if given == "csv" else str(file)})
            campaign = drafted["campaign"]
            assert (campaign["valid"], campaign["skipped_total"]) == (len(some), 1)
            assert len(engine.limited.pids) == processes
