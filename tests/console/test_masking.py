"""Addresses at the console: masked wherever they stand, shown to whoever may see them, and the record knows."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cis_mcp.console import masking
from cis_mcp.console.masking import hidden, plain
from engine.commands.agents.keys import CreateKey
from engine.commands.agents.stopping import StopSending
from engine.commands.campaigns.campaigns import DraftCampaign
from engine.commands.invites.suppressing import Suppress
from engine.engine import Engine
from engine.inbox.spool.spool import OwnMailbox
from engine.model.addresses import without_addresses
from engine.model.list_rows import ListRow
from engine.model.queries import EventQuery
from tests.console.person import PUBLIC, SAME, Person, browser, crawled, operator, with_key
from tests.support import mails
from tests.support.approvals import waiting
from tests.support.clock import Clock
from tests.support.engines import created, deliver, do, engine_in, invite
from tests.support.inboxes import inbox_of
from tests.support.steps import ending

LOCALS = st.text("abcdefgh.+-_0123456789", min_size=2, max_size=20)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("Ask ann@example.com.", "Ask a*******@example.com."),
        ("Ann <ann@example.com>, bob@example.org", "Ann <a*******@example.com>, b*******@example.org"),
        ("mailto:ann@example.com?subject=x", "mailto:a*******@example.com?subject=x"),
        ("https://x.example/c?e=ann%40example.com", "https://x.example/c?e=a*******@example.com"),
        ('"ann b"@example.com', "*@example.com"),
        ("*@example.com", "*@example.com"),
        ("@example.com", "@example.com"),
        ("a*******@example.com", "a*******@example.com"),
        ("ä@bücher.example", "ä*******@bücher.example"),
        ("five @ noon", "five @ noon"),
        ("Ask o'brien@example.com's desk", "Ask o*******@example.com's desk"),
        ("Ask o’brien@example.com", "Ask o*******@example.com"),
        ("from 'ann@example.com'", "from 'a*******@example.com'"),
        ("bounce+ann.smith=customer.com@lists.example", "b*******@lists.example"),
        ("smtp.mailfrom=ann@example.com", "smtp.mailfrom=a*******@example.com"),
        ("https://x.example/?a=1&e=ann.b@example.com", "https://x.example/?a=1&e=a*******@example.com"),
        (
            "href='mailto:ann@example.com' a='b@example.com'",
            "href='mailto:a*******@example.com' a='b*******@example.com'",
        ),
        ("ann.smi=\nth@example.com", "a*******@example.com"),
        ("ann.smith@=\r\nexample.com", "a*******@example.com"),
        ("https://x.example/c?e=ann%2540example.com", "https://x.example/c?e=a*******@example.com"),
        ("ann＠example.com", "a*******@example.com"),
    ],
)
def test_addresses_inside_a_text_are_masked(text: str, shown: str) -> None:
    assert without_addresses(text) == shown


@given(st.integers(0, 60), st.sampled_from(["\r\n ", "\n ", "\n\t"]))
def test_no_address_survives_in_a_calendar_that_is_folded_within_it(place: int, fold: str) -> None:
    line = "ATTENDEE;CN=Ann;RSVP=TRUE:mailto:ann.very.secret@guests.example"
    folded = f"BEGIN:VCALENDAR\r\nBEGIN:VEVENT\r\n{line[:place]}{fold}{line[place:]}\r\nEND:VEVENT"
    shown = without_addresses(folded)
    assert "RSVP=TRUE:mailto:a*******@guests.example" in shown
    assert not any(part in shown for part in ("nn.very", "very", "secret"))


async def test_an_address_in_a_folded_calendar_of_a_mail_is_masked_on_each_page_that_shows_it(
    tmp_path: Path, clock: Clock
) -> None:
    long = "wilhelmina.moneypenny-of-the-southern-department@strangers.example"
    settings = {"public_url": PUBLIC, "authserv_ids": mails.OPERATOR_SERVER}
    async with engine_in(tmp_path, clock, **settings) as engine, browser(engine) as web:
        person = await operator(engine, web)
        for sender, proven in (("olga@cis.test", True), ("mailer@strangers.example", False)):
            entry = mails.vevent(attendees=[(long, "NEEDS-ACTION")], organizer=sender)
            mail = mails.request(entry, sender=sender, proven=proven)
            assert long.encode() not in entry.to_ical(), "its line is folded within the address"
            async with inbox_of(engine) as inbox:
                await inbox.take(mail.as_bytes(), (OwnMailbox(name="create"),))
        (event,) = (await engine.store.search(EventQuery(organizer="olga@cis.test", limit=1))).events
        for page, part in (
            (f"/console/events/{event.uid}/message", "/mails/"),
            ("/console/quarantine", "/quarantine/"),
        ):
            listed = await person.go(page)
            seen = await person.go(next(link for link in listed.links if part in link))
            assert "NEEDS-ACTION:mailto:w*******@strangers.example" in seen.text
            assert "southern" not in seen.text


@given(st.text(max_size=40), LOCALS, st.text(max_size=40))
def test_no_address_survives_in_any_text(before: str, local: str, after: str) -> None:
    shown = without_addresses(f"{before} {local}@guests.example {after}")
    assert f"{local}@" not in shown
    assert "@guests.example" in shown


def test_a_long_text_without_an_address_is_read_once() -> None:
    text = "x" * 100_000 + "@"
    assert without_addresses(text) == text


def test_numbers_and_what_is_plain_stay() -> None:
    assert hidden(7) == 7
    assert hidden(plain("ann@example.com & co")) == "ann@example.com &amp; co"


async def _furnished(engine: Engine) -> list[str]:
    """An installation with addresses of organizers, guests and strangers at each place that can hold one."""
    event = await created(
        engine,
        organizer="olga@own.example",
        organizer_name="Olga, boss@texts.example",
        summary="Gala of summary@texts.example",
        location="Ring where@texts.example",
        description="Write to text@texts.example",
    )
    await invite(engine, event, "guest@people.example", name="name@texts.example")
    await do(engine, Suppress(targets=("never@people.example",), organizer="olga@own.example"))
    await do(engine, CreateKey(name="of key@texts.example", address="robot@own.example"))
    await do(engine, StopSending(organizer="stopped@own.example"))
    await do(
        engine,
        DraftCampaign(uid=event.uid, recipients=[ListRow(email="listed@people.example"), ListRow("two@@x")]),
    )
    await waiting(engine, event.uid, location="At new@texts.example")
    mail = mails.request(mails.vevent("u1"), sender="mailer@strangers.example", proven=False)
    async with inbox_of(engine) as inbox:
        await inbox.take(mail.as_bytes(), (OwnMailbox(name="create"),))
    await deliver(engine)
    own = [f"{name}@own.example" for name in ("olga", "robot", "stopped")]
    texts = [f"{name}@texts.example" for name in ("boss", "summary", "where", "text", "name", "key", "new")]
    people = [f"{name}@people.example" for name in ("guest", "never", "listed")]
    return [*own, *texts, *people, "mailer@strangers.example"]


FORMS = frozenset({"edit", "list", "cancel", "new", "settings"})
"""Pages whose forms hold what they change."""


async def test_no_page_of_the_console_shows_an_address_nor_has_one_in_a_link(
    engine: Engine, person: Person
) -> None:
    addresses = await _furnished(engine)
    pages = await crawled(person)
    assert len(pages) > 20
    shown = {
        (path, address)
        for path, text in pages.items()
        for address in addresses
        if address in text.lower() or address.replace("@", "%40") in text.lower()
    }
    assert {path for path, _ in shown if path.partition("?")[0].rpartition("/")[2] not in FORMS} == set()


@pytest.mark.parametrize(
    ("path", "address"),
    [
        ("/console/organizers", "olga@own.example"),
        ("/console/do-not-mail", "never@people.example"),
        ("/console/quarantine/", "mailer@strangers.example"),
        ("/console/held/", "new@texts.example"),
    ],
)
async def test_addresses_are_shown_by_a_button_and_the_record_says_so(
    engine: Engine, person: Person, path: str, address: str
) -> None:
    await _furnished(engine)
    if path.endswith("/"):
        seen = await person.go(
            {"quarantine": "/console/quarantine", "held": "/console/agents"}[path.split("/")[2]]
        )
        path = next(link for link in seen.links if link.startswith(path))
    assert address not in (await person.go(path)).answer.text
    assert address in (await person.press("Show addresses")).answer.text
    (row, *_) = await engine.record(engine.local, 1)
    assert "ShowListedAddresses" in row.body
    assert address not in (await person.go(path)).answer.text


async def test_a_key_without_the_right_is_shown_no_addresses(engine: Engine) -> None:
    await _furnished(engine)
    async with browser(engine) as web:
        olga = await with_key(engine, web, "olga@own.example", scopes=frozenset({"read"}))
        seen = await olga.go("/console/do-not-mail")
        assert "n*******@people.example" in seen.text
        assert "Show addresses" not in seen.text
        form = {"do": "show", "token": seen.form("Sign out").fields["token"]}
        found = await web.post("/console/do-not-mail", data=form, headers=SAME)
    assert found.status_code == 403
    assert "never@" not in found.text


async def test_a_form_saves_a_text_with_an_address_as_it_is(engine: Engine, person: Person) -> None:
    event = await created(
        engine, description="Write to text@texts.example", organizer_name="Me, me@x.example"
    )
    await person.go(f"/console/events/{event.id}/edit")
    seen = await person.press("See what this would do", location="Hall of new@x.example")
    assert "new@x.example" not in seen.text
    await person.press("Change the event")
    found = await engine.event(event.uid, engine.local)
    assert (found.description, found.location) == (event.description, "Hall of new@x.example")
    assert found.organizer_name == event.organizer_name


@pytest.mark.parametrize("strange", ["x@y=" + "." * 100_000, "x@y" + "=a." * 30_000, "=\r\n" * 30_000])
def test_a_long_word_of_a_stranger_is_masked_in_one_pass(strange: str) -> None:
    with ending():
        assert without_addresses(f"{strange} ann.asher@example.com").endswith(" a*******@example.com")


TEMPLATES = Path(masking.__file__).with_name("templates")
_BAR = re.compile(r"<progress.*?</progress>", re.DOTALL)
_HELD = re.compile(r' value="[^"{]*({{ .*? }})|<textarea[^>]*>(.*?)</textarea>', re.DOTALL)
"""What a field, a choice or a button sends with its form."""
_PLAIN = re.compile(r"{{ (?:[\w.]+|\w+(?:\.\w+)?\(.*\)|\(.+\))\|plain }}")


@pytest.mark.parametrize("template", sorted(TEMPLATES.glob("*.html")), ids=lambda path: path.name)
def test_a_form_holds_what_it_sends_as_it_is(template: Path) -> None:
    fields = _HELD.findall(_BAR.sub("", template.read_text(encoding="utf-8")))
    shown = [held for found in fields for held in re.findall(r"{{ .*? }}", "".join(found))]
    assert [held for held in shown if not _PLAIN.fullmatch(held)] == []
