"""The mail of an event at the console: of each revision, and the organizer's as it came; nothing in it acts."""

from __future__ import annotations

from pathlib import Path

import httpx

from engine.commands.events.events import UpdateEvent
from engine.engine import Engine
from tests.console.person import PUBLIC, Person, browser, operator, with_key
from tests.support import mails
from tests.support.clock import Clock
from tests.support.engines import created, do, engine_in
from tests.support.inboxes import receiving

HOSTILE = "<script>alert(1)</script>"


async def test_the_mail_of_each_revision_is_shown_in_a_frame_that_lets_nothing_act(
    engine: Engine, person: Person
) -> None:
    event = await created(engine, summary="Gala", location=f"Hall 1 {HOSTILE}")
    await do(engine, UpdateEvent(uid=event.uid, location="Hall 2"))
    await person.go(f"/console/events/{event.id}")
    seen = await person.go(f"/console/events/{event.id}/message")
    assert "The invite of revision 1" in seen.text
    assert "Revision 0 Revision 1" in seen.text
    assert '<iframe class="frame" sandbox=""' in seen.answer.text
    assert "BEGIN:VCALENDAR" in seen.text
    assert "frame-src 'self'" in seen.answer.headers["content-security-policy"]
    body = await person.web.get(f"/console/events/{event.id}/message/body?revision=0")
    assert "Hall 1" in body.text
    assert HOSTILE not in body.text
    policy = body.headers["content-security-policy"]
    assert policy.startswith("sandbox; default-src 'none'")
    assert "frame-ancestors 'self'" in policy
    assert "Hall 2" in (await person.go(f"/console/events/{event.id}/message?revision=1")).text


async def test_a_revision_that_is_not_kept_is_refused(engine: Engine, person: Person) -> None:
    event = await created(engine)
    for given in ("7", "x", "9" * 40):
        seen = await person.go(f"/console/events/{event.id}/message?revision={given}")
        assert seen.status == 404, given


async def test_the_organizer_s_mail_is_shown_as_text_and_downloaded_as_it_came(
    tmp_path: Path, clock: Clock
) -> None:
    async with (
        engine_in(tmp_path, clock, public_url=PUBLIC, sender_auth="off") as engine,
        browser(engine) as web,
    ):
        person = await operator(engine, web)
        async with receiving(engine) as take:
            mail = mails.request(mails.vevent(summary="Gala"))
            mail["X-Note"] = HOSTILE
            taken = await take(mail)
        seen = await person.go(f"/console/events/{taken.uid}/message")
        (link,) = [link for link in seen.links if "/mails/" in link]
        seen = await person.go(link)
        assert "From: Olga Organizer <o*******@cis.test>" in seen.text
        assert HOSTILE in seen.text
        assert HOSTILE not in seen.answer.text
        (link,) = [link for link in seen.links if link.endswith("original.eml")]
        raw = await web.get(link)
        assert raw.headers["content-type"] == "message/rfc822"
        assert HOSTILE.encode() in raw.content


async def test_nobody_reads_the_mail_of_another_organizer_s_event(
    engine: Engine, web: httpx.AsyncClient
) -> None:
    event = await created(engine, organizer="ann@example.com")
    bob = await with_key(engine, web, "bob@example.org")
    for path in ("message", "message/body", "mails/x", "mails/x/original.eml"):
        assert (await bob.go(f"/console/events/{event.id}/{path}")).status == 404
