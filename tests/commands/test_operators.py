"""Keys, suspended organizers, reports, and who may see what."""

from __future__ import annotations

import csv
import io

import pytest

from engine import attendee_report
from engine.commands.agents.keys import CreateKey, RevokeKey
from engine.commands.answers.receipts import RecordReceipt
from engine.commands.campaigns.reports import SendReport
from engine.commands.operators.operators import SuspendOrganizer
from engine.engine import SYSTEM, Engine
from engine.model.actors import Actor
from engine.model.addresses import masked_address
from engine.model.messages import Kind
from engine.model.people import Partstat
from engine.model.queries import AttendeeQuery, EventQuery
from engine.refusals import Code, Refused
from tests.support.engines import attendee, created, deliver, do, invite, refusal

AGENT = Actor(kind="agent", address="bot@example.com", scopes=frozenset({"events", "invites", "campaigns"}))
INVITER = Actor(kind="agent", address="agent@cis.test", scopes=frozenset({"read", "invites"}))
READER = Actor(kind="agent", address="agent@cis.test", scopes=frozenset({"read"}))


async def test_a_key_lets_its_agent_in_until_it_is_revoked(engine: Engine) -> None:
    made = await do(engine, CreateKey(name="Bot", address="Bot@Example.com", scopes=frozenset({"read"})))
    key = await engine.key_of(made.secret)
    assert key is not None
    known = {"kind": "agent", "address": "bot@example.com", "scopes": frozenset({"read"})}
    assert key.actor == Actor(**known, key=made.key.id, chain=(made.key.id,))
    assert made.secret not in made.key.model_dump_json()
    assert [key.id for key in await engine.keys()] == [made.key.id]
    revoked = await do(engine, RevokeKey(key_id=made.key.id))
    assert (await do(engine, RevokeKey(key_id=made.key.id))).key == revoked.key
    assert await engine.key_of(made.secret) is None
    assert await engine.key_of("cis_wrong") is None


@pytest.mark.parametrize(
    ("command", "code"),
    [
        (CreateKey(name="x", scopes=frozenset({"everything"})), Code.INVALID_ARGUMENT),
        (CreateKey(name="x", scopes=frozenset()), Code.INVALID_ARGUMENT),
        (CreateKey(name="x", address="nobody"), Code.INVALID_ADDRESS),
        (RevokeKey(key_id="nowhere"), Code.UNKNOWN_KEY),
        (SuspendOrganizer(address="nobody"), Code.INVALID_ADDRESS),
    ],
)
async def test_what_an_operator_cannot_mean_is_refused(
    engine: Engine, command: CreateKey, code: Code
) -> None:
    assert await refusal(engine, command) is code


@pytest.mark.parametrize(
    "command", [CreateKey(name="x"), RevokeKey(key_id="x"), SuspendOrganizer(address="a@example.com")]
)
async def test_only_the_operator_makes_keys_and_suspends(engine: Engine, command: CreateKey) -> None:
    assert await refusal(engine, command, AGENT) is Code.NOT_ALLOWED


async def test_an_organizer_is_the_same_in_capitals(engine: Engine) -> None:
    event = await created(engine, organizer="Olga@Example.ORG")
    assert event.organizer == "olga@example.org"
    found = await engine.search(EventQuery(organizer="OLGA@example.org"), engine.local)
    assert [e.uid for e in found.events] == [event.uid]
    await invite(engine, event, "ann@example.com")
    assert (await engine.statistics("organizer", "OLGA@EXAMPLE.ORG", engine.local)).attendees == 1
    await do(engine, SuspendOrganizer(address="OLGA@example.org"))
    assert await deliver(engine) == []


async def test_a_key_that_may_not_read_sees_nothing(engine: Engine) -> None:
    event = await created(engine, AGENT)
    for question in (
        engine.event(event.uid, AGENT),
        engine.search(EventQuery(), AGENT),
        engine.statistics("organizer", None, AGENT),
        engine.attendees(AttendeeQuery(uid=event.uid), AGENT),
        engine.campaigns(AGENT),
        engine.campaign("x", AGENT),
    ):
        with pytest.raises(Refused) as caught:
            await question
        assert caught.value.code is Code.NOT_ALLOWED


