"""The mail of an event at the console: of each revision, and the organizer's as it came; nothing in it acts."""

from __future__ import annotations

import re
from html import unescape
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import httpx

from cis_mcp.console.sealing import Purpose
from engine.commands.events.events import UpdateEvent
from engine.engine import Engine
from engine.model.verbs import Verb
from tests.console.person import PUBLIC, SAME, Person, Seen, browser, operator, with_key
from tests.support import mails
from tests.support.clock import Clock
from tests.support.engines import created, do, engine_in
from tests.support.inboxes import receiving

HOSTILE = "<script>alert(1)</script>"
ORGANIZER = "olga@cis.test"
READS = frozenset({Verb.READ})


async def test_the_mail_of_each_revision_is_shown_in_a_frame_that_lets_nothing_act(
    engine: Engine, person: Person
) -> None:
    event = await created(engine, summary="Gala", location=f"Hall 1 {HOSTILE}")
    await do(engine, UpdateEvent(uid=event.uid, location="Hall 2"))
    await person.go(f"/console/events/{event.id}")
    seen = await person.go(f"/console/events/{event.id}/message")
    assert "Revision 1 (invite)" in seen.text
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
        assert "Olga Organizer <o*******@cis.test>" in seen.text
        assert ORGANIZER not in seen.answer.text
        assert "X-Note" not in seen.text
        assert await _looks(engine) == 0
        seen = await person.press("Show addresses, and the mail as it came")
        assert f"Olga Organizer <{ORGANIZER}>" in seen.text
        assert f"X-Note: {HOSTILE}" in seen.text
        assert HOSTILE not in seen.answer.text
        assert await _looks(engine) == 1
        seen = await person.go(link)
        way = seen.form("Download it, with addresses").action
        raw = await web.post(way, data={"token": person.token}, headers=SAME)
        assert raw.headers["content-type"] == "message/rfc822"
        assert HOSTILE.encode() in raw.content
        assert await _looks(engine) == 2


async def test_encoded_parts_of_an_original_are_decoded_and_their_addresses_masked(
    tmp_path: Path, clock: Clock
) -> None:
    async with (
        engine_in(tmp_path, clock, public_url=PUBLIC, sender_auth="off") as engine,
        browser(engine) as web,
    ):
        person = await operator(engine, web)
        async with receiving(engine) as take:
            mail = mails.request(mails.vevent(summary="Gala"))
            mail.replace_header("Subject", "=?utf-8?q?Fr=C3=BChlingsfest?=")
            (text,) = [part for part in mail.walk() if part.get_content_type() == "text/plain"]
            text.set_content("Grüße an guest@people.example", cte="base64")
            taken = await take(mail)
        (link,) = [
            link
            for link in (await person.go(f"/console/events/{taken.uid}/message")).links
            if "/mails/" in link
        ]
        seen = await person.go(link)
        assert "Frühlingsfest" in seen.text
        assert "Grüße an g*******@people.example" in seen.text
        assert "guest@people.example" in (await person.press("Show addresses, and the mail as it came")).text


async def test_the_mail_shows_its_addresses_by_a_button_and_the_record_says_so(
    engine: Engine, person: Person, clock: Clock
) -> None:
    event = await created(engine, summary="Gala", description="Ask texts@people.example")
    path = f"/console/events/{event.id}/message"
    seen = await person.go(path)
    assert "texts@people.example" not in seen.answer.text
    assert "texts@people.example" not in (await person.web.get(_frame(seen))).text
    assert await _looks(engine) == 0
    seen = await person.press("Show addresses")
    assert "texts@people.example" in seen.text
    assert await _looks(engine) == 1
    frame = _frame(seen)
    assert "texts@people.example" in (await person.web.get(frame)).text
    other = await created(engine, summary="Other", description="Ask texts@people.example")
    assert "texts@people.example" not in (await person.web.get(frame.replace(event.id, other.id))).text
    clock.move(seconds=301)
    assert "texts@people.example" not in (await person.web.get(frame)).text


async def test_an_installation_that_shows_no_addresses_shows_none_of_a_mail(
    tmp_path: Path, clock: Clock
) -> None:
    async with (
        engine_in(tmp_path, clock, public_url=PUBLIC, report_on_screen=False) as engine,
        browser(engine) as web,
    ):
        person = await operator(engine, web)
        event = await created(engine, description="Ask texts@people.example")
        path = f"/console/events/{event.id}/message"
        assert "Show addresses" not in (await person.go(path)).text
        answer = await web.post(path, data={"token": person.token}, headers=SAME)
        assert answer.status_code == 403
        assert await _looks(engine) == 0


async def test_what_a_visitor_has_sealed_elsewhere_permits_no_addresses(
    engine: Engine, web: httpx.AsyncClient, clock: Clock
) -> None:
    event = await created(engine, organizer="ann@example.com", description="Ask texts@people.example")
    ann = await with_key(engine, web, "ann@example.com", scopes=READS)
    path = f"/console/events/{event.id}"
    await ann.go(f"{path}/people")
    for typed in (f"{event.uid} {clock().isoformat()}", f"{event.uid} nonsense"):
        form = {"token": ann.token, "q": typed}
        led = (await web.post(f"{path}/people/find", data=form, headers=SAME)).headers["location"]
        permit = parse_qs(urlsplit(led).query)["q"][0]
        body = await web.get(f"{path}/message/body", params={"permit": permit})
        assert "texts@people.example" not in body.text
        assert await _looks(engine) == 0


async def test_a_permit_shows_addresses_only_to_whoever_may_see_them(
    engine: Engine, web: httpx.AsyncClient, clock: Clock
) -> None:
    event = await created(engine, organizer="ann@example.com", description="Ask texts@people.example")
    path, shown = f"/console/events/{event.id}/message/body", []
    for scopes in (READS, frozenset({Verb.READ, Verb.REPORT})):
        ann = await with_key(engine, web, "ann@example.com", scopes=scopes)
        permit = ann.seal(f"{event.uid} {clock().isoformat()}", Purpose.PERMIT)
        body = (await web.get(path, params={"permit": permit})).text
        cut = (await web.get(path, params={"permit": permit[:-8]})).status_code
        shown.append(("texts@people.example" in body, cut))
        web.cookies.clear()
    assert shown == [(False, 200), (True, 404)]


async def _looks(engine: Engine) -> int:
    """How often the record says that addresses were looked at."""
    return sum('"ShowAddresses"' in row.body for row in await engine.record(engine.local, 100))


def _frame(seen: Seen) -> str:
    """The address of the frame with the mail's own HTML."""
    return unescape(re.findall(r'<iframe[^>]* src="([^"]+)"', seen.answer.text)[0])


async def test_nobody_reads_the_mail_of_another_organizer_s_event(
    engine: Engine, web: httpx.AsyncClient
) -> None:
    event = await created(engine, organizer="ann@example.com")
    bob = await with_key(engine, web, "bob@example.org")
    for path in ("message", "message/body", "mails/x"):
        assert (await bob.go(f"/console/events/{event.id}/{path}")).status == 404
    for path in ("message", "mails/x", "mails/x/original.eml"):
        form = {"token": bob.token}
        answer = await web.post(f"/console/events/{event.id}/{path}", data=form, headers=SAME)
        assert answer.status_code == 404
