"""DTSTAMP is trusted only as far as it goes: without a zone, or later than its mail, it proves little."""

from __future__ import annotations

from datetime import timedelta

import pytest

from engine.commands.events.events import UpdateEvent
from engine.commands.events.timing import Timing
from engine.model.events import Event
from engine.model.people import Partstat
from engine.model.queries import EventQuery
from tests.support import mails
from tests.support.clock import START
from tests.support.engines import attendee, created, deliver, do, invite
from tests.support.inboxes import Post
from tests.support.mails import END, vevent

OLGA, CREATE = "olga@cis.test", "create@cis.test"
STAMP = "DTSTAMP:20270201T120000Z"
HOUR = timedelta(hours=1)


async def _summary(post: Post) -> str:
    (event,) = (await post.engine.search(EventQuery(limit=100), post.engine.local)).events
    return event.summary


async def _brought(post: Post, summary: str, stamp: str) -> str:
    """What becomes of an invitation with that DTSTAMP, such as `20270301T090000`."""
    content = mails.calendar("REQUEST", vevent(summary=summary)).decode().replace(STAMP, f"DTSTAMP:{stamp}")
    intake = await post(mails.mail(OLGA, CREATE, content=content.encode()))
    return intake.code or intake.action


@pytest.mark.parametrize("local", ["20270301T122500", "20270301T043000", "20270301T200000"])
async def test_a_stamp_without_a_zone_does_not_make_a_later_revision_old(post: Post, local: str) -> None:
    assert await _brought(post, "Talk", local) == "created"
    assert await _brought(post, "Moved", "20270301T090200Z") == "updated"
    assert await _summary(post) == "Moved"


async def test_a_stamp_without_a_zone_is_not_taken_for_old(post: Post) -> None:
    assert await _brought(post, "Talk", "20270301T090000Z") == "created"
    assert await _brought(post, "Moved", "20270301T030200") == "updated"


async def test_a_clock_that_is_ahead_does_not_make_later_revisions_old(post: Post) -> None:
    assert await _brought(post, "Talk", "20270303T090000Z") == "created"
    assert await _brought(post, "Moved", "20270301T090200Z") == "updated"
    assert await _summary(post) == "Moved"


@pytest.mark.parametrize("stamp", ["20270227T080000Z", "20270226T080000"])
async def test_a_revision_that_is_certainly_older_still_is_refused(post: Post, stamp: str) -> None:
    assert await _brought(post, "Talk", stamp) == "created"
    assert await _brought(post, "Moved", "20270301T090000Z") == "updated"
    assert await _brought(post, "Talk", stamp) == "stale"
    assert await _summary(post) == "Moved"


async def test_an_instance_of_a_client_whose_clock_is_ahead_can_be_changed_again(post: Post) -> None:
    first = mails.START
    series = vevent(rrule={"freq": "weekly", "count": 3})
    await post(mails.request(series))
    second = first + timedelta(weeks=1)
    for hours, stamp in ((1, START + timedelta(days=2)), (2, START + timedelta(minutes=2))):
        moved = {"start": second + hours * HOUR, "end": second + (hours + 1) * HOUR}
        one = vevent(recurrence_id=second, sequence=1, dtstamp=stamp, **moved)  # type: ignore[arg-type]
        assert (await post(mails.request(one))).action == "updated"


@pytest.mark.parametrize("zone", ["", "Z"])
async def test_an_answer_without_sequence_counts_by_what_its_stamp_may_mean(post: Post, zone: str) -> None:
    event = await _moved(post)
    address = await _address(post, event)
    answer = vevent(event.uid, organizer=address, attendees=[("ann@example.com", "ACCEPTED")])
    content = mails.calendar("REPLY", answer).decode().replace("SEQUENCE:0\r\n", "")
    # 09:30 UTC for a client five hours behind, after the event had moved at 09:00
    content = content.replace(STAMP, f"DTSTAMP:20270301T043000{zone}")
    reply = mails.mail("ann@example.com", address, content=content.encode(), method="REPLY")
    post.engine.clock.move(minutes=30)  # type: ignore[attr-defined]
    await post(reply)
    assert (await attendee(post.engine, event, "ann@example.com")).partstat is (
        Partstat.NEEDS_ACTION if zone else Partstat.ACCEPTED
    )


async def _moved(post: Post) -> Event:
    event = await created(post.engine)
    await invite(post.engine, event, "ann@example.com")
    await deliver(post.engine)
    when = Timing(start=f"{END:%Y-%m-%dT%H:%M}", duration="PT1H", timezone="UTC")
    return (await do(post.engine, UpdateEvent(uid=event.uid, when=when))).event


async def _address(post: Post, event: Event) -> str:
    return f"rsvp+{(await attendee(post.engine, event, 'ann@example.com')).token}@cis.test"
