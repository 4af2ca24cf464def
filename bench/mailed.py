"""Events by mail: a season of one organizer, and single mails of others while a campaign runs."""

from __future__ import annotations

import smtplib
import sqlite3
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing
from pathlib import Path

from bench import lists
from bench.figures import BenchFailed, Figure
from bench.mails import request
from bench.processes import DOMAIN, SERVER, environment, free_port, over_stdio, sink, wait_for
from bench.reading import new_event
from bench.timing import Effort, quantile
from bench.wire import Wire, call

_GROUP = "Events by mail to create@"
_CREATE = f"create@{DOMAIN}"
_CONNECTIONS = 4
_PATIENCE_S = 600.0
_BELOW_S = 10
_PAUSE_S = 0.1
_MINUTE_S = 60
_NOTICES_MOST = 80
"""More are not sent in an hour to organizers whom nothing proves."""
Mail = tuple[str, bytes]
"""Sender and content."""


def measure(effort: Effort, folder: Path) -> Iterator[Figure]:
    """A season by mail, and how soon a notice is taken by the mail server beside a campaign."""
    log, inbox = folder / "mailed.log", free_port()
    with ExitStack() as stack:
        port, _ = stack.enter_context(sink(log))
        env = environment(
            folder / "data", outbox=f"smtp://127.0.0.1:{port}", inbox=f"smtp://127.0.0.1:{inbox}"
        )
        env |= {"CIS_SENDER_AUTH": "off", "CIS_ORGANIZERS": "*"}
        ours = stack.enter_context(over_stdio(SERVER, env, log, longest_s=2 * _PATIENCE_S))
        wait_for(inbox)
        database = folder / "data" / "cis.sqlite3"
        yield from _season(effort.season, inbox, database)
        yield _beside_campaign(effort, ours, inbox, database, folder)


def _season(n: int, inbox: int, database: Path) -> Iterator[Figure]:
    """`n` mails of one organizer: events a second, and the notices that they cause."""
    organizer = "league@example.org"
    mails = [(organizer, request(f"game-{i}", organizer, _CREATE, f"Game {i}")) for i in range(n)]
    began = time.perf_counter()
    _deliver(inbox, mails)
    _until(lambda: _count(database, "SELECT count(*) FROM event WHERE organizer = ?", organizer) == n)
    took = time.perf_counter() - began
    told = _count(database, "SELECT count(*) FROM message WHERE kind = 'notice' AND email = ?", organizer)
    yield Figure(_GROUP, f"{n:,} of one organizer, until the last event", n / took, "mails/s")
    name = f"notices of these to their organizer, in {took:.0f} s"
    yield Figure(_GROUP, name, told, "mails", below=2 + took // _MINUTE_S)


def _beside_campaign(effort: Effort, ours: Wire, inbox: int, database: Path, folder: Path) -> Figure:
    """Mails of organizers who send one each, from 250 for it to 250 for the notice, while a campaign leaves."""
    n = effort.recipients
    uid = new_event(ours)
    draft = lists.draft(ours, uid, lists.csv_file(folder, n))
    control = {"campaign_id": draft["id"], "confirm_token": draft["confirm_token"]}
    call(ours, "control_campaign", action="start", **control)
    sent: dict[str, float] = {}
    while not sent or call(ours, "get_campaign", campaign_id=draft["id"])["campaign"]["state"] == "running":
        if len(sent) == _NOTICES_MOST:
            time.sleep(_PAUSE_S)
            continue
        organizer = f"one{len(sent)}@example{len(sent)}.org"
        _deliver(inbox, [(organizer, request(f"talk-{len(sent)}", organizer, _CREATE, "A talk"))])
        sent[organizer] = time.time()
        time.sleep(_PAUSE_S)
    sql = "SELECT count(*) FROM message WHERE kind = 'notice' AND email LIKE 'one%' AND state = ?"
    _until(lambda: _count(database, sql, "sent") == len(sent))
    with closing(sqlite3.connect(database)) as connection:
        found = connection.execute(
            "SELECT email, settled FROM message WHERE kind = 'notice' AND email LIKE 'one%'"
        )
        waited = [settled - sent[email] for email, settled in found]
    name = f"a notice beside a campaign of {n:,}, {len(sent)} times, p99"
    return Figure(_GROUP, name, max(quantile(waited, 0.99), 0), "s", below=_BELOW_S)


def _count(database: Path, sql: str, value: str) -> int:
    with closing(sqlite3.connect(database)) as connection:
        return int(connection.execute(sql, [value]).fetchone()[0])


def _until(done: Callable[[], bool]) -> None:
    deadline = time.monotonic() + _PATIENCE_S
    while not done():
        if time.monotonic() > deadline:
            raise BenchFailed(f"not all mails became events with a notice in {_PATIENCE_S:g} s")
        time.sleep(0.05)


def _deliver(port: int, mails: Sequence[Mail]) -> None:
    shares = [mails[i::_CONNECTIONS] for i in range(_CONNECTIONS)]
    with ThreadPoolExecutor(_CONNECTIONS) as pool:
        list(pool.map(lambda share: _deliver_share(port, share), filter(None, shares)))


def _deliver_share(port: int, mails: Sequence[Mail]) -> None:
    with smtplib.SMTP("127.0.0.1", port, timeout=60) as smtp:
        for sender, content in mails:
            smtp.sendmail(sender, [_CREATE], content)