async def test_an_agent_sees_its_own_alone(engine: Engine) -> None:
    mine, theirs = await created(engine), await created(engine, AGENT)
    assert [e.uid for e in (await engine.search(EventQuery(), READER)).events] == [mine.uid]
    refused = [
        (engine.event(theirs.uid, READER), Code.UNKNOWN_EVENT),
        (engine.attendees(AttendeeQuery(uid=theirs.uid), READER), Code.UNKNOWN_EVENT),
        (engine.search(EventQuery(organizer="bot@example.com"), READER), Code.NOT_ALLOWED),
        (engine.statistics("organizer", "bot@example.com", READER), Code.NOT_ALLOWED),
        (engine.statistics("event", theirs.uid, READER), Code.UNKNOWN_EVENT),
        (engine.statistics("system", None, READER), Code.NOT_ALLOWED),
        (engine.campaign("x", READER), Code.UNKNOWN_CAMPAIGN),
        (engine.event("nowhere", READER), Code.UNKNOWN_EVENT),
    ]
    for question, code in refused:
        with pytest.raises(Refused) as caught:
            await question
        assert caught.value.code is code
    assert len((await engine.search(EventQuery(), engine.local)).events) == 2


# reports


async def test_a_report_goes_to_the_organizer_with_the_number_of_its_rows(engine: Engine) -> None:
    event = await created(engine)
    await invite(engine, event, "ann@example.com")
    done = await do(engine, SendReport(uid=event.uid))
    assert (done.rows, done.message.email, done.message.kind) == (1, event.organizer, Kind.REPORT)
    gone = {m.kind for m in await deliver(engine)}
    assert Kind.REPORT in gone
    assert (await engine.statistics("event", event.uid, engine.local)).delivery["sent"] == 1


async def test_a_report_goes_to_nobody_else_for_an_agent(engine: Engine) -> None:
    event = await created(engine)
    assert await refusal(engine, SendReport(uid=event.uid, to="x@example.com"), INVITER) is Code.NOT_ALLOWED
    assert await refusal(engine, SendReport(uid=event.uid), AGENT) is Code.NOT_ALLOWED
    assert await refusal(engine, SendReport(uid=event.uid), READER) is Code.NOT_ALLOWED
    await do(engine, SendReport(uid=event.uid, to=event.organizer.upper()), INVITER)
    await do(engine, SendReport(uid=event.uid, to="x@example.com"))
    assert await refusal(engine, SendReport(uid=event.uid, to="x")) is Code.INVALID_ADDRESS
    assert await refusal(engine, SendReport(uid="nowhere")) is Code.UNKNOWN_EVENT


async def test_no_cell_of_a_report_is_a_formula(engine: Engine) -> None:
    event = await created(engine)
    names = ["=1+1", "+1", "-1", "@SUM(A1)", 'Quote "x", comma', "Plain"]
    for n, name in enumerate(names):
        await invite(engine, event, f"p{n}@example.com", name=name)
    ann = await attendee(engine, event, "p5@example.com")
    answer = RecordReceipt(token=ann.token, partstat=Partstat.ACCEPTED, prodid="=cmd|' /C calc'!A0")
    await do(engine, answer, SYSTEM)
    text = "".join([line async for line in engine.report_csv(event.uid, engine.local)])
    rows = list(csv.reader(io.StringIO(text, newline="")))
    assert rows[0] == ["email", "name", "status", "origin", "prodid", "answered"]
    assert [row[1] for row in rows[1:]] == ["'=1+1", "'+1", "'-1", "'@SUM(A1)", 'Quote "x", comma', "Plain"]
    assert rows[6][2:5] == ["accepted", "api", "'=cmd|' /C calc'!A0"]
    assert [row[5] != "" for row in rows[1:]] == [False] * 5 + [True]
    assert text.endswith("\r\n")


async def test_an_empty_name_or_an_unknown_event_is_no_crash(engine: Engine) -> None:
    event = await created(engine)
    done = await invite(engine, event, "jane@example.com")
    assert masked_address(done.attendee.email) == "j*******@example.com"
    assert attendee_report.masked_name(done.attendee.name) == ""
    assert attendee_report.masked_name("Jane Doe") == "J*******"
    with pytest.raises(Refused):
        [line async for line in engine.report_csv("nowhere", engine.local)]
