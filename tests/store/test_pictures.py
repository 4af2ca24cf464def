"""The contract of a store: pictures of pages; and a database of before they were."""

from __future__ import annotations

import random
import sqlite3
from contextlib import closing
from datetime import timedelta
from pathlib import Path

from engine.model.pages import SHOWN, Page, PageKind, Show
from engine.model.pictures import Picture
from engine.store.protocol import Store
from engine.store.sqlite.pictures_schema import PICTURES
from engine.store.sqlite.schema import MIGRATIONS
from tests.store.stores import ORGANIZER
from tests.support.clock import START
from tests.support.engines import engine_in

ONE = Picture(name=f"{'a' * 32}.png", width=3, height=2, organizer=ORGANIZER, created=START)
OTHER = ONE.model_copy(update={"name": f"{'b' * 32}.gif"})
THEIRS = ONE.model_copy(update={"organizer": "eve@example.org"})


async def _keep(store: Store, *pictures: Picture) -> None:
    async with store.unit() as unit:
        for picture in pictures:
            await unit.save_picture(picture, picture.name.encode())


async def test_a_picture_is_kept_for_its_organizer_and_read_by_its_name(store: Store) -> None:
    await _keep(store, ONE, ONE, OTHER)
    async with store.unit() as unit:
        assert await unit.picture(ORGANIZER, ONE.name) == ONE
        assert await unit.picture("eve@example.org", ONE.name) is None
        assert await unit.picture_count(ORGANIZER) == 2
    assert await store.picture_content(ONE.name) == ONE.name.encode()
    assert await store.picture_content("unknown.png") is None


async def test_old_pictures_that_no_page_shows_are_dropped_and_those_of_others_stay(store: Store) -> None:
    page = Page(
        slug="season", kind=PageKind.SCHEDULE, organizer=ORGANIZER, title="x", created=START, changed=START
    )
    await _keep(store, ONE, OTHER, THEIRS)
    async with store.unit() as unit:
        await unit.save_page(page.model_copy(update={"logo": OTHER.shown}))
        await unit.drop_pictures(ORGANIZER, START)
        assert await unit.picture_count(ORGANIZER) == 2
        await unit.drop_pictures(ORGANIZER, START + timedelta(seconds=1))
        assert await unit.picture(ORGANIZER, ONE.name) is None
        assert await unit.picture(ORGANIZER, OTHER.name) == OTHER
    assert await store.picture_content(ONE.name) == ONE.name.encode()


async def test_many_large_pictures_that_no_page_shows_make_room_for_a_new_one(store: Store) -> None:
    content = random.Random(1).randbytes(900_000)
    for n in range(18):
        async with store.unit() as unit:
            await unit.save_picture(ONE.model_copy(update={"name": f"{n:032}.png"}), content)
    for day in range(1, 3):
        async with store.unit() as unit:
            await unit.drop_pictures(ORGANIZER, START + timedelta(days=day))
            new = ONE.model_copy(update={"created": START + timedelta(days=day)})
            await unit.save_picture(new, content)
    async with store.unit() as unit:
        assert await unit.picture_count(ORGANIZER) == 1


async def test_a_page_of_an_older_database_keeps_its_prompt(tmp_path: Path) -> None:
    before = MIGRATIONS.index(PICTURES)
    page = Page(
        slug="season",
        kind=PageKind.SCHEDULE,
        organizer=ORGANIZER,
        title="x",
        shows=frozenset({Show.PLACE, Show.SEARCH}),
        created=START,
        changed=START,
    )
    body = page.model_dump_json(exclude={"logo", "banner", "background"})
    with closing(sqlite3.connect(tmp_path / "cis.sqlite3")) as raw, raw:
        for script in MIGRATIONS[:before]:
            raw.executescript(script)
        raw.execute("INSERT INTO page VALUES (?,?,?,?)", ["season", ORGANIZER, START.timestamp(), body])
        raw.execute(f"PRAGMA user_version = {before}")
    async with engine_in(tmp_path) as engine:
        found = await engine.published("season")
    assert found is not None
    own = {Show.PLACE, Show.SEARCH}
    assert found.shows == own | {Show.PROMPT, Show.LOGO, Show.BANNER, Show.BACKGROUND}
    assert found.shows <= SHOWN
