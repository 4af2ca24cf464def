"""An answer at one's own token counts for nobody else, whomever it names."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.commands.answers.delegations import DELEGATES_MAX
from engine.model.counters import Intake
from engine.model.events import Event
from engine.model.people import Origin, Partstat
from tests.attacks.receipts.answers import (
    ALIAS,
    ME,
    STRANGERS,
    VICTIM,
    at,
    known,
    partstat,
    unharmed,
    written,
)
from tests.support import mails
from tests.support.clock import Clock
from tests.support.engines import (
    attendee,
    attendee_count,
    created,
    deliver,
    engine_in,
    invite,
)
from tests.support.inboxes import Post, receiving
from tests.support.names import serving_names
from tests.support.signing import HEADERS, publish, signed

IN_ANOTHERS_NAME = {
    "delegated from me": [f'ATTENDEE;PARTSTAT=DECLINED;DELEGATED-FROM="mailto:{ME}":mailto:{VICTIM}'],
    "beside my own line": [
        f'ATTENDEE;PARTSTAT=DELEGATED;DELEGATED-TO="mailto:{VICTIM}":mailto:{ME}',
        f'ATTENDEE;PARTSTAT=DECLINED;DELEGATED-FROM="mailto:{ME}":mailto:{VICTIM}',
    ],
    "alone": [f"ATTENDEE;PARTSTAT=DECLINED:mailto:{VICTIM}"],
    "as an assistant": [f'ATTENDEE;PARTSTAT=DECLINED;SENT-BY="mailto:{ME}":mailto:{VICTIM}'],
    "in another spelling": [f"ATTENDEE;PARTSTAT=DECLINED:MAILTO:<{VICTIM.upper()}>"],
    "by its EMAIL parameter": [f"ATTENDEE;PARTSTAT=DECLINED;EMAIL={VICTIM}:urn:uuid:1"],
    "before an unknown one": [
        f"ATTENDEE;PARTSTAT=DECLINED:mailto:{VICTIM}",
        "ATTENDEE;PARTSTAT=NEEDS-ACTION:mailto:nobody@attacker.example",
    ],
}


@pytest.mark.parametrize("method", ["REPLY", "COUNTER"])
@pytest.mark.parametrize("sender", [ME, ALIAS, VICTIM])
@pytest.mark.parametrize("way", IN_ANOTHERS_NAME)
async def test_whoever_is_invited_answers_and_proposes_for_nobody_else(
    post: Post, event: Event, mine: str, way: str, sender: str, method: str
) -> None:
    """With the victim's address in From as well, which nothing proves then."""
    time = ("DTSTART:20270502T230000Z", "DTEND:20270503T000000Z", "DTSTAMP:20270301T090000Z")
    forged = written(
        event, mine, *IN_ANOTHERS_NAME[way], *time, method=method, sender=sender, proven=sender != VICTIM
    )
    await post(forged, mine)
    await unharmed(post, event)


@pytest.mark.parametrize("mode", ["flag", "off"])
async def test_nor_where_the_operator_lets_unproven_mail_count(
    tmp_path: Path, clock: Clock, mode: str
) -> None:
    async with engine_in(tmp_path, clock, sender_auth=mode) as engine, receiving(engine) as post:
        event = await created(engine)
        token = at((await invite(engine, event, ME)).attendee.token)
        await invite(engine, event, VICTIM)
        for method in ("REPLY", "COUNTER"):
            for lines in IN_ANOTHERS_NAME.values():
                await post(written(event, token, *lines, method=method, sender=VICTIM, proven=False), token)
        await unharmed(post, event)


async def test_nor_for_one_instance_of_a_series(post: Post) -> None:
    series = await created(post.engine, recurrence="FREQ=WEEKLY;COUNT=4")
    token = at((await invite(post.engine, series, ME)).attendee.token)
    await invite(post.engine, series, VICTIM)
    await deliver(post.engine)
    second = f"{series.span.start_utc + timedelta(weeks=1):%Y%m%dT%H%M%SZ}"
    for lines in IN_ANOTHERS_NAME.values():
        await post(written(series, token, *lines, f"RECURRENCE-ID:{second}"), token)
    await unharmed(post, series)


