"""The verifier: six checks, a connection test, and the nine steps, by hand or automatic with built-in mailboxes."""

from __future__ import annotations

import asyncio
import json
from collections import deque
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from starlette.responses import Response

from cis_mcp.auth.sessions import cookie_name
from cis_mcp.console import verifying
from cis_mcp.console.connecting import DOMAIN, Tested, remembered, tested
from cis_mcp.console.guard import Screen, Visit
from cis_mcp.console.sealing import Purpose
from cis_mcp.views.version import version
from cis_mcp.watch.ticks import ticks
from engine.mail.locale.language import noop
from engine.model.actors import Actor
from engine.model.changes import ChangeKind
from engine.model.events import Event
from engine.model.queries import EventQuery
from engine.model.verbs import Verb
from engine.process import program
from engine.process.child import Child
from engine.refusals import Code, Refused

_HUB = "/console/verify"
_NEWEST, _LAST, _RUN_S = 50, 10, 120.0
HOW_TO = {
    "installed": noop(
        "Install it with pip install cis-mcp, and start cis-mcp serve --http 127.0.0.1:8000 (README.md)."
    ),
    "domain": noop(
        "Set CIS_DOMAIN to a domain of yours whose MX record leads to this server (docs/receiving.md)."
    ),
    "way out": noop(
        "Set CIS_OUTBOX to smtp://… or ses://REGION. Ask SES for production access: in the sandbox it only mails "
        "addresses that it has verified (docs/aws.md)."
    ),
    "create@": noop(
        "Set CIS_INBOX: mail comes by smtp://0.0.0.0:25, imaps://… or sqs://… (docs/receiving.md)."
    ),
    "rsvp@": noop(
        "Calendars answer to this address; mail comes by the same way as for create@ (docs/receiving.md)."
    ),
    "notification@": noop(
        "The server sends its mails from this address; have its domain sign them by DKIM (docs/aws.md)."
    ),
}
_NAMES = {"installed": noop("installed"), "domain": noop("domain"), "way out": noop("way out")}
"""The ticks that are no addresses."""


async def begin(visit: Visit) -> Response:
    """GET /console/verify: where to begin."""
    return _shown(visit)


def _shown(visit: Visit, checks: list[Any] | None = None, connection: Tested | None = None) -> Response:
    return visit.show(
        "verify.html",
        title=visit.say("The verifier"),
        checks=checks or [],
        how_to={name: visit.say(text) for name, text in HOW_TO.items()},
        names=_NAMES,
        connection=connection,
        domain=remembered(visit),
        create=visit.engine.settings.mailbox("create"),
    )


async def preflight(visit: Visit) -> Response:
    """POST: the six checks, as far as the server can do them itself."""
    _operators(visit)
    return _shown(visit, checks=[check async for check in ticks(visit.engine.settings)])


async def connection(visit: Visit) -> Response:
    """POST: test a connection; the domain is remembered by the browser, the key by nobody."""
    found = await tested(visit)
    secure = cookie_name(visit.engine.settings).startswith("__Host-")
    page = _shown(visit, connection=found)
    page.set_cookie(
        DOMAIN, found.domain, max_age=31_536_000, path=_HUB, httponly=True, samesite="lax", secure=secure
    )
    return page


async def choose(visit: Visit) -> Response:
    """GET /console/verify/events?organizer=: what arrived, the newest first; the organizer first, then the event."""
    organizer = visit.unseal(visit.asked("organizer"), Purpose.ORGANIZER)
    if visit.everywhere and not organizer:
        return visit.show(
            "verify_choose.html",
            title=visit.say("Choose an organizer"),
            events=[],
            organizers=await _arrived(visit),
            create=_create(visit),
        )
    return visit.show(
        "verify_choose.html",
        title=visit.say("Choose the event"),
        events=await _to_come(visit, organizer),
        organizers=[],
        create=_create(visit),
    )


def _create(visit: Visit) -> str:
    return visit.engine.settings.mailbox("create")


async def _to_come(visit: Visit, organizer: str) -> list[Event]:
    """Events that begin soon, and those that came last, whenever they begin; the newest first."""
    now = visit.engine.clock()
    query = EventQuery(organizer=organizer or None, after=now, limit=_NEWEST)
    found = {event.uid: event for event in (await visit.engine.search(query, visit.actor)).events}
    whose = Actor(kind="organizer", address=organizer) if visit.everywhere else visit.actor
    page = await visit.engine.changes(whose, None, _LAST, [ChangeKind.EVENT_CREATED])
    for uid in page.names.keys() - found.keys():
        event = await visit.engine.event(uid, visit.actor)
        if not event.finished(now):
            found[uid] = event
    return sorted(found.values(), key=lambda event: event.created, reverse=True)


async def _arrived(visit: Visit) -> list[str]:
    """Organizers of the newest events."""
    page = await visit.engine.changes(visit.actor, None, _NEWEST, [ChangeKind.EVENT_CREATED])
    return list(dict.fromkeys(change.organizer for change in reversed(page.changes)))


