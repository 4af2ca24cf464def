"""STOP: by mail of a key's owner, by an attendee at their token, by the operator and by another key."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from engine.commands.agents.keys import CreateKey, RevokeKey
from engine.commands.agents.stopping import StopSending
from engine.commands.campaigns.campaigns import CampaignAction
from engine.commands.invites.invites import SendInvite
from engine.engine import Engine
from engine.model.bounds import Bounds
from engine.model.events import Event
from engine.model.keys import Key
from engine.model.messages import Message
from engine.model.verbs import Verb
from engine.refusals import Code
from tests.support import mails
from tests.support.approvals import PUBLIC, asking, code_in
from tests.support.clock import Clock
from tests.support.engines import (
    claim,
    control,
    created,
    deliver,
    do,
    drafted,
    engine_in,
    invite,
    refusal,
    settle,
    why_not,
)
from tests.support.inboxes import Post, receiving
from tests.support.mails import OPERATOR_SERVER
from tests.tools.caller import calling

AGENT, BOSS = "agent@cis.test", "boss@example.org"


@pytest.fixture
async def engine(tmp_path: Path, clock: Clock) -> AsyncIterator[Engine]:
    async with engine_in(tmp_path, clock, authserv_ids=OPERATOR_SERVER, public_url=PUBLIC) as opened:
        yield opened


@pytest.fixture
async def post(engine: Engine) -> AsyncIterator[Post]:
    async with receiving(engine) as opened:
        yield opened


async def key(engine: Engine, name: str = "K", **bounds: Any) -> Key:
    given = {"owner": BOSS, **bounds}
    return (await do(engine, CreateKey(name=name, address=AGENT, bounds=Bounds(**given)))).key


def word(text: str = "STOP", sender: str = BOSS, to: str = "create@cis.test", **values: Any) -> Any:
    return mails.mail(sender, to, subject="Re: Something", text=text, **values)


async def still_acts(engine: Engine, own: Key, event: Event) -> bool:
    code = await why_not(engine, SendInvite(uid=event.uid, email="ann@example.com"), own.actor)
    assert code in {None, Code.OUT_OF_BOUNDS}
    return code is None


@pytest.mark.parametrize(
    "text",
    ["STOP", "stop!", "Stop.\n\nSent from my phone", "STOP it now\n> What: Invite", "*STOP*\nplease"],
)
async def test_a_mail_that_begins_with_stop_stops_all_keys_of_its_owner(post: Post, text: str) -> None:
    event = await created(post.engine, organizer=AGENT)
    first, second, other = (
        await key(post.engine),
        await key(post.engine),
        await key(post.engine, owner="x@y.org"),
    )
    assert (await post(word(text))).action == "stopped"
    acting = [await still_acts(post.engine, own, event) for own in (first, second, other)]
    assert acting == [False, False, True]
    (told,) = [m for m in await deliver(post.engine) if m.email == BOSS]
    assert told.notice
    assert first.id in told.notice.text


async def test_stop_with_the_name_of_a_key_stops_that_one(post: Post) -> None:
    event = await created(post.engine, organizer=AGENT)
    named, other = await key(post.engine, "Sales"), await key(post.engine, "Support")
    await post(word("STOP sales"))
    assert [await still_acts(post.engine, own, event) for own in (named, other)] == [False, True]


async def test_stop_of_who_owns_only_keys_below_an_ended_one_stops_their_own_mail(post: Post) -> None:
    await created(post.engine, organizer=BOSS)
    top = await key(post.engine, verbs=frozenset({Verb.CREATE, Verb.DELEGATE}))
    await do(post.engine, CreateKey(name="below"), top.actor)
    await do(post.engine, RevokeKey(key_id=top.id))
    assert (await post(word())).action == "stopped"
    assert [stop.organizer for stop in await post.engine.stops()] == [BOSS]


async def test_an_invitation_or_a_list_whose_words_begin_with_stop_is_carried_out(post: Post) -> None:
    event = await created(post.engine, organizer=AGENT)
    own = await key(post.engine, "Sales", owner="olga@cis.test")
    words = "Stop by our new office on Monday."
    assert (await post(mails.request(text=words))).action == "created"
    rows = mails.listed("uid,email\nunheard-of,ann@example.com\n")
    rows.get_body().set_content(words)  # type: ignore[union-attr]
    assert (await post(rows)).action != "stopped"
    assert await still_acts(post.engine, own, event)


@pytest.mark.parametrize("text", ["STOP", "Stop sales"])
async def test_stop_alone_or_with_the_name_of_a_key_counts_beside_a_calendar(post: Post, text: str) -> None:
    event = await created(post.engine, organizer=AGENT)
    own = await key(post.engine, "Sales", owner="olga@cis.test")
    assert (await post(mails.request(text=text))).action == "stopped"
    assert not await still_acts(post.engine, own, event)


async def test_stop_counts_at_every_mailbox_and_as_an_answer_to_the_mail_that_asks(post: Post) -> None:
    event = await created(post.engine, organizer=AGENT)
    guest = (await invite(post.engine, event, "guest@example.com")).attendee
    held = await key(post.engine, approval=["everything"])
    await do(post.engine, SendInvite(uid=event.uid, email="ann@example.com"), held.actor)
    (asked,) = asking(await deliver(post.engine))
    places = ["bulk@cis.test", "rsvp@cis.test", f"rsvp+{guest.token}@cis.test"]
    for to in (*places, f"confirm+{code_in(asked)}@cis.test"):
        own = await key(post.engine, to)
        assert (await post(word(to=to))).action == "stopped", to
        assert not await still_acts(post.engine, own, event), to


async def test_stop_of_nobody_who_is_proven_to_own_a_key_stops_nothing(post: Post) -> None:
    event = await created(post.engine, organizer=AGENT)
    own = await key(post.engine)
    guest = (await invite(post.engine, event, "guest@example.com")).attendee
    for mail in (
        word(proven=False),
        word(proven=False, to="bulk@cis.test"),
        word(proven=False, to="rsvp@cis.test"),
        word(proven=False, to=f"rsvp+{guest.token}@cis.test"),
        word(proven=False, to=AGENT),
        word(sender="eve@evil.com"),
        word(sender=AGENT),
        word("Please don't stop"),
        word("Stopping by tomorrow"),
        word(headers={"Auto-Submitted": "auto-replied"}),
    ):
        assert (await post(mail)).action != "stopped"
    assert await still_acts(post.engine, own, event)


async def test_an_attendee_who_answers_stop_at_their_token_hears_no_more(post: Post) -> None:
    event = await created(post.engine, organizer=AGENT)
    guest = (await invite(post.engine, event, "guest@example.com")).attendee
    to = f"rsvp+{guest.token}@cis.test"
    assert (await post(word("Stop by at five?", "guest@example.com", to))).action != "unsubscribed"
    assert (await post(word("STOP", "other@example.com", to))).action != "unsubscribed"
    assert (await post(word("Stop.", "guest@example.com", to))).action == "unsubscribed"
    again = SendInvite(uid=(await created(post.engine, organizer=AGENT)).uid, email="guest@example.com")
    assert await refusal(post.engine, again) is Code.ATTENDEE_BLOCKED


async def going(engine: Engine) -> list[Message]:
    """What leaves to attendees."""
    return [m for m in await deliver(engine) if m.kind.calendar]


@pytest.mark.parametrize("organizer", ["", AGENT])
async def test_a_running_campaign_stops_at_the_next_claim_and_goes_on_whole(
    engine: Engine, organizer: str
) -> None:
    event = await created(engine, organizer=AGENT)
    people = [f"p{n}@example.com" for n in range(30)]
    await control(engine, await drafted(engine, event, people), CampaignAction.START)
    from engine.model.messages import MessageState
    from tests.support.engines import jobs_done

    await jobs_done(engine)
    in_flight = await claim(engine, limit=10)
    await do(engine, StopSending(organizer=organizer))
    await settle(engine, in_flight, MessageState.SENT, text="250 OK")
    assert await going(engine) == []
    await invite(engine, event, "later@example.com")
    assert await going(engine) == []
    await do(engine, StopSending(organizer=organizer, stopped=False))
    gone = {m.email for m in await going(engine)}
    assert gone == {*people, "later@example.com"} - {c.message.email for c in in_flight}


async def test_another_key_that_may_approve_stops_a_key_and_its_own_organizer(engine: Engine) -> None:
    event = await created(engine, organizer=AGENT)
    own, guard = await key(engine), await key(engine, verbs="approve")
    async with calling(engine, actor=guard.actor) as caller:
        assert (await caller.ok("stop_sending", key_id=own.id))["stopped"] is True
        assert not await still_acts(engine, own, event)
        await caller.ok("stop_sending", key_id=own.id, resume=True)
        assert await still_acts(engine, own, event)
        assert (await caller.ok("stop_sending", organizer=AGENT))["what"] == AGENT
        assert await going(engine) == []
        assert await caller.code("stop_sending", organizer="other@cis.test") == "not_allowed"
        assert await caller.code("stop_sending", organizer="*") == "not_allowed"
    async with calling(engine, actor=own.actor) as caller:
        assert await caller.code("stop_sending", organizer=AGENT, resume=True) == "unknown_tool"
