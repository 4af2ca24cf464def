"""An agent's client at the real server, the mail server that it sends through, and the attendees who answer by mail."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import aiosmtplib
import icalendar
from mcp import Client, StdioServerParameters

from tests.cli.processes import environment
from tests.support import mails
from tests.support.forks import launching
from tests.support.ports import free_port, listens
from tests.support.sink import Mail, Sink, sinking
from tests.support.waiting import DEADLINE_S, eventually
from tests.tools.caller import Caller, text_of

UNSENT = ("queued", "sending", "deferred")
ANSWERS = {"yes": "ACCEPTED", "no": "DECLINED", "maybe": "TENTATIVE"}
Brief = tuple[str, str, int, str]


def brief(mail: Mail) -> Brief:
    """Whom a mail reached, and its calendar's METHOD, SEQUENCE and STATUS; a mail without a calendar has none."""
    if not has_calendar(mail):
        return mail.recipient, "", 0, ""
    part = mail.calendar_part
    payload: Any = part.get_payload(decode=True)
    calendar = icalendar.Calendar.from_ical(payload)
    event: Any = calendar.walk("VEVENT")[0]
    method = str(calendar["METHOD"])
    assert part.get_param("method") == method
    if method != "DECLINECOUNTER":
        assert str(event["ATTENDEE"]).lower() == f"mailto:{mail.recipient}", "they see who else is invited"
    return mail.recipient, method, int(event["SEQUENCE"]), str(event.get("STATUS", ""))


def has_calendar(mail: Mail) -> bool:
    return b"text/calendar" in mail.content


def vevent(mail: Mail) -> Any:
    """Its first VEVENT, whose properties are of many types."""
    return mail.event


def start(mail: Mail) -> str:
    return str(vevent(mail)["DTSTART"].dt.astimezone(UTC).isoformat())


def instance(mail: Mail) -> str:
    """The instance of a series that a mail is about, in UTC."""
    return str(vevent(mail)["RECURRENCE-ID"].dt.astimezone(UTC).isoformat())


def text(mail: Mail) -> str:
    """The plain text of a mail."""
    return str(next(p for p in mail.message.walk() if p.get_content_type() == "text/plain").get_content())


