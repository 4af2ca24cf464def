"""Hooks and webhooks: deliveries taken in durably beside a bare POST, and postings beside a bare httpx loop."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import json
import sys
import time
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import httpx

from bench.figures import BenchFailed, Figure
from bench.processes import SERVER, environment, free_port, process, wait_for
from bench.timing import Effort, Round, latency, speed
from engine.commands.agents.keys import CreateKey
from engine.commands.events.events import CreateEvent
from engine.commands.events.timing import Timing
from engine.commands.triggers.triggers import CreateTrigger, SetTriggerSecrets
from engine.commands.webhooks.webhooks import CreateWebhook
from engine.engine import Engine
from engine.model.rules import Deed, Rule
from engine.model.triggers import Proof, Sender
from engine.model.webhooks import WebhookKind
from engine.settings import Settings
from engine.triggers import worker
from engine.webhooks.worker import Courier

_IN, _OUT = "Deliveries at a hook", "Webhooks out"
_CONNECTIONS = 8
_TAKEN, _POSTED, _DEAD = 0.3, 0.6, 1.5
_SECRET = "secret-of-the-bench"
_BATCH = 100
Headers = Mapping[str, str]


def measure(effort: Effort, folder: Path) -> Iterator[Figure]:
    """Ours and the bare peer by turns."""
    yield from _deliveries(effort, folder)
    yield from asyncio.run(_postings(effort, folder / "webhooks"))


def _settings(folder: Path, **values: Any) -> Settings:
    return Settings(data_dir=folder, _env_file=None, **values)  # type: ignore[call-arg]


async def _prepared(folder: Path) -> None:
    """Two hooks whose deliveries are kept."""
    engine = await Engine.open(_settings(folder))
    key = (await engine.apply(CreateKey(name="crm"), engine.local)).key.id
    for name, sender in (("one", Sender.GITHUB), ("many", Sender.HUBSPOT)):
        rules = (Rule(when="true", do=Deed.NOTHING),)
        command = CreateTrigger(name=name, proof=Proof(sender=sender), rules=rules, key=key)
        await engine.apply(command, engine.local)
        await engine.apply(SetTriggerSecrets(name=name, secrets=(_SECRET,)), engine.local)
    await engine.close()


def _deliveries(effort: Effort, folder: Path) -> Iterator[Figure]:
    data, log = folder / "hooks", folder / "hooks.log"
    asyncio.run(_prepared(data))
    port, bare = free_port(), free_port()
    serve = [*SERVER, "--http", f"127.0.0.1:{port}", "--no-auth"]
    with ExitStack() as stack:
        env = environment(data)
        env["CIS_PUBLIC_URL"] = f"http://127.0.0.1:{port}"
        stack.enter_context(process(serve, env, log))
        stack.enter_context(process([sys.executable, "-m", "bench.bare_hook", str(bare)], env, log))
        for one in (port, bare):
            wait_for(one)
        for name, body, posts in (
            ("one", _one, effort.receipts),
            ("many", _many, max(5, effort.receipts // 20)),
        ):
            ours, peer = [], []
            for i in range(effort.rounds):
                bodies = [body(port, i * posts + n) for n in range(posts)]
                bodies += bodies[: len(bodies) // 10]
                peer.append(len(bodies) / asyncio.run(_post_all(bare, name, bodies)))
                ours.append(len(bodies) / asyncio.run(_post_all(port, name, bodies)))
            what = "one a POST" if name == "one" else f"{_BATCH} a POST, as HubSpot sends them"
            title = f"{what}, durable, a tenth of them twice"
            yield speed(_IN, title, ours, "bare Starlette, keeps nothing", peer, "POSTs/s", at_least=_TAKEN)
    asyncio.run(_counted(data, effort))


def _one(_: int, number: int) -> tuple[bytes, Headers]:
    body = json.dumps({"id": number, "stage": "demo", "people": [{"email": "ann@example.com"}] * 5}).encode()
    signature = hmac.new(_SECRET.encode(), body, hashlib.sha256).hexdigest()
    return body, {"x-hub-signature-256": f"sha256={signature}", "x-github-delivery": f"d{number}"}


def _many(port: int, number: int) -> tuple[bytes, Headers]:
    elements = [{"eventId": number * _BATCH + n, "subscriptionId": 1, "objectId": n} for n in range(_BATCH)]
    body, now = json.dumps(elements).encode(), str(int(time.time() * 1000))
    signed = f"POSThttp://127.0.0.1:{port}/hooks/many".encode() + body + now.encode()
    digest = hmac.new(_SECRET.encode(), signed, hashlib.sha256).digest()
    signature = base64.b64encode(digest).decode()
    return body, {"x-hubspot-signature-v3": signature, "x-hubspot-request-timestamp": now}


async def _post_all(port: int, name: str, bodies: list[tuple[bytes, Headers]]) -> float:
    """Seconds that it took over several connections."""
    waiting = list(reversed(bodies))
    url = f"http://127.0.0.1:{port}/hooks/{name}"
    limits = httpx.Limits(max_connections=_CONNECTIONS)
    async with httpx.AsyncClient(timeout=60, limits=limits, trust_env=False) as web:

        async def post() -> None:
            while waiting:
                body, headers = waiting.pop()
                answer = await web.post(url, content=body, headers=headers)
                if answer.status_code != 200:
                    raise BenchFailed(f"a delivery was answered {answer.status_code}")

        began = time.perf_counter()
        await asyncio.gather(*(post() for _ in range(_CONNECTIONS)))
        return time.perf_counter() - began


async def _counted(folder: Path, effort: Effort) -> None:
    """Each delivery is there once, however often it was posted."""
    engine = await Engine.open(_settings(folder))
    try:
        while await worker.step(engine):
            pass
        found = {name: await engine.store.trigger_named(name) for name in ("one", "many")}
        counted = await engine.store.trigger_counts([one.id for one in found.values() if one])
        singles, batches = effort.receipts, max(5, effort.receipts // 20) * _BATCH
        for name, each in (("one", singles), ("many", batches)):
            trigger = found[name]
            if trigger is None or counted[trigger.id].deliveries != each * effort.rounds:
                raise BenchFailed(f"{counted} deliveries are there, not {each * effort.rounds} of {name}")
    finally:
        await engine.close()


class _Receiver:
    """Says 204, and notes when; a silent one never answers."""

    def __init__(self, *, silent: bool = False) -> None:
        self.at: list[float] = []
        self._silent = silent

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while head := await reader.readuntil(b"\r\n\r\n"):
                length = next(
                    int(line.partition(b":")[2])
                    for line in head.split(b"\r\n")
                    if line.lower().startswith(b"content-length")
                )
                await reader.readexactly(length)
                self.at.append(time.perf_counter())
                if self._silent:
                    await asyncio.sleep(3_600)
                writer.write(b"HTTP/1.1 204 No Content\r\n\r\n")
        except (OSError, EOFError, asyncio.CancelledError):
            pass
        finally:
            writer.close()


async def _postings(effort: Effort, folder: Path) -> list[Figure]:
    """Changes become postings and leave: beside the same bodies in an httpx loop, and beside a dead receiver."""
    receiver, other, dead = _Receiver(), _Receiver(), _Receiver(silent=True)
    servers = [await asyncio.start_server(one.serve, "127.0.0.1", 0) for one in (receiver, other, dead)]
    urls = [f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/in" for server in servers]
    ours, peer, rounds = [], [], []
    for i in range(effort.rounds):
        bodies = [
            json.dumps({"type": "event.created", "data": {"n": n, "text": "x" * 300}})
            for n in range(effort.receipts)
        ]
        began = time.perf_counter()
        await _looped(urls[0], bodies)
        peer.append(effort.receipts / (time.perf_counter() - began))
        alone = await _couriered(folder / f"{i}-alone", urls[:1], effort.receipts, receiver)
        both = await _couriered(folder / f"{i}-both", urls[:2], effort.receipts, receiver)
        beside = await _couriered(folder / f"{i}-beside", [urls[0], urls[2]], effort.receipts, receiver)
        ours.append(effort.receipts / alone[-1])
        rounds.append(Round(ours=beside, peer=both))
    for server in servers:
        server.close()
    name = f"from the log of changes, signed, {_CONNECTIONS} at a time"
    return [
        speed(_OUT, name, ours, "httpx in a loop, one pool", peer, "postings/s", at_least=_POSTED),
        latency(
            _OUT,
            "until it arrived, beside a receiver that says nothing",
            rounds,
            0.99,
            "beside one that answers",
            within=_DEAD,
        ),
    ]


async def _looped(url: str, bodies: list[str]) -> None:
    waiting = list(reversed(bodies))
    limits = httpx.Limits(max_connections=_CONNECTIONS)
    async with httpx.AsyncClient(timeout=60, limits=limits, trust_env=False) as web:

        async def post() -> None:
            while waiting:
                await web.post(url, content=waiting.pop())

        await asyncio.gather(*(post() for _ in range(_CONNECTIONS)))


async def _couriered(folder: Path, urls: list[str], events: int, receiver: _Receiver) -> list[float]:
    """Seconds until each posting arrived."""
    receiver.at.clear()
    engine = await Engine.open(_settings(folder, local_receivers="127.0.0.0/8"))
    courier = Courier(engine)
    try:
        for url in urls:
            command = CreateWebhook(url=url, kinds=frozenset({WebhookKind.EVENT_CREATED}))
            await engine.apply(command, engine.local)
        when = Timing(start="2031-05-02T19:00Z", duration="PT1H")
        for n in range(events):
            await engine.apply(CreateEvent(summary=f"Event {n}", when=when), engine.local)
        began = time.perf_counter()
        running: Callable[[], Awaitable[None]] = courier.run
        task = asyncio.ensure_future(running())
        while len(receiver.at) < events:
            await asyncio.sleep(0.005)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        return [at - began for at in receiver.at]
    finally:
        await engine.close()
