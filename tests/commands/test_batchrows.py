"""Tables of commands as people write them, and what each row comes to."""

from __future__ import annotations

from datetime import date, datetime
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from engine.commands.approvals.policies import refuse_unasked
from engine.commands.invites.suppressing import Suppress, Unsuppress
from engine.commands.invites.withdrawing import WithdrawInvite
from engine.commands.operators.organizers import SettleOrganizer
from engine.commands.tables import batchrows, batchtimes
from engine.commands.tables.batch import Batch, Rehearsed, RequestOutcome, StepOutcome
from engine.commands.tables.batchrows import RowStep
from engine.engine import Engine
from engine.inbox.routes.batch import apply_all
from engine.model.actors import Actor
from engine.model.events import Event, EventStatus
from engine.model.people import Partstat
from engine.model.queries import EventQuery
from engine.refusals import Code, Refused
from engine.store.sqlite.unit import SqliteUnit
from tests.support.engines import answer, attendee, deliver, do, invite

ROOT = Path(__file__).parents[2]
HEADER = "action,key,summary,date,start,end,timezone"
GAME = "CREATE,game-1,Game 1,2027-05-02,19:00,21:30,America/New_York"


async def _run(engine: Engine, table: str, actor: Actor | None = None, **defaults: str) -> list[StepOutcome]:
    rows = batchrows.read(table).rows
    steps = tuple(RowStep(row=row, name=str(row.row), defaults=defaults) for row in rows)
    return list((await do(engine, Batch(steps=steps, judge=refuse_unasked), actor)).outcomes)


async def test_a_table_of_more_rows_than_a_unit_of_work_takes_is_carried_out_in_several(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(SqliteUnit, "items_per_unit", 12)
    games = "\n".join(GAME.replace("game-1", f"game-{n}") for n in range(5))
    steps = [RowStep(row=row, name=str(row.row)) for row in batchrows.read(f"{HEADER}\n{games}").rows]
    assert _became(await _run(engine, f"{HEADER}\n{games}")) == ["created"] * 2
    became = _became(await apply_all(engine, steps, engine.local))
    assert became == ["unchanged"] * 2 + ["created"] * 3
    with pytest.raises(Rehearsed) as rehearsed:
        await engine.apply(Batch(steps=tuple(steps), judge=refuse_unasked, dry_run=True), engine.local)
    assert len(rehearsed.value.outcomes) == 5


async def _event(engine: Engine, uid: str) -> Event:
    event = await engine.store.event(uid)
    assert event is not None
    return event


def _became(outcomes: list[StepOutcome]) -> list[str]:
    return [outcome.became.value for outcome in outcomes]


# columns


@pytest.mark.parametrize(
    "header",
    [
        "action,key,summary,date,start,end,timezone",
        "Action;Source UID;Subject;Start Date;Start Time;Stop;Time Zone",
        "COMMAND\treference\ttitle\tday\tfrom\tto\ttz",
        "\ufeffsep=;\nDo;Ext. ID? ;Event Title;Event_Date;STARTS;End-Time;TZID".replace(
            "Ext. ID? ", "external_id"
        ),
    ],
)
def test_columns_go_by_several_names_in_any_case(header: str) -> None:
    delimiter = next(d for d in ";\t," if d in header.splitlines()[-1])
    row = batchrows.read(f"{header}\n{GAME.replace(',', delimiter)}\n").rows[0]
    assert list(row.cells) == ["action", "key", "summary", "date", "start", "end", "timezone"]


def test_columns_may_come_in_any_order_and_blank_rows_are_left_out() -> None:
    rows = batchrows.read("uid,action\n\n,,\nabc,CANCEL\n").rows
    assert [(row.row, dict(row.cells)) for row in rows] == [(1, {"uid": "abc", "action": "CANCEL"})]


def test_columns_that_are_not_understood_or_there_twice_are_named() -> None:
    found = batchrows.read("action,loction,title,subject\nCREATE,a,b,c\n")
    assert found.unknown == ("loction", "subject")
    assert found.rows[0].cells == {"action": "CREATE", "summary": "b"}


def test_no_name_belongs_to_two_columns() -> None:
    names = [n for name, others in batchrows.COLUMNS.items() for n in (name.replace("_", ""), *others)]
    assert len(names) == len(set(names))


def test_every_column_is_documented_and_every_documented_name_is_understood() -> None:
    lines = (ROOT / "docs" / "batch.md").read_text(encoding="utf-8").splitlines()
    listed = [line.split("|")[1:3] for line in lines if line.startswith("| `")]
    assert [name.strip(" `") for name, _ in listed] == list(batchrows.COLUMNS)
    for name, others in listed:
        for other in filter(None, map(str.strip, others.split(","))):
            header = "action" if name.strip(" `") != "action" else "uid"
            row = batchrows.read(f"{header},{other}\nCANCEL,x\n").rows[0]
            assert set(row.cells) == {header, name.strip(" `")}, other


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("", Code.CSV_NO_HEADER),
        ("uid,email\nx,ann@example.com\n", Code.CSV_NO_HEADER),
        ("action,uid\n", Code.EMPTY_LIST),
        ('action,uid\nCANCEL,"x', Code.CSV_UNREADABLE),
        ("action\0", Code.CSV_UNREADABLE),
        ("action,uid\n" + "CANCEL,x\n" * (batchrows.ROWS_MAX + 1), Code.TOO_LARGE),
    ],
)
def test_what_is_no_table_of_commands_is_refused(text: str, code: Code) -> None:
    with pytest.raises(Refused) as raised:
        batchrows.read(text)
    assert raised.value.code is code
    assert raised.value.hint


