"""What a change says of each field that an update can change: the old beside the new, as a reader understands it."""

from __future__ import annotations

from typing import Any

import pytest

from cis_mcp.mcp.tools.event_arguments import UpdateEventArguments
from engine.engine import Engine
from tests.support.engines import deliver
from tests.tools.caller import calling, text_of

SERIES = {"recurrence": "FREQ=WEEKLY;COUNT=4"}
INSTANCE = {"instance": "2027-05-09"}
LONG = "The doors open early. " * 30
CHANGES: list[tuple[str, dict[str, Any], dict[str, Any], list[str]]] = [
    ("summary", {}, {"summary": "Final"}, ["summary: «Season opener» → «Final»"]),
    (
        "start",
        {},
        {"start": "2027-05-02T20:00:00"},
        [
            "start: 2027-05-02T19:00:00-04:00 → 2027-05-02T20:00:00-04:00",
            "end: 2027-05-02T21:00:00-04:00 → 2027-05-02T22:00:00-04:00",
        ],
    ),
    (
        "end",
        {},
        {"end": "2027-05-02T21:30:00"},
        ["end: 2027-05-02T21:00:00-04:00 → 2027-05-02T21:30:00-04:00"],
    ),
    ("duration", {}, {"duration": "PT3H"}, ["end: 2027-05-02T21:00:00-04:00 → 2027-05-02T22:00:00-04:00"]),
    ("timezone", {}, {"timezone": "Europe/Paris"}, ["timezone: America/New_York → Europe/Paris"]),
    (
        "all_day",
        {},
        {"start": "2027-05-02", "end": "2027-05-04", "all_day": True},
        [
            "start: 2027-05-02T19:00:00-04:00 → 2027-05-02",
            "end: 2027-05-02T21:00:00-04:00 → before 2027-05-04",
        ],
    ),
    ("location", {}, {"location": "Hall 2"}, ["location: none → «Hall 2»"]),
    ("clear", {"location": "Hall 1"}, {"clear": ["location"]}, ["location: «Hall 1» → none"]),
    ("description", {}, {"description": "Bring\na «pen»"}, ["description: none → «Bring a <pen>»"]),
    (
        "description",
        {"description": f"{LONG}Gate A is open to all of you."},
        {"description": f"{LONG}Gate B is open to all of you."},
        ["The doors open early. Gate A is open to all of you.» → «…", "Gate B is open to all of you.»"],
    ),
    ("url", {}, {"url": "https://example.com/a"}, ["url: none → «https://example.com/a»"]),
    (
        "organizer_name",
        {"organizer_name": "Ann"},
        {"organizer_name": "Bob"},
        ["organizer_name: «Ann» → «Bob»"],
    ),
    (
        "recurrence",
        {},
        {"recurrence": "FREQ=WEEKLY;COUNT=2"},
        ["recurrence: none → FREQ=WEEKLY;COUNT=2"],
    ),
    (
        "exclude_dates",
        SERIES,
        {"exclude_dates": ["2027-05-09", "2027-05-16"]},
        ["exdates: none → 2027-05-09T19:00:00-04:00, 2027-05-16T19:00:00-04:00"],
    ),
    ("alarm_minutes", {}, {"alarm_minutes": [5]}, ["alarm_minutes: 15 minutes before → 5 minutes before"]),
    (
        "alarm_minutes",
        {"alarm_minutes": []},
        {"alarm_minutes": [1440, 120, 1, 0]},
        [
            "alarm_minutes: none → 1 day before and 2 hours before and 1 minute before and at the start",
        ],
    ),
    ("places", {}, {"places": 12}, ["places: any number → 12"]),
    (
        "only_for",
        {},
        {"only_for": ["accepted", "tentative"], "location": "Cellar"},
        ["reserved: none → Only Yes and Maybe see: at «Cellar»"],
    ),
    (
        "instance",
        SERIES,
        {**INSTANCE, "start": "2027-05-09T18:00:00", "location": "Hall 2"},
        [
            "overrides: none → 2027-05-09T19:00:00-04:00: on Sunday 2027-05-09 18:00–20:00 America/New_York "
            "(2027-05-09T22:00:00Z), location «Hall 2»"
        ],
    ),
]
NO_FIELDS = {
    "uid": "names the event",
    "note": "goes into the mail, not into the event",
    "audience": "says who is mailed",
    "expected_sequence": "refuses",
    "dry_run": "only shows",
    "wait_s": "waits",
}
"""Arguments of update_event that change nothing of an event."""


def test_every_argument_that_changes_an_event_has_a_case() -> None:
    assert {name for name, *_ in CHANGES} | set(NO_FIELDS) == set(UpdateEventArguments.model_fields)


@pytest.mark.parametrize(("name", "made", "change", "told"), CHANGES)
async def test_the_old_stands_beside_the_new_as_a_reader_understands_it(
    engine: Engine, name: str, made: dict[str, Any], change: dict[str, Any], told: list[str]
) -> None:
    async with calling(engine) as caller:
        uid = await caller.event(**made)
        dry = await caller.call("update_event", uid=uid, dry_run=True, **change)
        assert not dry.is_error, text_of(dry)
        lines = text_of(dry).splitlines()
        for part in told:
            assert any(line.startswith("- ") and part in line for line in lines), (name, lines)
        done = text_of(await caller.call("update_event", uid=uid, **change)).splitlines()
        assert [line for line in done if "→" in line] == [line for line in lines if "→" in line]


@pytest.mark.parametrize("tool", ["update_event", "cancel_event"])
async def test_more_than_twenty_names_are_said_to_be_more(engine: Engine, tool: str) -> None:
    people = [{"email": f"p{n:02}@example.com"} for n in range(23)]
    async with calling(engine) as caller:
        uid = await caller.event()
        await caller.ok("bulk_send", uid=uid, recipients=people, start=True)
        await deliver(engine)
        change = {"location": "Hall 2"} if tool == "update_event" else {}
        result = await caller.call(tool, uid=uid, dry_run=True, audience="all", **change)
    assert result.structured_content is not None
    assert (result.structured_content["notified"], len(result.structured_content["first"])) == (23, 20)
    (line,) = [line for line in text_of(result).splitlines() if line.startswith("People who would be")]
    assert line.startswith("People who would be mailed: 23 (p*******@example.com, ")
    assert line.count("@example.com") == 20
    assert line.endswith(", …).")
