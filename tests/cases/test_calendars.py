"""The shared cases that concern calendars, if they are here: inputs modelled on public bug reports."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from datetime import UTC, date, datetime
from email import message_from_bytes, policy
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from engine.commands.events.events import UpdateEvent
from engine.commands.events.timing import Timing
from engine.engine import Engine
from engine.imports import feeds
from engine.imports.imported import Imported, ImportOptions
from engine.inbox.handling.received import Outcome
from engine.inbox.intake.intake import Inbox
from engine.inbox.spool.spool import OwnMailbox
from engine.itip import recurrence
from engine.model.events import Event, EventStatus
from engine.model.messages import Message
from engine.model.people import Partstat
from engine.model.queries import EventQuery
from engine.model.times import Span
from engine.refusals import Code, Refused
from tests.support.clock import Clock
from tests.support.engines import answer, attendee, created, deliver, do, engine_in, invite
from tests.support.inboxes import inbox_of

CASES = Path(__file__).parents[3] / "shared" / "cases"
pytestmark = pytest.mark.skipif(not CASES.is_dir(), reason="the shared cases are not here")
NOW = datetime(2026, 11, 28, 9, tzinfo=UTC)
ANN = "ann@example.org"


def day(number: int, month: int = 3, year: int = 2027) -> date:
    return date(year, month, number)


def utc(*numbers: int) -> datetime:
    return datetime(*numbers, tzinfo=UTC)  # type: ignore[misc,arg-type]


@pytest.fixture
async def engine(tmp_path: Path) -> AsyncIterator[Engine]:
    async with engine_in(tmp_path, Clock(NOW), sender_auth="off", organizers="*") as opened:
        yield opened


@pytest.fixture
async def inbox(engine: Engine) -> AsyncIterator[Inbox]:
    async with inbox_of(engine) as opened:
        yield opened


async def mailed(inbox: Inbox, path: str, box: OwnMailbox | None = None) -> Outcome:
    (outcome,) = await inbox.take((CASES / path).read_bytes(), (box or OwnMailbox(name="create"),))
    return outcome


async def imported(engine: Engine, path: str, name: str = "calendar") -> Imported:
    """What importing a file comes to; those of one name are the same calendar."""
    data = (CASES / path).read_bytes()
    return await feeds.import_file(engine, engine.local, data, path, ImportOptions(name=name))


async def events(engine: Engine) -> dict[str, Event]:
    """The events that stand, by title."""
    page = await engine.store.search(EventQuery(limit=100, status=EventStatus.CONFIRMED))
    return {event.summary: event for event in page.events}


async def invited(engine: Engine, *found: Event) -> None:
    for event in found:
        await invite(engine, event, ANN)
    await deliver(engine)


def starts(event: Event) -> list[date | datetime]:
    return [span.start for span in spans(event)]


def spans(event: Event) -> list[Span]:
    return recurrence.instances(event, NOW, NOW.replace(year=2040), 100)


async def test_07_an_instance_alone_is_an_event_that_its_update_and_its_cancellation_find(
    engine: Engine, inbox: Inbox
) -> None:
    assert (await mailed(inbox, "07-instance-only-request/request.eml")).action == "created"
    (event,) = (await events(engine)).values()
    assert (event.span.start, event.recurring) == (utc(2027, 1, 27, 7), False)
    await invited(engine, event)
    assert (await mailed(inbox, "07-instance-only-request/update.eml")).uid == event.uid
    assert (await events(engine))["Board review"].span.start == utc(2027, 1, 27, 10)
    assert (await mailed(inbox, "07-instance-only-request/cancel.eml")).action == "cancelled"
    assert await events(engine) == {}


async def test_08_instances_without_their_series_are_events_of_their_own(engine: Engine) -> None:
    assert (await imported(engine, "08-feed-of-instances/feed.ics")).new == 4
    assert (await imported(engine, "08-feed-of-instances/feed.ics")).unchanged == 4
    assert (await imported(engine, "08-feed-of-instances/feed2.ics")).cancelled == 1


async def test_09_times_in_utc_are_shown_in_the_calendars_zone(engine: Engine) -> None:
    engine.clock.now = utc(2027, 7, 12)  # type: ignore[attr-defined]
    await imported(engine, "09-xwrtimezone-utc/feed.ics")
    found = await engine.search(EventQuery(query="Saturday evening", limit=9), engine.local)
    assert {e.summary for e in found.events} == {"Tech meetup", "Late meetup"}
    assert (await events(engine))["Tech meetup"].span.timezone == "America/New_York"


@pytest.mark.parametrize("path", ["empty", "imceaex", "nomail", "urn", "x500", "x500b"])
async def test_10_an_answer_at_its_token_counts_whatever_its_attendee_says(
    engine: Engine, inbox: Inbox, path: str
) -> None:
    event = await created(engine)
    done = await invite(engine, event, ANN)
    await deliver(engine)
    await mailed(
        inbox, f"10-attendee-without-address/{path}.eml", OwnMailbox(name="rsvp", token=done.attendee.token)
    )
    assert (await attendee(engine, event, ANN)).partstat is Partstat.ACCEPTED


async def test_11_quoted_printable_text_is_decoded(engine: Engine, inbox: Inbox) -> None:
    await imported(engine, "11-quoted-printable-text/abfall.ics")
    event = (await events(engine))["Altpapier für Köln"]
    assert (event.description, event.location) == ("Line one\nLine two", "Straße 5")
    await imported(engine, "11-quoted-printable-text/meeting.vcs", "other")
    meetings = (await events(engine))["Café meeting"]
    assert starts(meetings) == [utc(2027, 3, d, 14) for d in (10, 17, 24, 31)]
    assert (await mailed(inbox, "11-quoted-printable-text/vcs.eml")).action == "created"


async def test_12_an_offset_in_a_time_is_read_or_refused_with_the_value(engine: Engine) -> None:
    done = await imported(engine, "12-offset-in-dtstart/delta.ics")
    assert done.failed == 2
    assert ["-0500" in p.detail or "-05:00" in p.detail for p in done.problems] == [True, True]


async def test_14_an_added_date_with_a_period_keeps_its_length(engine: Engine) -> None:
    await imported(engine, "14-rdate-period/period.ics")
    found = {span.start: span.end for span in spans((await events(engine))["Daily"])}
    assert found[utc(2027, 3, 25, 12)] == utc(2027, 3, 25, 15)
    assert found[utc(2027, 3, 27, 10)] == utc(2027, 3, 27, 12, 30)
    assert [found[utc(2027, 3, d, 8)] for d in range(24, 29)] == [utc(2027, 3, d, 9) for d in range(24, 29)]


async def test_15_an_end_before_the_start_costs_no_event(engine: Engine) -> None:
    assert (await imported(engine, "15-until-before-start/confluence.ics")).new == 4
    found = await events(engine)
    assert [len(spans(found[name])) for name in ("Holiday", "Split tail", "Plain")] == [1, 1, 1]
    assert found["Until 9999"].ends_at is None


@pytest.mark.parametrize("case", ["17-uids-change", "17b-uids-change-small"])
async def test_17_events_whose_uids_change_are_the_same(engine: Engine, case: str) -> None:
    await imported(engine, f"{case}/a.ics")
    before = {e.uid for e in (await events(engine)).values()}
    await imported(engine, f"{case}/b.ics")
    assert {e.uid for e in (await events(engine)).values()} == before


@pytest.mark.parametrize("path", ["cut", "cut3"])
async def test_19_a_calendar_that_is_cut_off_cancels_nothing(engine: Engine, path: str) -> None:
    await imported(engine, "19-truncated-feed/whole.ics")
    before = await events(engine)
    assert (await imported(engine, f"19-truncated-feed/{path}.ics")).cancelled == 0
    assert await events(engine) == before


async def test_19_events_without_their_ends_are_all_read(engine: Engine) -> None:
    text = (CASES / "19-truncated-feed/microsoft.ics").read_text()
    assert (await imported(engine, "19-truncated-feed/microsoft.ics")).new == text.count("BEGIN:VEVENT")


async def test_19b_people_keep_what_was_cut_off_and_came_again(engine: Engine) -> None:
    await imported(engine, "19b-truncated-then-whole/whole.ics")
    await invited(engine, *(await events(engine)).values())
    before = await events(engine)
    for path in ("cut", "again"):
        await imported(engine, f"19b-truncated-then-whole/{path}.ics")
    assert await events(engine) == before
    assert await deliver(engine) == []


async def test_22_a_day_is_taken_as_written(engine: Engine) -> None:
    await imported(engine, "22-outlook-allday-series/published.ics")
    assert starts((await events(engine))["All d"]) == [day(1), day(3), day(4)]
    await imported(engine, "22-outlook-allday-series/noexdate.ics", "other")
    assert starts((await events(engine))["Without EXDATE"]) == [day(1), day(2), day(3), day(4)]


async def test_22b_a_series_of_days_keeps_its_last(engine: Engine) -> None:
    await imported(engine, "22b-until-utc-allday/outlook.ics")
    found = await events(engine)
    assert starts(found["Anniversary"]) == [day(20, 10)]
    assert starts(found["Month end"])[-1] == day(30, 11)


@pytest.mark.parametrize(("path", "title"), [("one-zone", "Ferie"), ("two-zones", "Zwei Zonen")])
async def test_23_an_exception_takes_out_its_own_day(engine: Engine, path: str, title: str) -> None:
    await imported(engine, f"23-exdate-tzid-allday/{path}.ics")
    event = (await events(engine))[title]
    assert starts(event) == [day(d, 2) for d in (16, 17, 19, 20, 21, 22, 23)]
    assert [(o.recurrence_id, o.summary) for o in event.overrides] == [(day(20, 2), "Half day")]


@pytest.mark.parametrize("zone", ["EST", "ET", "EDT", "PST", "PDT", "CEST", "IST"])
async def test_24_a_word_for_a_zone_is_refused_with_zones_that_have_its_clock(zone: str) -> None:
    with pytest.raises(Refused) as raised:
        Timing(start="2027-07-02T19:00", duration="PT1H", timezone=zone).span()
    assert raised.value.code is Code.UNKNOWN_TIMEZONE
    hinted = re.findall(r"[A-Z][A-Za-z]+/[A-Z][A-Za-z_]+", raised.value.hint)
    hours = {
        "EST": {-4, -5},
        "ET": {-4},
        "EDT": {-4},
        "PST": {-7},
        "PDT": {-7},
        "CEST": {2},
        "IST": {5.5, 1, 3},
    }
    july = datetime(2027, 7, 2, 12, tzinfo=UTC)
    offsets = {july.astimezone(ZoneInfo(name)).utcoffset() for name in hinted}
    assert {o.total_seconds() / 3600 for o in offsets if o} <= hours[zone]
    assert hinted


async def test_24_an_offset_is_its_own_clock() -> None:
    span = Timing(start="2027-07-02T19:00", duration="PT1H", timezone="GMT+2").span()
    assert span.start == utc(2027, 7, 2, 17)


async def test_30_a_description_in_html_is_text(engine: Engine, inbox: Inbox) -> None:
    await mailed(inbox, "30-html-description/google.eml")
    text = (await events(engine))["Open day"].description
    assert "This is an open day." in text
    assert "https://example.com/f?a=1&b=2" in text
    assert not re.search(r"<\w|&amp;", text)


async def test_31_braces_of_others_are_text(engine: Engine, inbox: Inbox) -> None:
    texts = ["${{ secrets.TOKEN }}", "{{ user.name }}", "{% if late %}", "{{firstname}}", "a{{color:red}"]
    for number, text in enumerate(texts):
        outcome = await mailed(inbox, f"31-braces/m{number}.eml")
        event = await engine.store.event(outcome.uid)
        assert event is not None
        assert text in event.description
        await invited(engine, event)
    assert (await imported(engine, "31-braces/feed.ics")).new == 1
    await invited(engine, (await events(engine))["Feed"])


async def test_31b_a_change_with_braces_reaches_those_invited(engine: Engine, inbox: Inbox) -> None:
    await mailed(inbox, "31b-braces-update/a.eml")
    await invited(engine, (await events(engine))["Review"])
    assert (await mailed(inbox, "31b-braces-update/u.eml")).action == "updated"
    assert [m.email for m in await deliver(engine)] == [ANN]


async def test_32_a_rule_with_clock_times_is_kept_whole_or_refused(engine: Engine) -> None:
    done = await imported(engine, "32-byhour-hourly/doses.ics")
    assert [p.name for p in done.problems] == ["h2"]
    assert len(spans((await events(engine))["Once"])) == 3
    assert starts((await events(engine))["Twice a day"]) == [
        utc(2027, 7, day, hour) for day in (15, 16, 17) for hour in (9, 17)
    ]


async def test_33_several_rules_are_all_kept_or_refused(engine: Engine) -> None:
    done = await imported(engine, "33-several-rrules/rules.ics")
    assert [p.name for p in done.problems] == ["r1"]
    assert len(spans((await events(engine))["Doubled"])) == 3


async def test_34_this_and_following_moves_what_follows(engine: Engine, inbox: Inbox) -> None:
    expected = [utc(2027, 1, d, 8) for d in (6, 13)]
    expected += [utc(2027, 1, 20, 10), utc(2027, 1, 27, 10), utc(2027, 2, 3, 10), utc(2027, 2, 10, 10)]
    await mailed(inbox, "34-thisandfuture/create.eml")
    await mailed(inbox, "34-thisandfuture/range.eml")
    assert starts((await events(engine))["Weekly"]) == expected
    outcome = await mailed(inbox, "34-thisandfuture/both.eml")
    both = await engine.store.event(outcome.uid)
    assert both is not None
    assert starts(both) == expected
    assert (await imported(engine, "34-thisandfuture/feed.ics")).new == 1


async def test_43_long_texts_cost_no_event(engine: Engine, inbox: Inbox) -> None:
    for path in ("desc", "place", "title"):
        assert (await mailed(inbox, f"43-long-texts/{path}.eml")).action == "created"
    assert (await imported(engine, "43-long-texts/feed.ics")).new == 2


@pytest.mark.parametrize("paths", [("nextcloud", "thunderbird"), ("fast1", "fast2")])
async def test_48_a_stamp_that_proves_nothing_makes_no_update_old(
    engine: Engine, inbox: Inbox, paths: tuple[str, str]
) -> None:
    engine.clock.now = utc(2026, 11, 27, 22, 6, 30)  # type: ignore[attr-defined]
    await mailed(inbox, f"48-local-dtstamp/{paths[0]}.eml")
    engine.clock.now = utc(2026, 11, 27, 22, 8, 30)  # type: ignore[attr-defined]
    assert (await mailed(inbox, f"48-local-dtstamp/{paths[1]}.eml")).action == "updated"
    assert "Talk moved" in await events(engine)


async def test_55_an_answer_after_the_move_counts(engine: Engine, inbox: Inbox) -> None:
    engine.clock.now = utc(2026, 11, 27, 22)  # type: ignore[attr-defined]
    event = await created(engine)
    done = await invite(engine, event, ANN)
    await deliver(engine)
    await do(engine, UpdateEvent(uid=event.uid, location="Elsewhere"))
    engine.clock.now = utc(2026, 11, 27, 22, 20)  # type: ignore[attr-defined]
    await mailed(
        inbox,
        "55-stale-answer-without-sequence/reply.eml",
        OwnMailbox(name="rsvp", token=done.attendee.token),
    )
    assert (await attendee(engine, event, ANN)).partstat is Partstat.ACCEPTED


async def test_56_clock_changes_and_leap_days(engine: Engine) -> None:
    done = await imported(engine, "56-dst-and-leap/dst.ics")
    assert done.failed == 0


async def test_57_words_that_are_renewed_mail_nobody(engine: Engine) -> None:
    await imported(engine, "57-volatile-feed-text/f1.ics")
    (event,) = (await events(engine)).values()
    await invited(engine, event)
    await answer(engine, await attendee(engine, event, ANN), Partstat.ACCEPTED)
    owed: list[Message] = []
    for number in (2, 3, 4):
        await imported(engine, f"57-volatile-feed-text/f{number}.ics")
        owed += await deliver(engine)
    assert owed == []


async def test_58_a_change_of_the_guests_alone_is_none(engine: Engine, inbox: Inbox) -> None:
    await mailed(inbox, "58-only-guests-changed/1.eml")
    (event,) = (await events(engine)).values()
    await invited(engine, event)
    assert (await mailed(inbox, "58-only-guests-changed/2.eml")).code == "no_change"
    assert [m for m in await deliver(engine) if m.method] == []


def test_each_mail_of_the_cases_here_is_a_mail() -> None:
    for path in CASES.glob("*/*.eml"):
        assert message_from_bytes(path.read_bytes(), policy=policy.default)["From"], path
