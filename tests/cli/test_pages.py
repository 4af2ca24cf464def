"""`cis-mcp page`, by which an operator makes public pages."""

from __future__ import annotations

import json
from pathlib import Path

from tests.cli.processes import run
from tests.pages.test_pictures import GIF


async def test_a_page_is_made_listed_changed_and_taken_off_the_web(tmp_path: Path) -> None:
    async def page(*arguments: str) -> str:
        code, out, err = await run(tmp_path, "page", *arguments)
        assert (code, err) == (0, "")
        return out.strip()

    made = await page("create", "Orioles 2027", "--month", "2027-05", "--hide", "place")
    assert made == "http://127.0.0.1:8000/s/orioles-2027"
    await page("update", "orioles-2027", "--layout", "agenda")
    (tmp_path / "logo.bin").write_bytes(GIF)
    await page("update", "orioles-2027", "--logo", str(tmp_path / "logo.bin"))
    assert json.loads(await page("list", "--json"))["logo"]["width"] == 1
    await page("update", "orioles-2027", "--logo", "")
    assert json.loads(await page("list", "--json"))["logo"] is None
    assert await page("unpublish", "orioles-2027") == "orioles-2027 is off the web"
    listed = json.loads(await page("list", "--json"))
    told = (listed["layout"], listed["published"], listed["selection"]["month"])
    assert told == ("agenda", False, "2027-05")
    code, _, err = await run(tmp_path, "page", "create", "Orioles", "--hide", "prices")
    assert code == 2
    assert "hide" in err
