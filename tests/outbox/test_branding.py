"""Mails in their organizer's own looks: in both texts, readable without pictures, in force with the next mail."""

from __future__ import annotations

from email import message_from_bytes, policy
from email.message import EmailMessage

import pytest

from engine.commands.campaigns.reports import SendReport
from engine.commands.events.events import CancelEvent, UpdateEvent
from engine.commands.pages.branding import ResetBranding, SetBranding
from engine.commands.pages.pages import CreatePage
from engine.engine import Engine
from engine.model.actors import Actor
from engine.model.branding import Hub, MailText
from engine.model.messages import MessageState
from engine.model.pages import Layout
from engine.outbox.render import Renderer
from engine.refusals import Code
from tests.support.clock import Clock
from tests.support.engines import claim, created, do, invite, jobs_done, refusal, settle

ANN = "ann@example.com"
TEXTS = {
    MailText.INVITE: "{organizer} asks for the pleasure of your company & more.",
    MailText.CANCEL: "Alas, it is off.",
}


async def _mails(engine: Engine, renderer: Renderer | None = None) -> list[EmailMessage]:
    """What leaves now, as it is read."""
    await jobs_done(engine)
    claims = await claim(engine)
    made = renderer or Renderer(engine.settings, engine.store)
    mails = [
        message_from_bytes((await made.render(one, engine.clock())).content, policy=policy.default)
        for one in claims
    ]
    await settle(engine, claims, MessageState.SENT)
    return mails  # type: ignore[return-value]


def _texts(mail: EmailMessage) -> tuple[str, str]:
    plain, html = mail.get_body(("plain",)), mail.get_body(("html",))
    assert plain is not None
    texts = str(plain.get_content()), str(html.get_content()) if html is not None else ""
    return texts[0].replace("\r\n", "\n"), texts[1].replace("\r\n", "\n")


async def test_mails_have_title_colour_first_line_and_last_lines_of_the_branding(engine: Engine) -> None:
    await do(
        engine, SetBranding(title="The Club", colour="#0a5c36", footer="Club e.V.\n1 Main St", texts=TEXTS)
    )
    event = await created(engine, organizer=ANN, organizer_name="Ann")
    await invite(engine, event, "kim@guests.example")
    (mail,) = await _mails(engine)
    plain, html = _texts(mail)
    assert plain.startswith("Ann asks for the pleasure of your company & more.\n")
    assert "invites you" not in plain + html
    assert "company &amp; more." in html
    assert plain.rstrip().endswith("Club e.V.\n1 Main St")
    assert ">The Club</p>" in html
    assert "Club e.V.<br>\n1 Main St" in html
    assert 'bgcolor="#0a5c36"' in html
    assert "#1a56db" not in html
    assert "<img" not in html, "nothing of it needs a picture"
    await do(engine, CancelEvent(uid=event.uid, audience="all"))
    (mail,) = await _mails(engine)
    assert all("Alas, it is off." in text for text in _texts(mail))


async def test_an_organizer_s_branding_lies_over_that_of_the_installation(engine: Engine) -> None:
    await do(engine, SetBranding(title="The Club", footer="Club e.V.", texts={MailText.UPDATE: "News:"}))
    await do(engine, SetBranding(scope=ANN, title="Ann's"), Actor(kind="organizer", address=ANN))
    event = await created(engine, organizer=ANN)
    other = await created(engine, organizer="bob@example.com")
    for one in (event, other):
        await invite(engine, one, "kim@guests.example")
    first, second = await _mails(engine)
    assert ">Ann&#39;s</p>" in _texts(first)[1]
    assert "Club e.V." in _texts(first)[0]
    assert ">The Club</p>" in _texts(second)[1]
    await do(engine, UpdateEvent(uid=event.uid, location="Elsewhere", audience="all"))
    (mail,) = await _mails(engine)
    assert _texts(mail)[0].startswith("News:\n")


async def test_what_is_set_is_in_force_with_the_next_mail_of_a_server_that_runs(
    engine: Engine, clock: Clock
) -> None:
    renderer = Renderer(engine.settings, engine.store)
    event = await created(engine, organizer=ANN)
    await invite(engine, event, "kim@guests.example")
    (mail,) = await _mails(engine, renderer)
    assert "Club" not in _texts(mail)[0]
    await do(engine, SetBranding(footer="Club e.V."))
    clock.move(seconds=3)
    await invite(engine, event, "lou@guests.example")
    (mail,) = await _mails(engine, renderer)
    assert "Club e.V." in _texts(mail)[0]
    await do(engine, ResetBranding())
    clock.move(seconds=3)
    await invite(engine, event, "max@guests.example")
    (mail,) = await _mails(engine, renderer)
    assert "Club" not in _texts(mail)[0]


async def test_reports_and_notices_speak_in_the_same_name(engine: Engine) -> None:
    await do(
        engine, SetBranding(title="The Club", footer="Club e.V.", texts={MailText.REPORT: "Here it is."})
    )
    event = await created(engine, organizer=ANN)
    await do(engine, SendReport(uid=event.uid))
    (mail,) = await _mails(engine)
    plain, _ = _texts(mail)
    assert str(mail["From"]).startswith("The Club <")
    assert plain.startswith("Here it is.\n\n")
    assert plain.rstrip().endswith("Club e.V.")


async def test_new_pages_begin_with_layout_and_consent_of_the_branding(engine: Engine) -> None:
    await do(engine, SetBranding(layout=Layout.CARDS, consent="I agree to invites."))
    page = (await do(engine, CreatePage(title="Season", organizer=ANN))).page
    assert (page.layout, page.consent) == (Layout.CARDS, "I agree to invites.")
    own = (await do(engine, CreatePage(title="Other", organizer=ANN, layout=Layout.LIST))).page
    assert own.layout is Layout.LIST


@pytest.mark.parametrize(
    ("wrong", "code"),
    [
        ({"colour": "#ffe08a"}, Code.INVALID_ARGUMENT),
        ({"colour": "red"}, Code.INVALID_ARGUMENT),
        ({"domain": "a b"}, Code.INVALID_ARGUMENT),
        ({"title": "x" * 81}, Code.TOO_LARGE),
        ({"texts": {MailText.INVITE: "x" * 301}}, Code.TOO_LARGE),
        ({"scope": ANN, "off": frozenset({Hub.LISTS})}, Code.NOT_ALLOWED),
    ],
)
async def test_what_cannot_be_is_refused_and_changes_nothing(
    engine: Engine, wrong: dict[str, object], code: Code
) -> None:
    assert await refusal(engine, SetBranding.model_validate(wrong)) is code
    assert await engine.store.branding("") is None
    assert await engine.store.branding(ANN) is None


async def test_an_organizer_sets_their_own_alone(engine: Engine) -> None:
    ann = Actor(kind="organizer", address=ANN)
    for command in (SetBranding(title="x"), SetBranding(scope="bob@example.com", title="x"), ResetBranding()):
        assert await refusal(engine, command, ann) is Code.NOT_ALLOWED
    await do(engine, SetBranding(scope=ANN, texts=TEXTS), ann)
    await do(engine, ResetBranding(scope=ANN, only=MailText.CANCEL), ann)
    kept = await engine.branding_set(ANN, ann)
    assert kept.texts == {MailText.INVITE: TEXTS[MailText.INVITE]}