async def test_nor_by_the_word_in_a_subject(post: Post, event: Event, mine: str) -> None:
    intake = await post(mails.mail(VICTIM, mine, subject="No: Season opener", proven=False))
    assert (intake.action, intake.code) == ("receipt", "sender_unauthenticated")
    await unharmed(post, event)
    assert await partstat(post, event, ME) is Partstat.NEEDS_ACTION


async def test_nor_is_the_event_sent_to_another_because_one_asks(
    post: Post, event: Event, mine: str, clock: Clock
) -> None:
    clock.move(hours=2)
    for lines in IN_ANOTHERS_NAME.values():
        await post(written(event, mine, *lines, method="REFRESH"), mine)
    assert [m.email for m in await deliver(post.engine) if m.kind.calendar and m.email == VICTIM] == []


async def test_an_answer_to_another_invitation_that_bears_our_uid_counts_for_nobody(
    tmp_path: Path, clock: Clock
) -> None:
    """The attacker invited the victim to an event of his own under our UID, and relays the signed answer."""
    with serving_names() as names:
        publish(names, "corp.example")
        made = {"relays": "none", "dns": names.address}
        async with engine_in(tmp_path, clock, **made) as engine, receiving(engine) as post:
            event = await created(engine)
            token = at((await invite(engine, event, ME)).attendee.token)
            await invite(engine, event, VICTIM)
            await deliver(engine)
            answer = signed(mails.reply(event.uid, VICTIM, "DECLINED", to=ME, proven=False), "corp.example")
            for to in ("rsvp@cis.test", token):
                assert (await post(answer, to, sender=ME)).code == "sender_unauthenticated"
            await unharmed(post, event)
            for to, word in ((token, "ACCEPTED"), ("rsvp@cis.test", "TENTATIVE")):
                written_to_us = mails.reply(event.uid, VICTIM, word, to=to, proven=False)
                headers = (*HEADERS, "content-type")
                await post(signed(written_to_us, "corp.example", headers=headers), to, sender=ME)
                assert (await partstat(post, event, VICTIM)).value == word.lower()


async def test_what_google_signs_proves_its_from_and_nobody_else_whom_it_names(
    post: Post, event: Event, mine: str
) -> None:
    for to in (mine, "rsvp@cis.test"):
        answer = mails.reply(event.uid, ME, "DECLINED", to=to, attendee=VICTIM, proven=False)
        answer["Sender"] = "calendar-notification@google.com"
        answer["Authentication-Results"] = f"{mails.OPERATOR_SERVER}; dkim=pass header.d=google.com"
        await post(answer, to)
    assert await partstat(post, event, VICTIM) is Partstat.NEEDS_ACTION


async def test_the_victim_counts_at_anothers_token_by_their_own_proof(
    post: Post, event: Event, mine: str
) -> None:
    """Who is invited twice over may answer the invite that was forwarded to them."""
    await post(mails.reply(event.uid, VICTIM, "TENTATIVE", to=mine))
    assert await partstat(post, event, VICTIM) is Partstat.TENTATIVE
    assert await partstat(post, event, ME) is Partstat.NEEDS_ACTION


_LINE = st.builds(
    'ATTENDEE;PARTSTAT={};{}="mailto:{}":mailto:{}'.format,
    st.sampled_from(["ACCEPTED", "DECLINED", "TENTATIVE", "DELEGATED", "NEEDS-ACTION"]),
    st.sampled_from(["DELEGATED-FROM", "DELEGATED-TO", "SENT-BY", "EMAIL"]),
    st.sampled_from([ME, VICTIM, ALIAS, *STRANGERS[:6]]),
    st.sampled_from([ME, VICTIM, ALIAS, "rsvp@cis.test", "invalid:nomail", *STRANGERS[:6]]),
)
_MAIL = st.tuples(
    st.lists(_LINE, min_size=0, max_size=3),
    st.sampled_from(["REPLY", "COUNTER", "REFRESH"]),
    st.sampled_from([(ME, True), (ALIAS, True), (ALIAS, False), (VICTIM, False), (STRANGERS[0], False)]),
    st.booleans(),
)


