"""The whole job: create, invite, collect receipts, change, cancel and report, over real MCP and SMTP."""

from __future__ import annotations

import csv
import io
import os
import socket
import subprocess
import sys
from collections.abc import Mapping
from contextlib import AsyncExitStack
from datetime import UTC, datetime, timedelta
from email.message import EmailMessage
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from mcp import Client, StdioServerParameters
from mcp.client.stdio import stdio_client

from cis_mcp.demo.people import (
    APPLE,
    GOOGLE,
    OUTLOOK,
    THUNDERBIRD,
    Organizer,
    Person,
    is_calendar,
)
from cis_mcp.demo.postoffice import AUTHSERV_ID, PATIENCE_S, PostOffice
from cis_mcp.demo.stage import Stage, StepFailed, StoryStep

DOMAIN = "cis.test"
_WORDS = {"ACCEPTED": "Yes", "DECLINED": "No", "TENTATIVE": "Maybe"}


class Story:
    """The people of the story, their server, and what happens."""

    def __init__(self, stage: Stage, folder: Path, store: str = "") -> None:
        self._stage = stage
        self._folder = folder
        self._store = store
        self._post = PostOffice()
        self._inbox_port = _free_port()
        self._dana = Organizer("dana@club.example", "Dana Reed", OUTLOOK)
        self._guests = [
            Person("ann@mail.example", "Ann Lee", GOOGLE),
            Person("ben@mail.example", "Ben Okafor", OUTLOOK),
            Person("cleo@mail.example", "Cléo Martin", APPLE),
            Person("dev@mail.example", "Dev Rao", THUNDERBIRD),
            Person("eli@mail.example", "Eli; “the Owl” Novak", GOOGLE),
        ]
        zone = ZoneInfo("America/New_York")
        day = datetime.now(zone).date() + timedelta(days=30)
        self._kickoff = datetime(day.year, day.month, day.day, 19, 0, tzinfo=zone)
        self._match = ""
        self._call_uid = ""

    async def tell(self) -> None:
        """Run it from beginning to end. Raises whatever goes wrong."""
        await self._post.open()
        try:
            with (self._folder / "server.log").open("w") as log:
                transport = stdio_client(self._server(), errlog=log)
                await self._with_server(Client(transport, read_timeout_seconds=PATIENCE_S))
            self._audit()
        finally:
            await self._post.close()

    async def _with_server(self, client: Client) -> None:
        async with AsyncExitStack() as stack:
            with self._stage.step("Start the server as an MCP client would (stdio)") as step:
                await stack.enter_async_context(client)
                tools = (await client.list_tools()).tools
                step.say(
                    f"{len(tools)} tools; SMTP in on port {self._inbox_port}, out to port {self._post.port}"
                )
                step.expect("tools for proposals", "answer_proposal" in {tool.name for tool in tools}, True)
            await self._act(client)

    async def _act(self, client: Client) -> None:
        await self._organizer_mails_event()
        await self._agent_creates_event(client)
        await self._invite(client)
        await self._answer(client)
        await self._reschedule(client)
        await self._cancel(client)
        await self._report(client)

    def _server(self) -> StdioServerParameters:
        # In a folder of its own: the operator's .env is read by nothing that the story starts.
        return StdioServerParameters(
            command=sys.executable,
            args=["-m", "cis_mcp", "serve"],
            env=self._environment(),
            cwd=self._folder,
        )

    def _environment(self) -> dict[str, str]:
        own = {
            "CIS_DATA_DIR": str(self._folder),
            "CIS_DOMAIN": DOMAIN,
            "CIS_INBOX": f"smtp://127.0.0.1:{self._inbox_port}",
            "CIS_OUTBOX": f"smtp://127.0.0.1:{self._post.port}",
            "CIS_ORGANIZERS": f"*@{DOMAIN},{self._dana.address}",
            "CIS_AUTHSERV_IDS": AUTHSERV_ID,
            "CIS_UNDO_CAMPAIGN_S": "0",
            "CIS_STORE": self._store or f"sqlite:{self._folder / 'cis.sqlite3'}",
        }
        kept = {k: v for k, v in os.environ.items() if not k.startswith("CIS_")}
        return kept | own

    async def _organizer_mails_event(self) -> None:
        with self._stage.step("An organizer mails her event from Outlook to create@") as step:
            await self._mail_match(self._kickoff, sequence=0)
            notice = await self._post.arrival(self._dana.address, _subject("Created: "))
            self._match = _field(notice, "uid: ")
            step.say(
                f"{self._dana.name} → create@{DOMAIN}: “Owls vs Hawks”, {self._kickoff:%a %d %b, %H:%M %Z}"
            )
            step.say(f"her notice: “{notice['Subject']}”, uid {self._match[:8]}…")
            step.expect("length of the uid", len(self._match), 40)

    async def _mail_match(self, start: datetime, sequence: int) -> None:
        to = f"create@{DOMAIN}"
        mail = self._dana.invitation(
            to, "040000008200E00074C5B7101A82E008", "Owls vs Hawks", start, start + timedelta(hours=3), "North Field",
            sequence,
        )  # fmt: skip
        await self._post.deliver(mail, sender=self._dana.address, to=to, port=self._inbox_port)

    async def _agent_creates_event(self, client: Client) -> None:
        with self._stage.step("An agent creates another event with a tool call") as step:
            start = (self._kickoff + timedelta(days=7)).strftime("%Y-%m-%dT17:30:00")
            arguments = {
                "summary": "Season call for {{name}}",
                "start": start,
                "duration": "PT45M",
                "timezone": "Europe/Paris",
                "description": "Hello {{name}}, bring your questions.",
                "organizer_name": "Club agent",
            }
            event = (await _call(client, "create_event", arguments))["event"]
            self._call_uid = event["uid"]
            step.say(f"“{event['summary']}”, {event['start']['weekday']} {event['start']['local']}")

    async def _invite(self, client: Client) -> None:
        with self._stage.step("Invite one person, then a list: each gets a mail of their own") as step:
            first = self._guests[0]
            arguments = {"uid": self._match, "email": first.address, "name": first.name}
            sent = await _call(client, "send_invite", arguments)
            step.say(f"{first.name}: {sent['status']}")
            step.expect("status of the invite", sent["status"], "sent")
            again = await _call(client, "send_invite", arguments)
            step.say(f"{first.name}, invited again: {again['status']}")
            step.expect("status of the second call", again["status"], "already_invited")
            bulk = await _call(client, "bulk_send", {"uid": self._match, "csv": self._list(), "start": True})
            campaign = bulk["campaign"]
            step.say(
                f"a list of {campaign['total']} rows: {campaign['valid']} valid, the rest reported with a code"
            )
            step.expect("valid rows", campaign["valid"], 4)
            for guest in self._guests[:4]:
                await _call(
                    client, "send_invite", {"uid": self._call_uid, "email": guest.address, "name": guest.name}
                )
            await self._all_have(step, self._match, self._guests, self._kickoff)
            await self._all_have(step, self._call_uid, self._guests[:4], None)

    def _list(self) -> str:
        text = io.StringIO()
        writer = csv.writer(text)
        writer.writerow(["Name", "EMAIL"])
        writer.writerows((g.name, g.address) for g in self._guests[1:])
        writer.writerow(["Nobody", "not an address"])
        writer.writerow(["Twice, Ben", self._guests[1].address])
        return text.getvalue()

    async def _all_have(
        self, step: StoryStep, uid: str, guests: list[Person], start: datetime | None, sequence: int = 0
    ) -> None:
        """Every guest's calendar shows the event, at `start`, from the mail that came."""
        for guest in guests:
            mail = await self._post.arrival(guest.address, is_calendar("REQUEST", uid, sequence))
            entry = guest.receive(mail)
            if start:
                step.expect(f"start in the calendar of {guest.name}", entry.start, start)
        example = guests[-1].calendar[uid]
        step.say(f"{len(guests)} calendars show it at {example.start:%a %d %b, %H:%M} UTC")
        step.say(f"  {guests[-1].name}: “{example.summary}”")

    async def _answer(self, client: Client) -> None:
        with self._stage.step("People answer by SMTP, with their calendar clients or by mail") as step:
            answers = ["ACCEPTED", "DECLINED", "TENTATIVE"]
            for guest, partstat in zip(self._guests, answers, strict=False):
                await self._reply(guest, self._match, partstat)
                step.say(f"{guest.name} ({guest.program}): {_WORDS[partstat]}")
            dev, eli = self._guests[3], self._guests[4]
            invite = await self._post.arrival(dev.address, is_calendar("REQUEST", self._match))
            await self._send(dev, dev.answer_by_link(invite, "Yes"))
            step.say(f"{dev.name}, whose client shows no buttons, uses the link in the text: Yes")
            step.say(f"{eli.name}: no answer")
            for guest in self._guests[:2]:
                await self._reply(guest, self._call_uid, "ACCEPTED")
            wanted = {"accepted": 2, "declined": 1, "tentative": 1, "noaction": 1}
            stats = await _eventually(client, self._match, wanted)
            step.say("counted: " + _counts(stats))
            step.say("programs that answered:")
            for client_name in sorted(stats["prodid"]):
                step.say(f"  {client_name}")
            await _eventually(client, self._call_uid, {"accepted": 2, "noaction": 2})

    async def _reply(self, guest: Person, uid: str, partstat: str) -> None:
        await self._send(guest, guest.answer(guest.calendar[uid], partstat))

    async def _send(self, guest: Person, mail: EmailMessage) -> None:
        await self._post.deliver(mail, sender=guest.address, to=str(mail["To"]), port=self._inbox_port)

    async def _reschedule(self, client: Client) -> None:
        with self._stage.step("The organizer moves the match by an hour, in Outlook") as step:
            later = self._kickoff + timedelta(hours=1)
            await self._mail_match(later, sequence=1)
            concerned = [g for g in self._guests if g is not self._guests[1]]
            await self._all_have(step, self._match, concerned, later, sequence=1)
            step.say("the organizer hears of it too, at most once a minute")
            ben = self._guests[1]
            step.say(f"{ben.name} said No and gets no mail")
            step.expect("Ben's calendar", ben.calendar[self._match].sequence, 0)
            event = (await _call(client, "get_event", {"uid": self._match}))["event"]
            step.expect("sequence", event["sequence"], 1)

    async def _cancel(self, client: Client) -> None:
        with self._stage.step("The agent cancels its event, the season call") as step:
            arguments = {"uid": self._call_uid, "note": "The speaker is ill."}
            done = await _call(client, "cancel_event", arguments)
            step.expect("people notified", done["notified"], 4)
            for guest in self._guests[:4]:
                mail = await self._post.arrival(guest.address, is_calendar("CANCEL", self._call_uid))
                step.expect(f"entry of {guest.name}", guest.receive(mail).cancelled, True)
            step.say("gone from 4 calendars")
            refused = await client.call_tool(
                "send_invite", {"uid": self._call_uid, "email": self._guests[4].address}
            )
            code = (refused.structured_content or {}).get("code")
            step.say(f"a further invite is refused: {code}")
            step.expect("code of the refusal", code, "event_cancelled")

    async def _report(self, client: Client) -> None:
        with self._stage.step("Statistics and the report") as step:
            listed = await _call(client, "list_attendees", {"uid": self._match})
            step.say("attendees, masked: " + ", ".join(a["email"] for a in listed["attendees"][:2]) + ", …")
            sent = await _call(client, "send_report", {"uid": self._match})
            step.expect("rows of the report", sent["rows"], 5)
            mail = await self._post.arrival(self._dana.address, _subject("Event Report"))
            rows = list(csv.DictReader(io.StringIO(_attachment(mail))))
            step.expect(
                "addresses in the report", [r["email"] for r in rows], [g.address for g in self._guests]
            )
            step.say(f"{self._dana.name} received the report {self._match[:8]}….csv ({len(rows)} rows)")
            system = await _call(client, "get_stats", {"scope": "system"})
            mails = system["delivery"]["sent"]
            step.say(f"in all: {system['attendees']} invitations to two events, {mails} calendar mails")
            step.expect("mails sent", system["delivery"]["sent"], 17)

    def _audit(self) -> None:
        with self._stage.step("Check all the counts (cis-mcp check)") as step:
            run = subprocess.run(
                [sys.executable, "-m", "cis_mcp", "check"],
                env=self._environment(),
                capture_output=True,
                text=True,
                timeout=PATIENCE_S,
                check=False,
            )
            step.say((run.stdout or run.stderr).strip().splitlines()[-1])
            step.expect("exit code", run.returncode, 0)
            step.say(
                f"{self._post.received} mails in all: those to guests, the organizer's notice and her report"
            )