# dates and times


@pytest.mark.parametrize(
    ("day", "start", "end"),
    [
        ("2027-05-02", "19:00", "21:30"),
        ("", "2027-05-02T19:00", "2027-05-02 21:30:00"),
        ("2 May 2027", "7 PM", "9:30pm"),
        ("Sunday, May 2, 2027", "7:00 p.m.", "21.30"),
        ("02.05.2027", "19:00:00", "21:30:00"),
        ("2-May-2027", "19:00", "21:30"),
        ("2027/05/02", "19:00", "21:30"),
        ("", "May 2, 2027 7:00 PM", "21:30"),
        ("", "2 May 2027 at 19:00", "2 May 2027 at 9:30 PM"),
        ("2027-05-02 19:00", "", "21:30"),
    ],
)
def test_dates_and_times_are_read_as_people_write_them(day: str, start: str, end: str) -> None:
    timing = batchtimes.timing({"date": day, "start": start, "end": end})
    assert timing is not None
    assert (timing.start, timing.end) == ("2027-05-02T19:00:00", "2027-05-02T21:30:00")


def test_an_offset_goes_for_the_end_too() -> None:
    timing = batchtimes.timing({"start": "2027-05-02T19:00-04:00", "end": "21:30"})
    assert timing is not None
    assert timing.end == "2027-05-02T21:30:00-04:00"


def test_the_end_of_an_all_day_event_is_its_last_day() -> None:
    timing = batchtimes.timing({"date": "2027-05-02", "end_date": "2027-05-04", "timezone": "Europe/Paris"})
    assert timing is not None
    span = timing.span()
    assert (span.start, span.end) == (date(2027, 5, 2), date(2027, 5, 5))


@pytest.mark.parametrize(
    ("day", "iso"), [("13/5/2027", "2027-05-13"), ("5/13/2027", "2027-05-13"), ("5/5/2027", "2027-05-05")]
)
def test_a_date_with_slashes_counts_where_it_can_mean_one_day_alone(day: str, iso: str) -> None:
    timing = batchtimes.timing({"date": day})
    assert timing is not None
    assert timing.start == iso


@pytest.mark.parametrize(
    "cells",
    [
        {"date": "5/2/2027"},
        {"date": "31/31/2027"},
        {"date": "tomorrow"},
        {"start": "19:00"},
        {"end": "19:00"},
        {"date": "2027-05-02", "start": "25:00"},
        {"date": "2027-05-02", "start": "13 pm"},
        {"date": "2027-05-02", "start": "19"},
        {"date": "2027-02-30"},
        {"date": "9" * 100},
        {"date": "2027-05-02", "all_day": "perhaps"},
    ],
)
def test_times_that_are_unclear_are_refused_never_guessed(cells: dict[str, str]) -> None:
    with pytest.raises(Refused) as raised:
        batchtimes.timing(cells)
    assert raised.value.code is Code.INVALID_TIME
    assert raised.value.hint


