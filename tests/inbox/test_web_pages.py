"""A web page with schema.org Events in JSON-LD is a calendar, too."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.engine import Engine
from engine.imports import feeds, fetch, ldjson, webpage
from engine.imports.imported import ImportOptions
from engine.model.events import Event
from engine.model.queries import EventQuery
from engine.refusals import Code, Refused
from tests.support.steps import counting
from tests.support.web import serving_web
from tests.tools.caller import calling

GAME = {
    "@context": "https://schema.org",
    "@type": "SportsEvent",
    "@id": "https://club.example.com/games/1",
    "name": "Reds &amp; Blues",
    "startDate": "2027-04-01T19:00:00-04:00",
    "endDate": "2027-04-01T21:00:00-04:00",
    "description": "<p>Doors open <b>early</b>.</p>",
    "url": "https://club.example.com/games/1",
    "location": {
        "@type": "Place",
        "name": "Example Arena",
        "address": {
            "@type": "PostalAddress",
            "streetAddress": "1 Main St",
            "addressLocality": "Example City",
        },
    },
}


def event(number: int, **fields: Any) -> dict[str, Any]:
    own = {"@id": f"https://club.example.com/games/{number}", "name": f"Game {number}"}
    return {**GAME, **own, **fields}


def page(*blocks: object, tail: str = "</body></html>") -> bytes:
    """A page with a block of JSON-LD each; text stands as it is."""
    said = [block if isinstance(block, str) else json.dumps(block) for block in blocks]
    scripts = "\n".join(f'<script type="application/ld+json">{block}</script>' for block in said)
    return f"<!DOCTYPE html><html><head><title>x</title>{scripts}</head><body>{tail}".encode()


def test_half_characters_and_unreadable_starts_are_told_cleanly() -> None:
    data = page(event(1, startDate="soon \ud800", **{"@id": "#a"}), event(2))
    calendar = webpage.read_page(data)
    (bad,) = calendar.unreadable
    str(bad.refused).encode()
    bad.uid.encode()
    assert (len(calendar.entries), calendar.whole) == (1, False)


async def _events(engine: Engine) -> dict[str, Event]:
    found = await engine.store.search(EventQuery(limit=100))
    return {each.summary: each for each in found.events}


async def test_a_page_is_imported_through_the_tool_and_again(engine: Engine, tmp_path: Path) -> None:
    file = tmp_path / "season.html"
    file.write_bytes(page(*(event(n) for n in range(3))))
    async with calling(engine, tier="extended") as caller:
        data = await caller.ok("import_calendar", path=str(file))
        assert (data["new"], data["failed"], data["cut_off"]) == (3, 0, False)
        file.write_bytes(page(event(0), event(1, startDate="2027-04-01T20:00:00-04:00"), event(5)))
        data = await caller.ok("import_calendar", path=str(file))
        counts = {name: data[name] for name in ("new", "changed", "gone", "cancelled", "unchanged")}
        assert counts == {"new": 1, "changed": 1, "gone": 1, "cancelled": 1, "unchanged": 1}


async def test_a_page_on_the_web_is_a_calendar(engine: Engine, tmp_path: Path) -> None:
    async with serving_web(tmp_path) as web:
        url = web.says("/games", page(GAME), "Content-Type: text/html")
        imported = await feeds.import_url(engine, engine.local, url, ImportOptions(), way=web.way())
        assert (imported.new, imported.left_out) == (1, ())
        made = (await _events(engine))["Reds & Blues"]
        assert made.span.start_utc == datetime(2027, 4, 1, 23, tzinfo=UTC)
        assert made.location == "Example Arena, 1 Main St, Example City"
        assert made.description == "Doors open early."
        assert made.url == GAME["url"]


async def test_a_page_without_events_is_refused_as_one(engine: Engine, tmp_path: Path) -> None:
    async with serving_web(tmp_path) as web:
        url = web.says("/about", b"<!doctype html><html><p>About</p></html>", "Content-Type: text/html")
        with pytest.raises(Refused, match="web page without events") as raised:
            await fetch.fetch(url, {}, web.way())
        assert raised.value.code is Code.URL_NOT_READABLE
        url = web.says("/shop", page({"@type": "Product"}))
        with pytest.raises(Refused, match="web page without events"):
            await feeds.import_url(engine, engine.local, url, ImportOptions(), way=web.way())


@pytest.mark.parametrize(
    "block",
    [
        GAME,
        [GAME],
        {"@graph": [{"@type": "Organization"}, GAME]},
        {"@type": "ItemList", "itemListElement": [{"@type": "ListItem", "item": GAME}]},
        {"@type": "ItemList", "itemListElement": [GAME]},
        {**GAME, "@type": ["Thing", "https://schema.org/MusicEvent"]},
    ],
)
def test_events_are_found_wherever_pages_put_them(block: object) -> None:
    (entry,) = webpage.read_page(page(block)).entries
    assert entry.uid == GAME["@id"]


def test_what_stands_in_comments_and_other_scripts_is_no_event() -> None:
    other = page(event(2)).replace(b"application/ld+json", b"text/javascript")
    data = b"<!-- " + page(event(1)) + b" -->" + other + page(event(3))
    assert [e.event.summary for e in webpage.read_page(data).entries] == ["Game 3"]


def test_a_date_alone_is_a_whole_day_and_the_last_one_counts() -> None:
    data = page(event(1, startDate="2027-07-01", endDate="2027-07-03"))
    (entry,) = webpage.read_page(data).entries
    assert entry.event.span is not None
    assert (entry.event.span.start, entry.event.span.end) == (date(2027, 7, 1), date(2027, 7, 4))


def test_a_time_without_zone_takes_the_given_one_or_is_refused() -> None:
    data = page(event(1, startDate="2027-07-01T19:00", endDate="2027-07-01T20:00"))
    (bad,) = webpage.read_page(data).unreadable
    assert bad.refused.code is Code.UNKNOWN_TIMEZONE
    (entry,) = webpage.read_page(data, default_zone="Europe/Paris").entries
    assert entry.event.span is not None
    assert entry.event.span.start_utc == datetime(2027, 7, 1, 17, tzinfo=UTC)


def test_what_is_left_out_is_said() -> None:
    data = page(
        event(
            1, endDate="2027-04-01", eventSchedule={"repeatFrequency": "often"}, eventStatus="EventPostponed"
        )
    )
    (entry,) = webpage.read_page(data).entries
    said = " ".join(entry.event.left_out)
    assert all(words in said for words in ("eventSchedule", "its end", "EventPostponed"))


WEEKLY = {
    "@type": "Schedule",
    "startDate": "2027-04-01",
    "endDate": "2027-05-31",
    "repeatFrequency": "P1W",
    "byDay": ["https://schema.org/Tuesday", "Friday"],
    "startTime": "18:30:00",
    "endTime": "19:45",
    "scheduleTimezone": "Europe/London",
    "exceptDate": ["2027-04-09"],
}


def test_a_schedule_is_a_series() -> None:
    data = page(
        {k: v for k, v in event(1, eventSchedule=WEEKLY).items() if k not in {"startDate", "endDate"}}
    )
    (entry,) = webpage.read_page(data).entries
    said = entry.event
    assert said.span is not None
    assert said.left_out == ()
    assert said.recurrence == "FREQ=WEEKLY;BYDAY=TU,FR;UNTIL=20270531"
    local = said.span.local(said.span.start)
    assert (str(local), said.span.length) == ("2027-04-02 18:30:00+01:00", timedelta(minutes=75))
    assert said.exdates == (datetime(2027, 4, 9, 17, 30, tzinfo=UTC),)


@pytest.mark.parametrize(
    ("changed", "recurrence"),
    [
        ({"repeatFrequency": "P2W", "repeatCount": "5", "byDay": []}, "FREQ=WEEKLY;INTERVAL=2;COUNT=5"),
        ({"repeatFrequency": "Daily", "byDay": [], "endDate": ""}, "FREQ=DAILY"),
        (
            {"repeatFrequency": "P1M", "byDay": "Monday", "byMonthWeek": "2", "endDate": ""},
            "FREQ=MONTHLY;BYDAY=2MO",
        ),
        (
            {"repeatFrequency": "P1Y", "byDay": [], "byMonth": "7", "byMonthDay": "4", "endDate": ""},
            "FREQ=YEARLY;BYMONTH=7;BYMONTHDAY=4",
        ),
    ],
)
def test_schedules_recur_in_all_ways_of_schema_org(changed: dict[str, Any], recurrence: str) -> None:
    (entry,) = webpage.read_page(page(event(1, eventSchedule={**WEEKLY, **changed}))).entries
    assert entry.event.recurrence == recurrence


def test_a_schedule_without_a_zone_keeps_the_offset_of_its_time_and_says_so() -> None:
    unzoned = {"repeatFrequency": "P1D", "repeatCount": "3"}
    (entry,) = webpage.read_page(page(event(1, eventSchedule=unzoned))).entries
    assert entry.event.span is not None
    assert entry.event.span.start_utc == datetime(2027, 4, 1, 23, tzinfo=UTC)
    assert "an offset alone" in " ".join(entry.event.left_out)
    utc = event(1, eventSchedule=unzoned, startDate="2027-04-01T23:00:00.000Z")
    (entry,) = webpage.read_page(page(utc)).entries
    assert entry.event.span is not None
    assert (entry.event.span.timezone, entry.event.left_out) == ("UTC", ())


@pytest.mark.parametrize(
    ("changed", "start", "zone", "first"),
    [
        ({"startTime": "17:00:00Z", "endTime": "19:00:00Z"}, "", "Europe/Paris", "2027-04-01 19:00"),
        ({}, "2027-04-01T17:00:00.000Z", "Europe/Paris", "2027-04-01 19:00"),
        ({}, "2027-04-01T23:00:00Z", "Europe/Paris", "2027-04-02 01:00"),
        ({}, "2027-04-02T02:00:00+00:00", "America/Los_Angeles", "2027-04-01 19:00"),
        ({"startDate": "2027-04-01"}, "2027-04-02T02:00:00Z", "America/Los_Angeles", "2027-04-01 19:00"),
        ({"startTime": "19:00+02:00"}, "", "Europe/Paris", "2027-04-01 19:00"),
        ({"startTime": "19:00"}, "", "Europe/Paris", "2027-04-01 19:00"),
    ],
)
@pytest.mark.parametrize("named", [True, False])
def test_a_schedule_takes_place_when_the_offset_of_its_time_says(
    changed: dict[str, str], start: str, zone: str, first: str, named: bool
) -> None:
    schedule = {"startDate": start or "2027-04-01", "repeatFrequency": "P1D", "repeatCount": "3", **changed}
    given = {"scheduleTimezone": zone} if named else {}
    data = page(event(1, eventSchedule={**schedule, **given}, startDate=start, endDate=""))
    (entry,) = webpage.read_page(data, default_zone=None if named else zone).entries
    span = entry.event.span
    assert span is not None
    assert (span.timezone, str(span.local(span.start))[:16]) == (zone, first)
    assert entry.event.left_out == ()
    if changed.get("endTime"):
        assert span.length == timedelta(hours=2)


@pytest.mark.parametrize(
    ("start", "gone", "last"),
    [
        ("2027-04-02T02:00:00Z", "2027-04-03T02:00:00Z", "2027-04-05T02:00:00Z"),
        ("2027-04-02T00:00:00Z", "2027-04-03T00:00:00Z", "2027-04-05T00:00:00Z"),
        ("2027-04-02T02:00:00Z", "2027-04-02T00:00:00Z", "2027-04-04T23:59:59Z"),
        ("2027-04-02T02:00:00Z", "2027-04-02", "2027-04-04"),
    ],
)
def test_days_of_a_schedule_are_those_of_its_zone(start: str, gone: str, last: str) -> None:
    daily = {"repeatFrequency": "P1D", "endDate": last, "exceptDate": gone}
    daily["scheduleTimezone"] = "America/Los_Angeles"
    (entry,) = webpage.read_page(page(event(1, startDate=start, endDate="", eventSchedule=daily))).entries
    said = entry.event
    assert said.span is not None
    assert [str(said.span.local(one))[:10] for one in said.exdates] == ["2027-04-02"]
    assert said.recurrence == "FREQ=DAILY;UNTIL=20270404"


def test_the_parts_of_an_event_are_events_at_its_place() -> None:
    parts = [event(n, startDate=f"2027-04-0{n}T12:00:00Z", endDate=None, location=None) for n in (2, 3)]
    for part in parts:
        del part["location"]
    festival = {**event(1, subEvent=parts), "@type": "Festival", "startDate": None}
    entries = webpage.read_page(page(festival)).entries
    assert [e.event.summary for e in entries] == ["Game 2", "Game 3"]
    assert {e.event.location for e in entries} == {"Example Arena, 1 Main St, Example City"}


@pytest.mark.parametrize("status", ["EventCancelled", "https://schema.org/EventCancelled"])
def test_a_cancelled_event_is_cancelled(status: str) -> None:
    (entry,) = webpage.read_page(page(event(1, eventStatus=status))).entries
    assert entry.event.status == "CANCELLED"


def test_an_event_without_an_id_is_known_by_its_link_and_first_start() -> None:
    moved = event(1, previousStartDate=GAME["startDate"], startDate="2027-04-01T20:00:00-04:00")
    uids = {webpage.read_page(page({**e, "@id": "#event"})).entries[0].uid for e in (event(1), moved)}
    assert uids == {f"{GAME['url']} {GAME['startDate']}"}


@pytest.mark.parametrize(
    ("bad", "tail"),
    [
        ('{"@type": "Event", "name": NaN}', "</html>"),
        ("[" * 100_000, "</html>"),
        ("{,", "</html>"),
        ("[]", ""),
    ],
)
def test_a_page_that_is_not_whole_says_nothing_of_what_it_lacks(bad: str, tail: str) -> None:
    calendar = webpage.read_page(page(bad, event(1), tail=tail))
    assert (len(calendar.entries), calendar.whole) == (1, False)


def test_counts_are_bounded() -> None:
    several: list[object] = ["[]"] * (ldjson.MAX_BLOCKS + 1)
    objects: list[object] = [{}] * ldjson.MAX_OBJECTS
    for blocks in (several, [objects], [[GAME] * 10_001]):
        with pytest.raises(Refused) as raised:
            webpage.read_page(page(*blocks))
        assert raised.value.code is Code.TOO_LARGE


def _read(data: bytes) -> None:
    try:
        webpage.read_page(data, default_zone="Europe/Paris")
    except Refused as refused:
        assert refused.message


PIECES = st.sampled_from(
    ["<script type='application/ld+json'>", "</script>", "<!--", "-->", "<script", " type=", '"', "'", ">",
     "&#9999999999999;", '{"@type":"Event","startDate":"',
     "2027-01-01", "T10:00", "+99:99", "-23:59", '"}', "[", "{", "]", "}", "\\", "\0", "é"]
)  # fmt: skip
JSON = st.recursive(
    st.none() | st.booleans() | st.floats() | st.text(max_size=20) | st.sampled_from(list(GAME.values())),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                [*GAME, *WEEKLY, "subEvent", "duration", "eventStatus", "@graph", "item", "address"]
            ),
            inner,
        )
    ),
    max_leaves=15,
)


@given(st.lists(PIECES | st.text(max_size=5), max_size=40))
def test_no_page_raises_anything_but_a_refusal(pieces: list[str]) -> None:
    _read(f"<html>{''.join(pieces)}".encode(errors="replace"))


@given(st.dictionaries(st.sampled_from([*GAME, "duration", "eventStatus", "eventSchedule"]), JSON))
def test_no_event_raises_anything_but_a_refusal(fields: dict[str, Any]) -> None:
    _read(page(json.dumps({**GAME, **fields})))


@pytest.mark.parametrize(
    "hostile", ["<script ", "<!--", "<script type='", "<script></script ", "</script", '<script x="']
)
def test_text_that_opens_scripts_again_and_again_costs_in_proportion_to_its_length(hostile: str) -> None:
    _read(f"<html>{hostile}".encode())  # what is loaded or compiled once is no part of it
    costs = []
    for repeats in (1_000, 4_000):
        with counting() as steps:
            _read(("<html>" + hostile * repeats).encode())
        costs.append(steps.taken)
    assert costs[1] <= 5 * costs[0]
