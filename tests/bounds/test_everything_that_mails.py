"""Everything that mails goes through the bounds: at the command, in the budgets, and when the mail is claimed."""

from __future__ import annotations

import pytest

from engine.commands.agents.keys import RevokeKey, StopKey
from engine.commands.answers.proposals import DeclineProposal, RecordProposal
from engine.commands.answers.refreshing import Refresh
from engine.commands.approvals.deciding import Decide
from engine.commands.base import Command
from engine.commands.campaigns.reports import SendReport
from engine.commands.events.events import UpdateEvent
from engine.commands.invites.invites import SendInvite
from engine.commands.invites.withdrawing import WithdrawInvite
from engine.commands.pages.pages import CreatePage
from engine.commands.pages.sending import SendFromPage
from engine.engine import SYSTEM, Engine
from engine.model.budgets import Spent
from engine.model.events import Event
from engine.model.held import Channel, HoldReason
from engine.model.keys import Key
from engine.model.messages import Chosen, Kind, Message, MessageState
from engine.model.people import Attendee, Origin, Partstat
from engine.refusals import Code, Refused
from tests.bounds.making import made, narrowed
from tests.support.clock import Clock
from tests.support.engines import claim, created, deliver, do, jobs_done, ledger, refusal
from tests.tools.caller import calling

AGENT, ANN, EVE = "agent@cis.test", "ann@customer.com", "eve@evil.com"
ANYBODY = Chosen(partstats=frozenset(Partstat))


async def _key(engine: Engine, **bounds: object) -> Key:
    values = {"minute": 0, "owner": "boss@example.org", "links": ["customer.com"], **bounds}
    return await made(engine, address=AGENT, **values)


async def _invited(engine: Engine, key: Key, *emails: str) -> tuple[Event, list[Attendee]]:
    """An event of the key whose people have their invites."""
    event = await created(engine, key.actor)
    people = [(await do(engine, SendInvite(uid=event.uid, email=e), key.actor)).attendee for e in emails]
    await deliver(engine)
    return event, people


async def _spent(engine: Engine, key: Key) -> Spent:
    async with engine.store.unit() as unit:
        return (await unit.spent([key.id], engine.clock()))[key.id]


async def _bound_of(engine: Engine, command: Command[object], key: Key) -> str:  # type: ignore[type-var]
    with pytest.raises(Refused) as refused:
        await engine.apply(command, key.actor)  # type: ignore[type-var]
    assert refused.value.code is Code.OUT_OF_BOUNDS
    return refused.value.bound


async def _waits_for_its_key(engine: Engine, key: Key, event: Event, kind: Kind) -> None:
    """What was owed names its key, waits while that is stopped, and waits for a decision once it has ended."""
    await jobs_done(engine)
    await do(engine, StopKey(key_id=key.id))
    assert [c for c in await claim(engine) if c.message.kind is kind] == []
    await do(engine, StopKey(key_id=key.id, stopped=False))
    await do(engine, RevokeKey(key_id=key.id))
    assert [c for c in await claim(engine) if c.message.kind is kind] == []
    owed = await ledger(engine, event, ANN)
    assert (owed.kind, owed.key, owed.code) == (kind, key.id, Code.KEY_ENDED)
    assert owed.state is MessageState.QUEUED, "a change of what someone has in their calendar is not lost"


# withdrawing one person


async def test_taking_one_person_out_links_nowhere_else_counts_as_a_change_and_waits_for_its_key(
    engine: Engine,
) -> None:
    key = await _key(engine)
    event, _ = await _invited(engine, key, ANN)
    assert await _bound_of(engine, WithdrawInvite(uid=event.uid, email=ANN, note="evil.com"), key) == "links"
    await do(engine, WithdrawInvite(uid=event.uid, email=ANN), key.actor)
    assert (await _spent(engine, key)).changes == 1
    await _waits_for_its_key(engine, key, event, Kind.WITHDRAWAL)


