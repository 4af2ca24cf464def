"""A receipt token proves its holder and no one else; whom an answer names is mailed within bounds, or not at all."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.commands.answers.answering import plain_name
from engine.commands.answers.delegations import DELEGATES_MAX
from engine.commands.answers.proposals import DeclineProposal
from engine.commands.events.events import CancelEvent, UpdateEvent
from engine.commands.operators.operators import SuspendOrganizer
from engine.engine import Engine
from engine.model.counters import Intake
from engine.model.events import Event
from engine.model.messages import Kind
from engine.model.people import Attendee, Origin, Partstat
from engine.outbox.render import Renderer
from engine.refusals import Code
from tests.support import mails
from tests.support.clock import Clock
from tests.support.engines import (
    attendee,
    attendee_count,
    claim,
    created,
    deliver,
    do,
    engine_in,
    invite,
    jobs_done,
)
from tests.support.inboxes import Post, receiving
from tests.support.names import serving_names
from tests.support.signing import HEADERS, publish, signed

ME, VICTIM, ALIAS = "mallory@attacker.example", "ceo@corp.example", "alias@attacker.example"
STRANGERS = [f"target{n}@elsewhere{n}.example" for n in range(40)]
LURE = "CLICK http://evil.example/targ NOW"


@pytest.fixture
async def engine(tmp_path: Path, clock: Clock) -> AsyncIterator[Engine]:
    async with engine_in(tmp_path, clock, authserv_ids=mails.OPERATOR_SERVER) as opened:
        yield opened


@pytest.fixture
async def post(engine: Engine) -> AsyncIterator[Post]:
    async with receiving(engine) as opened:
        yield opened


@pytest.fixture
async def event(engine: Engine) -> Event:
    """An event to which the attacker and the victim are invited."""
    made = await created(engine)
    await invite(engine, made, ME)
    await invite(engine, made, VICTIM)
    await deliver(engine)
    return made


@pytest.fixture
async def mine(engine: Engine, event: Event) -> str:
    return at((await attendee(engine, event, ME)).token)


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


# another's name at one's own token


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


# what a holder may do


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


# delegates


def to_delegates(event: Event, to: str, *delegates: str, by: str = ME, name: str = "") -> bytes:
    listed = ",".join(f'"mailto:{d}"' for d in delegates)
    named = [f'ATTENDEE;CN="{name}";DELEGATED-FROM="mailto:{by}":mailto:{d}' for d in delegates if name]
    line = f"ATTENDEE;PARTSTAT=DELEGATED;DELEGATED-TO={listed}:mailto:{by}"
    return written(event, to, line, *named, sender=by)


async def test_forty_delegates_who_say_so_themselves_are_neither_added_nor_mailed(
    post: Post, event: Event, mine: str
) -> None:
    for stranger in STRANGERS:
        line = f'ATTENDEE;PARTSTAT=ACCEPTED;DELEGATED-FROM="mailto:{ME}":mailto:{stranger}'
        await post(written(event, mine, line, proven=False), mine)
    assert await attendee_count(post.engine, event) == 2
    await do(post.engine, UpdateEvent(uid=event.uid, location="Elsewhere"))
    await do(post.engine, CancelEvent(uid=event.uid))
    assert {m.email for m in await deliver(post.engine)} == {ME, VICTIM}


async def test_one_answer_that_names_forty_delegates_invites_three(
    post: Post, event: Event, mine: str
) -> None:
    for n in (0, 10, 20):
        await post(to_delegates(event, mine, *STRANGERS[n : n + 10]), mine)
    assert [m.email for m in await deliver(post.engine)] == STRANGERS[:DELEGATES_MAX]


async def test_a_tree_of_delegates_is_three_people_and_one_level_deep(
    post: Post, event: Event, mine: str
) -> None:
    """Two of each three are mailboxes of the attacker, who delegates on, four levels deep."""
    level, invited = [(ME, mine)], []
    for depth in range(4):
        following = []
        for n, (by, to) in enumerate(level):
            names = [f"d{depth}-{n}-{m}@attacker.example" for m in range(3)]
            await post(to_delegates(event, to, *names, by=by), to)
            gone = [m.email for m in await deliver(post.engine) if m.kind is Kind.INVITE]
            invited += gone
            following += [(e, at((await attendee(post.engine, event, e)).token)) for e in gone[:2]]
        level = following
    assert len(invited) == DELEGATES_MAX
    assert await attendee_count(post.engine, event) == 2 + DELEGATES_MAX


async def test_guests_who_prove_themselves_send_nobody(post: Post, event: Event, mine: str) -> None:
    """Whoever owns a domain has any number of proven addresses."""
    for n, to in enumerate((mine, "rsvp@cis.test")):
        guest = f"guest{n}@attacker.example"
        await post(mails.reply(event.uid, guest, "ACCEPTED", to="rsvp@cis.test"))
        await post(to_delegates(event, to, *STRANGERS[n * 5 : n * 5 + 5], by=guest), to)
    assert [m.email for m in await deliver(post.engine) if m.kind is Kind.INVITE] == []


async def test_what_nothing_proves_sends_nobody_whatever_the_settings(tmp_path: Path, clock: Clock) -> None:
    async with engine_in(tmp_path, clock, sender_auth="off") as engine, receiving(engine) as post:
        event = await created(engine)
        await invite(engine, event, VICTIM)
        await deliver(engine)
        await post(to_delegates(event, "rsvp@cis.test", *STRANGERS[:3], by=VICTIM), "rsvp@cis.test")
        assert await deliver(engine) == []


async def test_a_delegate_is_mailed_by_address_alone_without_a_word_of_the_one_who_sends_them(
    post: Post, clock: Clock
) -> None:
    event = await created(post.engine, description="Hello {{name}}, see you there.")
    done = await invite(post.engine, event, ME, name="Mallory")
    await deliver(post.engine)
    to = at(done.attendee.token)
    lure = (f"COMMENT:{LURE}", f"LOCATION:{LURE}", f"SUMMARY:{LURE}", f"DESCRIPTION:{LURE}")
    answer = to_delegates(event, to, STRANGERS[0], name=LURE).replace(
        b"END:VEVENT", "\r\n".join([*lure, "END:VEVENT"]).encode()
    )
    await post(answer.replace(b"Subject: Invitation", f"Subject: {LURE}".encode()), to)
    (sent,) = await claim(post.engine)
    rendered = await Renderer(post.engine.settings, post.engine.store).render(sent, clock())
    assert sent.message.email == STRANGERS[0]
    assert b"evil" not in rendered.content
    assert b"CLICK" not in rendered.content
    assert f"\r\nTo: {STRANGERS[0]}\r\n".encode() in rendered.content.replace(b"<", b"").replace(b">", b"")


@pytest.mark.parametrize("bound", ["suspended", "unsubscribed", "over", "limit"])
async def test_delegates_are_invited_within_every_bound(tmp_path: Path, clock: Clock, bound: str) -> None:
    async with (
        engine_in(tmp_path, clock, authserv_ids=mails.OPERATOR_SERVER, invite_limit=1) as engine,
        receiving(engine) as post,
    ):
        event = await created(engine)
        mine = at((await invite(engine, event, ME)).attendee.token)
        if bound == "limit":
            await invite(engine, event, VICTIM, origin=Origin.BULK)
        if bound == "unsubscribed":
            token = (await invite(engine, event, STRANGERS[0])).attendee.token
            await post(mails.mail(STRANGERS[0], f"unsubscribe+{token}@cis.test"))
            event = await created(engine)
            mine = at((await invite(engine, event, ME)).attendee.token)
        await deliver(engine)
        if bound == "suspended":
            await do(engine, SuspendOrganizer(address=event.organizer))
        if bound == "over":
            clock.move(days=90)
        await post(to_delegates(event, mine, STRANGERS[0]), mine)
        assert [m.email for m in await deliver(engine)] == []
        assert await known(post, event, STRANGERS[0]) is None


async def test_one_person_is_named_as_a_delegate_twenty_times_a_day_by_whatever_tag(
    post: Post, clock: Clock
) -> None:
    mailed = 0
    for n in range(24):
        event = await created(post.engine)
        mine = at((await invite(post.engine, event, ME)).attendee.token)
        await deliver(post.engine)
        await post(to_delegates(event, mine, f"target+{n}@elsewhere.example"), mine)
        mailed += len(await deliver(post.engine))
        clock.move(minutes=30)
    assert mailed == 20


async def test_a_delegate_whom_we_invited_hears_of_changes_and_answers_at_either_token(
    post: Post, event: Event, mine: str
) -> None:
    await post(to_delegates(event, mine, "bob@attacker.example"), mine)
    await deliver(post.engine)
    line = f'ATTENDEE;PARTSTAT=ACCEPTED;DELEGATED-FROM="mailto:{ME}":mailto:bob@attacker.example'
    assert (await post(written(event, mine, line, proven=False), mine)).code == ""
    assert await partstat(post, event, "bob@attacker.example") is Partstat.ACCEPTED
    await do(post.engine, UpdateEvent(uid=event.uid, location="Elsewhere"))
    assert "bob@attacker.example" in {m.email for m in await deliver(post.engine)}


@pytest.mark.parametrize("how", ["answers", "is invited"])
async def test_a_delegate_who_speaks_for_themselves_is_answered_for_by_nobody(
    post: Post, event: Event, mine: str, how: str
) -> None:
    bob = "bob@corp.example"
    await post(to_delegates(event, mine, bob), mine)
    await deliver(post.engine)
    if how == "answers":
        own = at((await attendee(post.engine, event, bob)).token)
        await post(mails.reply(event.uid, bob, "ACCEPTED", to=own, proven=False))
    else:
        await invite(post.engine, event, bob)
    before = await partstat(post, event, bob)
    line = f'ATTENDEE;PARTSTAT=DECLINED;DELEGATED-FROM="mailto:{ME}":mailto:{bob}'
    assert (await post(written(event, mine, line), mine)).code == "sender_unauthenticated"
    assert await partstat(post, event, bob) is before


async def test_one_who_was_invited_before_is_not_answered_for_by_being_delegated_to(
    post: Post, event: Event, mine: str
) -> None:
    await post(to_delegates(event, mine, VICTIM), mine)
    line = f'ATTENDEE;PARTSTAT=DECLINED;DELEGATED-FROM="mailto:{ME}":mailto:{VICTIM}'
    assert (await post(written(event, mine, line), mine)).code == "sender_unauthenticated"
    await unharmed(post, event)
    assert [m for m in await deliver(post.engine) if m.kind.calendar] == []


# the unproven


async def test_who_turned_up_unproven_hears_of_nothing_until_they_prove_themselves(
    tmp_path: Path, clock: Clock
) -> None:
    made = {"sender_auth": "flag", "authserv_ids": mails.OPERATOR_SERVER}
    async with engine_in(tmp_path, clock, **made) as engine, receiving(engine) as post:
        event = await created(engine)
        stranger = STRANGERS[0]
        await post(mails.reply(event.uid, f"{LURE} <{stranger}>", "ACCEPTED", proven=False))
        found = await attendee(engine, event, stranger)
        assert (found.partstat, found.proven, found.name) == (Partstat.ACCEPTED, False, "")
        done = await do(engine, UpdateEvent(uid=event.uid, location="Elsewhere"))
        assert (done.notified, await deliver(engine)) == (0, [])
        await post(mails.reply(event.uid, stranger, "ACCEPTED", sequence=1, dtstamp=clock()))
        done = await do(engine, UpdateEvent(uid=event.uid, location="There"))
        assert done.notified == 1
        assert [m.email for m in await deliver(engine)] == [stranger]


async def test_an_organizer_may_invite_who_turned_up_unproven(tmp_path: Path, clock: Clock) -> None:
    async with engine_in(tmp_path, clock, sender_auth="flag") as engine, receiving(engine) as post:
        event = await created(engine)
        await post(mails.reply(event.uid, STRANGERS[0], "ACCEPTED", proven=False))
        await invite(engine, event, STRANGERS[0])
        assert [m.email for m in await deliver(engine)] == [STRANGERS[0]]
        await do(engine, CancelEvent(uid=event.uid))
        assert [m.email for m in await deliver(engine)] == [STRANGERS[0]]


# words


async def test_what_a_proposal_says_of_the_place_goes_to_the_organizer_alone(
    post: Post, event: Event, mine: str, clock: Clock
) -> None:
    counter = mails.reply(
        event.uid, ME, "TENTATIVE", to=mine, method="COUNTER", location=LURE, comment=LURE, summary=LURE
    )
    await post(counter)
    await deliver(post.engine)
    await do(post.engine, DeclineProposal(uid=event.uid, email=ME))
    renderer = Renderer(post.engine.settings, post.engine.store)
    await jobs_done(post.engine)
    (declined,) = await claim(post.engine)
    assert b"evil" not in (await renderer.render(declined, clock())).content


@given(st.text(max_size=300))
def test_no_name_of_a_stranger_leads_anywhere(name: str) -> None:
    kept = plain_name(name)
    assert len(kept) <= 200
    assert "://" not in kept
    assert "\n" not in kept
    assert "www." not in kept.lower()
    assert kept in {"", " ".join(name.split())}


@pytest.mark.parametrize("name", [LURE, "see evil.example/x", "evil.co", "www.evil.example", "a@b.example"])
def test_a_name_with_an_address_of_anything_is_left_out(name: str) -> None:
    assert plain_name(name) == ""


@pytest.mark.parametrize(
    "name", ["Ann", "Dr. Ann O'Neill-Smith", "J. R. R. Tolkien", "Łukasz Żółć", "李 小龍"]
)
def test_a_persons_name_is_kept(name: str) -> None:
    assert plain_name(name) == name


async def test_the_event_is_sent_again_once_an_hour_however_often_somebody_asks(
    post: Post, event: Event, mine: str, clock: Clock
) -> None:
    codes = set()
    for _ in range(12):
        clock.move(minutes=10)
        codes.add((await post(written(event, mine, f"ATTENDEE:mailto:{ME}", method="REFRESH"), mine)).code)
        await deliver(post.engine)
    assert codes == {"", Code.TOO_SOON.value}
    assert len(await post.engine.store.history(event.uid, ME)) <= 1 + 2
