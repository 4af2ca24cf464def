"""What each page asks anew is read anew once somebody has committed, whichever process that was."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta
from pathlib import Path

from engine.model.branding import INSTALLATION, Branding
from engine.store.sqlite.unchanged import Unchanged
from tests.store.stores import sqlite
from tests.store.test_sessions import session
from tests.support.clock import START
from tests.support.queries import counting_queries


async def test_a_session_that_another_process_ended_is_seen_to_have_ended_at_the_next_look(
    tmp_path: Path,
) -> None:
    async with sqlite(tmp_path) as ours, sqlite(tmp_path) as other:
        async with other.unit() as unit:
            await unit.add_session(session("s1"))
        found = await ours.session("s1")
        assert found and found.lasts(START)
        async with other.unit() as unit:
            await unit.end_sessions("ann@example.com", START + timedelta(minutes=1))
        found = await ours.session("s1")
        assert found and not found.lasts(START + timedelta(minutes=1))


async def test_looks_that_were_changed_show_with_the_next_page(tmp_path: Path) -> None:
    async with sqlite(tmp_path) as store:
        for title in ("Owls", "Foxes"):
            async with store.unit() as unit:
                await unit.save_branding(Branding(scope=INSTALLATION, title=title))
            _, _, looks = await store.shown_revision(INSTALLATION)
            assert [one.title for one in looks] == [title]


async def test_what_nobody_changed_is_read_once_and_each_is_told_their_own(tmp_path: Path) -> None:
    with counting_queries() as queries:
        async with sqlite(tmp_path) as store:
            async with store.unit() as unit:
                await unit.add_session(session("s1", "ann@example.com"))
                await unit.add_session(session("s2", "bob@example.com"))
            queries.zero()
            for digest, address in [("s1", "ann@example.com"), ("s2", "bob@example.com")] * 3:
                found = await store.session(digest)
                assert found and found.address == address
            assert await store.session("s3") is None
            reads = [text for text in queries.by_text.elements() if "FROM session" in text]
    assert len(reads) == 3


async def test_while_commits_cannot_be_counted_nothing_is_kept() -> None:
    asked = Counter[str]()

    async def ask() -> int:
        asked["times"] += 1
        return asked["times"]

    marks = iter([1, 1, None, 1, 2, 2])
    unchanged = Unchanged(lambda: next(marks))
    assert [await unchanged.answer("it", ask) for _ in range(6)] == [1, 1, 2, 1, 3, 3]


async def test_what_strangers_ask_fills_no_memory() -> None:
    unchanged, asked = Unchanged(lambda: 1), list[int]()

    def ask(n: int) -> int:
        asked.append(n)
        return n

    async def answered(n: int) -> int:
        async def answer() -> int:
            return ask(n)

        return await unchanged.answer(n, answer)

    for n in (*range(1_000), *range(1_000)):
        assert await answered(n) == n
    assert asked[-1] == 999
    assert 1_000 < len(asked) < 2_000