async def test_one_person_more_than_the_allowance_of_a_day_is_taken_out_by_a_yes(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("engine.store.rules.CHANGES_LEAST", 0)
    monkeypatch.setattr("engine.store.rules._CHANGES_EACH", 1)
    key = await _key(engine)
    event, _ = await _invited(engine, key, ANN)
    await do(engine, UpdateEvent(uid=event.uid, location="Roof"), key.actor)
    await deliver(engine)
    held = (await do(engine, WithdrawInvite(uid=event.uid, email=ANN), key.actor)).held
    assert held
    assert held.reasons == (HoldReason.BOUNDS,)
    assert [m for m in await deliver(engine) if m.kind.calendar] == []
    await do(engine, Decide(held_id=held.id, approve=True, channel=Channel.COMMAND_LINE))
    assert [m.kind for m in await deliver(engine) if m.kind.calendar] == [Kind.WITHDRAWAL]


# updates to a segment


async def test_an_update_to_some_is_held_for_the_one_outside_and_for_nobody_else(engine: Engine) -> None:
    event = await created(engine, organizer=AGENT)
    for email in (ANN, EVE):
        await do(engine, SendInvite(uid=event.uid, email=email))
    await deliver(engine)
    key = await _key(engine, to=["*@customer.com"])
    for group, waits in ((Chosen(emails=frozenset({ANN})), False), (ANYBODY, True)):
        update = UpdateEvent(uid=event.uid, location=f"Room {waits}", audience=group)
        assert bool((await do(engine, update, key.actor)).held) is waits
    assert {m.email for m in await deliver(engine) if m.kind.calendar} == {ANN}


async def test_what_only_some_see_links_nowhere_else_and_waits_for_its_key(engine: Engine) -> None:
    key = await _key(engine)
    event, _ = await _invited(engine, key, ANN)
    only = frozenset({Partstat.NEEDS_ACTION})
    linked = UpdateEvent(uid=event.uid, only_for=only, description="See evil.com")
    assert await _bound_of(engine, linked, key) == "links"
    await do(engine, UpdateEvent(uid=event.uid, only_for=only, description="Ring twice"), key.actor)
    assert (await _spent(engine, key)).changes == 1
    await _waits_for_its_key(engine, key, event, Kind.UPDATE)


# answers to proposals


async def _proposed(engine: Engine, event: Event, who: Attendee) -> None:
    moved = event.span.model_copy(
        update={"start": event.span.end_utc, "end": event.span.end_utc.replace(hour=6)}
    )
    await do(engine, RecordProposal(token=who.token, span=moved), SYSTEM)
    await deliver(engine)


async def test_declining_a_proposal_counts_as_a_change_and_waits_for_its_key(engine: Engine) -> None:
    key = await _key(engine)
    event, (ann,) = await _invited(engine, key, ANN)
    await _proposed(engine, event, ann)
    await do(engine, DeclineProposal(uid=event.uid, email=ANN), key.actor)
    assert (await _spent(engine, key)).changes == 1
    await _waits_for_its_key(engine, key, event, Kind.DECLINED_PROPOSAL)


async def test_accepting_a_proposal_waits_for_a_yes_where_it_would_reach_somebody_outside(
    engine: Engine,
) -> None:
    event = await created(engine, organizer=AGENT)
    people = [(await do(engine, SendInvite(uid=event.uid, email=e))).attendee for e in (ANN, EVE)]
    await deliver(engine)
    await _proposed(engine, event, people[0])
    key = await _key(engine, to=["*@customer.com"])
    async with calling(engine, actor=key.actor) as caller:
        done = await caller.ok("answer_proposal", uid=event.uid, email=ANN, answer="accept", audience="all")
    assert done["held"]["reason"] == ["bounds"]
    assert [m for m in await deliver(engine) if m.kind.calendar] == []


# reports


async def test_a_report_counts_as_a_mail_and_leaves_only_while_its_key_lives(
    engine: Engine, clock: Clock
) -> None:
    key = await _key(engine, day=3)
    event, _ = await _invited(engine, key, ANN)
    for _ in range(2):
        report = (await do(engine, SendReport(uid=event.uid), key.actor)).message
        clock.move(minutes=1)
    assert (await _spent(engine, key)).mails == 3
    assert await _bound_of(engine, SendReport(uid=event.uid), key) == "day"
    await do(engine, StopKey(key_id=key.id))
    assert await claim(engine) == []
    await do(engine, StopKey(key_id=key.id, stopped=False))
    await do(engine, RevokeKey(key_id=key.id))
    assert await claim(engine) == []
    left = await engine.settled(report, 0)
    assert (left.key, left.state, left.code) == (key.id, MessageState.WITHDRAWN, Code.KEY_ENDED)


async def test_a_report_goes_to_nobody_but_the_organizer_and_needs_the_verb(engine: Engine) -> None:
    key = await _key(engine)
    event, _ = await _invited(engine, key, ANN)
    assert await refusal(engine, SendReport(uid=event.uid, to=EVE), key.actor) is Code.NOT_ALLOWED
    await narrowed(engine, key, verbs="send")
    assert await refusal(engine, SendReport(uid=event.uid), key.actor) is Code.NOT_ALLOWED


# resends


async def test_a_copy_that_an_attendee_asks_for_counts_for_the_key_of_the_event(
    engine: Engine, clock: Clock
) -> None:
    key = await _key(engine, day=2)
    _, (ann,) = await _invited(engine, key, ANN)
    clock.move(hours=2)
    asked = Refresh(token=ann.token, sender=ANN, authenticated=True)
    await do(engine, asked, SYSTEM)
    assert [m.email for m in await deliver(engine)] == [ANN]
    assert (await _spent(engine, key)).mails == 2
    clock.move(hours=2)
    assert await refusal(engine, asked, SYSTEM) is Code.OUT_OF_BOUNDS
    clock.move(days=1)
    await narrowed(engine, key, to=["*@elsewhere.org"])
    assert await refusal(engine, asked, SYSTEM) is Code.OUT_OF_BOUNDS


async def test_a_test_mail_and_an_invite_after_a_withdrawal_count_once_more(engine: Engine) -> None:
    key = await _key(engine, day=4)
    event, _ = await _invited(engine, key, ANN, AGENT)
    await do(engine, SendInvite(uid=event.uid, email=AGENT, origin=Origin.TEST), key.actor)
    await do(engine, WithdrawInvite(uid=event.uid, email=ANN), key.actor)
    await do(engine, SendInvite(uid=event.uid, email=ANN), key.actor)
    assert (await _spent(engine, key)).mails == 4
    again = SendInvite(uid=event.uid, email=AGENT, origin=Origin.TEST)
    assert await _bound_of(engine, again, key) == "day"
    await narrowed(engine, key, day=0, not_to=[ANN])
    await do(engine, WithdrawInvite(uid=event.uid, email=ANN), key.actor)
    assert await _bound_of(engine, SendInvite(uid=event.uid, email=ANN), key) == "not_to"


# the confirmations that strangers cause


@pytest.mark.parametrize("by_person", [True, False])
async def test_a_page_asks_nobody_whom_the_key_of_its_events_may_not_mail(
    engine: Engine, *, by_person: bool
) -> None:
    key = await _key(engine, to=["*@customer.com"], verbs="create,send,publish")
    events = [await created(engine, key.actor) for _ in range(7)]
    page = (await do(engine, CreatePage(title="Season", slug="season"), key.actor)).page
    uids = tuple(event.uid for event in events)
    outside = SendFromPage(slug=page.slug, uids=uids, email=EVE, by_person=by_person)
    assert (await do(engine, outside, SYSTEM)).outcome == "sent", "who asks does not learn it"
    assert await deliver(engine) == []
    inside = SendFromPage(slug=page.slug, uids=uids, email=ANN, by_person=by_person)
    assert (await do(engine, inside, SYSTEM)).outcome == "asked"
    asked: list[Message] = await deliver(engine)
    assert [m.email for m in asked] == [ANN]


async def test_what_a_visitor_is_sent_counts_for_the_key_of_the_event(engine: Engine) -> None:
    key = await _key(engine, day=1, verbs="create,send,publish")
    event = await created(engine, key.actor)
    page = (await do(engine, CreatePage(title="Season", slug="season"), key.actor)).page
    for email, sent in ((ANN, [ANN]), ("bob@customer.com", [])):
        await do(engine, SendFromPage(slug=page.slug, uids=(event.uid,), email=email, by_person=True), SYSTEM)
        assert [m.email for m in await deliver(engine)] == sent
    assert (await _spent(engine, key)).mails == 1
