"""How long handled mails are kept: the mail that made or changed an event stays until long after its end."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

from engine.inbox import cleaning
from tests.support import mails
from tests.support.clock import Clock
from tests.support.engines import engine_in
from tests.support.inboxes import Post

_DAY = 86_400.0


async def test_the_mail_of_an_event_is_kept_until_long_after_its_end(post: Post) -> None:
    intake = await post(mails.request())
    assert intake.action == "created"
    event = await post.engine.event(intake.uid, post.engine.local)
    assert event.ends_at is not None
    end = event.ends_at.timestamp()
    (made,) = post.files("done")
    assert await cleaning.clean(post.engine, made.stat().st_mtime + 91 * _DAY) == 0
    assert await cleaning.clean(post.engine, end + 89 * _DAY) == 0
    assert post.files("done") == [made]
    assert made.stat().st_mtime == end
    assert await cleaning.clean(post.engine, end + 91 * _DAY) == 1
    assert post.files("done") == []


async def test_what_is_known_of_a_mail_goes_some_time_after_its_file(post: Post, clock: Clock) -> None:
    await post(mails.request())
    (made,) = post.files("done")
    clock.now += timedelta(days=200)
    assert await cleaning.clean_rows(post.engine) == 0, "the mail is there"
    made.unlink()
    assert await cleaning.clean_rows(post.engine) == 1
    assert not await post.engine.store.noted(f"{made.name}:")


async def test_lines_are_kept_where_mails_are_kept_for_ever(tmp_path: Path, clock: Clock) -> None:
    async with engine_in(tmp_path, clock, keep_mail_days=0) as engine:
        clock.now += timedelta(days=2_000)
        assert await cleaning.clean_rows(engine) == 0
