"""The nine steps of `cis-mcp verify`, through the tools that an agent calls."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import AsyncExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from mcp import Client

from cis_mcp.demo.people import APPLE, GOOGLE, OUTLOOK, Person, is_calendar
from cis_mcp.mcp.server import build_server
from cis_mcp.run.runtime import running
from cis_mcp.verify.mailboxes import ARRIVAL_S, MaildirMailboxes, send_back
from cis_mcp.watch.checks import Check, Mark, failed, skipped, verified
from engine.engine import Engine
from engine.settings import Settings

_ANSWERS = ("ACCEPTED", "DECLINED", "TENTATIVE")


class _Unmet(Exception):  # noqa: N818 -- an expectation, not a fault
    """A step gave another result than expected."""


class Verification:
    """One run of the nine steps, on a store of its own; each depends on the ones before."""

    def __init__(self, settings: Settings) -> None:
        self._domain = settings.domain
        programs = zip(("yes", "no", "maybe"), (GOOGLE, OUTLOOK, APPLE), strict=True)
        self._people = [
            Person(f"verify-{name}@{self._domain}", f"Verify {n}", program)
            for n, (name, program) in enumerate(programs, 1)
        ]
        self._uid = ""
        self._before: dict[str, int] = {}

    async def run(self) -> AsyncIterator[Check]:
        """Each step's result as it ends; after a failure, the rest are skipped."""
        async with AsyncExitStack() as stack:
            folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="cis-verify-")))
            self._mailboxes = MaildirMailboxes(folder / "outbox")
            self._engine: Engine = await stack.enter_async_context(running(self._own(folder)))
            server = build_server(self._engine, actor=lambda: self._engine.local)
            self._client = await stack.enter_async_context(Client(server, read_timeout_seconds=90))
            broken = False
            for name, step in self._steps():
                check = skipped(name, "an earlier step failed") if broken else await self._check(name, step)
                broken = broken or check.mark is Mark.FAILED
                yield check

    def _own(self, folder: Path) -> Settings:
        """Settings of a store and an outbox of its own.

        Only the domain is the installation's: nothing of its store may be touched, and what waits there must
        never meet an outbox that leads nowhere; nor may a limit or a stop of it be taken for a failure.
        """
        fields = Settings.model_fields.items()
        defaults = {name: field.get_default(call_default_factory=True) for name, field in fields}
        return Settings.model_validate({**defaults, "domain": self._domain, "data_dir": folder})

    def _steps(self) -> list[tuple[str, Callable[[], Awaitable[str]]]]:
        return [
            ("1 create", self._create),
            ("2 confirm at three levels", self._confirm),
            ("3 send", self._send),
            ("4 attendees", self._attendees),
            ("5 receipts", self._receipts),
            ("6 update", self._update),
            ("7 report", self._report),
            ("8 cancel", self._cancel),
            ("9 recount", self._recount),
        ]

    async def _check(self, name: str, step: Callable[[], Awaitable[str]]) -> Check:
        try:
            return verified(name, await step())
        except TimeoutError:
            return failed(name, "nothing arrived in time")
        except _Unmet as unmet:
            return failed(name, str(unmet))
        except Exception as error:  # noqa: BLE001 -- told as the step's result; the others are skipped
            return failed(name, f"{type(error).__name__}: {error}")

    async def _call(self, tool: str, arguments: Mapping[str, Any]) -> dict[str, Any]:
        result = await self._client.call_tool(tool, dict(arguments))
        content: dict[str, Any] = result.structured_content or {}
        if result.is_error:
            raise _Unmet(f"{tool}: {content.get('code', 'error')}: {content.get('message', result.content)}")
        return content

    async def _stats(self, scope: str, key: str | None = None) -> dict[str, Any]:
        return await self._call("get_stats", {"scope": scope, "key": key} if key else {"scope": scope})

    async def _create(self) -> str:
        self._before = {s: (await self._stats(s))["attendees"] for s in ("organizer", "system")}
        start = (datetime.now(UTC) + timedelta(days=30)).replace(microsecond=0)
        arguments = {
            "summary": "CIS Verify",
            "start": start.isoformat(),
            "duration": "PT30M",
            "timezone": "UTC",
        }
        self._uid = (await self._call("create_event", arguments))["event"]["uid"]
        return f"uid {self._uid}"

    async def _confirm(self) -> str:
        event = (await self._call("get_event", {"uid": self._uid}))["event"]
        _must("sequence", event["sequence"], 0)
        found = await self._call("search_events", {"query": "CIS Verify", "limit": 100})
        _must("found by search", self._uid in [e["uid"] for e in found["events"]], True)
        await self._stats("event", self._uid)
        return "event, organizer and system know it; sequence 0"

    async def _send(self) -> str:
        for person in self._people:
            sent = await self._call(
                "send_invite", {"uid": self._uid, "email": person.address, "name": person.name, "wait_s": 60}
            )
            _must(f"invite to {person.address}", sent["status"], "sent")
        for person in self._people:
            person.receive(await self._mailboxes.arrival(person.address, is_calendar("REQUEST", self._uid)))
        return f"{len(self._people)} invites sent, and read by calendar clients"

    async def _attendees(self) -> str:
        count = len(self._people)
        _must("attendees of the event", (await self._stats("event", self._uid))["attendees"], count)
        for scope in ("organizer", "system"):
            now = (await self._stats(scope))["attendees"]
            if now < self._before[scope] + count:
                raise _Unmet(
                    f"attendees of the {scope}: expected {count} more than {self._before[scope]}, found {now}"
                )
        return f"{count} at the event, and {count} more for organizer and system"

    async def _receipts(self) -> str:
        for person, partstat in zip(self._people, _ANSWERS, strict=True):
            await send_back(self._engine, person.answer(person.calendar[self._uid], partstat))
        rsvp = await self._answered()
        return f"Yes {rsvp['accepted']}, No {rsvp['declined']}, Maybe {rsvp['tentative']}"

    async def _answered(self) -> dict[str, int]:
        """The answers, once everyone has given one. Raises TimeoutError."""
        async with asyncio.timeout(ARRIVAL_S):
            while True:
                rsvp: dict[str, int] = (await self._stats("event", self._uid))["rsvp"]
                if rsvp["accepted"] + rsvp["declined"] + rsvp["tentative"] >= len(self._people):
                    return rsvp
                await asyncio.sleep(0.2)

    async def _update(self) -> str:
        done = await self._call(
            "update_event", {"uid": self._uid, "location": "Elsewhere", "audience": "all"}
        )
        if done["event"]["sequence"] <= 0:
            raise _Unmet("the sequence did not grow")
        await self._all_get("REQUEST", sequence=1)
        return f"sequence {done['event']['sequence']}, {done['notified']} notified"

    async def _report(self) -> str:
        report = await self._call("send_report", {"uid": self._uid})
        _must("rows", report["rows"], len(self._people))
        return f"{report['rows']} rows to {report['sent_to']}"

    async def _cancel(self) -> str:
        done = await self._call(
            "cancel_event", {"uid": self._uid, "audience": "all", "note": "CIS Verify is over"}
        )
        _must("status", done["event"]["status"], "cancelled")
        await self._all_get("CANCEL", sequence=2)
        return f"cancelled at sequence {done['event']['sequence']}, {done['notified']} notified"

    async def _all_get(self, method: str, sequence: int) -> None:
        for person in self._people:
            wanted = is_calendar(method, self._uid, sequence)
            entry = person.receive(await self._mailboxes.arrival(person.address, wanted))
            _must(f"sequence in the calendar of {person.address}", entry.sequence, sequence)

    async def _recount(self) -> str:
        differences = await self._engine.check()
        if differences:
            raise _Unmet("; ".join(differences[:3]))
        return "everything adds up"


def _must(what: str, found: object, wanted: object) -> None:
    if found != wanted:
        raise _Unmet(f"{what}: expected {wanted!r}, found {found!r}")
