"""What one agent with several keys, or a key with wide verbs, may not do: lift a person's STOP, approve, vouch."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from engine.commands.agents.keys import RevokeKey, StopKey
from engine.commands.agents.stopping import StopSending
from engine.commands.answers.proposals import RecordProposal
from engine.commands.answers.receipts import RecordReceipt
from engine.commands.approvals.deciding import Decide
from engine.commands.campaigns.campaigns import CampaignAction, ControlCampaign, DraftCampaign
from engine.commands.invites.invites import SendInvite
from engine.engine import SYSTEM, Engine
from engine.model.actors import Actor
from engine.model.held import Channel, HeldAction, HeldState
from engine.model.keys import Key
from engine.model.list_rows import ListRow
from engine.model.people import Partstat
from engine.refusals import Code
from tests.bounds.making import made
from tests.support import mails
from tests.support.approvals import held_in
from tests.support.clock import Clock
from tests.support.engines import created, deliver, do, engine_in, invite, meeting, refusal
from tests.support.inboxes import Post, receiving
from tests.support.mails import OPERATOR_SERVER
from tests.tools.caller import agent, calling, text_of

AGENT, BOSS, ANN = "agent@cis.test", "boss@example.org", "ann@customer.com"
BY_MAIL = Actor(kind="organizer", address=AGENT)
CODE = "abcdefghij0123456789abcdef"


@pytest.fixture
async def engine(tmp_path: Path, clock: Clock) -> AsyncIterator[Engine]:
    async with engine_in(tmp_path, clock, authserv_ids=OPERATOR_SERVER) as opened:
        yield opened


@pytest.fixture
async def post(engine: Engine) -> AsyncIterator[Post]:
    async with receiving(engine) as opened:
        yield opened


async def key(engine: Engine, **bounds: Any) -> Key:
    return await made(engine, address=AGENT, **{"owner": BOSS, **bounds})


def stop(sender: str = BOSS, to: str = "create@cis.test", text: str = "STOP") -> Any:
    return mails.mail(sender, to, subject="Re: Something", text=text)


async def acts(engine: Engine, own: Key) -> bool:
    """Whether a key may change something."""
    try:
        await engine.apply(meeting(), own.actor)
    except Exception:  # noqa: BLE001 -- whatever keeps it from that
        return False
    return True


# stopping


async def test_no_key_lifts_the_stop_of_the_owner_and_the_owner_and_the_operator_do(post: Post) -> None:
    engine = post.engine
    own, guard = await key(engine), await key(engine, verbs="approve,admin", owner="")
    assert (await post(stop())).action == "stopped"
    resume = StopKey(key_id=own.id, stopped=False)
    assert await refusal(engine, resume, guard.actor) is Code.NOT_ALLOWED
    stranger = Actor(kind="owner", address="eve@evil.com")
    assert await refusal(engine, resume, stranger) is Code.UNKNOWN_KEY
    assert not await acts(engine, own)
    await do(engine, resume, Actor(kind="owner", address=BOSS))
    assert await acts(engine, own)
    await post(stop())
    await do(engine, resume)
    assert await acts(engine, own)


async def test_an_owner_s_stop_holds_for_a_key_that_another_key_had_stopped_before(post: Post) -> None:
    engine = post.engine
    own, guard = await key(engine), await key(engine, verbs="approve", owner="")
    await do(engine, StopKey(key_id=own.id), guard.actor)
    await post(stop())
    resume = StopKey(key_id=own.id, stopped=False)
    assert await refusal(engine, resume, guard.actor) is Code.NOT_ALLOWED


@pytest.mark.parametrize("person", [Actor(kind="owner", address=BOSS), None], ids=["owner", "operator"])
async def test_a_person_s_stop_of_a_key_holds_though_a_key_had_stopped_it_before(
    engine: Engine, person: Actor | None
) -> None:
    own, guard = await key(engine), await key(engine, verbs="approve", owner="")
    first = (await do(engine, StopKey(key_id=own.id), guard.actor)).key
    assert (await do(engine, StopKey(key_id=own.id), person)).key.stopped == first.stopped
    await do(engine, StopKey(key_id=own.id), guard.actor)
    resume = StopKey(key_id=own.id, stopped=False)
    assert await refusal(engine, resume, guard.actor) is Code.NOT_ALLOWED
    await do(engine, resume, person)
    assert await acts(engine, own)


async def test_a_person_s_stop_of_an_address_holds_though_a_key_had_stopped_it_before(engine: Engine) -> None:
    guard = await key(engine, verbs="approve")
    stopping, lift = StopSending(organizer=AGENT), StopSending(organizer=AGENT, stopped=False)
    await do(engine, stopping, guard.actor)
    (first,) = await engine.stops()
    assert not (await do(engine, stopping)).changed
    await do(engine, stopping, guard.actor)
    assert await refusal(engine, lift, guard.actor) is Code.NOT_ALLOWED
    assert [stop.since for stop in await engine.stops()] == [first.since]
    await do(engine, lift)
    assert await engine.stops() == []


async def test_an_organizer_does_not_lift_the_operator_s_stop_by_having_stopped_first(engine: Engine) -> None:
    olga = Actor(kind="owner", address="olga@example.org")
    lift = StopSending(organizer=olga.address, stopped=False)
    for first, second in ((olga, None), (None, olga)):
        await do(engine, StopSending(organizer=olga.address), first)
        await do(engine, StopSending(organizer=olga.address), second)
        assert await refusal(engine, lift, olga) is Code.NOT_ALLOWED
        await do(engine, lift)


async def test_no_token_without_a_key_lifts_what_a_person_stopped(engine: Engine) -> None:
    token = agent(AGENT, frozenset({"read", "approve", "admin"}))
    own = await key(engine)
    await do(engine, StopSending(organizer=AGENT))
    await do(engine, StopKey(key_id=own.id))
    for lift in (StopSending(organizer=AGENT, stopped=False), StopKey(key_id=own.id, stopped=False)):
        assert await refusal(engine, lift, token) is Code.NOT_ALLOWED


async def test_no_key_lifts_a_stop_of_the_operator(engine: Engine) -> None:
    guard = await key(engine, verbs="approve,admin")
    for organizer in ("", AGENT):
        await do(engine, StopSending(organizer=organizer))
        lift = StopSending(organizer=organizer, stopped=False)
        assert await refusal(engine, lift, guard.actor) is Code.NOT_ALLOWED
        await do(engine, lift)


async def test_stop_counts_as_an_answer_to_the_address_that_our_mails_are_from(post: Post) -> None:
    own = await key(post.engine)
    taken = await post(stop(to="notification@cis.test"))
    assert taken.action == "stopped"
    assert not await acts(post.engine, own)
    assert (await post(stop(to="notification@cis.test", text="Thank you"))).action == "ignored"


async def test_an_organizer_without_keys_stops_their_own_mail(post: Post) -> None:
    engine, olga = post.engine, "olga@cis.test"
    event = await created(engine, organizer=olga)
    await invite(engine, event, ANN)
    assert (await post(stop(olga, text="Stop by at five?"))).action != "stopped"
    assert (await post(stop(olga))).action == "stopped"
    assert {(m.email, m.kind) for m in await deliver(engine)} == {(olga, "notice")}
    await do(engine, StopSending(organizer=olga, stopped=False))
    assert [m.email for m in await deliver(engine)] == [ANN]


async def test_an_organizer_who_is_somebody_s_guest_unsubscribes_at_their_token_and_goes_on(
    post: Post,
) -> None:
    engine, olga = post.engine, "olga@cis.test"
    await created(engine, organizer=olga)
    event = await created(engine, organizer=AGENT)
    guest = (await invite(engine, event, olga)).attendee
    assert (await post(stop(olga, f"rsvp+{guest.token}@cis.test"))).action == "unsubscribed"
    assert await engine.stops() == []


# approving


async def waits(engine: Engine, proposer: Key) -> HeldAction:
    event = await created(engine, organizer=AGENT)
    await do(engine, SendInvite(uid=event.uid, email=ANN), proposer.actor)
    (held,) = await held_in(engine)
    return held


def yes(held: HeldAction) -> Decide:
    return Decide(held_id=held.id, approve=True, channel=Channel.KEY)


async def test_two_keys_of_one_agent_do_not_approve_for_each_other(engine: Engine) -> None:
    proposer = await key(engine, mode="hold")
    other = await key(engine, verbs="create,send,approve")
    held = await waits(engine, proposer)
    assert await refusal(engine, yes(held), other.actor) is Code.NOT_THE_PROPOSER
    (still,) = await held_in(engine)
    assert still.state is HeldState.WAITING


@pytest.mark.parametrize("named", ["*", "it"])
async def test_they_do_where_the_owner_said_so(engine: Engine, named: str) -> None:
    proposer = await key(engine, mode="hold")
    name = proposer.id if named == "it" else named
    other = await key(engine, verbs="create,send,approve", decides_for=[name])
    await do(engine, yes(await waits(engine, proposer)), other.actor)
    assert [m.email for m in await deliver(engine) if m.kind.calendar] == [ANN]


async def test_a_key_that_may_approve_and_nothing_else_is_somebody_else(engine: Engine) -> None:
    held = await waits(engine, await key(engine, mode="hold"))
    await do(engine, yes(held), (await key(engine, verbs="approve")).actor)
    assert [m.email for m in await deliver(engine) if m.kind.calendar] == [ANN]


# vouching


async def test_a_key_with_admin_vouches_for_no_sender(post: Post) -> None:
    forged = mails.request(mails.vevent(organizer="olga@cis.test"), sender="olga@cis.test", proven=False)
    await post(forged)
    admin = await key(post.engine, verbs="admin,create,send")
    async with calling(post.engine, actor=admin.actor, tier="operator") as caller:
        (held,) = (await caller.ok("list_quarantine"))["mails"]
        assert await caller.code("release_quarantined", id=held["id"]) == "not_allowed"
    assert len(post.files("quarantine")) == 1


# mail in the agent's name


async def test_where_no_key_of_an_address_is_live_its_mail_waits_for_the_owner(engine: Engine) -> None:
    own = await key(engine)
    await do(engine, RevokeKey(key_id=own.id))
    done = await do(engine, meeting(), BY_MAIL)
    assert done.held
    assert (done.held.address, done.held.reasons) == (BOSS, ("no-live-key",))
    (asked,) = [m for m in await deliver(engine) if m.email == BOSS]
    assert asked.notice
    assert "of the keys for that address none is live" in asked.notice.text
    await do(engine, Decide(held_id=done.held.id, approve=True, channel=Channel.COMMAND_LINE))
    (held,) = await held_in(engine, waiting=False)
    assert (held.state, bool(held.made)) == (HeldState.APPROVED, True)


async def test_no_key_approves_what_is_mailed_while_the_key_of_the_address_is_stopped(engine: Engine) -> None:
    own, guard = (
        await key(engine, to=["*@customer.com"]),
        await key(engine, verbs="approve", decides_for=["*"]),
    )
    event = await created(engine, organizer=AGENT)
    await do(engine, StopKey(key_id=own.id), Actor(kind="owner", address=BOSS))
    held = (await do(engine, SendInvite(uid=event.uid, email="x@evil.com"), BY_MAIL)).held
    assert held
    assert held.address == BOSS
    assert await refusal(engine, yes(held), guard.actor) is Code.NOT_ALLOWED
    async with calling(engine, actor=guard.actor) as caller:
        assert not (await caller.ok("get_held_action", id=held.id))["held"]["decidable"]
    assert {m.email for m in await deliver(engine)} == {BOSS}
    await do(
        engine, Decide(held_id=held.id, approve=True, channel=Channel.PAGE), Actor(kind="owner", address=BOSS)
    )
    assert "x@evil.com" in {m.email for m in await deliver(engine)}


async def test_a_key_that_lives_again_voids_what_waited_without_it(engine: Engine) -> None:
    own = await key(engine)
    await do(engine, StopKey(key_id=own.id))
    done = await do(engine, meeting(), BY_MAIL)
    assert done.held
    await do(engine, StopKey(key_id=own.id, stopped=False))
    decided = await do(engine, Decide(held_id=done.held.id, approve=True, channel=Channel.COMMAND_LINE))
    assert decided.action.state is HeldState.VOID


# links and codes


async def test_an_invite_to_an_event_with_a_link_waits_where_links_do(engine: Engine) -> None:
    linked = await created(engine, organizer=AGENT, description="See https://customer.com/a")
    plain = await created(engine, organizer=AGENT)
    asks = await key(engine, approval=["links"])
    assert (await do(engine, SendInvite(uid=linked.uid, email=ANN), asks.actor)).held
    assert not (await do(engine, SendInvite(uid=plain.uid, email=ANN), asks.actor)).held
    async with calling(engine, actor=asks.actor) as caller:
        several = await caller.ok("send_invite", uids=[plain.uid, linked.uid], email="bob@customer.com")
        assert several["held"]["reason"] == ["links"]
        listed = await caller.ok("bulk_send", uid=linked.uid, recipients=[{"email": ANN}], start=True)
        assert listed["held"]["reason"] == ["links"]


async def test_a_link_to_a_host_that_is_named_does_not_wait(engine: Engine) -> None:
    inside = await created(engine, organizer=AGENT, description="See https://customer.com/a")
    named = await key(engine, approval=["links"], links=["customer.com"])
    assert not (await do(engine, SendInvite(uid=inside.uid, email=ANN), named.actor)).held
    # A key above that names no host has every link wait.
    above = await key(engine, approval=["links"])
    below = await made(engine, under=above.actor, verbs="create,send", links=["customer.com"])
    assert (await do(engine, SendInvite(uid=inside.uid, email="bob@customer.com"), below.actor)).held


async def test_a_list_that_waits_is_not_started_by_a_free_key_of_the_same_address(engine: Engine) -> None:
    event = await created(engine, organizer=AGENT)
    waits, free = await key(engine, approval=["everything"]), await key(engine)
    draft = await do(engine, DraftCampaign(uid=event.uid, recipients=[ListRow(email=ANN)]), waits.actor)
    start = ControlCampaign(
        campaign_id=draft.campaign.id, action=CampaignAction.START, confirm_token=draft.confirm_token
    )
    held = (await do(engine, start, waits.actor)).held
    assert held
    assert await refusal(engine, start, free.actor) is Code.HELD_ACTION_STATE
    assert await deliver(engine) != []  # the mail that asks
    assert await deliver(engine) == []
    await do(engine, Decide(held_id=held.id, approve=True, channel=Channel.COMMAND_LINE))
    assert [m.email for m in await deliver(engine)] == [ANN]


async def test_a_comment_and_a_proposal_show_no_code_of_ours(engine: Engine) -> None:
    event = await created(engine, organizer=AGENT)
    guest = (await invite(engine, event, ANN)).attendee
    words = f"https://cis.test/approve/{CODE} confirm+{CODE}@cis.test"
    await do(engine, RecordReceipt(token=guest.token, partstat=Partstat.ACCEPTED, comment=words), SYSTEM)
    proposal = RecordProposal(token=guest.token, span=event.span, comment=words, location=words)
    await do(engine, proposal, SYSTEM)
    async with calling(engine, tier="extended") as caller:
        for tool, arguments in (
            ("get_attendee", {"uid": event.uid, "email": ANN}),
            ("get_event", {"uid": event.uid}),
            ("list_changes", {}),
            ("list_messages", {}),
        ):
            shown = await caller.call(tool, **arguments)
            assert CODE not in text_of(shown) + str(shown.structured_content), tool


@pytest.mark.parametrize("bounds", [{"mode": "hold"}, {"approval": ["links"]}])
async def test_an_answer_waits_like_everything_else_and_leaves_as_it_was_shown(
    post: Post, bounds: dict[str, Any]
) -> None:
    own = await key(post.engine, verbs="reply", **bounds)
    await post(mails.mail(ANN, AGENT, subject="A question", text="When?"), AGENT)
    async with calling(post.engine, actor=own.actor, tier="extended") as caller:
        (one,) = (await caller.ok("list_messages"))["messages"]
        said = {"id": one["id"], "text": "At nine, see https://example.net/now"}
        answer = await caller.ok("reply_message", **said)
        assert (answer["status"], answer["held"]["sent"]) == ("held", False)
        assert [m.kind for m in await deliver(post.engine) if m.email == ANN] == []
        held = await caller.ok("get_held_action", id=answer["held"]["id"])
    assert held["held"]["sample"]["text"] == said["text"]
    command = Decide(held_id=answer["held"]["id"], approve=True, channel=Channel.COMMAND_LINE)
    await do(post.engine, command)
    (left,) = [m for m in await deliver(post.engine) if m.email == ANN]
    assert left.notice
    assert left.notice.text == said["text"]


async def test_mail_in_the_agent_s_name_is_no_way_around_an_owner_s_stop(post: Post) -> None:
    await key(post.engine)
    await post(stop())
    assert (await do(post.engine, meeting(), Actor(kind="organizer", address=AGENT))).held