async def _call(client: Client, tool: str, arguments: Mapping[str, Any]) -> dict[str, Any]:
    result = await client.call_tool(tool, dict(arguments))
    if result.is_error or result.structured_content is None:
        raise StepFailed(f"{tool}: {result.content}")
    content: dict[str, Any] = result.structured_content
    return content


async def _eventually(client: Client, uid: str, wanted: Mapping[str, int]) -> dict[str, Any]:
    """The event's statistics once they are as `wanted`; receipts take a moment to come in."""
    deadline = datetime.now(UTC) + timedelta(seconds=PATIENCE_S)
    while True:
        stats = await _call(client, "get_stats", {"scope": "event", "key": uid})
        if {k: v for k, v in stats["rsvp"].items() if v} == dict(wanted):
            return stats
        if datetime.now(UTC) > deadline:
            raise StepFailed(f"the statistics stay at {stats['rsvp']}; expected {dict(wanted)}")


def _counts(stats: Mapping[str, Any]) -> str:
    names = {"accepted": "Yes", "declined": "No", "tentative": "Maybe", "noaction": "open"}
    return ", ".join(f"{stats['rsvp'][key]} {name}" for key, name in names.items())


def _subject(beginning: str) -> Any:
    return lambda mail: str(mail["Subject"]).startswith(beginning)


def _field(mail: EmailMessage, label: str) -> str:
    text: str = mail.get_body(("plain",)).get_content()  # type: ignore[union-attr]
    return next(line.removeprefix(label) for line in text.splitlines() if line.startswith(label))


def _attachment(mail: EmailMessage) -> str:
    part = next(mail.iter_attachments())
    content = part.get_content()
    return content if isinstance(content, str) else content.decode()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
