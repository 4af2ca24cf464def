"""What waits for approval, and how people decide it: by the page that their mail links to."""

from __future__ import annotations

import re
from collections.abc import Sequence

import httpx
from starlette.applications import Starlette
from starlette.types import Receive, Scope, Send

from cis_mcp.auth.callers import Caller
from cis_mcp.pages.approve import routes
from engine.commands.agents.keys import CreateKey
from engine.commands.events.events import UpdateEvent
from engine.engine import Engine
from engine.model.actors import Actor
from engine.model.bounds import Bounds, Mode
from engine.model.held import HeldAction
from engine.model.messages import Message
from tests.support.engines import do

PUBLIC = "https://cis.example.org"


async def held_in(engine: Engine, *, waiting: bool = True) -> list[HeldAction]:
    """What waits, or everything that ever did, newest first."""
    return await engine.held_actions(engine.local, waiting=waiting, limit=100)


def code_in(message: Message) -> str:
    """The code of the link in a mail that asks for an approval."""
    assert message.notice
    (code,) = re.findall(rf"{PUBLIC}/approve/([a-z0-9]+)", message.notice.text)
    return str(code)


def asking(messages: Sequence[Message]) -> list[Message]:
    """Those of the mails that ask for an approval."""
    return [m for m in messages if m.notice and m.notice.subject.startswith("Approve?")]


async def page(engine: Engine, code: str, **form: str) -> httpx.Response:
    """Look at the page of an approval; with a form, press one of its buttons."""
    transport = httpx.ASGITransport(app=Starlette(routes=routes(engine)))
    async with httpx.AsyncClient(transport=transport, base_url=PUBLIC) as browser:
        if form:
            return await browser.post(f"/approve/{code}", data=form)
        return await browser.get(f"/approve/{code}")


async def by_id(engine: Engine, url: str, signed_in: str = "", **form: str) -> httpx.Response:
    """Open the page by its id, as nobody or signed in by a mail to that address; with a form, press a button."""
    app = Starlette(routes=routes(engine))

    async def known(scope: Scope, receive: Receive, send: Send) -> None:
        if signed_in:
            actor = Actor(kind="organizer", address=signed_in)
            scope["caller"] = Caller(
                actor=actor, key="session:x", subject=signed_in, token="", by_cookie=True
            )
        await app(scope, receive, send)

    async with httpx.AsyncClient(transport=httpx.ASGITransport(app=known), base_url=PUBLIC) as browser:
        return await (browser.post(url, data=form) if form else browser.get(url))


async def waiting(engine: Engine, uid: str, **change: str) -> str:
    """The id of a change that waits for the operator, as a key asked for it in mode `hold`."""
    event = await engine.event(uid, engine.local)
    made = await do(engine, CreateKey(name="K", address=event.organizer, bounds=Bounds(mode=Mode.HOLD)))
    done = await do(engine, UpdateEvent(uid=uid, **change), made.key.actor)  # type: ignore[arg-type]
    assert done.held
    return done.held.id
