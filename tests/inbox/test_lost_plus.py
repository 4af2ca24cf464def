"""Answers arrive although the plus of a receipt address was lost on its way through a calendar program."""

from __future__ import annotations

from pathlib import Path

import pytest

from engine.engine import Engine
from engine.model.people import Attendee, Partstat
from tests.inbox.test_ingest import ingest, written
from tests.inbox.test_listener import rcpt
from tests.support import mails
from tests.support.engines import attendee, created, deliver, engine_in, invite
from tests.support.inboxes import Post

ANN = "ann@example.com"
FORMS = (
    "rsvp+{}@cis.test",
    "rsvp{}@cis.test",
    "rsvp%2b{}@cis.test",
    "rsvp%2B{}@cis.test",
    "rsvp=2B{}@cis.test",
    "rsvp-{}@cis.test",
    "rsvp={}@cis.test",
    "rsvp_{}@cis.test",
    '"rsvp {}"@cis.test',
    '"rsvp+{}"@cis.test',
    "RSVP{}@CIS.TEST",
)


async def invited(engine: Engine) -> Attendee:
    """Ann, who has her invite."""
    found = (await invite(engine, await created(engine), ANN)).attendee
    await deliver(engine)
    return found


@pytest.mark.parametrize("form", FORMS)
async def test_an_answer_by_smtp_counts_however_its_plus_was_written(post: Post, form: str) -> None:
    ann = await invited(post.engine)
    to = form.format(ann.token)
    intake = await post(mails.reply(ann.event_uid, ANN, "ACCEPTED", to=to, proven=False), to)
    assert (intake.action, intake.mailbox) == ("receipt", "rsvp")
    event = await post.engine.event(ann.event_uid, post.engine.local)
    assert (await attendee(post.engine, event, ANN)).partstat is Partstat.ACCEPTED


@pytest.mark.parametrize("form", FORMS)
async def test_a_token_that_was_never_given_out_stays_unknown(post: Post, form: str) -> None:
    assert await rcpt(post, form.format("z" * 28)) == [550]


async def test_an_answer_by_a_pipe_counts_however_its_plus_was_written(tmp_path: Path) -> None:
    """A mail for each form, all read by one command: files as it reads its stdin."""
    async with engine_in(tmp_path) as engine:
        event = await created(engine)
        people = {f"ann{n}@example.com": form for n, form in enumerate(FORMS)}
        invited = [(await invite(engine, event, address)).attendee for address in people]
        await deliver(engine)
    answers = [
        mails.reply(event.uid, ann.email, "DECLINED", to=people[ann.email].format(ann.token), proven=False)
        for ann in invited
    ]
    files = [written(tmp_path, f"{n}.eml", mail.as_bytes()) for n, mail in enumerate(answers)]
    code, lines = await ingest(tmp_path, *files)
    assert code == 0
    assert [(line["action"], line["uid"]) for line in lines] == [("receipt", event.uid)] * len(FORMS)
    async with engine_in(tmp_path) as engine:
        for address, form in people.items():
            assert (await attendee(engine, event, address)).partstat is Partstat.DECLINED, form


async def test_one_click_and_mail_to_unsubscribe_survive_a_lost_plus(post: Post) -> None:
    ann = await invited(post.engine)
    to = f"unsubscribe{ann.token}@cis.test"
    intake = await post(mails.mail(ANN, to, subject="unsubscribe", text=""), to)
    assert intake.action == "unsubscribed"
