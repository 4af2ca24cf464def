"""The season that a stranger imports by the README's words, and the page that they see."""

from __future__ import annotations

import re
import sys
from collections import Counter
from pathlib import Path

import httpx
from starlette.applications import Starlette

from cis_mcp.pages import published
from tests.cli.processes import ROOT, run
from tests.support.engines import engine_in

_GAMES = 45


def _season() -> str:
    sys.path.insert(0, str(ROOT / "examples"))
    try:
        from season import season
    finally:
        sys.path.pop(0)
    return "\r\n".join(season(2027)) + "\r\n"


def test_the_season_has_2430_games_in_which_each_team_plays_as_often_as_the_others() -> None:
    text = _season()
    assert len(set(re.findall(r"UID:(\S+)", text))) == 2_430
    sides = re.findall(r"SUMMARY:(\w+) at (\w+)", text)
    assert all(one != other for one, other in sides)
    played = Counter(team for game in sides for team in game)
    assert set(played.values()) == {162}
    assert len(played) == 30


async def test_a_stranger_sees_the_imported_games_on_a_page(tmp_path: Path) -> None:
    """The first three days of it; the whole takes some seconds."""
    games = _season().split("BEGIN:VEVENT")[: _GAMES + 1]
    file = tmp_path / "season.ics"
    file.write_text("BEGIN:VEVENT".join(games) + "END:VCALENDAR\r\n", newline="")
    data = tmp_path / "data"
    data.mkdir()
    code, out, err = await run(data, "import", str(file))
    assert code == 0, err
    assert f"new {_GAMES}," in out
    code, address, _ = await run(data, "page", "create", "The whole season")
    assert address.strip().endswith("/s/the-whole-season")
    async with engine_in(data) as engine:
        web = httpx.AsyncClient(
            transport=httpx.ASGITransport(Starlette(routes=published.routes(engine))), base_url="http://x"
        )
        async with web:
            page = (await web.get("/s/the-whole-season?all=1")).text
    assert page.count('name="e"') == _GAMES
