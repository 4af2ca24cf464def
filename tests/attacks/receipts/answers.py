"""What an attacker sends to their own receipt token, and what became of its victims."""

from __future__ import annotations

from engine.model.events import Event
from engine.model.people import Attendee, Partstat
from tests.support import mails
from tests.support.engines import (
    attendee,
    attendee_count,
)
from tests.support.inboxes import Post

ME, VICTIM, ALIAS = "mallory@attacker.example", "ceo@corp.example", "alias@attacker.example"
STRANGERS = [f"target{n}@elsewhere{n}.example" for n in range(40)]
LURE = "CLICK http://evil.example/targ NOW"


def at(token: str) -> str:
    return f"rsvp+{token}@cis.test"


def written(
    event: Event,
    to: str,
    *lines: str,
    method: str = "REPLY",
    sender: str = ME,
    proven: bool = True,
    subject: str = "Invitation",
) -> bytes:
    head = ("BEGIN:VCALENDAR", f"METHOD:{method}", "BEGIN:VEVENT", f"UID:{event.uid}")
    body = "\r\n".join([*head, *lines, "END:VEVENT", "END:VCALENDAR", ""])
    mail = mails.mail(sender, to, subject=subject, content=body.encode(), method=method, proven=proven)
    return mail.as_bytes()


async def partstat(post: Post, event: Event, email: str) -> Partstat:
    return (await attendee(post.engine, event, email)).partstat


async def known(post: Post, event: Event, email: str) -> Attendee | None:
    return await post.engine.store.attendee(event.uid, email)


async def unharmed(post: Post, event: Event) -> None:
    """Nothing was answered or proposed in the victim's name, and nobody was added."""
    assert await partstat(post, event, VICTIM) is Partstat.NEEDS_ACTION
    assert await post.engine.store.proposals(event.uid) == []
    assert await post.engine.store.instance_answers(event.uid) == []
    assert await attendee_count(post.engine, event) == 2