@pytest.mark.parametrize(
    ("duration", "iso"),
    [("2h", "PT2H0M"), ("90 min", "PT0H90M"), ("1h30m", "PT1H30M"), ("1:30", "PT1H30M"), ("PT45M", "PT45M")],
)
def test_durations_are_read(duration: str, iso: str) -> None:
    timing = batchtimes.timing({"duration": duration})
    assert timing is not None
    assert timing.duration == iso


@given(
    st.dictionaries(
        st.sampled_from(["date", "start", "end_date", "end", "duration", "all_day"]),
        st.text(max_size=30)
        | st.from_regex(r"[0-9/:. apmAPMTZ+-]{1,25}", fullmatch=True)
        | st.datetimes().map(str),
    )
)
def test_any_cells_are_times_or_refused(cells: dict[str, str]) -> None:
    try:
        batchtimes.timing(cells)
    except Refused as refused:
        assert refused.code is Code.INVALID_TIME


@given(st.datetimes(min_value=datetime(1980, 1, 1), max_value=datetime(2100, 1, 1)))  # noqa: DTZ001
def test_every_time_is_read_back_as_it_was_written(moment: datetime) -> None:
    moment = moment.replace(microsecond=0)
    for start in (f"{moment:%Y-%m-%d %H:%M:%S}", f"{moment:%d %B %Y %I:%M:%S %p}"):
        timing = batchtimes.timing({"start": start})
        assert timing is not None
        assert timing.start == moment.isoformat()


# rows


async def test_a_row_creates_changes_and_cancels_an_event(engine: Engine) -> None:
    made, moved, gone = await _run(
        engine, f"{HEADER}\n{GAME}\nupdate,game-1,,2027-05-03,20:00,,\nCancel,game-1,,,,,\n"
    )
    assert _became([made, moved, gone]) == ["created", "updated", "cancelled"]
    assert made.uid == moved.uid == gone.uid
    assert "Sunday 2027-05-02 19:00 America/New_York" in made.detail
    event = await _event(engine, made.uid)
    assert event.status is EventStatus.CANCELLED
    assert event.span.local(event.span.end).isoformat() == "2027-05-03T22:30:00-04:00"


@pytest.mark.parametrize(
    ("cells", "local"),
    [
        ("date\nUPDATE,game-1,2027-06-01", "2027-06-01T19:00:00-04:00 2027-06-01T21:30:00-04:00"),
        ("start\nUPDATE,game-1,18:00", "2027-05-02T18:00:00-04:00 2027-05-02T20:30:00-04:00"),
        ("stop\nUPDATE,game-1,10 PM", "2027-05-02T19:00:00-04:00 2027-05-02T22:00:00-04:00"),
        ("timezone\nUPDATE,game-1,America/Chicago", "2027-05-02T19:00:00-05:00 2027-05-02T21:30:00-05:00"),
        ("date,duration\nUPDATE,game-1,2027-05-03,1h", "2027-05-03T19:00:00-04:00 2027-05-03T20:00:00-04:00"),
        (
            "end date,end\nUPDATE,game-1,2027-05-03,01:00",
            "2027-05-02T19:00:00-04:00 2027-05-03T01:00:00-04:00",
        ),
    ],
)
async def test_an_update_leaves_what_it_does_not_name(engine: Engine, cells: str, local: str) -> None:
    (made,) = await _run(engine, f"{HEADER}\n{GAME}\n")
    (moved,) = await _run(engine, f"action,key,{cells}\n")
    assert moved.became is RequestOutcome.UPDATED, moved
    span = (await _event(engine, made.uid)).span
    assert " ".join(span.local(t).isoformat() for t in (span.start, span.end)) == local


