"""An answer at its token counts, whatever its ATTENDEE or METHOD is."""

from __future__ import annotations

import re

import pytest

from engine.engine import Engine
from engine.model.events import Event
from engine.model.people import Attendee, Partstat
from tests.support import mails
from tests.support.engines import attendee, created, deliver, invite
from tests.support.inboxes import Post
from tests.support.mails import vevent

ANN = "ann@example.com"
_WHEN = re.compile(r"DT(START|END)[:;].*\r\n")


@pytest.fixture
async def event(engine: Engine) -> Event:
    return await created(engine)


@pytest.fixture
async def ann(engine: Engine, event: Event) -> Attendee:
    done = await invite(engine, event, ANN, name="Ann")
    await deliver(engine)
    return done.attendee


async def _answered(
    post: Post,
    event: Event,
    ann: Attendee,
    line: str,
    method: str = "REPLY",
    uid: str | None = None,
    *,
    bare: bool = False,
) -> Partstat:
    """Ann's answer after a mail at her token whose calendar has `line` and METHOD; `bare`: without its times."""
    answer = vevent(uid or event.uid, organizer="")
    content = mails.calendar("REPLY", answer).decode().replace("END:VEVENT", f"{line}\r\nEND:VEVENT")
    content = content.replace("METHOD:REPLY\r\n", f"METHOD:{method}\r\n" if method else "")
    content = _WHEN.sub("", content, count=2) if bare else content
    mail = mails.mail(
        "alias@example.net", f"rsvp+{ann.token}@cis.test", content=content.encode(), method=method
    )
    await post(mail)
    return (await attendee(post.engine, event, ANN)).partstat


@pytest.mark.parametrize(
    "value",
    [
        "invalid:nomail",
        "",
        "mailto:",
        "mailto:/o=ExchangeLabs/ou=First/cn=Recipients/cn=abc-ann",
        "/O=EXAMPLE/OU=FIRST/CN=RECIPIENTS/CN=ANN",
        "urn:uuid:272c501f-366c-517d-8af3-44c37777ef83",
        "MAILTO:IMCEAEX-_O=EXAMPLE_CN=ann@example.org",
        "mailto:ann",
        "CN=Ann/O=Example",
    ],
)
async def test_an_attendee_that_is_no_address_is_the_holder(
    post: Post, event: Event, ann: Attendee, value: str
) -> None:
    assert (
        await _answered(post, event, ann, f"ATTENDEE;PARTSTAT=DECLINED;CN=Ann:{value}") is Partstat.DECLINED
    )


@pytest.mark.parametrize("method", ["", "REQUEST", "PUBLISH", "request", "ADD", "RESPONSE"])
@pytest.mark.parametrize("value", [f"mailto:{ANN}", "invalid:nomail", "mailto:alias@example.net"])
async def test_an_answer_without_its_method_is_one(
    post: Post, event: Event, ann: Attendee, method: str, value: str
) -> None:
    line = f"ATTENDEE;PARTSTAT=ACCEPTED:{value}"
    assert await _answered(post, event, ann, line, method) is Partstat.ACCEPTED


@pytest.mark.parametrize(
    ("line", "uid"),
    [
        (f"ATTENDEE;PARTSTAT=NEEDS-ACTION:mailto:{ANN}", None),
        (f"ATTENDEE:mailto:{ANN}", None),
        (f"ATTENDEE;PARTSTAT=ACCEPTED:mailto:{ANN}", "another-event"),
        ("ATTENDEE;PARTSTAT=ACCEPTED:mailto:rsvp@cis.test", None),
    ],
)
@pytest.mark.parametrize("method", ["", "REQUEST"])
async def test_a_calendar_that_answers_nothing_is_no_answer(
    post: Post, event: Event, ann: Attendee, line: str, uid: str | None, method: str
) -> None:
    assert await _answered(post, event, ann, line, method, uid) is Partstat.NEEDS_ACTION


@pytest.mark.parametrize("method", ["", "REQUEST", "PUBLISH", "REPLY"])
@pytest.mark.parametrize("start", ["", "DTSTART:2027-03-01 10:00"])
async def test_an_answer_needs_no_start_that_can_be_read(
    post: Post, event: Event, ann: Attendee, method: str, start: str
) -> None:
    line = f"{start}\r\nATTENDEE;PARTSTAT=TENTATIVE:mailto:{ANN}".strip()
    assert await _answered(post, event, ann, line, method, bare=True) is Partstat.TENTATIVE


async def test_a_cancellation_is_no_answer_whatever_it_says(post: Post, event: Event, ann: Attendee) -> None:
    line = f"ATTENDEE;PARTSTAT=ACCEPTED:mailto:{ANN}"
    assert await _answered(post, event, ann, line, "CANCEL") is Partstat.NEEDS_ACTION


async def test_anothers_answer_at_the_token_without_a_method_does_not_count(
    post: Post, event: Event, ann: Attendee
) -> None:
    await invite(post.engine, event, "ben@example.com")
    await _answered(post, event, ann, "ATTENDEE;PARTSTAT=ACCEPTED:mailto:ben@example.com", "REQUEST")
    assert (await attendee(post.engine, event, "ben@example.com")).partstat is Partstat.NEEDS_ACTION
