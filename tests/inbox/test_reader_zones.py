"""The zone of whoever reads an invite: from their list, whatever its column is called, or from their last answer."""

from __future__ import annotations

from datetime import datetime
from email import message_from_bytes, policy
from email.message import EmailMessage
from zoneinfo import ZoneInfo

import pytest

from engine.commands.text import fields
from engine.engine import Engine
from engine.model.events import Event
from engine.outbox.render import Renderer
from engine.refusals import Code, Refused
from tests.support import mails
from tests.support.engines import attendee, claim, created, deliver, invite, jobs_done
from tests.support.inboxes import Post

ANN = "ann@example.com"


async def plain_text(engine: Engine) -> str:
    """The text of the one mail that is owed."""
    await jobs_done(engine)
    (claimed,) = await claim(engine)
    envelope = await Renderer(engine.settings, engine.store).render(claimed, engine.clock())
    mail = message_from_bytes(envelope.content, policy=policy.default)
    assert isinstance(mail, EmailMessage)
    part = mail.get_body(("plain",))
    assert part is not None
    return str(part.get_content())


def answer_from(event: Event, zone: str, token: str) -> EmailMessage:
    """The answer of a client that writes the times of the event in a zone of its own."""
    start, end = (
        moment.astimezone(ZoneInfo(zone))
        for moment in (event.span.start, event.span.end)
        if isinstance(moment, datetime)
    )
    said = mails.vevent(event.uid, start=start, end=end, attendees=[(ANN, "ACCEPTED")])
    content = mails.calendar("REPLY", said)
    return mails.mail(ANN, f"rsvp+{token}@cis.test", content=content, method="REPLY")


@pytest.mark.parametrize(
    "column",
    [
        "timezone",
        "Time Zone",
        "time_zone",
        "tz",
        "TZID",
        "IANA timezone",
        "Zeitzone",
        "Fuseau horaire",
        "hs_timezone",
    ],
)
async def test_a_list_may_call_the_column_as_other_programs_do(column: str) -> None:
    assert fields({column: "Asia/Tokyo"})["timezone"] == "Asia/Tokyo"


async def test_the_column_of_our_name_counts_first_and_what_names_no_zone_is_refused() -> None:
    assert fields({"tz": "no zone", "timezone": "Asia/Tokyo"})["timezone"] == "Asia/Tokyo"
    assert fields({"Time zone": "america_slash_new_york"})["timezone"] == "America/New_York"
    assert "timezone" not in fields({"tz": "", "seat": "4"})
    with pytest.raises(Refused) as raised:
        fields({"tz": "Paris, Texas"})
    assert raised.value.code is Code.UNKNOWN_TIMEZONE


async def test_the_zone_of_an_answer_is_told_in_the_next_invites_of_that_organizer(post: Post) -> None:
    engine = post.engine
    event, other = await created(engine), await created(engine, summary="The next one")
    token = (await invite(engine, event, ANN)).attendee.token
    await deliver(engine)
    await post(answer_from(event, "Asia/Tokyo", token))
    assert (await attendee(engine, event, ANN)).zone == "Asia/Tokyo"
    await invite(engine, other, ANN)
    assert "Asia/Tokyo, UTC+09:00" in await plain_text(engine)


async def test_an_answer_in_the_zone_of_the_event_says_nothing_of_its_sender(post: Post) -> None:
    engine = post.engine
    event = await created(engine)
    token = (await invite(engine, event, ANN)).attendee.token
    await deliver(engine)
    await post(answer_from(event, event.span.timezone, token))
    assert (await attendee(engine, event, ANN)).zone == ""