async def test_an_update_tells_those_who_come(engine: Engine) -> None:
    (made,) = await _run(engine, f"{HEADER}\n{GAME}\n")
    event = await _event(engine, made.uid)
    await invite(engine, event, "ann@example.com")
    await deliver(engine)
    await answer(engine, await attendee(engine, event, "ann@example.com"), Partstat.ACCEPTED)
    (told,) = await _run(engine, "action,uid,url\nUPDATE,game-1,https://example.com/join\n")
    assert (told.became, told.notified) == (RequestOutcome.UPDATED, 1)
    (quiet,) = await _run(engine, "action,uid,location,tell\nUPDATE,game-1,Hall 2,None\n")
    assert (quiet.became, quiet.notified) == (RequestOutcome.UPDATED, 0)
    (gone,) = await _run(engine, f"action,uid,reason\nCANCEL,{made.uid.upper()},Rain\n")
    assert (gone.became, gone.notified) == (RequestOutcome.CANCELLED, 1)


async def test_the_same_table_twice_makes_no_doubles(engine: Engine) -> None:
    keyless = "CREATE,,Game 2,2027-05-09,19:00,21:30,America/New_York"
    table = f"{HEADER}\n{GAME}\n{keyless}\nUPDATE,game-1,Game one,,,,\n"
    first = await _run(engine, table)
    again = await _run(engine, table)
    other_order = await _run(engine, "\n".join([HEADER.upper(), keyless, GAME]) + "\n")
    assert _became(first) == ["created", "created", "updated"]
    assert _became(again) == ["unchanged"] * 3
    assert [o.uid for o in again] == [o.uid for o in first]
    assert _became(other_order) == ["unchanged"] * 2
    assert len((await engine.store.search(EventQuery())).events) == 2


async def test_a_key_that_names_another_event_already_is_refused(engine: Engine) -> None:
    table = f"{HEADER}\n{GAME}\n{GAME.replace('Game 1', 'Game 2')}\n"
    made, other = await _run(engine, table)
    assert (made.became, other.became, other.code) == (
        RequestOutcome.CREATED,
        RequestOutcome.FAILED,
        "event_exists",
    )


async def test_to_cancel_twice_changes_nothing(engine: Engine) -> None:
    outcomes = await _run(engine, f"{HEADER}\n{GAME}\nCANCEL,game-1,,,,,\nCANCEL,game-1,,,,,\n{GAME}\n")
    assert _became(outcomes) == ["created", "cancelled", "unchanged", "unchanged"]
    assert len({outcome.uid for outcome in outcomes}) == 1
    assert "cancelled since" in outcomes[3].detail


@pytest.mark.parametrize(
    ("row", "code"),
    [
        ("FROBNICATE,game-1,,,,,", "invalid_argument"),
        (",game-1,Game 1,2027-05-02,19:00,21:30,UTC", "invalid_argument"),
        ("CREATE,x,,2027-05-02,19:00,21:30,UTC", "invalid_argument"),
        ("CREATE,x,Game,,,,UTC", "invalid_time"),
        ("CREATE,x,Game,2027-05-02,19:00,,UTC", "invalid_time"),
        ("CREATE,x,Game,2027-05-02,19:00,18:00,UTC", "end_before_start"),
        ("CREATE,x,Game,2027-05-02,19:00,21:30,Middle/Earth", "unknown_timezone"),
        ("CREATE,x,Game,2020-05-02,19:00,21:30,UTC", "event_in_past"),
        (f"CREATE,{'k' * 1_001},Game,2027-05-02,19:00,21:30,UTC", "too_large"),
        ("UPDATE,,Game,,,,", "missing_uid"),
        ("UPDATE,unknown,Game,,,,", "unknown_event"),
        ("CANCEL,unknown,,,,,", "unknown_event"),
    ],
)
async def test_a_bad_row_is_named_and_the_good_ones_are_carried_out(
    engine: Engine, row: str, code: str
) -> None:
    good = GAME.replace("Game 1", '"Doe, Jane"')
    bad, made = await _run(engine, f"{HEADER}\n{row}\n{good}\n")
    assert (bad.name, bad.became, bad.code) == ("1", RequestOutcome.FAILED, code)
    assert bad.detail
    assert made.became is RequestOutcome.CREATED
    assert (await _event(engine, made.uid)).summary == "Doe, Jane"


