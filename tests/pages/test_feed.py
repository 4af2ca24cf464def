"""Calendar feeds, QR codes and pages in frames on other sites."""

from __future__ import annotations

from datetime import timedelta

import pytest

from engine.commands.events.events import CancelEvent
from engine.commands.events.timing import Timing
from engine.engine import Engine
from engine.itip import feed
from tests.judges import judge_calendar
from tests.pages.visitor import Visitor, changed, games, invites, published
from tests.support.clock import Clock
from tests.support.engines import created, do


async def test_a_feed_has_all_events_with_their_revision_and_keeps_the_cancelled(
    engine: Engine, visitor: Visitor
) -> None:
    """Programs that saw an event are told that it is cancelled, since they see no deletion."""
    one, two = await games(engine, 2, description="Join: https://meet.example/secret")
    await published(engine, title="Season; of, games", slug="season")
    answer = await visitor.web.get("/feed/season.ics")
    assert answer.headers["content-type"] == "text/calendar; charset=utf-8"
    for line in ("METHOD:PUBLISH", "REFRESH-INTERVAL;VALUE=DURATION:PT1H", "X-PUBLISHED-TTL:PT1H"):
        assert line in answer.text
    assert "NAME:Season\\; of\\, games" in answer.text
    assert "secret" not in answer.text
    assert "ATTENDEE" not in answer.text
    assert one.organizer not in answer.text
    assert answer.headers["last-modified"] == "Mon, 01 Mar 2027 09:00:00 GMT"
    known = {"if-none-match": answer.headers["etag"]}
    assert (await visitor.web.get("/feed/season.ics", headers=known)).status_code == 304
    await do(engine, CancelEvent(uid=two.uid))
    answer = await visitor.web.get("/feed/season.ics", headers=known)
    assert answer.status_code == 200
    entries = {entry.uid: entry.event for entry in feed.read_calendar(answer.content).entries}
    assert set(entries) == {one.uid, two.uid}
    assert entries[two.uid].status == "CANCELLED"
    assert entries[two.uid].sequence == 1
    assert entries[one.uid].span == one.span.model_copy(update={"timezone": "UTC"})
    assert entries[one.uid].url == f"https://cis.example.com/e/{one.id}"


async def test_a_series_is_in_the_feed_with_its_rule_and_zone(engine: Engine, visitor: Visitor) -> None:
    made = await created(engine, recurrence="FREQ=WEEKLY;COUNT=10")
    await published(engine)
    answer = await visitor.web.get("/feed/season.ics")
    assert answer.text.count("BEGIN:VTIMEZONE") == 1
    (entry,) = feed.read_calendar(answer.content).entries
    assert entry.event.recurrence == "FREQ=WEEKLY;COUNT=10"
    assert entry.event.span.timezone == made.span.timezone


async def test_what_is_long_over_leaves_the_feed(engine: Engine, visitor: Visitor, clock: Clock) -> None:
    await games(engine, 1)
    await published(engine)
    clock.now += timedelta(days=70)
    assert "BEGIN:VEVENT" in (await visitor.web.get("/feed/season.ics")).text
    clock.now += timedelta(days=70)
    assert "BEGIN:VEVENT" not in (await visitor.web.get("/feed/season.ics")).text


async def test_a_feed_that_is_switched_off_is_not_there(engine: Engine, visitor: Visitor) -> None:
    await games(engine, 1)
    await published(engine, hide=frozenset({"feed"}))
    assert (await visitor.web.get("/feed/season.ics")).status_code == 404
    assert "webcal:" not in (await visitor.see("/s/season")).answer.text
    await changed(engine, "season", show=frozenset({"feed"}))
    assert (await visitor.web.get("/feed/season.ics")).status_code == 200
    assert "webcal://cis.example.com/feed/season.ics" in (await visitor.see("/s/season")).page.links


@pytest.mark.parametrize(("kind", "begins"), [("svg", b"<?xml"), ("png", b"\x89PNG")])
async def test_each_page_has_a_code_for_cameras(
    engine: Engine, visitor: Visitor, kind: str, begins: bytes
) -> None:
    (event,) = await games(engine, 1)
    await published(engine)
    for name in ("season", f"e/{event.id}"):
        answer = await visitor.web.get(f"/qr/{name}.{kind}")
        assert answer.status_code == 200
        assert answer.content.startswith(begins)
        assert f"image/{kind}" in answer.headers["content-type"]
    for name in ("nothing.svg", "season.gif", "season", "e/nothing.png"):
        assert (await visitor.web.get(f"/qr/{name}")).status_code == 404


async def test_a_page_is_framed_only_where_its_organizer_says_so_and_works_there(
    engine: Engine, visitor: Visitor
) -> None:
    """No cookies in frames, and only /embed may be framed."""
    (event,) = await games(engine, 1)
    await published(engine)
    assert (await visitor.see("/embed/s/season")).status == 404
    await changed(engine, "season", show=frozenset({"embed"}))
    for path in ("/embed/s/season", f"/embed/e/{event.id}"):
        page = await visitor.see(path)
        assert "frame-ancestors *" in page.answer.headers["content-security-policy"]
        assert "set-cookie" not in page.answer.headers
        assert f'action="{path}"' in page.answer.text
    keys = (await visitor.see("/embed/s/season")).keys
    sent = await visitor.send("/embed/s/season", keys)
    assert sent.answer.url.path == "/embed/sent/sent"
    assert "frame-ancestors *" in sent.answer.headers["content-security-policy"]
    assert len(await invites(engine)) == 1
    assert (
        "frame-ancestors 'none'" in (await visitor.see("/s/season")).answer.headers["content-security-policy"]
    )


async def test_every_judge_of_calendars_takes_the_feed(engine: Engine, visitor: Visitor) -> None:
    odd = 'A; B, C\\n "quoted" \u2028 ünïcödé ' + "long " * 60
    days = Timing(start="2027-05-04", end="2027-05-06", timezone="Europe/Paris")
    await created(engine, summary=odd, location=odd, description=odd + "\nnew line", verbatim=True)
    await created(engine, summary="Days off", when=days)
    await created(engine, recurrence="FREQ=WEEKLY;COUNT=10", exclude_dates=("2027-05-09",))
    await created(engine, summary="Information", rsvp=False, organizer_name='Olga "O" Ok; Ltd')
    gone = await created(engine, summary="Gone")
    await do(engine, CancelEvent(uid=gone.uid, reason="Rain"))
    await published(engine, show=frozenset({"description"}))
    answer = await visitor.web.get("/feed/season.ics")
    assert answer.text.count("BEGIN:VEVENT") == 5
    # What is published has no ATTENDEE, which the judges ask of invites (RFC 5546, 3.2.1).
    assert [fault for fault in judge_calendar(answer.content) if "attendee" not in fault.lower()] == []
