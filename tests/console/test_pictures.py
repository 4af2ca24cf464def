"""Pictures of pages at the console: uploaded, seen, taken away."""

from __future__ import annotations

import pytest

from engine.engine import Engine
from tests.console.person import Person
from tests.pages.test_pictures import GIF, png
from tests.pages.visitor import published


async def test_a_picture_is_uploaded_seen_and_taken_away(engine: Engine, person: Person) -> None:
    await published(engine)
    way = "/console/pages/season/pictures"
    assert way in (await person.go("/console/pages/season")).links
    await person.go(way)
    seen = await person.press("Use as banner", file=("b.svg", png(7, 3)))
    assert "The page shows it from now on" in seen.text
    page = await engine.page("season", engine.local)
    assert page.banner is not None
    assert (page.banner.width, page.banner.height) == (7, 3)
    assert f"/brand/picture/{page.banner.name}" in seen.answer.text
    await person.press("Use as logo", file=("l.gif", GIF))
    await person.press("Take the banner away")
    page = await engine.page("season", engine.local)
    assert page.banner is None
    assert page.logo is not None


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"file": ("x.png", b"<svg/>")}, "not a picture that can be shown"),
        ({}, "No picture is given"),
        ({"address": "logo.png"}, "not a web address"),
        ({"address": "https://127.0.0.1/logo.png"}, "private or reserved network"),
        ({"what": "slug"}, "No picture is meant"),
    ],
)
async def test_what_is_no_picture_is_refused_in_words(
    engine: Engine, person: Person, given: dict[str, str], words: str
) -> None:
    await published(engine)
    await person.go("/console/pages/season/pictures")
    assert words in (await person.press("Use as logo", **given)).text  # type: ignore[arg-type]
    assert (await engine.page("season", engine.local)).logo is None