@settings(max_examples=12, deadline=None)
@given(st.lists(_MAIL, min_size=1, max_size=8), st.sampled_from(["enforce", "flag", "off"]))
def test_whatever_is_sent_to_a_token_it_answers_for_nobody_else_and_mails_three(
    sent: list[tuple[list[str], str, tuple[str, bool], bool]], mode: str
) -> None:
    async def story(folder: Path) -> None:
        made = {"authserv_ids": mails.OPERATOR_SERVER, "sender_auth": mode}
        async with engine_in(folder, Clock(), **made) as engine, receiving(engine) as post:
            event = await created(engine)
            mine = at((await invite(engine, event, ME)).attendee.token)
            await invite(engine, event, VICTIM)
            await deliver(engine)
            for lines, method, (sender, proven), google in sent:
                mail = written(event, mine, *lines, method=method, sender=sender, proven=proven)
                head = b"Sender: calendar-notification@google.com\r\n" if google else b""
                await post(head + mail, mine)
            gone = [m.email for m in await deliver(engine) if m.kind.calendar]
            assert len(set(gone) - {ME}) <= DELEGATES_MAX
            assert VICTIM not in gone
            assert await partstat(post, event, VICTIM) is Partstat.NEEDS_ACTION
            assert {p.email for p in await engine.store.proposals(event.uid)} <= {ME, ALIAS, *STRANGERS}

    with TemporaryDirectory() as folder:
        asyncio.run(story(Path(folder)))


@pytest.mark.parametrize(
    "line",
    [
        f"ATTENDEE;PARTSTAT=ACCEPTED:mailto:{ME}",
        f"ATTENDEE;PARTSTAT=ACCEPTED:mailto:{ALIAS}",
        "ATTENDEE;PARTSTAT=ACCEPTED:invalid:nomail",
        "ATTENDEE;PARTSTAT=ACCEPTED:/o=Example/ou=First/cn=Recipients/cn=mallory",
        "ATTENDEE;PARTSTAT=ACCEPTED:",
    ],
)
async def test_the_holder_answers_by_name_by_an_alias_and_without_an_address(
    post: Post, event: Event, mine: str, line: str
) -> None:
    assert (await post(written(event, mine, line, sender=ALIAS, proven=False), mine)).code == ""
    assert await partstat(post, event, ME) is Partstat.ACCEPTED
    assert await attendee_count(post.engine, event) == 2


async def test_a_second_unknown_address_makes_it_a_list_and_counts_once_proven(
    post: Post, event: Event, mine: str
) -> None:
    async def said(sender: str, word: str, *, proven: bool) -> Intake:
        return await post(mails.reply(event.uid, sender, word, to=mine, proven=proven))

    assert (await said("one@list.example", "ACCEPTED", proven=False)).code == ""
    assert (await said("two@list.example", "DECLINED", proven=False)).code == "sender_unauthenticated"
    assert await partstat(post, event, ME) is Partstat.ACCEPTED
    assert await known(post, event, "two@list.example") is None
    assert (await said("two@list.example", "DECLINED", proven=True)).code == ""
    two = await attendee(post.engine, event, "two@list.example")
    assert (two.origin, two.partstat, two.proven) == (Origin.SHARED, Partstat.DECLINED, True)
    assert (await said("one@list.example", "TENTATIVE", proven=False)).code == ""
    assert await partstat(post, event, ME) is Partstat.TENTATIVE
    await said("three@list.example", "DECLINED", proven=False)
    told = [m for m in await deliver(post.engine) if m.notice and m.email == event.organizer]
    (words,) = [m.notice.text for m in told if m.notice and "mailing list" in m.notice.text]
    assert ME in words
    assert "list.example" not in words, "strangers' words"
