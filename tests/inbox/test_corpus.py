"""The shared collection of real mails, where it is there: each ends in one action, and calendars in the right one."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pytest

from engine.engine import Engine
from engine.inbox.handling.received import MailAction, Outcome
from engine.inbox.intake.intake import Inbox
from engine.inbox.spool.spool import OwnMailbox
from engine.refusals import Code
from tests.support import mails
from tests.support.clock import Clock
from tests.support.engines import created, deliver, engine_in, invite
from tests.support.inboxes import inbox_of

CORPUS = Path(__file__).parents[3] / "shared" / "corpus"
pytestmark = pytest.mark.skipif(not CORPUS.is_dir(), reason="the shared corpus is not here")

DONE = {
    MailAction.CREATED,
    MailAction.UPDATED,
    MailAction.CANCELLED,
    MailAction.RECEIPT,
    MailAction.COUNTER,
    MailAction.BOUNCE,
}


@dataclass(frozen=True)
class Sample:
    """One row of the index."""

    path: Path
    kind: str
    method: str
    special: str

    @property
    def answer(self) -> bool:
        return self.method in {"REPLY", "COUNTER"} or "CT method=REPLY" in self.special


def samples() -> list[Sample]:
    """The rows of the index."""
    found: list[Sample] = []
    folder = CORPUS
    for line in (CORPUS / "INDEX.md").read_text().splitlines() if CORPUS.is_dir() else ():
        if line.startswith("## "):
            folder = CORPUS / line[3:].partition(" (")[0].replace("/", "+")
        cells = [cell.strip() for cell in line.strip().strip("|").split("|")]
        if line.startswith("| ") and len(cells) >= 5 and cells[0] != "file":
            found.append(Sample(folder / cells[0], cells[1][:4].strip(), cells[3], cells[4]))
    return found


@pytest.fixture
async def engine(tmp_path: Path) -> AsyncIterator[Engine]:
    clock = Clock(datetime(1996, 1, 1, tzinfo=UTC))  # before all of their events
    async with engine_in(tmp_path, clock, sender_auth="off", organizers="*") as opened:
        yield opened


@pytest.fixture
async def inbox(engine: Engine) -> AsyncIterator[Inbox]:
    async with inbox_of(engine) as opened:
        yield opened


async def taken(inbox: Inbox, raw: bytes, box: OwnMailbox) -> Outcome:
    (outcome,) = await inbox.take(raw, (box,))
    return outcome


async def test_every_file_ends_in_one_action_with_a_code(inbox: Inbox) -> None:
    found = samples()
    assert len(found) == 186
    for sample in found:
        raw = sample.path.read_bytes()
        ways = {"create": raw, "rsvp": raw, "wrapped": _wrapped(raw, sample.method)}
        for way, content in ways.items():
            outcome = await taken(inbox, content, OwnMailbox(name=way.replace("wrapped", "create")))
            assert outcome.action in DONE or outcome.code in set(Code), (sample.path, way, outcome)


EXPECTED: dict[str, set[tuple[str, str]]] = {
    "REQUEST": {("created", ""), ("updated", "")},
    "PUBLISH": {("created", "")},
    "CANCEL": {("cancelled", "")},
    "REPLY": {("receipt", "")},
    "COUNTER": {("counter", "")},
}
OTHERWISE = {
    # a delivery report that quotes an invite
    "dsn_failure_with_ics": {("ignored", "automatic_mail")},
    # named after its DTEND, which is no time
    "error": {("refused", "invalid_calendar")},
}


def named() -> list[Sample]:
    """The calendar mails whose method the index names."""
    return [s for s in samples() if s.kind == "mail" and (s.method in EXPECTED or s.answer)]


@pytest.mark.parametrize("sample", named(), ids=lambda sample: sample.path.name)
async def test_every_calendar_mail_gives_the_action_of_its_method(
    engine: Engine, inbox: Inbox, sample: Sample
) -> None:
    if sample.method == "CANCEL" or "RECURRENCE-ID" in sample.special:
        await taken(inbox, _series_of(sample).path.read_bytes(), OwnMailbox(name="create"))
    box = await _answer_box(engine) if sample.answer else OwnMailbox(name="create")
    outcome = await taken(inbox, sample.path.read_bytes(), box)
    assert (outcome.action, outcome.code) in _expected(sample), outcome


def _series_of(sample: Sample) -> Sample:
    """The mail that brought the series of which `sample` changes or cancels something."""
    return next(
        s
        for s in named()
        if s.path.parent == sample.path.parent and s.method == "REQUEST" and "RRULE" in s.special
    )


def test_the_index_names_enough_mails_to_judge_by() -> None:
    assert len(named()) >= 20


def _expected(sample: Sample) -> set[tuple[str, str]]:
    if sample.path.name in OTHERWISE:
        return OTHERWISE[sample.path.name]
    return EXPECTED["REPLY" if sample.answer and sample.method != "COUNTER" else sample.method]


async def _answer_box(engine: Engine) -> OwnMailbox:
    """The receipt address of an invite of our own, to which the answer might have come."""
    event = await created(engine)
    done = await invite(engine, event, "ann@example.com")
    await deliver(engine)
    return OwnMailbox(name="rsvp", token=done.attendee.token)


def _wrapped(raw: bytes, method: str) -> bytes:
    """A bare calendar as the mail that would bring it."""
    mail = mails.mail("olga@example.com", "create@cis.test")
    mail.add_attachment(raw, "text", "calendar", params={"method": method or "PUBLISH"})
    return mail.as_bytes()