async def test_a_text_is_emptied_by_a_dash_and_kept_by_an_empty_cell(engine: Engine) -> None:
    head = f"{HEADER},location,description,rrule"
    (made,) = await _run(engine, f"{head}\n{GAME},Hall 1,Bring a friend,RRULE:FREQ=WEEKLY;COUNT=3\n")
    assert (await _event(engine, made.uid)).recurrence == "FREQ=WEEKLY;COUNT=3"
    await _run(engine, f"{head}\nUPDATE,game-1,,,,,,-,,-\n")
    event = await _event(engine, made.uid)
    assert (event.location, event.description, event.recurrence) == ("", "Bring a friend", "")


async def test_only_the_owner_changes_an_event(engine: Engine) -> None:
    ann = Actor(kind="organizer", address="ann@example.com")
    bob = Actor(kind="organizer", address="bob@example.com")
    (made,) = await _run(engine, f"{HEADER}\n{GAME}\n", ann)
    (by_key,) = await _run(engine, "action,key\nCANCEL,game-1\n", bob)
    (by_uid,) = await _run(engine, f"action,uid\nCANCEL,{made.uid}\n", bob)
    (foreign,) = await _run(engine, f"{HEADER},organizer\n{GAME},ann@example.com\n", bob)
    assert [o.code for o in (by_key, by_uid, foreign)] == ["unknown_event", "unknown_event", "not_allowed"]
    (own,) = await _run(engine, f"{HEADER}\n{GAME}\n", bob)
    assert own.became is RequestOutcome.CREATED


@pytest.mark.parametrize(
    ("when", "zone"),
    [
        ("02-May-2027,19:00", "Europe/Paris"),
        ("2 May 2027,7 pm", "Europe/Paris"),
        (",2027-05-02T19:00", "Europe/Paris"),
        (",2027-05-02T19:00-04:00", "UTC"),
        ("2027-05-02T19:00Z,", "UTC"),
    ],
)
async def test_a_time_without_an_offset_is_in_the_zone_of_its_organizer(
    engine: Engine, when: str, zone: str
) -> None:
    await do(engine, SettleOrganizer(address=engine.local.address, timezone="Europe/Paris"))
    (made,) = await _run(engine, f"action,key,summary,date,start,duration\nCREATE,g1,Opener,{when},2h\n")
    assert made.became is RequestOutcome.CREATED
    assert (await _event(engine, made.uid)).span.timezone == zone


async def test_what_a_row_leaves_out_may_be_given_for_all(engine: Engine) -> None:
    table = "action,key,summary,date,start,end\nCREATE,a,Game,2027-05-02,19:00,21:00\n"
    (made,) = await _run(engine, table, timezone="Europe/Paris", organizer="ann@example.com")
    event = await _event(engine, made.uid)
    assert (event.span.timezone, event.organizer) == ("Europe/Paris", "ann@example.com")
    (gone,) = await _run(engine, "action,key\nCANCEL,a\n", organizer="ann@example.com")
    assert gone.became is RequestOutcome.CANCELLED


async def test_a_dry_run_says_what_would_be_and_changes_nothing(engine: Engine) -> None:
    rows = batchrows.read(f"{HEADER}\n{GAME}\nUPDATE,game-1,Game one,,,,\n").rows
    steps = tuple(RowStep(row=row, name=str(row.row)) for row in rows)
    with pytest.raises(Rehearsed) as rehearsed:
        await engine.apply(Batch(steps=steps, judge=refuse_unasked, dry_run=True), engine.local)
    assert _became(list(rehearsed.value.outcomes)) == ["created", "updated"]
    assert (await engine.store.search(EventQuery())).events == ()


_CELL = st.sampled_from(
    [
        "",
        "-",
        "CREATE",
        "update",
        "cancel",
        "game-1",
        "2027-05-02",
        "19:00",
        "21:30",
        "5/2/2027",
        "UTC",
        "2h",
        "yes",
    ]
) | st.text(max_size=20)


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.dictionaries(st.sampled_from(list(batchrows.COLUMNS)), _CELL), min_size=1, max_size=8))
async def test_any_rows_come_to_an_outcome_each(engine: Engine, rows: list[dict[str, str]]) -> None:
    steps = tuple(RowStep(batchrows.BatchRow(n, cells), str(n)) for n, cells in enumerate(rows, start=1))
    outcomes = (await do(engine, Batch(steps=steps, judge=refuse_unasked))).outcomes
    assert [outcome.name for outcome in outcomes] == [step.name for step in steps]
    assert all(
        outcome.code and outcome.detail for outcome in outcomes if outcome.became is RequestOutcome.FAILED
    )


