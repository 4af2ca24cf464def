"""From a delivery at a hook to its invite in a mail server, beside `send_invite` at the same server."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import itertools
import json
import sqlite3
import time
from collections.abc import Iterator
from contextlib import ExitStack, closing
from pathlib import Path
from typing import Any

import httpx

from bench.figures import BenchFailed, Figure
from bench.processes import DOMAIN, SERVER, environment, free_port, over_http, sink
from bench.reading import new_event
from bench.timing import Effort, Round, latency
from bench.wire import Wire, call
from engine.commands.agents.keys import CreateKey
from engine.commands.triggers.triggers import CreateTrigger, SetTriggerLive, SetTriggerSecrets
from engine.engine import Engine
from engine.model.bounds import Bounds
from engine.model.triggers import Proof, Sender
from engine.rules.reading import rules_of
from engine.settings import Settings

_GROUP = "From a delivery at a hook to its invite in a mail server"
_WITHIN = 4
_PATIENCE_S = 60
_SECRET = "secret-of-the-bench"
_RULES = """
- when: event.stage == "demo"
  do: invite
  object: "deal:{{ event.id }}"
  uid: "{{ event.uid }}"
  people: {each: "[event]", email: "{{ item.email }}", name: "{{ item.name }}"}
  undo_s: 0
"""


def measure(effort: Effort, folder: Path) -> Iterator[Figure]:
    """Deliveries and calls of the tool by turns, each until a mail server took the invite."""
    data, log, port = folder / "data", folder / "triggered.log", free_port()
    asyncio.run(_prepared(data))
    with ExitStack() as stack:
        mail_port, name = stack.enter_context(sink(log))
        env = environment(data, outbox=f"smtp://127.0.0.1:{mail_port}")
        env["CIS_PUBLIC_URL"] = f"http://127.0.0.1:{port}"
        serve = [*SERVER, "--http", f"127.0.0.1:{port}", "--no-auth"]
        wire = stack.enter_context(over_http(serve, port, env, log))
        web = stack.enter_context(httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=_PATIENCE_S))
        uid, people = new_event(wire), itertools.count()
        _round(web, wire, uid, people, data, max(5, effort.invites // 20))
        calls = max(5, effort.invites // 4)
        rounds = [_round(web, wire, uid, people, data, calls) for _ in range(effort.rounds)]
    yield latency(_GROUP, f"undo 0, into {name}", rounds, 0.5, "send_invite", within=_WITHIN)


async def _prepared(folder: Path) -> None:
    """A live trigger whose deliveries invite to an event that there is."""
    settings = Settings(data_dir=folder, domain=DOMAIN, _env_file=None)  # type: ignore[call-arg]
    engine = await Engine.open(settings)
    unlimited: Any = {"day": 0, "minute": 0, "new_people_day": 0, "person_day": 0}
    bounds = Bounds(verbs={"read", "send", "update", "create", "trigger"}, **unlimited)  # type: ignore[arg-type]
    key = (await engine.apply(CreateKey(name="crm", bounds=bounds), engine.local)).key.id
    proof = Proof(sender=Sender.GITHUB)
    await engine.apply(
        CreateTrigger(name="deals", proof=proof, rules=rules_of(_RULES), key=key), engine.local
    )
    await engine.apply(SetTriggerSecrets(name="deals", secrets=(_SECRET,)), engine.local)
    await engine.apply(SetTriggerLive(name="deals", live=True), engine.local)
    await engine.close()


def _round(web: httpx.Client, wire: Wire, uid: str, people: Iterator[int], data: Path, calls: int) -> Round:
    """A delivery counts from its POST until the ledger has the mail server's answer, by one clock."""
    taken = Round([], [])
    with closing(sqlite3.connect(data / "cis.sqlite3", isolation_level=None)) as database:
        for _ in range(calls):
            email, began = f"guest{next(people)}@example.com", time.time()
            _post(web, uid, email)
            taken.ours.append(_until_sent(database, email) - began)
            other, began = f"guest{next(people)}@example.com", time.perf_counter()
            sent = call(wire, "send_invite", uid=uid, email=other, name="Ann Example")
            if sent["status"] != "sent":
                raise BenchFailed(f"an invite was not taken: {sent}")
            taken.peer.append(time.perf_counter() - began)
    return taken


def _post(web: httpx.Client, uid: str, email: str) -> None:
    body = json.dumps(
        {"id": email, "stage": "demo", "uid": uid, "email": email, "name": "Ann Example"}
    ).encode()
    signature = hmac.new(_SECRET.encode(), body, hashlib.sha256).hexdigest()
    headers = {"x-hub-signature-256": f"sha256={signature}", "x-github-delivery": email}
    answer = web.post("/hooks/deals", content=body, headers=headers)
    if answer.status_code != 200:
        raise BenchFailed(f"a delivery was answered {answer.status_code}")


def _until_sent(database: sqlite3.Connection, email: str) -> float:
    """When the mail server had taken the invite, by the ledger."""
    deadline = time.monotonic() + _PATIENCE_S
    while time.monotonic() < deadline:
        found = database.execute(
            "SELECT settled FROM message WHERE email = ? AND state = 'sent'", [email]
        ).fetchone()
        if found:
            return float(found[0])
        time.sleep(0.01)
    raise BenchFailed("a delivery invited nobody")
