"""A published Calendar Invite Server is taken over, from its table or an export: whole, once, and no one is mailed."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from engine.commands.events.events import CancelEvent, UpdateEvent
from engine.engine import Engine
from engine.imports import installation
from engine.imports.installation import TakenOver, take_over
from engine.model.actors import Actor
from engine.model.messages import Audience
from engine.model.people import Origin, Partstat
from engine.refusals import Code, Refused
from tests.cli.processes import run
from tests.support import mails
from tests.support.clock import Clock
from tests.support.engines import attendee, deliver, do, engine_in, invite, why_not
from tests.support.httpstub import answering
from tests.support.inboxes import receiving
from tests.support.reference import GONE, OLGA, SPAM, STARTS, UID, event, exported, item
from tests.support.reference import attendee as invited
from tests.support.reference import installation as whole
from tests.support.s3 import S3
from tests.support.ses import ENVIRONMENT
from tests.support.table import Table, table
from tests.tools.caller import calling

TABLE = "dynamodb://thirtyone?region=eu-west-1"
NEW = {
    "events": {"new": 2, "newer": 0, "known": 0},
    "attendees": {"new": 5, "newer": 0, "known": 0},
    "organizers": {"new": 2, "newer": 0, "known": 0},
    "blocks": {"new": 1, "newer": 0, "known": 0},
}


@pytest.fixture
async def there(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Table]:
    async with table(whole()) as found:
        for name, value in {**ENVIRONMENT, "AWS_ENDPOINT_URL": found.url}.items():
            monkeypatch.setenv(name, value)
        yield found


@pytest.fixture
async def engine(tmp_path: Path, clock: Clock) -> AsyncIterator[Engine]:
    async with engine_in(tmp_path / "data", clock, sender_auth="off", registration="closed") as opened:
        yield opened


async def taken(engine: Engine, source: str = TABLE, **values: str) -> TakenOver:
    return await take_over(engine, engine.local, source, wait_s=0, **values)


async def test_events_attendees_answers_origins_and_rights_come_over_and_no_one_is_mailed(
    engine: Engine, there: Table
) -> None:
    done = await taken(engine)
    assert (done.counts, done.problems, there.scans) == (NEW, (), 4)
    found = await engine.event(UID, engine.local)
    assert (found.summary, found.location, found.organizer, found.sequence) == (
        "Club night",
        "Pier 4",
        OLGA,
        2,
    )
    assert "seven" in found.description
    assert "<" not in found.description
    assert (found.span.start_utc.timestamp(), found.organizer_name) == (STARTS, "")
    gone = await engine.event(GONE, engine.local)
    assert (gone.cancelled, gone.summary) == (True, "Old & gone")
    stats = await engine.store.statistics("event", UID)
    assert (stats.attendees, stats.rsvp) == (
        5,
        {"accepted": 2, "declined": 1, "delegated": 0, "noaction": 1, "tentative": 1},
    )
    assert {name: n for name, n in stats.origin.items() if n} == {
        "bulk": 2,
        "landingpage": 1,
        "shared": 1,
        "vip": 1,
    }
    may = await attendee(engine, found, "maybe@people.example")
    assert (may.name, may.origin, may.partstat) == ("May Be", Origin.VIP, Partstat.TENTATIVE)
    assert (await attendee(engine, found, "silent@people.example")).name == ""
    assert await deliver(engine) == []


async def test_rights_suspensions_and_blocks_hold(engine: Engine, there: Table) -> None:
    await taken(engine)
    settled = [await engine.organizer_settled(who, engine.local) for who in (OLGA, SPAM)]
    facts = [(s.profile.lists, s.profile.suspended, s.profile.registered) for s in settled if s]
    assert facts == [(True, False, True), (False, True, True)]
    found = await engine.event(UID, engine.local)
    with pytest.raises(Refused) as blocked:
        await invite(engine, found, "blocks@people.example")
    assert blocked.value.code is Code.ATTENDEE_BLOCKED
    assert await why_not(engine, CancelEvent(uid=GONE)) is None


async def test_an_import_that_is_repeated_changes_nothing(engine: Engine, there: Table) -> None:
    await taken(engine)
    before = [await engine.event(uid, engine.local) for uid in (UID, GONE)]
    again = await taken(engine)
    assert [await engine.event(uid, engine.local) for uid in (UID, GONE)] == before
    for kind, counts in again.counts.items():
        assert (kind, counts["new"], counts["newer"]) == (kind, 0, 0)
    assert await deliver(engine) == []


async def test_what_is_newer_over_there_comes_over_and_what_was_changed_here_stays(
    engine: Engine, there: Table
) -> None:
    await taken(engine)
    there.items = [
        invited("new@people.example"),
        invited("silent@people.example", "accepted"),
        event(sequence=3, summary="Club night, moved", dtstart=STARTS + 3_600, dtend=STARTS + 9_000),
    ]
    done = await taken(engine)
    assert done.counts["events"] == {"new": 0, "newer": 1, "known": 0}
    assert done.counts["attendees"] == {"new": 1, "newer": 1, "known": 0}
    moved = await engine.event(UID, engine.local)
    assert (moved.summary, moved.sequence) == ("Club night, moved", 3)
    await do(engine, UpdateEvent(uid=UID, summary="Ours", audience=Audience.NONE))
    assert (await taken(engine)).counts["events"]["known"] == 1
    assert (await engine.event(UID, engine.local)).summary == "Ours"


async def test_those_who_were_invited_over_there_hear_of_changes_and_of_the_end(
    engine: Engine, there: Table
) -> None:
    await taken(engine)
    await do(engine, UpdateEvent(uid=UID, location="Pier 5"))
    updated = sorted((m.email.partition("@")[0], m.sequence) for m in await deliver(engine))
    assert updated == [("maybe", 3), ("shared", 3), ("silent", 3), ("yes", 3)]
    await do(engine, CancelEvent(uid=UID))
    assert {m.email.partition("@")[0] for m in await deliver(engine)} >= {"maybe", "silent", "yes"}


async def test_who_was_invited_over_there_is_not_invited_again(engine: Engine, there: Table) -> None:
    await taken(engine)
    found = await engine.event(UID, engine.local)
    assert (await invite(engine, found, "silent@people.example")).already
    assert await deliver(engine) == []


async def test_an_answer_to_an_old_invite_at_plain_rsvp_counts(
    engine: Engine, there: Table, clock: Clock
) -> None:
    await taken(engine)
    async with receiving(engine) as post:
        for name, answer in (("silent", "ACCEPTED"), ("yes", "DECLINED")):
            said = mails.reply(UID, f"{name}@people.example", answer, dtstamp=clock())
            assert (await post(said, "rsvp@cis.test")).action == "receipt"
    found = await engine.event(UID, engine.local)
    answers = [(await attendee(engine, found, f"{n}@people.example")).partstat for n in ("silent", "yes")]
    assert answers == [Partstat.ACCEPTED, Partstat.DECLINED]


async def test_the_organizers_own_calendar_still_changes_the_event(engine: Engine, there: Table) -> None:
    await taken(engine)
    source = f"{UID[:8]}@client.example"
    async with receiving(engine) as post:
        moved = mails.vevent(source, organizer=OLGA, sequence=3, summary="Moved by Olga")
        assert (await post(mails.request(moved, sender=OLGA))).action == "updated"
    assert (await engine.event(UID, engine.local)).summary == "Moved by Olga"


@pytest.mark.parametrize(
    "fault",
    ["ProvisionedThroughputExceededException", "ThrottlingException", "InternalServiceErrorException"],
)
async def test_a_table_that_is_busy_is_asked_again(engine: Engine, there: Table, fault: str) -> None:
    there.faults = [fault] * 3
    assert (await taken(engine)).counts == NEW


@pytest.mark.parametrize(
    ("source", "code"),
    [
        ("dynamodb://thirtytwo?region=eu-west-1", Code.URL_NOT_READABLE),
        ("dynamodb://x", Code.INVALID_ARGUMENT),
        ("dynamodb://thirtyone", Code.INVALID_ARGUMENT),
        ("dynamodb://thirtyone?regio=eu-west-1", Code.INVALID_ARGUMENT),
        ("dynamodb-export:/nowhere/at-all", Code.PATH_NOT_READABLE),
        ("dynamodb-export:s3://B!/x?region=eu-west-1", Code.INVALID_ARGUMENT),
    ],
)
async def test_what_is_no_installation_is_refused(
    engine: Engine, there: Table, source: str, code: Code
) -> None:
    with pytest.raises(Refused) as refused:
        await taken(engine, source)
    assert refused.value.code is code


async def test_an_agent_takes_nothing_over(engine: Engine, there: Table) -> None:
    with pytest.raises(Refused) as refused:
        await take_over(engine, Actor(kind="agent", address=OLGA), TABLE)
    assert (refused.value.code, there.scans) == (Code.NOT_ALLOWED, 0)


async def test_an_export_on_this_machine_or_in_s3_is_read_like_the_table(
    engine: Engine, there: Table, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, clock: Clock
) -> None:
    folder = exported(tmp_path / "export")
    assert (await taken(engine, f"dynamodb-export:{folder}")).counts == NEW
    bucket = S3(name="my-export")
    for path in folder.rglob("*.json*"):
        bucket.objects[str(path.relative_to(folder))] = (path.read_bytes(), clock())
    async with answering(bucket.answer) as stub, engine_in(tmp_path / "other", clock) as other:
        monkeypatch.setenv("AWS_ENDPOINT_URL", stub.url)
        source = "dynamodb-export:s3://my-export/AWSDynamoDB/?region=eu-west-1"
        assert (await taken(other, source)).counts == NEW


@pytest.mark.parametrize("content", [b"not json\n", b'{"Item": {"pk": 7}}\n', b'{"x": 1}\n', b"\x1f\x8bcut"])
async def test_a_file_that_is_no_export_is_refused(engine: Engine, tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "data.json.gz"
    path.write_bytes(content)
    with pytest.raises(Refused) as refused:
        await taken(engine, f"dynamodb-export:{path}")
    assert refused.value.code is Code.INVALID_ARGUMENT


async def test_what_cannot_be_read_is_left_out_by_name_and_the_rest_comes_over(
    engine: Engine, tmp_path: Path
) -> None:
    items = [
        event(dtstart="soon"),
        event(GONE, mailto="", original_organizer=""),
        event("2" * 40, dtstart=10**15),
        event("3" * 40, summary="x" * 900),
        item(f"event#{UID}", "attendee#nobody", status="accepted", origin="api"),
        invited("lost@people.example", uid="4" * 40),
        item("event#5", "event#5"),
        event("6" * 40, dtend=STARTS - 5, sequence="1"),
        invited("ann@people.example", "accepted", uid="6" * 40, origin="carrier-pigeon", history="[]"),
    ]
    done = await taken(engine, f"dynamodb-export:{exported(tmp_path / 'export', items)}")
    assert done.counts["events"]["new"] == 1
    assert done.counts["attendees"]["new"] == 1
    assert done.left_out == len(done.problems) == 7
    assert not any("@" in problem for problem in done.problems)
    found = await engine.event("6" * 40, engine.local)
    assert (await attendee(engine, found, "ann@people.example")).origin is Origin.API


async def test_times_are_shown_in_the_zone_that_is_named(engine: Engine, there: Table) -> None:
    assert await why_not_zone(engine) is Code.UNKNOWN_TIMEZONE
    await taken(engine, timezone="Europe/Paris")
    assert (await engine.event(UID, engine.local)).span.timezone == "Europe/Paris"


async def why_not_zone(engine: Engine) -> Code:
    with pytest.raises(Refused) as refused:
        await taken(engine, timezone="Mars/Base")
    return refused.value.code


async def test_a_story_of_a_person_is_told_though_their_invite_was_sent_elsewhere(
    engine: Engine, there: Table
) -> None:
    await taken(engine)
    async with calling(engine) as caller:
        told = await caller.ok("get_attendee", uid=UID, email="yes@people.example")
    assert [(m["kind"], m["state"], m["code"]) for m in told["messages"]] == [
        ("invite", "sent", "handed_over")
    ]


async def test_the_command_takes_an_installation_over_and_says_what_it_came_to(
    tmp_path: Path, there: Table
) -> None:
    values = {**ENVIRONMENT, "AWS_ENDPOINT_URL": there.url}
    code, out, err = await run(tmp_path, "import", TABLE, **values)
    assert (code, "No one was mailed" in err) == (0, True)
    assert "attendees: 5 new, 0 updated, 0 already known" in out
    code, out, _ = await run(tmp_path, "import", TABLE, "--json", **values)
    assert (code, json.loads(out)["counts"]["attendees"]) == (0, {"new": 0, "newer": 0, "known": 5})
    code, _, err = await run(tmp_path, "import", TABLE, "--dry-run", **values)
    assert (code, "imported as a whole" in err) == (2, True)


def test_what_names_an_installation_is_told_from_a_calendar() -> None:
    named = [
        installation.names_one(one)
        for one in (TABLE, "dynamodb-export:x", "https://x.example/a.ics", "a.ics")
    ]
    assert named == [True, True, False, False]
