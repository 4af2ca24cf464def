"""The mail that cancels one date of a series tells that date as people have it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from engine.commands.events.events import UpdateEvent
from engine.commands.events.instances import AddInstance, CancelInstance, UpdateInstance
from engine.commands.events.timing import Timing
from engine.commands.invites.invites import SendInvite
from engine.engine import Engine
from engine.itip import recurrence
from engine.model.events import Event
from engine.model.people import Partstat
from engine.outbox.render import Renderer
from engine.refusals import Code, Refused
from tests.bounds.making import made, narrowed
from tests.support.engines import answer, claim, created, do, invite, jobs_done
from tests.support.leaving import Left, left

ANN = "ann@example.com"
FIRST = datetime(2027, 5, 2, 23, tzinfo=UTC)
SECOND, THIRD = FIRST + timedelta(weeks=1), FIRST + timedelta(weeks=2)


async def series_of(engine: Engine, **values: object) -> Event:
    """Three weekly evenings in New York, to which Ann was invited."""
    event = await created(engine, recurrence="FREQ=WEEKLY;COUNT=3", location="Hall A", **values)
    await invite(engine, event, ANN, name="Ann", fields={"seat": "12"})
    await left(engine)
    return event


async def moved(engine: Engine, event: Event, **values: object) -> None:
    """The second date is on the Wednesday after, elsewhere; all people have that."""
    known = {"when": Timing(start="2027-05-12T10:00"), "location": "Hall B", "summary": "Special"}
    change = UpdateInstance(uid=event.uid, recurrence_id=SECOND, **{**known, **values})  # type: ignore[arg-type]
    await do(engine, change)
    await left(engine)


def told(mail: Left) -> tuple[str, ...]:
    """The instance that the calendar of a mail speaks of, when it is, and where."""
    names = ("RECURRENCE-ID", "DTSTART")
    when = tuple(mail.event[name].dt.replace(tzinfo=None).isoformat() for name in names)
    return (mail.method, *when, str(mail.event["SUMMARY"]), str(mail.event["LOCATION"]))


GONE = ("CANCEL", "2027-05-09T19:00:00", "2027-05-12T10:00:00", "Special", "Hall B")


async def test_the_cancellation_of_a_moved_date_tells_the_time_title_and_place_that_people_have(
    engine: Engine,
) -> None:
    event = await series_of(engine)
    await moved(engine, event)
    await do(engine, CancelInstance(uid=event.uid, recurrence_id=SECOND))
    (mail,) = await left(engine)
    assert told(mail) == GONE
    assert "Special" in mail.subject
    assert "Hall B" in mail.text
    assert "12 May" in mail.text
    assert "Hall A" not in mail.text


async def test_what_changes_while_the_cancellation_waits_does_not_change_what_it_tells(
    engine: Engine,
) -> None:
    event = await series_of(engine)
    await moved(engine, event)
    await do(engine, CancelInstance(uid=event.uid, recurrence_id=SECOND))
    await do(engine, CancelInstance(uid=event.uid, recurrence_id=THIRD))
    mails = await left(engine)
    assert GONE in map(told, mails)
    assert ("CANCEL", "2027-05-16T19:00:00", "2027-05-16T19:00:00", "Season opener", "Hall A") in map(
        told, mails
    )


async def test_a_date_that_is_there_again_is_what_its_series_says(engine: Engine) -> None:
    event = await series_of(engine)
    await moved(engine, event)
    await do(engine, CancelInstance(uid=event.uid, recurrence_id=SECOND))
    await left(engine)
    done = await do(engine, AddInstance(uid=event.uid, span=recurrence.at(event.span, SECOND)))
    assert recurrence.instance(done.event, SECOND).location == "Hall A"
    await left(engine)
    await do(engine, CancelInstance(uid=event.uid, recurrence_id=SECOND))
    (mail,) = await left(engine)
    assert told(mail) == ("CANCEL", "2027-05-09T19:00:00", "2027-05-09T19:00:00", "Season opener", "Hall A")


async def test_placeholders_of_a_cancelled_date_are_filled_in(engine: Engine) -> None:
    event = await series_of(engine)
    await moved(engine, event, summary="{{name}}, seat {{seat}}")
    await do(engine, CancelInstance(uid=event.uid, recurrence_id=SECOND))
    (mail,) = await left(engine)
    assert str(mail.event["SUMMARY"]) == "Ann, seat 12"
    assert "Ann, seat 12" in mail.subject


@pytest.mark.parametrize("place", ["Hall A", "Hall B"])
async def test_a_cancelled_date_tells_the_place_that_some_alone_see_unless_it_had_its_own(
    engine: Engine, place: str
) -> None:
    event = await created(engine, recurrence="FREQ=WEEKLY;COUNT=3", location="Hall A")
    invited = await invite(engine, event, ANN)
    await left(engine)
    await answer(engine, invited.attendee, Partstat.ACCEPTED)
    only = UpdateEvent(uid=event.uid, only_for=frozenset({Partstat.ACCEPTED}), location="Back door")
    await do(engine, only)
    await moved(engine, event, location=place)
    await do(engine, CancelInstance(uid=event.uid, recurrence_id=SECOND))
    (mail,) = await left(engine)
    assert str(mail.event["LOCATION"]) == {"Hall A": "Back door", "Hall B": "Hall B"}[place]


async def test_a_cancelled_date_leaves_with_no_link_outside_once_links_are_narrowed(engine: Engine) -> None:
    key = await made(engine, minute=0)
    event = await created(engine, key.actor, recurrence="FREQ=WEEKLY;COUNT=3")
    await do(engine, SendInvite(uid=event.uid, email=ANN), key.actor)
    await left(engine)
    await moved(engine, event, summary="See evil.com")
    await do(engine, CancelInstance(uid=event.uid, recurrence_id=SECOND), key.actor)
    await narrowed(engine, key, links=["customer.com"])
    await jobs_done(engine)
    (owed,) = await claim(engine)
    with pytest.raises(Refused) as refused:
        await Renderer(engine.settings, engine.store).render(owed, engine.clock())
    assert (refused.value.code, refused.value.bound) == (Code.OUT_OF_BOUNDS, "links")
