"""Mails are in the recipient's language where it is known, else in the organizer's; calendars stay as they are."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from datetime import timedelta
from email import policy
from email.parser import BytesParser
from pathlib import Path

import pytest

from engine.commands.campaigns.campaigns import CampaignAction, DraftCampaign
from engine.commands.composing import reader_language
from engine.commands.invites.invites import SendInvite
from engine.commands.operators.organizers import SettleOrganizer
from engine.commands.revisions import revised
from engine.engine import Engine
from engine.inbox.routes.rsvp import answer_in
from engine.mail.locale.language import TAGS, language
from engine.model.events import Event
from engine.model.list_rows import ListRow
from engine.model.messages import Kind
from engine.model.people import Partstat
from engine.outbox.render import Renderer
from engine.refusals import Code
from tests.itip.samples import event
from tests.locale.words import english_words
from tests.mail.test_compose import body, parsed
from tests.outbox.test_render import NOW, claim, render, renderer
from tests.support.clock import Clock
from tests.support.engines import claim as claimed
from tests.support.engines import control, created, do, engine_in, invite, jobs_done, refusal

KINDS = [kind for kind in Kind if kind.calendar]
_ADDRESS = re.compile(r"\S+@\S+|https?://\S+|mailto:\S+|[A-Z]\w+/\w+")


def german(sample: Event) -> Event:
    """An event whose own words are German, changed in all that a mail tells of."""
    own = {
        "summary": "Konzert",
        "location": "Gasteig",
        "description": "Kammermusik",
        "organizer_name": "Jürgen",
        "url": "https://example.org/k",
    }
    old = sample.model_copy(update={**own, "summary": "Feier", "location": "", "recurrence": ""})
    later = sample.span.model_copy(
        update={"start": sample.span.start + timedelta(days=1), "end": sample.span.end + timedelta(days=1)}
    )
    update = {**own, "span": later, "sequence": 1, "recurrence": "FREQ=MONTHLY;BYDAY=1MO;COUNT=3"}
    return revised(sample.model_copy(update=update), old, NOW)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("rsvp", [True, False])
def test_a_mail_in_german_says_nothing_in_english(kind: Kind, rsvp: bool) -> None:
    sample = german(event().model_copy(update={"rsvp": rsvp}))
    sent = render(renderer(), claim(sample, kind, fields={"lang": "de-AT", "timezone": "Asia/Tokyo"}))
    mail = parsed(sent.content)
    for text in (body(sent.content, "plain"), _visible(body(sent.content, "html")), str(mail["Subject"])):
        own = _ADDRESS.sub(" ", text.replace("Calendar Invite Server", ""))
        assert english_words(own) == set(), own
    assert '<html lang="de">' in body(sent.content, "html")


def _visible(html: str) -> str:
    return re.sub(r"<style.*?</style>|<[^>]*>", " ", html, flags=re.DOTALL)


@pytest.mark.parametrize("kind", [Kind.INVITE, Kind.UPDATE, Kind.CANCELLATION, Kind.REMINDER])
def test_the_calendar_part_is_the_same_in_every_language(kind: Kind) -> None:
    def calendar(tag: str) -> bytes:
        mail = BytesParser(policy=policy.default).parsebytes(
            render(renderer(), claim(event(), kind, fields={"lang": tag})).content
        )
        part = next(p for p in mail.walk() if p.get_content_type() == "text/calendar")
        assert part.get_param("method") == kind.method
        return bytes(part.get_payload(decode=True))

    assert {calendar(tag) for tag in TAGS} == {calendar("en")}


@pytest.mark.parametrize("tag", TAGS)
def test_a_mail_that_is_filled_in_is_the_one_that_is_composed_in_each_language(tag: str) -> None:
    sample = event().model_copy(update={"summary": "Für {{name}}", "description": "{{seat}}"})
    sent = render(renderer(), claim(sample, Kind.INVITE, fields={"lang": tag, "seat": "7"}))
    html = body(sent.content, "html")
    assert f'<html lang="{tag}"' in html
    assert (' dir="rtl"' in html) == (tag == "ar")
    assert "Für Joe Bloggs" in html


@pytest.mark.parametrize("tag", TAGS)
def test_an_answer_by_mail_is_understood_in_the_language_of_its_invite(tag: str) -> None:
    sent = render(renderer(), claim(event(), fields={"lang": tag}))
    text = body(sent.content, "plain")
    said = language(tag)
    for word, partstat in (("Yes", "accepted"), ("No", "declined"), ("Maybe", "tentative")):
        answer = said.say(word)
        assert f"{answer}: mailto:" in text
        assert answer_in(f"{answer}: Konzert") is Partstat(partstat)
        assert answer_in(f"Re: {answer.upper()}") is Partstat(partstat)
    assert answer_in("Yesterday") is None
    assert answer_in("Jahrestag") is None


@pytest.fixture
async def engine(tmp_path: Path, clock: Clock) -> AsyncIterator[Engine]:
    async with engine_in(tmp_path, clock) as opened:
        yield opened


async def test_each_person_of_a_list_is_mailed_in_their_language_else_in_the_organizers(
    engine: Engine,
) -> None:
    made = await created(engine, summary="Konzert")
    await do(engine, SettleOrganizer(address=made.organizer, language="it"))
    people = {"fr": "fr", "pt": "pt-BR", "pl": "it", "": "it"}
    rows = [ListRow(email=f"p{n}@example.com", fields={"lang": tag}) for n, tag in enumerate(people)]
    rows.append(ListRow(email="crm@example.com", fields={"preferred language": "de_DE"}))
    draft = await do(engine, DraftCampaign(uid=made.uid, recipients=rows))
    await control(engine, draft, CampaignAction.START)
    await jobs_done(engine)
    found = {c.message.email: c for c in await claimed(engine)}
    by = Renderer(engine.settings, engine.store)
    for n, tag in enumerate(people.values()):
        sent = await by.render(found[f"p{n}@example.com"], NOW)
        assert f'<html lang="{tag}"' in body(sent.content, "html")
    sent = await by.render(found["crm@example.com"], NOW)
    assert '<html lang="de"' in body(sent.content, "html")


async def test_one_invite_may_name_its_language_which_has_to_be_one_of_ours(engine: Engine) -> None:
    made = await created(engine)
    await invite(engine, made, "ann@example.com", fields={"lang": "ja-JP"})
    known = await engine.store.attendee(made.uid, "ann@example.com")
    assert known is not None
    assert reader_language(known, "de") == "ja"
    command = SendInvite(uid=made.uid, email="bob@example.com", fields={"lang": "klingon"})
    assert await refusal(engine, command) is Code.INVALID_ARGUMENT
    assert await engine.store.attendee(made.uid, "bob@example.com") is None


def test_a_revision_is_composed_once_for_each_language_however_many_read_it() -> None:
    by, sample = renderer(), event()
    for n in range(300):
        tag = ("de", "ja", "")[n % 3]
        render(by, claim(sample, email=f"p{n}@example.org", fields={"lang": tag} if tag else {}))
    assert len(by._kept) == 3
