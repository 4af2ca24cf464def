"""The iTIP vectors of sabre/vobject, adapted to our model: what an organizer's and an attendee's mail come to.

Ours differs in three ways, and the vectors are adapted so: an event's attendees are those who were invited
through the server, not those in the organizer's calendar; REQUEST and REPLY come by mail; one attendee sees
one attendee. docs/vectors.md says of each vector whether it applies.
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import icalendar
import pytest

from engine.engine import Engine
from engine.inbox.handling.received import Outcome
from engine.inbox.intake.intake import Inbox
from engine.inbox.spool.spool import OwnMailbox
from engine.model.events import Event, EventStatus
from engine.model.messages import Message
from engine.model.queries import AttendeeQuery, EventQuery
from tests.support import mails
from tests.support.clock import Clock
from tests.support.engines import deliver, engine_in, invite
from tests.support.inboxes import inbox_of

FILE = Path(__file__).parents[3] / "shared" / "vectors" / "sabre_itip_vectors.json"
pytestmark = pytest.mark.skipif(not FILE.is_file(), reason="the shared vectors are not here")

VECTORS: dict[str, dict[str, Any]] = (
    {v["id"]: v for v in json.loads(FILE.read_text())} if FILE.is_file() else {}
)
PROCESS = [name for name, vector in VECTORS.items() if vector["op"] == "process"]

ATTENDEES_SIDE = "an attendee's own client makes the REPLY; the server only takes it in"
GUEST_LIST = "who is invited is said by send_invite and bulk_send, never by the organizer's guest list"
NOTHING_SENT = "nothing is sent by either"
SCHEDULE_AGENT = "SCHEDULE-AGENT is of CalDAV servers; no mail client sends it"
SEVERAL_EVENTS = "a mail with several UIDs or organizers is several events of its sender"
FORCED = "SCHEDULE-FORCE-SEND is of CalDAV servers; REFRESH is the way to be sent an event again"
NOT_APPLYING = {
    "BrokerAttendeeReplyTest": ATTENDEES_SIDE,
    "BrokerDeleteEventTest.testAttendee": ATTENDEES_SIDE,
    "BrokerDeleteEventTest.testNoCalendar": NOTHING_SENT,
    "BrokerDeleteEventTest.testVTodo": NOTHING_SENT,
    "BrokerNewEventTest.testNoAttendee": NOTHING_SENT,
    "BrokerNewEventTest.testVTODO": NOTHING_SENT,
    "BrokerNewEventTest.testBroken": SEVERAL_EVENTS,
    "BrokerNewEventTest.testMultipleUID": SEVERAL_EVENTS,
    "BrokerNewEventTest.testChangingOrganizers": SEVERAL_EVENTS,
    "BrokerNewEventTest.testScheduleAgentClient": SCHEDULE_AGENT,
    "BrokerNewEventTest.testNoOrganizerHasAttendee": NOTHING_SENT,
    "BrokerNewEventTest.testAttendeeRemoval": GUEST_LIST,
    "BrokerUpdateEventTest.testInviteChangeFrom": GUEST_LIST,
    "BrokerUpdateEventTest.testInviteRemoveAttendees": GUEST_LIST,
    "BrokerUpdateEventTest.testNoAttendees": NOTHING_SENT,
    "BrokerUpdateEventTest.testInviteNoChangeForceSend": FORCED,
    "EvolutionTest.testAttendeeModify": ATTENDEES_SIDE,
}
DIFFS = [
    name
    for name, vector in VECTORS.items()
    if vector["op"] == "diff" and not any(name.startswith(prefix) for prefix in NOT_APPLYING)
]


@dataclass
class Case:
    """A server with nothing but the vector in it."""

    engine: Engine
    inbox: Inbox

    async def take(self, text: str, sender: str, box: OwnMailbox, method: str) -> Outcome:
        raw = mails.mail(sender, f"{box.name}@cis.test", content=text.encode(), method=method).as_bytes()
        (outcome,) = await self.inbox.take(raw, (box,))
        return outcome

    async def organize(self, text: str, method: str = "") -> Outcome:
        """A calendar from the organizer that it names."""
        organizer = next(iter(people(text, "ORGANIZER")), "bar@example.org")
        return await self.take(
            complete(text, method), organizer, OwnMailbox(name="create"), method or method_of(text)
        )

    async def event(self) -> Event | None:
        found = (await self.engine.search(EventQuery(limit=10), self.engine.local)).events
        assert len(found) <= 1
        return found[0] if found else None

    async def made(self, text: str, guests: list[str]) -> tuple[Event, dict[str, str]]:
        """The event of a vector, with its guests invited; their tokens by address."""
        assert (await self.organize(text, "REQUEST")).action == "created"
        event = await self.event()
        assert event is not None
        tokens = {g: (await invite(self.engine, event, g)).attendee.token for g in guests}
        await deliver(self.engine)
        return event, tokens

    async def answers(self, event: Event) -> dict[tuple[str, date | datetime | None], str]:
        """Every answer there is, by attendee and instance."""
        page = await self.engine.store.attendees(AttendeeQuery(uid=event.uid))
        found: dict[tuple[str, date | datetime | None], str] = {
            (a.email, None): a.partstat.value for a in page.attendees if a.partstat != "needs-action"
        }
        instances = await self.engine.instance_answers(event.uid, self.engine.local)
        return found | {(i.email, i.recurrence_id): i.partstat.value for i in instances}

    async def sent(self) -> list[Message]:
        return [m for m in await deliver(self.engine) if m.kind.calendar]


@pytest.fixture
async def case(tmp_path: Path) -> AsyncIterator[Case]:
    clock = Clock(datetime(2014, 1, 1, 9, tzinfo=UTC))
    async with (
        engine_in(tmp_path, clock, sender_auth="off", organizers="*") as engine,
        inbox_of(engine) as inbox,
    ):
        yield Case(engine, inbox)


def method_of(text: str) -> str:
    return next((line.partition(":")[2] for line in text.splitlines() if line.startswith("METHOD:")), "")


def complete(text: str, method: str) -> str:
    """A vector with what real clients always send, where it leaves that out."""
    events = text.replace("\r\n", "\n").split("BEGIN:VEVENT\n")
    times = "DTSTART:20140716T120000Z\nDTEND:20140716T130000Z\n"
    timed = [e if "DTSTART" in e or "STATUS:CANCELLED" in e else times + e for e in events[1:]]
    # Of DTEND and DURATION, of which there may be one, sabre compares both and we believe DTEND.
    timed = [e.replace("DTEND:20140716T130000Z\n", "") if "DURATION" in e else e for e in timed]
    head = events[0] if method_of(text) or not method else f"{events[0]}METHOD:{method}\n"
    return "BEGIN:VEVENT\n".join([head, *timed])


def people(text: str, name: str) -> list[str]:
    """The addresses of a property, in order, each once."""
    unfolded = text.replace("\r\n", "\n").replace("\n ", "")
    lines = [line for line in unfolded.split("\n") if line.startswith(name)]
    return list(dict.fromkeys(line.lower().rpartition("mailto:")[2] for line in lines))


def guests(text: str) -> list[str]:
    organizers = people(text, "ORGANIZER")
    return [address for address in people(text, "ATTENDEE") if address not in organizers]


def expected_answers(text: str) -> dict[tuple[str, date | datetime | None], str]:
    """What the expected object says that people answered, read by another library."""
    found: dict[tuple[str, date | datetime | None], str] = {}
    parsed: list[Any] = icalendar.Calendar.from_ical(text).walk("VEVENT")
    for event in parsed:
        attendees = event.get("ATTENDEE", [])
        instance = event.get("RECURRENCE-ID")
        at = instance.dt.astimezone(UTC) if instance else None
        for person in attendees if isinstance(attendees, list) else [attendees]:
            if "PARTSTAT" in person.params:
                address = str(person).lower().removeprefix("mailto:")
                found[address, at] = person.params["PARTSTAT"].lower()
    return found


@pytest.mark.parametrize("name", [n for n in PROCESS if "Reply" not in n])
async def test_an_organizers_mail_is_processed_as_the_vector_says(case: Case, name: str) -> None:
    vector = VECTORS[name]
    if vector["existing"]:
        await case.organize(vector["existing"], "REQUEST")
    outcome = await case.organize(vector["message"])
    event, expected = await case.event(), vector["expected_object"]
    if name.endswith("testUnsupportedMethod.0"):
        assert outcome.action == "created", "PUBLISH makes an event here"
    elif expected is None:
        assert event is None
        assert (outcome.action, outcome.code) in {("refused", "unknown_event"), ("refused", "not_an_event")}
    else:
        (wanted,) = icalendar.Calendar.from_ical(expected).walk("VEVENT")
        assert event is not None
        assert event.source_sequence == wanted["SEQUENCE"]
        cancelled = wanted.get("STATUS") == "CANCELLED"
        assert event.status is (EventStatus.CANCELLED if cancelled else EventStatus.CONFIRMED)


@pytest.mark.parametrize("name", [n for n in PROCESS if "Reply" in n])
async def test_a_reply_is_processed_as_the_vector_says(case: Case, name: str) -> None:
    vector = VECTORS[name]
    if vector["existing"] is None:
        outcome = await case.take(vector["message"], "foo@example.org", OwnMailbox(name="rsvp"), "REPLY")
        assert (outcome.action, outcome.code) == ("quarantined", "unknown_event")
        return
    # An event without its master is, here, an event that does not recur: it has no other instance either.
    existing = vector["existing"].replace("RECURRENCE-ID:20140724T000000Z\n", "").replace("\r\n", "\n")
    if name.endswith("testReplyNewExceptionNoMasterEvent.0"):
        existing = existing.replace("RRULE:FREQ=DAILY\n", "")
    event, tokens = await case.made(existing, guests(existing))
    (sender,) = people(vector["message"], "ATTENDEE")
    box = OwnMailbox(name="rsvp", token=tokens.get(sender, ""))
    message = vector["message"].replace("UID:foobar", f"UID:{event.uid}")
    outcome = await case.take(message, sender, box, "REPLY")
    assert outcome.action == "receipt"
    expected = vector["expected_object"]
    assert await case.answers(event) == (expected_answers(expected) if expected else {})
    assert (outcome.code == "") is (expected is not None)


@pytest.mark.parametrize("name", DIFFS)
async def test_what_an_organizer_changes_is_told_as_the_vector_says(case: Case, name: str) -> None:
    vector = VECTORS[name]
    old, new, expected = vector["old"], vector["new"], vector["expected_messages"]
    if old is None:
        names = [m.get("recipient") for m in expected]
        await _is_made(case, new, [r.lower()[7:] for r in names] if all(names) else guests(new))
        return
    await case.made(old, guests(old))
    outcome = await (case.organize(new, "REQUEST") if new else case.organize(_gone(old), "CANCEL"))
    stays = set(guests(old)) & set(guests(new or old))
    told = {(m.email, m.method) for m in await case.sent() if m.email in stays}
    wanted = {
        (address, message.get("method") or "REQUEST")
        for message in expected
        for address in [(message.get("recipient") or f"mailto:{guests(old)[0]}").lower()[7:]]
        if address in stays and message.get("significantChange") is not False
    }
    assert told == wanted
    assert outcome.action == ("ignored" if not wanted else outcome.action)


async def _is_made(case: Case, new: str, recipients: list[str]) -> None:
    event, _ = await case.made(new, [])
    for address in recipients:
        await invite(case.engine, event, address)
    assert [(m.email, m.method) for m in await case.sent()] == [(r, "REQUEST") for r in recipients]
    wanted: list[Any] = icalendar.Calendar.from_ical(new).walk("VEVENT")
    assert len(event.overrides) == sum("RECURRENCE-ID" in e for e in wanted)
    assert event.recurring is any("RRULE" in e for e in wanted)
    assert event.span.start_utc == wanted[0]["DTSTART"].dt.astimezone(UTC)


def _gone(text: str) -> str:
    """The cancellation that a client sends where its event is deleted."""
    return text.replace("SEQUENCE:1", "SEQUENCE:2")


def test_every_vector_applies_or_has_its_reason() -> None:
    rest = set(VECTORS) - set(PROCESS) - set(DIFFS)
    assert {p for p in NOT_APPLYING if not any(n.startswith(p) for n in rest)} == set()
    assert (len(PROCESS), len(DIFFS) + len(rest)) == (20, 60)
    page = (Path(__file__).parents[2] / "docs" / "vectors.md").read_text()
    assert [why for why in NOT_APPLYING.values() if why not in page] == []
    assert [name for name in DIFFS if name.removesuffix(".0") not in page] == []
