"""Clients hear of answers that another process took in: real processes, real SMTP, both eras, stdio and HTTP."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import aiosmtplib
import httpx
import pytest
from mcp import Client, StdioServerParameters
from mcp.client.streamable_http import streamable_http_client
from mcp.client.subscriptions import ResourceUpdated, Subscription
from mcp.types import ResourceUpdatedNotification

from engine.commands.events.timing import Timing
from engine.engine import system_clock
from engine.model.events import Event
from engine.model.people import Attendee, Partstat
from tests.cli.processes import environment, run, serving
from tests.support import mails
from tests.support.engines import answer, created, deliver, engine_in, invite
from tests.support.forks import launching
from tests.support.ports import free_port, listens
from tests.support.processes import program
from tests.support.waiting import DEADLINE_S, eventually
from tests.tools.caller import Mode, agent

# what the SDK's client calls removed is what clients of the older protocol send
pytestmark = pytest.mark.filterwarnings("ignore:resources/(un)?subscribe is removed")
ANN = agent("ann@example.com")
FAR_AHEAD = Timing(start="2037-05-02T19:00", duration="PT2H", timezone="America/New_York")


@dataclass
class Ears:
    """A client that subscribes in its own era, and what it heard."""

    heard: list[str] = field(default_factory=list)
    ended: bool = False

    async def note(self, message: object) -> None:
        if isinstance(message, ResourceUpdatedNotification):
            self.heard.append(message.params.uri)

    @asynccontextmanager
    async def subscribed(self, transport: object, mode: Mode, uri: str) -> AsyncIterator[None]:
        async with Client(transport, mode=mode, message_handler=self.note) as client:  # type: ignore[arg-type]
            if mode == "legacy":
                await client.subscribe_resource(uri)
                yield
                return
            async with client.listen(resource_subscriptions=[uri]) as stream:
                noting = asyncio.create_task(self._follow(stream))
                yield
                noting.cancel()

    async def _follow(self, stream: Subscription) -> None:
        async for event in stream:
            assert isinstance(event, ResourceUpdated)
            self.heard.append(event.uri)
        self.ended = True


async def an_invited_guest(folder: Path) -> tuple[Event, Attendee]:
    """An event far ahead, and its one guest, whose invite has gone."""
    async with engine_in(folder, system_clock) as engine:
        event = await created(engine, ANN, when=FAR_AHEAD)
        guest = (await invite(engine, event, "guest@example.org")).attendee
        await deliver(engine)
        return event, guest


async def answered_by_mail(port: int, event: Event, guest: Attendee) -> None:
    to = f"rsvp+{guest.token}@cis.test"
    mail = mails.reply(event.uid, guest.email, to=to)
    await aiosmtplib.send(mail, hostname="127.0.0.1", port=port, start_tls=False, recipients=[to])


def over_stdio(folder: Path) -> StdioServerParameters:
    command, *arguments = launching("serve")
    return StdioServerParameters(
        command=command,
        args=arguments,
        env=environment(folder, CIS_ORGANIZER=ANN.address),
        cwd=folder,
    )


async def test_an_answer_that_another_process_took_in_is_told_within_seconds(tmp_path: Path) -> None:
    event, guest = await an_invited_guest(tmp_path)
    _, key, _ = await run(tmp_path, "key", "create", "--for", ANN.address, "--horizon", "0")
    port = free_port()
    uri = f"event://{event.uid}"
    everybody = {name: Ears() for name in ("stdio auto", "stdio legacy", "http auto", "http legacy")}
    async with AsyncExitStack() as stack:
        await stack.enter_async_context(program(tmp_path, "worker", INBOX=f"smtp://127.0.0.1:{port}"))
        address, _process = await stack.enter_async_context(serving(tmp_path, "--http", "127.0.0.1:0"))
        modes: tuple[Mode, Mode] = ("auto", "legacy")
        for mode in modes:
            ears = everybody[f"stdio {mode}"]
            await stack.enter_async_context(ears.subscribed(over_stdio(tmp_path), mode, uri))
            transport = await _with_key(stack, address, key)
            await stack.enter_async_context(everybody[f"http {mode}"].subscribed(transport, mode, uri))
        await eventually(partial(listens, port))
        await answered_by_mail(port, event, guest)
        await eventually(_all_hear(everybody, uri))


def _all_hear(everybody: dict[str, Ears], uri: str) -> Callable[[], bool]:
    return lambda: all(uri in ears.heard for ears in everybody.values())


async def _with_key(stack: AsyncExitStack, address: str, key: str) -> object:
    headers = {"Authorization": f"Bearer {key.strip()}"}
    web = await stack.enter_async_context(httpx.AsyncClient(headers=headers, timeout=DEADLINE_S))
    return streamable_http_client(f"{address}/mcp", http_client=web)


async def test_a_revoked_key_hears_no_more(tmp_path: Path) -> None:
    event, guest = await an_invited_guest(tmp_path)
    _, key, _ = await run(tmp_path, "key", "create", "--for", ANN.address, "--horizon", "0")
    _, kept, _ = await run(tmp_path, "key", "create", "--for", ANN.address, "--horizon", "0")
    uri = f"event://{event.uid}"
    modern, legacy, stays = Ears(), Ears(), Ears()
    async with AsyncExitStack() as stack:
        address, _process = await stack.enter_async_context(serving(tmp_path, "--http", "127.0.0.1:0"))
        callers: list[tuple[Ears, str, Mode]] = [
            (modern, key, "auto"),
            (legacy, key, "legacy"),
            (stays, kept, "legacy"),
        ]
        for ears, secret, mode in callers:
            transport = await _with_key(stack, address, secret)
            await stack.enter_async_context(ears.subscribed(transport, mode, uri))
        _, listed, _ = await run(tmp_path, "key", "list")
        await run(tmp_path, "key", "revoke", listed.split()[0])
        async with engine_in(tmp_path, system_clock) as engine:
            await answer(engine, guest, Partstat.ACCEPTED)
            await eventually(lambda: uri in stays.heard)
            await eventually(lambda: modern.ended)
        assert modern.heard == legacy.heard == []