@given(st.text(max_size=200) | st.text(alphabet='action,uid;\t"\n\r \0', max_size=200))
def test_any_text_is_a_table_of_commands_or_refused(text: str) -> None:
    try:
        assert batchrows.read(text).rows
    except Refused as refused:
        assert refused.hint


async def test_a_stray_quote_costs_its_own_command_alone(engine: Engine) -> None:
    rows = [
        HEADER,
        GAME.replace("Game 1", '"Game 1'),
        GAME.replace("game-1", "game-2"),
        GAME.replace("game-1", "game-3").replace("Game 1", 'Game "live"'),
    ]
    outcomes = await _run(engine, "\n".join(rows))
    assert [(outcome.became.value, outcome.code) for outcome in outcomes] == [
        ("failed", "csv_unreadable"),
        ("created", ""),
        ("created", ""),
    ]


PERSON = "action,key,summary,date,start,duration,timezone,email,name"


async def test_the_person_of_a_row_who_could_not_be_invited_is_invited_by_the_same_row_later(
    engine: Engine,
) -> None:
    table = f"{PERSON}\nCREATE,,Policy due,2027-05-01,10:00,1h,Europe/Paris,ann@example.com,Ann\n"
    await do(engine, Suppress(targets=("ann@example.com",)))
    (made,) = await _run(engine, table)
    assert (made.became, made.code) == (RequestOutcome.CREATED, Code.ADDRESS_SUPPRESSED)
    (still,) = await _run(engine, table)
    assert (still.became, still.code) == (RequestOutcome.UNCHANGED, Code.ADDRESS_SUPPRESSED)
    await do(engine, Unsuppress(targets=("ann@example.com",)))
    (now,) = await _run(engine, table)
    assert (now.became, now.uid, now.code, now.notified) == (RequestOutcome.UNCHANGED, made.uid, "", 1)
    assert "ann@example.com is invited" in now.detail
    (again,) = await _run(engine, table)
    assert (again.became, again.code) == (RequestOutcome.UNCHANGED, Code.NO_CHANGE)
    assert [m.email for m in await deliver(engine)] == ["ann@example.com"]


async def test_a_corrected_address_is_invited_to_the_event_that_the_key_of_its_row_names(
    engine: Engine,
) -> None:
    row = "CREATE,p1,Policy due,2027-05-01,10:00,1h,Europe/Paris,{},Ann"
    await do(engine, Suppress(targets=("an@example.com",)))
    (made,) = await _run(engine, f"{PERSON}\n{row.format('an@example.com')}\n")
    moved = row.format("ann@example.com").replace("10:00", "11:00")
    (other,) = await _run(engine, f"{PERSON}\n{moved}\n")
    assert (other.became, other.code) == (RequestOutcome.FAILED, Code.EVENT_EXISTS)
    right = f"{PERSON}\n{row.format('ann@example.com')}\n{row.format('bob@example.com')}\n"
    (now, second) = await _run(engine, right)
    assert (now.became, now.uid, now.notified) == (RequestOutcome.UNCHANGED, made.uid, 1)
    assert (second.became, second.code) == (RequestOutcome.FAILED, Code.EVENT_EXISTS)
    assert [m.email for m in await deliver(engine)] == ["ann@example.com"]


async def test_whoever_was_taken_out_of_the_event_of_a_row_is_not_invited_by_it_again(engine: Engine) -> None:
    table = f"{PERSON}\nCREATE,,Policy due,2027-05-01,10:00,1h,Europe/Paris,ann@example.com,Ann\n"
    (made,) = await _run(engine, table)
    await do(engine, WithdrawInvite(uid=made.uid, email="ann@example.com"))
    (again,) = await _run(engine, table)
    assert (again.became, again.code, again.notified) == (RequestOutcome.UNCHANGED, Code.NO_CHANGE, 0)
    assert [m.kind for m in await deliver(engine)] == []
