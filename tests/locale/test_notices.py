"""What organizers are told by mail is in the language that is set for them."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from starlette.applications import Starlette

from cis_mcp.mcp.tools import catalog
from cis_mcp.pages import approve
from engine.commands import answer_notices, confirmation_mails, notices
from engine.commands.agents import digest_words
from engine.commands.agents.keys import CreateKey
from engine.commands.agents.stopping import StopByOwner
from engine.commands.answers.confirmations import WaitingMail, ask
from engine.commands.approvals import approval_mails
from engine.commands.base import Command, Done, Work
from engine.commands.events.events import UpdateEvent
from engine.commands.events.timing import Timing
from engine.commands.invites.invites import SendInvite
from engine.commands.operators.organizers import SettleOrganizer
from engine.commands.orders import mails
from engine.commands.reasons import REASONS
from engine.commands.signing_in import AskToSignIn
from engine.commands.triggers import effects
from engine.commands.webhooks import feeding
from engine.engine import SYSTEM, Engine
from engine.jobs import digests
from engine.mail.locale.language import language
from engine.model.actors import Actor
from engine.model.bounds import Bounds
from engine.model.campaigns import Campaign, CampaignState
from engine.model.confirmations import Confirmation
from engine.model.held import Difference, HeldAction, HeldCommand, HeldPreview, HeldState, HoldReason
from engine.model.list_rows import Recipient
from engine.model.messages import Notice
from engine.model.people import Attendee, Origin
from engine.model.plans import Enrolment, Plan
from engine.model.triggers import Trigger
from engine.model.webhooks import Webhook
from engine.refusals import Code, Refused
from tests.itip.samples import event
from tests.locale.extraction import ROOT
from tests.locale.words import english_words
from tests.outbox.test_render import NOW, SETTINGS
from tests.pages.test_languages import readable
from tests.support.clock import Clock
from tests.support.engines import created, deliver, do, engine_in

GERMAN = language("de")
KEEP = "Keep this mail: the head of the record below proves later that nothing before it was changed."
_DATA = re.compile(
    r"\S+@\S+|https?://\S+|(?:uid|id|Code): \S+|[A-Z]\w+/\w+|STOP|UPDATE|CANCEL|\b(?:email|name|action|uid)\b"
)
EVENT = event().model_copy(
    update={"summary": "Konzert", "location": "Gasteig", "recurrence": "FREQ=WEEKLY;BYDAY=MO;COUNT=3"}
)
ANN = Attendee(event_uid=EVENT.uid, email="ann@example.org", token="t" * 16, origin=Origin.API, created=NOW)


HELD = HeldAction(
    id="h" * 8,
    code="c" * 20,
    actor=Actor(kind="organizer", address="olga@example.org"),
    organizer="olga@example.org",
    address="ann@example.org",
    command=HeldCommand(name="UpdateEvent", arguments="{}"),
    digest="d",
    reasons=(HoldReason.ORGANIZER,),
    preview=HeldPreview(action="Change the event", title="Konzert", when="19:00", people=3),
    created=NOW,
    expires=NOW,
)


def english_in(notice: Notice) -> set[str]:
    return english_words(_DATA.sub(" ", f"{notice.subject}\n{notice.text}\n{notice.warning}"))


def every_notice() -> Iterator[Notice]:
    """Each notice to an organizer, in German."""
    yield notices.without(notices.created(EVENT, SETTINGS, GERMAN), ["Kapitel"], GERMAN)
    yield notices.updated(EVENT, ["summary", "start", "url"], 2_430, None, GERMAN)
    yield notices.updated(EVENT, ["start"], 1, EVENT.span.start, GERMAN)
    yield notices.updated(EVENT, [], 0, None, GERMAN)
    yield notices.cancelled(EVENT, ["status"], 3, None, GERMAN)
    yield notices.cancelled(EVENT, ["status"], 3, EVENT.span.start, GERMAN)
    yield notices.several("Saison", "2", [], GERMAN)
    yield answer_notices.declined(EVENT, ANN, GERMAN)
    yield notices.refused("Konzert", "Grund", "code", GERMAN)
    yield notices.refused("Konzert", "Grund", Code.FREE_TRIAL_ENDED.value, GERMAN)
    yield answer_notices.several_answer(EVENT, ANN, GERMAN)
    yield answer_notices.proposal(EVENT, ANN, EVENT.span, "Bitte", None, GERMAN)
    yield answer_notices.proposal(EVENT, ANN, None, "", None, GERMAN)
    yield answer_notices.delegate_outside(EVENT, ANN, GERMAN)
    yield notices.warned(Notice(subject="", text=""), SETTINGS, GERMAN)
    yield confirmation_mails.unproven("", "", GERMAN)
    yield notices.gathered([notices.created(EVENT, SETTINGS, GERMAN)] * 2, 3, GERMAN)
    yield notices.batch_done("3", ["Zeile"] * 300, "", anything=True, language=GERMAN)
    yield notices.batch_done("3", ["Zeile"], "", anything=False, language=GERMAN)
    free, plan = Plan(name="free", events=1, invites=5), Plan(name="gold", events=0, invites=0)
    enrolled = Enrolment(organizer="ann@example.org", plan="gold", since=NOW, until=NOW)
    yield mails.begun(enrolled, plan, SETTINGS, GERMAN)
    yield mails.begun(enrolled.model_copy(update={"until": None}), free, SETTINGS, GERMAN)
    yield mails.ended(enrolled, free, GERMAN)
    yield mails.ended(enrolled.model_copy(update={"plan": "free"}), None, GERMAN)
    yield approval_mails.asking(HELD, SETTINGS, GERMAN)
    yield approval_mails.waits(HELD, GERMAN)
    yield approval_mails.expired(HELD, GERMAN)
    for state in (HeldState.APPROVED, HeldState.REFUSED, HeldState.VOID):
        yield approval_mails.decided(HELD.model_copy(update={"state": state}), GERMAN)
    for reasons in ((HoldReason.ORGANIZER,), (HoldReason.NO_KEY,), (HoldReason.BULK, HoldReason.LINKS)):
        yield approval_mails.asking(HELD.model_copy(update={"reasons": reasons}), SETTINGS, GERMAN)


@pytest.mark.parametrize("notice", [*every_notice()], ids=lambda notice: notice.subject[:30])
def test_a_notice_in_german_says_nothing_in_english(notice: Notice) -> None:
    assert english_in(notice) == set()


@pytest.mark.parametrize("code", sorted({*notices._SKIPPED, *REASONS}))
def test_why_a_row_was_passed_over_is_told_in_german(code: Code) -> None:
    row = Recipient(row=3, email="ann@example.org", code=code)
    told = notices.skipping(row, GERMAN).replace(code.value, "")
    assert english_words(_DATA.sub(" ", told)) == set()


@pytest.mark.parametrize("code", sorted(REASONS))
def test_why_a_mail_changed_nothing_is_told_in_german_with_what_it_quotes(code: Code) -> None:
    told = notices.refused("Konzert", "There is no zone “Mars/Olympus”. Name another.", code.value, GERMAN)
    assert "Mars/Olympus" in told.text
    assert english_in(told.model_copy(update={"text": told.text.replace(code.value, "")})) == set()
    assert "Name another." in notices.refused("x", "Name another.", code.value).text


def test_every_refusal_that_a_mail_can_meet_has_a_reason_in_each_language() -> None:
    """What the routes of create@ and bulk@, calendars, lists and tables refuse with."""
    met = set[Code]()
    for room in ("inbox/routes", "inbox/intake", "commands/tables", "commands/events", "itip"):
        files = (ROOT / "engine" / room).rglob("*.py")
        text = "".join(file.read_text(encoding="utf-8") for file in files)
        found = {Code[name] for name in re.findall(r"Refused\(\s*Code\.([A-Z_]+)", text)}
        assert found, room
        met |= found
    assert met - set(REASONS) - _NEVER_MAILED == set()


_NEVER_MAILED = {Code.IDEMPOTENCY_CONFLICT, Code.READ_RECEIPT, Code.AUTOMATIC_MAIL, Code.UNKNOWN_TOKEN}
"""Of tools alone, or of mail that nobody wrote."""


def test_each_command_that_a_key_may_give_has_a_name_in_each_language() -> None:
    tools = "".join(
        file.read_text(encoding="utf-8") for file in (ROOT / "cis_mcp" / "mcp" / "tools").glob("*.py")
    )
    assert catalog.EVERY, "so that every command is known"
    called = set(re.findall(r"\b(\w+)\(", tools))
    given = {cls for cls in _commands(Command) if cls.in_record and cls.__name__ in called}
    assert len(given) > 20
    named = {word for _, word in digest_words._COMMANDS}
    assert {cls.__name__ for cls in given} - named == set()
    for word in named:
        assert english_words(digest_words.command(word, GERMAN)) == set()


def _commands(cls: Any) -> Iterator[Any]:
    for below in cls.__subclasses__():
        yield below
        yield from _commands(below)


@pytest.mark.parametrize("kind", ["confirm", "first_proof", "registration"])
def test_a_mail_that_asks_whether_a_mail_is_theirs_is_in_german(kind: str) -> None:
    asked = Confirmation(
        code="c" * 20,
        mail="m",
        mailbox="create",
        address="ann@example.org",
        what="",
        created=NOW,
        expires=NOW + timedelta(days=7),
    )
    for settings in (SETTINGS, SETTINGS.model_copy(update={"public_url": "http://127.0.0.1:8000"})):
        assert english_in(getattr(confirmation_mails, kind)(asked, settings, GERMAN)) == set()


def test_a_preview_names_actions_fields_and_answers_in_german() -> None:
    preview = HeldPreview(
        action="Change the event",
        title="Konzert",
        when="19:00",
        people=7,
        first=("ann@example.org",),
        left_out={"declined": 2, "noaction": 1},
        differences=(Difference(field="place", before="", after="Gasteig"),),
    )
    told = approval_mails.described(preview, GERMAN)
    assert english_words(_DATA.sub(" ", told)) == set()
    assert [english_words(GERMAN.say(why)) for why in approval_mails.REASONS.values()] == [set()] * len(
        approval_mails.REASONS
    )
    assert set(approval_mails.REASONS) == set(HoldReason)


@pytest.fixture
async def engine(tmp_path: Path, clock: Clock) -> AsyncIterator[Engine]:
    async with engine_in(tmp_path, clock, public_url="https://cis.example.com", organizers="*") as opened:
        yield opened


async def test_a_link_to_sign_in_is_mailed_in_the_organizers_language(engine: Engine) -> None:
    await created(engine, organizer="olga@cis.test")
    await do(engine, SettleOrganizer(address="olga@cis.test", language="nl"))
    await do(engine, AskToSignIn(address="olga@cis.test"), Actor(kind="attendee", address=""))
    (mail,) = await deliver(engine)
    assert mail.notice
    assert mail.notice.subject == "Aanmelden"
    assert "15 minuten" in mail.notice.text


async def test_a_digest_and_what_a_stop_came_to_are_in_the_owners_language(engine: Engine) -> None:
    await created(engine, organizer="olga@cis.test", summary="Feier")
    await do(engine, SettleOrganizer(address="olga@cis.test", language="de"))
    made = await created(engine, organizer="agent@cis.test", summary="Konzert")
    bounds = Bounds(owner="olga@cis.test", approval=["new-domain"])
    key = (await do(engine, CreateKey(name="Verkauf", address="agent@cis.test", bounds=bounds))).key
    await do(engine, SendInvite(uid=made.uid, email="ann@example.com"), key.actor)
    await digests.step(engine)
    await do(engine, StopByOwner(), Actor(kind="owner", address="olga@cis.test"))
    told = [m.notice for m in await deliver(engine) if m.email == "olga@cis.test" and m.notice]
    assert {notice.subject.split(",")[0] for notice in told} >= {"Gestoppt"}
    assert any(notice.subject.startswith("Was Ihre Agenten bis Montag") for notice in told)
    for notice in told:
        lines = notice.text.splitlines()
        kept = "\n".join(line for line in lines if not re.search("^>|key ", line))
        # Ids are made of letters by chance, which may be an English word.
        kept = re.sub(r"\bid \w+", "", kept.partition(GERMAN.say(KEEP))[0].replace(key.id, ""))
        assert english_words(_DATA.sub(" ", kept)) == set(), kept


async def test_the_page_that_decides_is_in_the_language_of_whoever_decides(engine: Engine) -> None:
    await created(engine, organizer="olga@cis.test", summary="Feier")
    await do(engine, SettleOrganizer(address="olga@cis.test", language="de"))
    made = await created(engine, organizer="agent@cis.test", summary="Konzert", location="")
    bounds = Bounds(owner="olga@cis.test", approval=["changes"])
    key = (await do(engine, CreateKey(name="Verkauf", address="agent@cis.test", bounds=bounds))).key
    when = Timing(start="2027-05-09T20:00", duration="PT2H", timezone="Europe/Berlin")
    await do(engine, UpdateEvent(uid=made.uid, when=when, location="Gasteig"), key.actor)
    (mail,) = [m.notice for m in await deliver(engine) if m.email == "olga@cis.test" and m.notice]
    (path,) = re.findall(r"https://cis\.example\.com(/approve/\S+)", mail.text)
    way = httpx.ASGITransport(Starlette(routes=approve.routes(engine)))
    async with httpx.AsyncClient(transport=way, base_url="https://cis.example.com") as web:
        answers = [await web.get(path), await web.post(path, data={"decision": "maybe"})]
        answers += [await web.post(path, data={"decision": "yes"}), await web.get(path)]
    assert "Sonntag, 9. Mai 2027, 20:00" in answers[0].text
    for answer in answers:
        assert english_words(_DATA.sub(" ", readable(answer.text))) == set(), answer.text


class _Ask(Command[Done]):
    """Ask the owner of an address."""

    waiting: WaitingMail

    async def carry_out(self, work: Work) -> Done:
        await ask(work, self.waiting)
        return Done()


async def test_what_a_confirmation_does_is_told_in_the_organizers_language(engine: Engine) -> None:
    await created(engine, organizer="olga@cis.test")
    await do(engine, SettleOrganizer(address="olga@cis.test", language="de"))
    waiting = WaitingMail(mail="m", mailbox="bulk", address="olga@cis.test", who="organizer")
    await do(engine, _Ask(waiting=waiting))
    (mail,) = await deliver(engine)
    assert mail.notice
    assert "Sie lädt die Personen einer angehängten Liste ein." in mail.notice.text
    assert english_in(mail.notice) == set()


async def test_a_report_of_a_list_is_in_the_organizers_language(engine: Engine) -> None:
    campaign = Campaign(
        id="c",
        event_uid="u",
        organizer="o@cis.test",
        origin=Origin.BULK,
        state=CampaignState.CANCELLED,
        total=3,
        created=NOW,
    )
    told = notices.campaign_report(campaign, "Konzert", {"sent": 1, "failed": 2}, [], GERMAN)
    assert english_in(told) == set()


async def test_a_language_that_is_none_of_ours_changes_nothing(engine: Engine) -> None:
    await created(engine, organizer="olga@cis.test")
    with pytest.raises(Refused):
        await do(engine, SettleOrganizer(address="olga@cis.test", language="klingon"))
    assert await engine.organizer_language("olga@cis.test") == ""


async def test_what_stops_a_webhook_or_a_trigger_is_told_in_the_language_of_its_owner(engine: Engine) -> None:
    await created(engine, organizer="olga@cis.test")
    await do(engine, SettleOrganizer(address="olga@cis.test", language="de"))
    await do(engine, _StopBoth(), SYSTEM)
    told = [m.notice for m in await deliver(engine) if m.email == "olga@cis.test" and m.notice]
    assert sorted(notice.subject.partition(":")[0] for notice in told) == ["Angehalten", "Gestoppt"]
    assert set().union(*(english_in(notice) for notice in told)) == set()


class _StopBoth(Command[Done]):
    """Stop a webhook that is gone and a trigger that causes itself."""

    in_record = False

    async def carry_out(self, work: Work) -> Done:
        owned = {"organizer": "olga@cis.test", "created": work.now}
        webhook = Webhook.model_construct(id="w", url="https://x.example", kinds=frozenset(), **owned)
        webhook = webhook.model_copy(update={"secrets": ("s",), "cursor": "0", "looked": work.now})
        await feeding.pause(work, webhook, Code.GONE, "Its receiver answered 410: it is gone for good.")
        trigger = Trigger.model_construct(id="t", key="", name="crm", **owned)
        await effects.report_loop(work, trigger, "It went through 5 triggers.")
        return Done()
