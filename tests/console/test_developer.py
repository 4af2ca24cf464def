"""The developer hub: its health is that of the process, and the operator's to see."""

from __future__ import annotations

import asyncio

import httpx
from starlette.applications import Starlette

from cis_mcp.console.routes import routes
from cis_mcp.pages import signin
from cis_mcp.watch.health import Health
from engine.engine import Engine
from tests.console.person import PUBLIC, operator, with_key


def _browser(engine: Engine, health: Health) -> httpx.AsyncClient:
    app = Starlette(routes=[*routes(engine, health), *signin.routes(engine)])
    return httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url=PUBLIC)


async def test_the_operator_reads_what_does_not_work_and_that_all_is_well_once_it_does(
    engine: Engine,
) -> None:
    doubts = ["The mailbox at imap.example.com cannot be read: no route to host."]
    health = Health(doubts=[lambda: "".join(doubts)], kept_s=0)
    async with _browser(engine, health) as web:
        person = await operator(engine, web)
        seen = await person.go("/console/developer")
        assert 'class="problem" role="alert"' in seen.answer.text
        assert doubts[0] in seen.text and "All is well." not in seen.text
        doubts.clear()
        assert "All is well." in (await person.go("/console/developer")).text


async def test_a_background_job_that_stopped_is_named_with_what_to_do(engine: Engine) -> None:
    ended = asyncio.create_task(asyncio.sleep(0))
    await ended
    async with _browser(engine, Health(jobs={"dispatcher": ended})) as web:
        person = await operator(engine, web)
        seen = await person.go("/console/developer")
    assert "The dispatcher has stopped; restart the server." in seen.text


async def test_an_organizer_reads_neither_health_nor_settings(engine: Engine) -> None:
    health = Health(doubts=[lambda: "The disk is full."])
    async with _browser(engine, health) as web:
        person = await with_key(engine, web, "ann@example.com")
        seen = await person.go("/console/developer")
    assert "Where programs connect" in seen.text
    assert not [text for text in ("Health", "The disk is full.", "Settings in force") if text in seen.text]