async def steps(visit: Visit) -> Response:
    """GET /console/verify/steps?event=&from=&skip=: each step as the event stands now; without one, choose it."""
    if not visit.asked("event"):
        return visit.go(f"{_HUB}/events")
    event, counted = await visit.engine.event_with_statistics(visit.asked("event"), visit.actor)
    given = visit.asked("from")
    first = int(given) if given.isascii() and given.isdigit() and len(given) < 9 else event.sequence
    seen = verifying.SeenEvent(
        event,
        counted,
        first,
        await visit.engine.report_sent(event.uid, visit.actor),
        await _levels(visit, event.organizer),
    )
    skipped = _numbers(visit.asked("skip"))
    found = verifying.judged(seen, skipped)
    waiting = next((one.step.number for one in found if one.state == "Waiting"), verifying.RESULTS)
    return visit.show(
        "verify_steps.html",
        title=visit.say("The nine steps"),
        event=event,
        steps=found,
        now=waiting,
        here_from=first,
        skipped=skipped,
        skip_next=",".join(map(str, [*skipped, waiting])),
        skip_back=",".join(map(str, skipped[:-1])),
        summary=verifying.summary(event, found, version(), visit.engine.settings.public_url),
        create=visit.engine.settings.mailbox("create"),
    )


def _numbers(given: str) -> list[int]:
    """Steps that are skipped, in the order in which they were."""
    found = [
        int(part) for part in given[:40].split(",") if part.isascii() and part.isdigit() and len(part) == 1
    ]
    return list(dict.fromkeys(found))


async def _levels(visit: Visit, organizer: str) -> tuple[str, ...]:
    """Where the event is counted, as far as the visitor may look."""
    scopes = [("event", visit.asked("event")), ("organizer", organizer)]
    scopes += [("system", "")] if visit.everywhere else []
    for scope, key in scopes:
        await visit.engine.statistics(scope, key or None, visit.actor)
    return tuple(scope for scope, _ in scopes)


@dataclass
class VerifierRun:
    """One automatic run in a process of its own, and its result once it has ended."""

    process: Child | None = None
    found: Mapping[str, Any] = field(default_factory=dict)
    problem: str = ""

    @property
    def moving(self) -> bool:
        """True while the run has no result yet."""
        return not self.found and not self.problem


class Runs:
    """Allows one run at a time, and keeps the newest for later visits."""

    def __init__(self) -> None:
        self._newest: VerifierRun | None = None
        self._tasks: deque[asyncio.Task[None]] = deque(maxlen=1)

    async def start(self, visit: Visit) -> Response:
        """POST: begin, unless one is under way."""
        _operators(visit)
        if self._newest is None or not self._newest.moving:
            self._newest = run = VerifierRun()
            self._tasks.append(asyncio.create_task(_run(run, _environment(visit))))
        return visit.go(f"{_HUB}/run")

    async def show(self, visit: Visit) -> Response:
        """GET: the progress of the run, or its result."""
        _operators(visit)
        run = self._newest
        parts = (
            [
                (name, run.found.get(key, []))
                for name, key in ((noop("Pre-flight"), "preflight"), (noop("Steps"), "steps"))
            ]
            if run
            else []
        )
        return visit.show(
            "verify_run.html",
            title=visit.say("All nine steps, by themselves"),
            run=run,
            parts_found=parts,
            words="\n".join(_words(parts)),
        )


def _words(parts: list[tuple[str, Any]]) -> Iterator[str]:
    for name, checks in parts:
        yield name
        yield from (f"{one['mark']:<9} {one['name']}: {one['detail']}" for one in checks)


def _operators(visit: Visit) -> None:
    if not visit.everywhere:
        raise Refused(
            Code.NOT_ALLOWED, "Only the operator checks the whole server.", "Verify with an event of yours."
        )


def _environment(visit: Visit) -> dict[str, str]:
    """As this server runs, but for its listener: the port is taken."""
    settings = visit.engine.settings
    own = {
        "DATA_DIR": str(settings.data_dir),
        "DOMAIN": settings.domain,
        "OUTBOX": settings.outbox.get_secret_value(),
    }
    return {**program.environment(), **{f"CIS_{name}": value for name, value in own.items()}, "CIS_INBOX": ""}


async def _run(run: VerifierRun, environment: dict[str, str]) -> None:
    command = (*program.command("cis_mcp"), "verify", "--json")
    try:
        run.process = Child(command, environment, errors=False)
        async with asyncio.timeout(_RUN_S):
            await run.process.hang_up()
            said = await run.process.said()
        run.found = json.loads(said)
    except TimeoutError:
        run.problem = noop("It took longer than two minutes and was ended.")
    except (OSError, ValueError):
        run.problem = noop("It ended without a result. The command cis-mcp verify says why.")
    finally:
        if run.process:
            run.process.kill()


def screens() -> tuple[Screen, ...]:
    """The verifier's pages and forms."""
    runs = Runs()
    return (
        Screen("GET", _HUB, begin),
        Screen("POST", f"{_HUB}/preflight", preflight, Verb.ADMIN),
        Screen("POST", f"{_HUB}/connection", connection, asks=True),
        Screen("GET", f"{_HUB}/events", choose, of_one=True),
        Screen("GET", f"{_HUB}/steps", steps),
        Screen("GET", f"{_HUB}/run", runs.show),
        Screen("POST", f"{_HUB}/run", runs.start, Verb.ADMIN),
    )