@dataclass
class Play:
    """Carries out an order with tools, lets attendees answer, and counts the mails that came of it."""

    caller: Caller
    sink: Sink
    port: int
    spool: Path
    counted: int = 0
    last: dict[str, Mail] = field(default_factory=dict)
    stamps: dict[str, datetime] = field(default_factory=dict)
    """DTSTAMP of the last answer of each: a later answer is newer, however soon it comes."""

    async def ok(self, tool: str, **arguments: Any) -> dict[str, Any]:
        return await self.caller.ok(tool, **arguments)

    async def text(self, tool: str, **arguments: Any) -> str:
        return text_of(await self.caller.call(tool, **arguments))

    async def event(self, **arguments: Any) -> str:
        """The uid of a new event, two hours in Paris on Friday, 8 May 2037."""
        given = {"summary": "Lunch", "start": "2037-05-08T12:00:00", "duration": "PT1H"}
        data = await self.ok("create_event", **{**given, "timezone": "Europe/Paris", **arguments})
        return str(data["event"]["uid"])

    async def invite(self, uid: str, *emails: str) -> list[Mail]:
        """Invite each at its turn; the mails."""
        for email in emails:
            assert (await self.ok("send_invite", uid=uid, email=email, wait_s=60))["status"] == "sent"
        return await self.sent()

    async def sent(self) -> list[Mail]:
        """Wait until no mail is owed; those to attendees since the last call, by recipient."""
        await eventually(self._all_has_left)
        new = self.sink.mails[self.counted :]
        self.counted = len(self.sink.mails)
        identities = [mail.message_id for mail in self.sink.mails]
        assert len(set(identities)) == len(identities), "a mail left twice"
        self.last.update({mail.recipient: mail for mail in new if has_calendar(mail)})
        return sorted((m for m in new if m.recipient != "agent@cis.test"), key=lambda mail: mail.recipient)

    async def briefs(self) -> list[Brief]:
        return [brief(mail) for mail in await self.sent()]

    async def _all_has_left(self) -> bool:
        listed = (await self.ok("get_campaign", limit=50))["campaigns"]
        owed = (await self.ok("get_stats", scope="system"))["delivery"]
        return not any(owed.get(state) for state in UNSENT) and not any(
            campaign["state"] == "running" for campaign in listed
        )

    async def answers(self, email: str, answer: str, **values: Any) -> None:
        """The calendar program of `email` answers the last mail that it got."""
        event = vevent(self.last[email])
        newest = max(event["DTSTAMP"].dt, self.stamps.get(email, event["DTSTAMP"].dt))
        self.stamps[email] = newest + timedelta(seconds=1)
        again = {"sequence": int(event["SEQUENCE"]), "dtstamp": self.stamps[email]}
        to = str(event["ORGANIZER"]).partition(":")[2]
        found = mails.reply(str(event["UID"]), email, ANSWERS[answer], to=to, **{**again, **values})
        await self.receive(found)

    async def proposes(self, email: str, start: datetime, **values: Any) -> None:
        """The calendar program of `email` proposes another hour."""
        times = {"start": start, "end": start + timedelta(hours=1)}
        await self.answers(email, "maybe", method="COUNTER", **times, **values)

    async def is_away(self, email: str) -> None:
        """The mail server of `email` says that its owner is out of office."""
        to = str(vevent(self.last[email])["ORGANIZER"]).partition(":")[2]
        away = {"Auto-Submitted": "auto-replied"}
        await self.receive(mails.mail(email, to, subject="Out of office", text="Back in May.", headers=away))

    async def bounces(self, email: str) -> None:
        """The mail server of `email` says that there is no such mailbox."""
        await self.receive(mails.bounced(email, self.last[email].sender), self.last[email].sender)

    async def receive(self, mail: EmailMessage | bytes, *to: str) -> None:
        """Hand a mail to the server's listener, and wait until it was handled."""
        raw = mail if isinstance(mail, bytes) else mail.as_bytes()
        recipients = [mail["To"]] if isinstance(mail, EmailMessage) else to
        client = aiosmtplib.SMTP(hostname="127.0.0.1", port=self.port, start_tls=False, timeout=DEADLINE_S)
        async with client:
            await client.sendmail("client@example.com", recipients, raw)
        await eventually(lambda: not any(self.spool.iterdir()))

    async def statuses(self, uid: str) -> dict[str, str]:
        listed = await self.ok("list_attendees", uid=uid, masked=False)
        return {one["email"]: one["status"] for one in listed["attendees"]}

    async def answered(self, uid: str, roles: Sequence[str]) -> dict[str, str]:
        """Invite an address for each role at example.com, and let each answer as its name says."""
        people = {role: f"{role}@example.com" for role in roles}
        await self.invite(uid, *people.values())
        for role in roles:
            if role in ANSWERS:
                await self.answers(people[role], role)
            elif role == "away":
                await self.is_away(people[role])
        await self.sent()
        return people


@asynccontextmanager
async def playing(folder: Path, tier: str = "core", **settings: str) -> AsyncIterator[Play]:
    """`cis-mcp serve` on stdio with its tools, its mail in and out by SMTP; at the end nothing is owed."""
    port = free_port()
    async with sinking() as sink:
        env = environment(
            folder,
            CIS_OUTBOX=f"smtp://127.0.0.1:{sink.port}",
            CIS_INBOX=f"smtp://127.0.0.1:{port}",
            CIS_AUTHSERV_IDS=mails.OPERATOR_SERVER,
            **settings,
        )
        launcher, *arguments = launching("serve", "--tier", tier)
        command = StdioServerParameters(command=launcher, args=arguments, env=env, cwd=folder)
        async with Client(command) as client:
            await eventually(lambda: listens(port))
            play = Play(Caller(client), sink, port, folder / "inbox" / "new")
            yield play
            assert await play.sent() == [], "more mails left than were counted"


def matching(found: list[Mail], wanted: Callable[[Mail], bool]) -> list[str]:
    """The recipients of those mails that are as wanted."""
    return [mail.recipient for mail in found if wanted(mail)]
