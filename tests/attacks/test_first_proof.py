"""Sender authentication is broken, and the forger may send as an organizer: few people hear of it before they do."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from starlette.applications import Starlette

from cis_mcp.pages.links import routes
from engine.commands.campaigns.campaigns import CampaignAction
from engine.engine import Engine
from engine.inbox.contents.readers import Readers
from engine.inbox.intake.router import Router
from engine.inbox.quarantine import Quarantine
from engine.inbox.routes.confirm import look_again
from engine.inbox.spool.spool import OwnMailbox, ReceivedEnvelope, Spooled
from engine.model.counters import Intake
from engine.model.events import Event, EventStatus
from engine.model.messages import Kind, Message
from engine.model.queries import EventQuery
from tests.support import mails
from tests.support.clock import Clock
from tests.support.engines import control, deliver, drafted, engine_in
from tests.support.inboxes import Post, receiving
from tests.support.intakes import newest
from tests.support.names import NameServer, serving_names
from tests.support.signing import publish, signed
from tests.support.waiting import eventually

OLGA = "olga@example.org"
PUBLIC = "https://cis.example.org"
FORGED = "forged"
"""A selector that no mail of hers ever had; the key is there, so that the signature holds."""
WAITS = ("quarantined", "first_proof")


@pytest.fixture
def names() -> Iterator[NameServer]:
    with serving_names() as server:
        for selector in ("s1", FORGED, "forged2"):
            publish(server, "example.org", selector=selector)
        yield server


@pytest.fixture
async def engine(tmp_path: Path, clock: Clock, names: NameServer) -> AsyncIterator[Engine]:
    settings = {"relays": "none", "dns": names.address, "organizers": "*@example.org", "public_url": PUBLIC}
    async with engine_in(tmp_path, clock, invite_limit=0, **settings) as opened:
        yield opened


@pytest.fixture
async def post(engine: Engine) -> AsyncIterator[Post]:
    async with receiving(engine) as opened:
        yield opened


def crowd(number: int) -> list[str]:
    return [f"p{n}@example.com" for n in range(number)]


async def invited(post: Post, number: int, uid: str = "client-uid-1") -> Event:
    """An event that she made by mail a month ago, with so many people who have it in their calendars."""
    clock = post.engine.clock
    assert isinstance(clock, Clock)
    mail = mails.request(mails.vevent(uid, organizer=OLGA), sender=OLGA, proven=False)
    made = await post(signed(mail, "example.org"), "create@cis.test", sender=OLGA)
    assert made.action == "created"
    event = await post.engine.store.event(made.uid)
    assert event
    if number:
        await control(post.engine, await drafted(post.engine, event, crowd(number)), CampaignAction.START)
    await deliver(post.engine)
    return event


async def sent(post: Post, mail: Any, to: str = "create@cis.test", selector: str = FORGED) -> tuple[str, str]:
    intake: Intake = await post(signed(mail, "example.org", selector=selector), to, sender=OLGA)
    return intake.action, intake.code


def moved(uid: str = "client-uid-1", sequence: int = 1, **values: Any) -> Any:
    """A change of place, which everybody hears of who did not decline."""
    words = {"summary": "PAY at https://evil.example", "location": f"Evil hall {sequence}"}
    event = mails.vevent(uid, organizer=OLGA, sequence=sequence, **{**words, **values})
    return mails.request(event, sender=OLGA, proven=False)


def listed(csv: str) -> Any:
    made = mails.listed(csv, sender=OLGA)
    del made["Authentication-Results"]
    return made


async def question(post: Post) -> Message:
    (one,) = [m for m in await deliver(post.engine) if m.notice and "confirm" in m.notice.subject]
    return one


def code_in(message: Message) -> str:
    assert message.notice
    (code,) = re.findall(rf"{PUBLIC}/confirm/([a-z0-9]+)", message.notice.text)
    return str(code)


async def confirm(post: Post, code: str) -> Intake:
    """Answer the question; what became of the answer."""
    yes = mails.mail(OLGA, f"confirm+{code}@cis.test", subject="Re: Did you send this?", proven=False)
    await post(yes, sender=OLGA)
    return next(noted for noted in await newest(post.engine, 20) if noted.mailbox == "confirm")


async def now(post: Post, event: Event) -> Event:
    found = await post.engine.store.event(event.uid)
    assert found
    return found


async def updates(post: Post) -> list[Message]:
    return [m for m in await deliver(post.engine) if m.kind in {Kind.UPDATE, Kind.CANCELLATION, Kind.INVITE}]


async def settled(post: Post) -> None:
    await eventually(lambda: not post.files("new"))


async def test_a_forged_change_for_51_people_waits_and_nobody_is_mailed_but_the_organizer(
    post: Post,
) -> None:
    event = await invited(post, 51)
    assert await sent(post, moved()) == WAITS
    assert await now(post, event) == event
    (asked,) = await deliver(post.engine)
    assert (asked.kind, asked.email) == (Kind.NOTICE, OLGA)
    assert asked.notice
    assert "changes “Season opener”" in asked.notice.text
    assert "51 people" in asked.notice.text
    assert "evil" not in asked.notice.words.lower()
    assert len(post.files("quarantine")) == 1


async def test_a_forged_cancellation_for_51_people_waits(post: Post) -> None:
    event = await invited(post, 51)
    gone = mails.cancel(mails.vevent(organizer=OLGA, sequence=1), sender=OLGA, proven=False)
    assert await sent(post, gone) == WAITS
    assert (await now(post, event)).status is EventStatus.CONFIRMED
    text = (await question(post)).notice
    assert text
    assert "It cancels “Season opener”" in text.text


async def test_a_forged_list_of_51_waits_and_one_of_50_goes(post: Post) -> None:
    event = await invited(post, 0)
    rows = "\n".join(f"{event.uid},{email}" for email in crowd(51))
    assert await sent(post, listed(f"uid,email\n{rows}\n"), "bulk@cis.test") == WAITS
    (asked,) = await deliver(post.engine)
    assert asked.notice
    assert "It invites 51 people to “Season opener”" in asked.notice.text
    fewer = rows.rpartition("\n")[0]
    assert (await sent(post, listed(f"uid,email\n{fewer}\n"), "bulk@cis.test"))[0] == "campaign"
    assert len(await updates(post)) == 50


async def test_a_change_for_50_people_goes_and_then_no_more(post: Post) -> None:
    """Neither the same key nor another new one reaches a fifty-first, in however many mails."""
    event = await invited(post, 50)
    assert await sent(post, moved()) == ("updated", "")
    assert len(await updates(post)) == 50
    assert await sent(post, moved(sequence=2)) == WAITS
    assert await sent(post, moved(sequence=3), selector="forged2") == WAITS
    assert (await now(post, event)).location == "Evil hall 1"
    assert await updates(post) == []


async def test_a_mail_of_many_small_changes_waits_whole(post: Post) -> None:
    events = [await invited(post, 20, f"u{n}") for n in range(3)]
    components = [mails.vevent(f"u{n}", organizer=OLGA, sequence=1, location="Evil") for n in range(3)]
    assert await sent(post, mails.request(*components, sender=OLGA, proven=False)) == WAITS
    assert [await now(post, event) for event in events] == events
    asked = (await question(post)).notice
    assert asked
    assert asked.text.count("mails 20 people") == 3


async def test_a_list_for_several_events_waits_whole(post: Post) -> None:
    events = [await invited(post, 0, f"u{n}") for n in range(3)]
    rows = "\n".join(f"{event.uid},{email}" for event in events for email in crowd(20))
    assert await sent(post, listed(f"uid,email\n{rows}\n"), "bulk@cis.test") == WAITS
    assert await updates(post) == []


async def test_a_table_of_changes_waits_whole_and_makes_nothing(post: Post) -> None:
    events = [await invited(post, 20, f"u{n}") for n in range(3)]
    rows = "\n".join(f"UPDATE,{event.uid},,,,,,Evil" for event in events)
    header = "action,uid,summary,date,start,end,timezone,location"
    table = f"{header}\nCREATE,,Other,2027-05-02,19:00,21:00,UTC,Hall\n{rows}\n"
    made = mails.mail(OLGA, "create@cis.test", proven=False)
    made.add_attachment(table.encode(), maintype="text", subtype="csv", filename="table.csv")
    assert await sent(post, made) == WAITS
    assert [await now(post, event) for event in events] == events
    assert len((await post.engine.store.search(EventQuery())).events) == 3
    code = code_in(await question(post))
    await confirm(post, code)
    await settled(post)
    assert len(await updates(post)) == 60
    assert len((await post.engine.store.search(EventQuery())).events) == 4


async def test_a_table_that_invites_more_than_a_new_proof_may_reach_waits_whole(post: Post) -> None:
    rows = "\n".join(f"CREATE,Due {email},2027-05-02,19:00,21:00,UTC,{email}" for email in crowd(51))
    made = mails.mail(OLGA, "create@cis.test", proven=False)
    table = f"action,summary,date,start,end,timezone,email\n{rows}\n"
    made.add_attachment(table.encode(), maintype="text", subtype="csv", filename="table.csv")
    assert await sent(post, made) == WAITS
    assert (await post.engine.store.search(EventQuery())).events == ()
    await confirm(post, code_in(await question(post)))
    await settled(post)
    invites = [m for m in await deliver(post.engine) if m.kind is Kind.INVITE]
    assert sorted(m.email for m in invites) == sorted(crowd(51))


async def test_what_is_confirmed_is_carried_out_once_and_its_proof_is_known(post: Post) -> None:
    event = await invited(post, 51)
    assert await sent(post, moved(summary="New title")) == WAITS
    code = code_in(await question(post))
    assert (await confirm(post, code)).action == "confirmed"
    await settled(post)
    assert (await now(post, event)).summary == "New title"
    assert len(await updates(post)) == 51
    assert (await confirm(post, code)).code == "confirm_token_invalid"
    assert await sent(post, moved(sequence=2)) == ("updated", "")
    assert len(await updates(post)) == 51
    assert post.files("quarantine") == []


async def test_several_that_wait_for_the_same_proof_are_one_question(post: Post) -> None:
    events = [await invited(post, 51, f"u{n}") for n in range(3)]
    for n in range(3):
        assert await sent(post, moved(f"u{n}", location="Hall 5")) == WAITS
    code = code_in(await question(post))
    assert [await now(post, event) for event in events] == events
    await confirm(post, code)
    await settled(post)
    assert [(await now(post, event)).location for event in events] == ["Hall 5"] * 3
    assert len(await updates(post)) == 153
    assert post.files("quarantine") == []


async def test_a_small_mail_right_before_trains_nothing(post: Post, clock: Clock) -> None:
    await invited(post, 51)
    other = mails.request(mails.vevent("u2", organizer=OLGA), sender=OLGA, proven=False)
    assert await sent(post, other) == ("created", "")
    (told,) = await deliver(post.engine)
    assert told.notice
    assert "not seen here before" in told.notice.warning
    assert "postmaster@cis.test" in told.notice.words
    clock.move(hours=23)
    assert await sent(post, moved()) == WAITS


async def test_a_day_after_its_first_notice_arrived_a_proof_is_known(post: Post, clock: Clock) -> None:
    await invited(post, 51)
    clock.move(days=1)
    assert await sent(post, moved(), selector="s1") == ("updated", "")


async def test_a_proof_of_which_the_organizer_never_heard_stays_new(post: Post, clock: Clock) -> None:
    await invited(post, 51)
    other = mails.request(mails.vevent("u2", organizer=OLGA), sender=OLGA, proven=False)
    assert await sent(post, other) == ("created", "")
    # Her notice is owed still.
    clock.move(days=2)
    assert await sent(post, moved()) == WAITS


async def test_what_the_operator_releases_vouches_for_its_proof(post: Post) -> None:
    await invited(post, 51)
    assert await sent(post, moved()) == WAITS
    (held,) = (await Quarantine(post.engine).page()).mails
    assert held.code == "first_proof"
    name = await Quarantine(post.engine).release(held.id, post.engine.local)
    await post.inbox.handle(name)
    assert len(await updates(post)) == 51
    assert await sent(post, moved(sequence=2)) == ("updated", "")


async def test_what_the_operator_drops_is_not_carried_out_by_a_later_word(post: Post) -> None:
    event = await invited(post, 51)
    assert await sent(post, moved()) == WAITS
    code = code_in(await question(post))
    (held,) = (await Quarantine(post.engine).page()).mails
    await Quarantine(post.engine).drop(held.id, post.engine.local)
    assert (await confirm(post, code)).code == "confirm_token_invalid"
    await settled(post)
    assert await now(post, event) == event


async def test_a_code_that_is_too_old_carries_out_nothing(post: Post, clock: Clock) -> None:
    event = await invited(post, 51)
    assert await sent(post, moved()) == WAITS
    code = code_in(await question(post))
    clock.move(days=7)
    assert (await confirm(post, code)).code == "confirm_token_invalid"
    assert await now(post, event) == event


async def test_the_page_shows_what_would_happen_and_its_button_does_it(post: Post) -> None:
    event = await invited(post, 51)
    assert await sent(post, moved(summary="New title")) == WAITS
    code = code_in(await question(post))
    transport = httpx.ASGITransport(app=Starlette(routes=routes(post.engine)))
    async with httpx.AsyncClient(transport=transport, base_url=PUBLIC) as web:
        shown = await web.get(f"/confirm/{code}")
        assert "51 people" in shown.text
        assert "was not seen here before" in shown.text
        assert "New title" not in shown.text
        assert (await web.post(f"/confirm/{code}")).status_code == 200
    await settled(post)
    assert (await now(post, event)).summary == "New title"


async def test_a_mail_that_is_handled_again_after_a_kill_asks_once_and_counts_once(
    engine: Engine, clock: Clock, names: NameServer, readers: Readers
) -> None:
    async with receiving(engine) as post:
        event = await invited(post, 25)
    for number, want in ((1, "Evil hall 1"), (2, "Evil hall 2"), (3, "Evil hall 2")):
        raw = signed(moved(sequence=number), "example.org", selector=FORGED)
        envelope = ReceivedEnvelope(
            id=f"{number}.x", mailboxes=(OwnMailbox(name="create"),), sender=OLGA, client="192.0.2.1"
        )
        for _ in range(3):
            await Router(engine, readers).handle(Spooled(envelope=envelope, raw=raw))
        assert (await now(post, event)).location == want
    gone = await deliver(engine)
    assert sum(m.kind is Kind.UPDATE for m in gone) <= 50
    assert sum("confirm" in m.notice.subject for m in gone if m.notice) == 1


async def test_a_kill_amid_what_a_confirmation_lets_through_repeats_nothing(post: Post) -> None:
    for n in range(3):
        await invited(post, 51, f"u{n}")
    for n in range(3):
        assert await sent(post, moved(f"u{n}", location="Hall 5")) == WAITS
    code = code_in(await question(post))
    found = await post.engine.store.confirmation(code)
    assert found
    # The files are let through, and the process dies before the store knows of it: once, and once more.
    await Quarantine(post.engine).confirmed(found)
    await confirm(post, code)
    others = await post.engine.store.proven_since(post.engine.clock(), 10)
    for other in others:
        await Quarantine(post.engine).again(other)
    await look_again(post.engine)
    await look_again(post.engine)
    await settled(post)
    assert len(await updates(post)) == 153
    assert await post.engine.store.proven_since(post.engine.clock(), 10) == []


@pytest.mark.parametrize(
    ("values", "action"),
    [
        ({"first_proof_max": 0}, "updated"),
        ({"first_proof_max": 51}, "updated"),
        ({"sender_auth": "off"}, "updated"),
        ({"sender_auth": "flag"}, "quarantined"),
    ],
)
async def test_the_operator_decides_how_many(
    tmp_path: Path, clock: Clock, names: NameServer, values: dict[str, Any], action: str
) -> None:
    settings = {"relays": "none", "dns": names.address, "organizers": "*@example.org", "invite_limit": 0}
    async with engine_in(tmp_path, clock, **{**settings, **values}) as engine, receiving(engine) as post:
        await invited(post, 51)
        assert (await sent(post, moved()))[0] == action
