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
from pydantic import SecretStr

from cis_mcp.demo.people import APPLE, GOOGLE, OUTLOOK, Person, is_calendar
from cis_mcp.demo.postoffice import PostOffice
from cis_mcp.mcp.server import build_server
from cis_mcp.run.runtime import running
from cis_mcp.verify.mailboxes import Mailboxes, MaildirMailboxes, send_back
from cis_mcp.watch.checks import Check, failed, skipped, verified
from engine.engine import Engine
from engine.settings import Settings

_PEOPLE_ANSWER_S = 300.0
_BUILT_IN_S = 20.0
_ANSWERS = ("ACCEPTED", "DECLINED", "TENTATIVE")


class _Unmet(Exception):  # noqa: N818 -- an expectation, not a fault
    """A step gave another result than expected."""


class Verification:
    """One run of the nine steps; each depends on the ones before."""

    def __init__(self, settings: Settings, attendees: tuple[str, ...]) -> None:
        self._settings = settings
        self._real = bool(attendees)
        programs = (GOOGLE, OUTLOOK, APPLE)
        addresses = attendees or tuple(f"verify-{n}@{settings.domain}" for n in ("yes", "no", "maybe"))
        self._people = [
            Person(a.lower(), f"Verify {i + 1}", programs[i % 3]) for i, a in enumerate(addresses)
        ]
        self._mailboxes: Mailboxes | None = None
        self._uid = ""
        self._before: dict[str, int] = {}

    async def run(self) -> AsyncIterator[Check]:
        """Each step's result as it ends; after a failure, the rest are skipped."""
        async with AsyncExitStack() as stack:
            settings = await self._prepared(stack)
            self._engine: Engine = await stack.enter_async_context(running(settings))
            server = build_server(self._engine, actor=lambda: self._engine.local)
            self._client = await stack.enter_async_context(Client(server, read_timeout_seconds=60))
            broken = False
            for name, step in self._steps():
                check = skipped(name, "an earlier step failed") if broken else await self._check(name, step)
                broken = broken or check.mark == "Failed"
                yield check

    async def _prepared(self, stack: AsyncExitStack) -> Settings:
        """The settings to verify with: as they are, except that built-in mailboxes must cause no real mail.

        Where the outbox is a real mail server and no one is named to answer, the steps use a store of their
        own and a mail server on the loopback interface instead. The pre-flight has greeted the real one.
        """
        if self._settings.outbox.get_secret_value().strip() == "maildir":
            self._mailboxes = MaildirMailboxes(self._settings.data_dir / "outbox")
            return self._settings
        if self._real:
            return self._settings
        post = PostOffice()
        await post.open()
        stack.push_async_callback(post.close)
        self._mailboxes = post
        folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="cis-verify-"))
        outbox = SecretStr(f"smtp://127.0.0.1:{post.port}")
        own = {"data_dir": Path(folder), "store": "", "outbox": outbox, "inbox": SecretStr("")}
        return self._settings.model_copy(update=own)

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
                "send_invite", {"uid": self._uid, "email": person.address, "name": person.name, "wait_s": 20}
            )
            _must(f"invite to {person.address}", sent["status"], "sent")
        if self._mailboxes:
            for person in self._people:
                person.receive(
                    await self._mailboxes.arrival(person.address, is_calendar("REQUEST", self._uid))
                )
        return f"{len(self._people)} invites sent" + (
            ", and read by calendar clients" if self._mailboxes else ""
        )

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
        if self._mailboxes:
            for person, partstat in zip(self._people, _ANSWERS, strict=False):
                await send_back(self._engine, person.answer(person.calendar[self._uid], partstat))
        rsvp = await self._answered(_BUILT_IN_S if self._mailboxes else _PEOPLE_ANSWER_S)
        return f"Yes {rsvp['accepted']}, No {rsvp['declined']}, Maybe {rsvp['tentative']}"

    async def _answered(self, seconds: float) -> dict[str, int]:
        """The answers, once everyone has given one. Raises TimeoutError."""
        async with asyncio.timeout(seconds):
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
        if self._mailboxes:
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
