"""`cis-mcp link` and `cis-mcp vendor`."""

from __future__ import annotations

import json
from pathlib import Path

from engine.engine import Engine
from tests.cli.processes import run
from tests.support.clock import Clock
from tests.support.engines import created, engine_in


async def _event(folder: Path) -> str:
    from engine.commands.events.timing import Timing

    async with engine_in(folder, Clock()) as engine:
        assert isinstance(engine, Engine)
        when = Timing(start="2099-05-01T19:05", duration="PT3H", timezone="UTC")
        return (await created(engine, when=when)).id


async def test_a_link_is_made_listed_and_ended_and_services_are_the_operators(tmp_path: Path) -> None:
    async def cis(*arguments: str) -> str:
        code, out, err = await run(tmp_path, *arguments)
        assert (code, err) == (0, "")
        return out.strip()

    event = await _event(tmp_path)
    assert await cis("vendor", "set", "postbox", "--tag", "((mail))", "--encodes", "--place", "1") == (
        "postbox  postbox"
    )
    await cis("vendor", "set", "mailchimp", "--hide")
    listed = (await cis("vendor", "list")).splitlines()
    assert listed[:2] == ["postbox  postbox: ((mail))", "mailchimp  (hidden) Mailchimp: *|URL:EMAIL|*"]
    made = json.loads(await cis("link", "create", "May", "--event", event, "--vendor", "postbox", "--json"))
    assert made["plain_link"].endswith("?e=((mail))")
    assert made["plain_link"] in await cis("link", "code", made["id"])
    assert await cis("link", "end", made["id"]) == f"{made['id']} is ended"
    shown = await cis("link", "list")
    assert shown == f"{made['id']}  (ended) May: shown 0, pressed 0, sent 0, answered 0"
    code, _, err = await run(tmp_path, "link", "code", "nothing")
    assert code == 2
    assert "cis-mcp link list" in err


async def test_a_budget_of_0_is_given_and_means_no_limit(tmp_path: Path) -> None:
    arguments = ("link", "create", "May", "--event", await _event(tmp_path), "--vendor", "mailchimp")
    assert (await run(tmp_path, *arguments, "--budget", "0"))[0] == 0
    _, out, _ = await run(tmp_path, "link", "list", "--json")
    assert json.loads(out)["budget"] == 0
