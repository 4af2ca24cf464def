"""An accessory never costs the event: it is made, and its organizer hears what was left out."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from email import message_from_bytes, policy
from email.message import EmailMessage

import icalendar
import pytest

from engine.engine import Engine
from engine.imports import feeds
from engine.imports.imported import ImportOptions
from engine.itip import recurrence
from engine.model.events import Event, EventStatus
from engine.model.messages import Kind
from engine.model.queries import EventQuery
from engine.outbox.render import Renderer
from tests.itip.samples import span
from tests.judges import judge
from tests.support import mails
from tests.support.calendars import calendar, game
from tests.support.engines import claim, deliver, invite, jobs_done
from tests.support.inboxes import Post
from tests.support.mails import END, START, vevent

OLGA, CREATE = "olga@cis.test", "create@cis.test"
HOUR, WEEK = timedelta(hours=1), timedelta(weeks=1)


async def the_event(engine: Engine) -> Event:
    (event,) = (await engine.search(EventQuery(limit=100, status=EventStatus.CONFIRMED), engine.local)).events
    return event


def mailed(*lines: str, method: str = "REQUEST", without: str = "") -> EmailMessage:
    """An invitation whose VEVENT has `lines` as they stand here."""
    text = mails.calendar(method, vevent()).decode()
    for name in without.split():
        text = "".join(line for line in text.splitlines(keepends=True) if not line.startswith(name))
    text = text.replace("END:VEVENT", "\r\n".join([*lines, "END:VEVENT"]))
    return mails.mail(OLGA, CREATE, content=text.encode(), method=method)


async def _left_out(post: Post) -> str:
    notice = await post.notice()
    assert notice.notice is not None
    return notice.notice.text.partition("Left out: ")[2].strip()


# texts


@pytest.mark.parametrize(
    ("name", "without", "most", "said"),
    [
        ("SUMMARY", "SUMMARY", 500, "the title was cut to 500 characters"),
        ("LOCATION", "", 1_000, "the place was cut to 1000 characters"),
        ("DESCRIPTION", "", 20_000, "the description was cut to 20000 characters"),
    ],
)
async def test_a_text_that_is_too_long_is_cut_and_that_is_said(
    post: Post, name: str, without: str, most: int, said: str
) -> None:
    intake = await post(mailed(f"{name}:{'word ' * 5_000}", without=without))
    assert intake.action == "created"
    text = getattr(await the_event(post.engine), name.lower())
    assert most - 6 <= len(text) <= most
    assert text.endswith("…")
    assert said in await _left_out(post)


async def test_a_long_description_keeps_the_link_to_join(post: Post) -> None:
    lines = (f"DESCRIPTION:{'x' * 30_000}", "X-GOOGLE-CONFERENCE:https://meet.google.com/abc-defg-hij")
    await post(mailed(*lines))
    assert (await the_event(post.engine)).description.endswith(
        "…\n\nJoin: https://meet.google.com/abc-defg-hij"
    )


async def test_an_update_with_a_long_text_reaches_those_invited(post: Post) -> None:
    await post(mails.request())
    event = await the_event(post.engine)
    await invite(post.engine, event, "ann@example.com")
    await deliver(post.engine)
    later = vevent(start=START + HOUR, end=END + HOUR, sequence=1, description="x" * 30_000)
    assert (await post(mails.request(later))).action == "updated"
    assert Kind.UPDATE in [m.kind for m in await deliver(post.engine)]


async def test_a_cancellation_with_a_long_reason_cancels(post: Post) -> None:
    await post(mails.request())
    gone = vevent(sequence=1, comment="because " * 1_000)
    assert (await post(mails.cancel(gone))).action == "cancelled"


@pytest.mark.parametrize(
    "url", ["javascript:alert(1)", "https://exa mple.com/", "https://x.example/" + "y" * 3_000]
)
async def test_a_bad_link_is_left_out(post: Post, url: str) -> None:
    assert (await post(mailed(f"URL:{url}"))).action == "created"
    assert (await the_event(post.engine)).url == ""
    assert "the link is no web address" in await _left_out(post)


# braces


@pytest.mark.parametrize(
    "text",
    ["{{ user.name }}", "${{ secrets.TOKEN }}", "{% if late %}x{% endif %}", "{{name}}", "a{{b}", "{# x #}"],
)
async def test_braces_in_a_mailed_event_are_text_to_all_whom_it_invites(post: Post, text: str) -> None:
    await post(mails.request(vevent(summary=f"Plan {text}", description=text, location=text)))
    event = await the_event(post.engine)
    assert (event.summary, event.description, event.location) == (f"Plan {text}", text, text)
    await deliver(post.engine)
    await invite(post.engine, event, "ann@example.com", name="Ann")
    await jobs_done(post.engine)
    (claimed,) = await claim(post.engine)
    content = (
        await Renderer(post.engine.settings, post.engine.store).render(claimed, post.engine.clock())
    ).content
    assert judge(content) == []
    assert text.encode() in _plain(content)


def _plain(content: bytes) -> bytes:
    mail = message_from_bytes(content, policy=policy.default)
    assert isinstance(mail, EmailMessage)
    part = mail.get_body(("plain",))
    assert part is not None
    return str(part.get_content()).encode()


async def test_an_update_with_braces_reaches_those_who_lack_a_value(post: Post) -> None:
    await post(mails.request())
    event = await the_event(post.engine)
    await invite(post.engine, event, "ann@example.com")
    await deliver(post.engine)
    later = vevent(start=START + HOUR, end=END + HOUR, sequence=1, description="{{ pr.number }} {{team}}")
    assert (await post(mails.request(later))).action == "updated"
    assert "ann@example.com" in [m.email for m in await deliver(post.engine)]


# times


@pytest.mark.parametrize(
    ("written", "hours"), [("P1DT-3600S", 23), ("P1DT-1H", 23), ("PT2H-30M", 1.5), ("P0DT1H", 1)]
)
async def test_a_duration_with_signs_inside_is_added_up(post: Post, written: str, hours: float) -> None:
    assert (await post(mailed(f"DURATION:{written}", without="DTEND"))).action == "created"
    event = await the_event(post.engine)
    assert event.span.length == timedelta(hours=hours)


@pytest.mark.parametrize(
    "rule",
    [
        "FREQ=YEARLY;UNTIL=20270501;COUNT=-1;INTERVAL=1",
        "FREQ=WEEKLY;WKST=MO;UNTIL=20270502T225959Z;BYDAY=SU",
        "FREQ=WEEKLY;UNTIL=20270502T230000Z",
        "FREQ=WEEKLY;BYDAY=FR;UNTIL=20270505T000000Z",
        "FREQ=WEEKLY;UNTIL=19700101",
    ],
)
async def test_a_rule_that_ends_before_it_recurs_leaves_a_single_event(post: Post, rule: str) -> None:
    assert (await post(mailed(f"RRULE:{rule}"))).action == "created"
    event = await the_event(post.engine)
    assert (event.recurring, event.span.start) == (False, START)
    assert "its recurrence rule" in await _left_out(post)


@pytest.mark.parametrize("part", ["COUNT=0", "COUNT=-1", "INTERVAL=0", "UNTIL=99991231T235959Z", "UNTIL="])
async def test_a_part_that_makes_no_sense_is_left_out_of_a_rule(post: Post, part: str) -> None:
    assert (await post(mailed(f"RRULE:FREQ=WEEKLY;{part}"))).action == "created"
    event = await the_event(post.engine)
    assert (event.recurrence, event.ends_at) == ("FREQ=WEEKLY", None)
    assert "makes no sense" in await _left_out(post)


async def test_a_rule_that_nobody_understands_still_is_refused(post: Post) -> None:
    intake = await post(mailed("RRULE:FREQ=DAILY;BYHOUR=9,17"))
    assert (intake.action, intake.code) == ("refused", "invalid_recurrence")


async def test_two_rules_of_one_event_are_one_rule_and_further_dates(post: Post) -> None:
    rules = ("RRULE:FREQ=WEEKLY;COUNT=3", "RRULE:FREQ=DAILY;BYHOUR=20,23;BYMINUTE=0;COUNT=3")
    assert (await post(mailed(*rules))).action == "created"
    event = await the_event(post.engine)
    assert (event.recurrence, event.rdates) == (
        "FREQ=WEEKLY;COUNT=3",
        (START + 21 * HOUR, START + 24 * HOUR),
    )


async def test_an_exception_that_cannot_be_read_is_left_out(post: Post) -> None:
    lines = ("RRULE:FREQ=WEEKLY;COUNT=3", "EXDATE:20270509T230000Z,someday", "RDATE:never")
    assert (await post(mailed(*lines))).action == "created"
    event = await the_event(post.engine)
    assert (event.exdates, event.rdates) == ((START + WEEK,), ())
    said = await _left_out(post)
    assert "someday" in said
    assert "never" in said


# which event


async def test_an_event_without_a_uid_is_known_by_its_title_and_start(post: Post) -> None:
    assert (await post(mailed(without="UID"))).action == "created"
    assert (await post(mailed(without="UID"))).code == "no_change"
    assert (await post(mailed("LOCATION:Hall", without="UID"))).action == "updated"
    assert (await post(mailed(method="CANCEL", without="UID"))).action == "cancelled"


async def test_an_instance_without_its_series_is_an_event_that_its_revisions_find(post: Post) -> None:
    def one(sequence: int, hours: int = 0) -> icalendar.Event:
        times = {"start": START + hours * HOUR, "end": END + hours * HOUR}
        return vevent(recurrence_id=START, sequence=sequence, **times)

    assert (await post(mails.request(one(1)))).action == "created"
    event = await the_event(post.engine)
    await invite(post.engine, event, "ann@example.com")
    await deliver(post.engine)
    assert (await post(mails.request(one(1)))).code == "no_change"
    assert (await post(mails.request(one(2, 3)))).uid == event.uid
    assert (await the_event(post.engine)).span.start == START + 3 * HOUR
    assert (await post(mails.request(one(1)))).code == "stale"
    assert (await post(mails.cancel(one(3)))).action == "cancelled"
    assert Kind.CANCELLATION in [m.kind for m in await deliver(post.engine) if m.email == "ann@example.com"]


async def test_two_instances_without_their_series_are_two_events(post: Post) -> None:
    for n in range(2):
        times = {"start": START + n * WEEK, "end": END + n * WEEK}
        one = vevent(recurrence_id=START + n * WEEK, **times)
        assert (await post(mails.request(one))).action == "created"
    found = (await post.engine.search(EventQuery(limit=9), post.engine.local)).events
    assert len({event.uid for event in found}) == 2


async def test_a_calendar_says_what_was_left_out_of_each_event(engine: Engine) -> None:
    games = [
        game("long", f"DESCRIPTION:{'x' * 30_000}"),
        game("once", "RRULE:FREQ=YEARLY;UNTIL=20000101", summary="Once"),
        game("good", "DESCRIPTION:{{ site.url }}", summary="Good"),
    ]
    imported = await feeds.import_file(engine, engine.local, calendar(games), "s.ics", ImportOptions())
    assert (imported.new, imported.failed) == (3, 0)
    assert [each.partition(":")[0] for each in imported.left_out] == ["long", "once"]
    good = next(e for e in (await engine.store.search(EventQuery(limit=9))).events if e.summary == "Good")
    await invite(engine, good, "ann@example.com")


def test_a_hostile_rule_is_looked_through_within_bounds() -> None:
    when = span(datetime(2027, 3, 1, 9, tzinfo=UTC))
    for rule in ("FREQ=DAILY;INTERVAL=999;BYMONTH=2;BYMONTHDAY=31", "FREQ=YEARLY;BYYEARDAY=366"):
        assert recurrence.sensible(f"{rule};UNTIL=20280101", when) == ""
