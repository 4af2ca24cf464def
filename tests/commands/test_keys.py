"""Keys: made with bounds, under one another, changed, stopped, given a new secret, ended."""

from __future__ import annotations

from datetime import timedelta

import pytest

from cis_mcp.views.keys import read_bounds
from engine.commands.agents.keys import ChangeKey, CreateKey, RevokeKey, RotateKey, StopKey
from engine.commands.agents.switches import SetOrganizerApproval
from engine.commands.agents.widening import widening
from engine.commands.events.events import CancelEvent
from engine.commands.events.timing import Timing
from engine.commands.invites.invites import SendInvite
from engine.engine import Engine
from engine.model.actors import Actor
from engine.model.keys import Key
from engine.model.verbs import API
from engine.refusals import Code
from tests.support.clock import Clock
from tests.support.engines import created, do, meeting, refusal, why_not


async def made(engine: Engine, *, under: Actor | None = None, **bounds: object) -> Key:
    """A key with these bounds, made by the operator or by an agent."""
    return (await do(engine, CreateKey(name="", bounds=read_bounds(bounds)), under)).key


async def test_a_new_key_has_bounds_an_owner_and_an_end(engine: Engine, clock: Clock) -> None:
    done = await do(engine, CreateKey(name="", bounds=read_bounds({"owner": "Boss@Example.com"})))
    assert done.key.owner == "boss@example.com"
    assert done.key.expires == done.key.created + timedelta(days=90)
    assert done.key.bounds is not None
    clock.move(days=90)
    assert await engine.key_of(done.secret) is None


async def test_an_owner_is_nobody_for_whom_a_key_acts(engine: Engine) -> None:
    await do(engine, CreateKey(name="", address="bot@example.com"))
    for owner in ("bot@example.com", "create@cis.test"):
        command = CreateKey(name="", bounds=read_bounds({"owner": owner}))
        assert await refusal(engine, command) is Code.INVALID_ARGUMENT


async def test_who_owns_a_key_of_the_reference_api_may_be_the_organizer_of_the_server(engine: Engine) -> None:
    own = read_bounds({"owner": engine.settings.local_organizer})
    key = (await do(engine, CreateKey(name="website", api="standard", bounds=own))).key
    longer = own.model_copy(update={"verbs": (key.bounds or own).verbs, "day": 100})
    assert (await do(engine, ChangeKey(key_id=key.id, bounds=longer))).key.owner == own.owner


async def test_an_owner_is_not_whom_the_key_itself_acts_for(engine: Engine) -> None:
    own = read_bounds({"owner": "Boss@Example.com"})
    command = CreateKey(name="", address="boss@example.com", bounds=own)
    assert await refusal(engine, command) is Code.INVALID_ARGUMENT
    key = (await do(engine, CreateKey(name="", address="bot@example.com", bounds=own))).key
    changed = ChangeKey(key_id=key.id, bounds=read_bounds({"owner": "bot@example.com"}))
    assert await refusal(engine, changed) is Code.INVALID_ARGUMENT


async def test_whoever_had_a_key_once_may_own_others(engine: Engine) -> None:
    trial = (await do(engine, CreateKey(name="", address="boss@example.com"))).key
    own = read_bounds({"owner": "boss@example.com"})
    command = CreateKey(name="", address="bot@example.com", bounds=own)
    assert await refusal(engine, command) is Code.INVALID_ARGUMENT
    await do(engine, RevokeKey(key_id=trial.id))
    key = (await do(engine, command)).key
    assert (await do(engine, ChangeKey(key_id=key.id, bounds=own))).key.owner == "boss@example.com"


async def test_a_key_makes_narrower_keys_under_itself_if_it_may(engine: Engine) -> None:
    top = await made(engine, verbs="create,send,delegate", to=["*@a.com"])
    below = await made(engine, under=top.actor, verbs="create,delegate", to=["ann@a.com"])
    third = await made(engine, under=below.actor, verbs="create,delegate", to=["ann@a.com"])
    assert (below.chain, third.chain) == ((top.id, below.id), (top.id, below.id, third.id))
    wider = CreateKey(name="", bounds=read_bounds({"verbs": "create", "to": ["*@b.com"]}))
    assert await refusal(engine, wider, top.actor) is Code.OUT_OF_BOUNDS
    approving = CreateKey(name="", bounds=read_bounds({"verbs": "approve", "to": ["ann@a.com"]}))
    assert await refusal(engine, approving, top.actor) is Code.OUT_OF_BOUNDS
    deeper = CreateKey(name="", bounds=read_bounds({"verbs": "create", "to": ["ann@a.com"]}))
    assert await refusal(engine, deeper, third.actor) is Code.OUT_OF_BOUNDS
    plain = await made(engine, verbs="create")
    assert await refusal(engine, CreateKey(name=""), plain.actor) is Code.NOT_ALLOWED
    other = CreateKey(name="", address="other@cis.test", bounds=deeper.bounds)
    assert await refusal(engine, other, top.actor) is Code.NOT_ALLOWED


async def test_stopping_or_ending_a_key_stops_those_under_it(engine: Engine) -> None:
    top = await made(engine, verbs="create,delegate")
    below = await made(engine, under=top.actor, verbs="create")
    await created(engine, actor=below.actor)
    await do(engine, StopKey(key_id=top.id))
    for key in (top, below):
        assert await refusal(engine, RotateKey(key_id=below.id), key.actor) is Code.OUT_OF_BOUNDS
    await do(engine, StopKey(key_id=top.id, stopped=False))
    await created(engine, actor=below.actor)
    await do(engine, RevokeKey(key_id=top.id))
    assert await refusal(engine, CreateKey(name=""), below.actor) is Code.NOT_ALLOWED


async def test_a_key_stops_those_under_it_and_no_others(engine: Engine) -> None:
    top = await made(engine, verbs="create,delegate")
    below = await made(engine, under=top.actor, verbs="create")
    beside = await made(engine, verbs="create")
    assert (await do(engine, StopKey(key_id=below.id), top.actor)).key.stopped
    assert await refusal(engine, StopKey(key_id=top.id), below.actor) is Code.OUT_OF_BOUNDS
    assert await refusal(engine, StopKey(key_id=top.id), beside.actor) is Code.NOT_ALLOWED
    assert await refusal(engine, StopKey(key_id="unheard-of"), beside.actor) is Code.NOT_ALLOWED


async def test_a_new_secret_ends_the_old_one(engine: Engine) -> None:
    first = await do(engine, CreateKey(name=""))
    second = await do(engine, RotateKey(key_id=first.key.id))
    assert await engine.key_of(first.secret) is None
    found = await engine.key_of(second.secret)
    assert found is not None
    assert found.id == first.key.id


async def test_what_is_narrowed_holds_at_the_next_request(engine: Engine) -> None:
    key = await made(engine, verbs="create,update")
    await created(engine, actor=key.actor)
    await do(engine, ChangeKey(key_id=key.id, bounds=read_bounds({"verbs": "read"})))
    assert await refusal(engine, CreateKey(name=""), key.actor) is Code.NOT_ALLOWED


@pytest.mark.parametrize("command", [ChangeKey, RotateKey])
async def test_a_key_changes_no_key(engine: Engine, command: type[ChangeKey] | type[RotateKey]) -> None:
    key = await made(engine, verbs="delegate,approve")
    values = {"bounds": read_bounds({"day": 0})} if command is ChangeKey else {}
    assert await refusal(engine, command(key_id=key.id, **values), key.actor) is Code.NOT_ALLOWED  # type: ignore[arg-type]


async def test_as_many_events_stand_as_the_bounds_allow(engine: Engine) -> None:
    top = await made(engine, verbs="create,update,delegate", events_max=2)
    below = await made(engine, under=top.actor, verbs="create,update", day=7)
    first = await created(engine, actor=top.actor)
    await created(engine, actor=below.actor)
    assert first.key == top.id
    assert await refusal(engine, meeting(), below.actor) is Code.OUT_OF_BOUNDS
    await do(engine, CancelEvent(uid=first.uid), top.actor)
    await created(engine, actor=below.actor)


async def test_events_start_within_the_horizon_and_link_where_they_may(engine: Engine) -> None:
    key = await made(engine, verbs="create", horizon_days=70, links=["customer.com"])
    await created(engine, actor=key.actor, description="see https://customer.com/agenda.html")
    late = meeting(when=Timing(start="2027-06-01T10:00", duration="PT1H", timezone="Europe/Paris"))
    assert await refusal(engine, late, key.actor) is Code.OUT_OF_BOUNDS
    for field in ("summary", "location", "description", "organizer_name"):
        assert await refusal(engine, meeting(**{field: "see evil.com"}), key.actor) is Code.OUT_OF_BOUNDS
    assert await refusal(engine, meeting(url="https://evil.com/"), key.actor) is Code.OUT_OF_BOUNDS


async def test_a_key_under_another_is_changed_and_ends_when_it_would_have(
    engine: Engine, clock: Clock
) -> None:
    top = await made(engine, verbs="create,delegate")
    clock.move(days=1)
    below = await made(engine, under=top.actor, verbs="create", probation_days=7)
    assert below.bounds is not None
    assert below.expires == top.expires
    assert below.probation is not None
    fewer = await do(engine, ChangeKey(key_id=below.id, bounds=below.bounds.model_copy(update={"day": 5})))
    assert (fewer.key.expires, fewer.key.probation) == (top.expires, below.probation)
    ended = below.bounds.model_copy(update={"probation_days": 0})
    done = await do(engine, ChangeKey(key_id=below.id, bounds=ended))
    assert (done.key.expires, done.key.probation) == (top.expires, None)


async def test_other_days_of_a_key_count_from_its_making_and_end_with_the_key_above(
    engine: Engine, clock: Clock
) -> None:
    top = await made(engine, verbs="create,delegate")
    clock.move(days=1)
    below = await made(engine, under=top.actor, verbs="create")
    assert below.bounds is not None
    for days, ends in ((30, below.created + timedelta(days=30)), (300, top.expires), (0, top.expires)):
        bounds = below.bounds.model_copy(update={"expires_days": days})
        assert (await do(engine, ChangeKey(key_id=below.id, bounds=bounds))).key.expires == ends
    alone = await do(engine, ChangeKey(key_id=top.id, bounds=read_bounds({"expires_days": 120})))
    assert alone.key.expires == top.created + timedelta(days=120)


async def test_the_days_of_a_key_from_before_there_were_bounds_begin_with_its_bounds(
    engine: Engine, clock: Clock
) -> None:
    old = (await made(engine)).model_copy(update={"bounds": None, "expires": None})
    async with engine.store.unit() as unit:
        await unit.save_key(old)
    clock.move(days=200)
    bounds = read_bounds({"probation_days": 7})
    done = await do(engine, ChangeKey(key_id=old.id, bounds=bounds))
    now = engine.clock()
    assert done.key.expires == now + timedelta(days=90)
    assert done.key.probation == now + timedelta(days=7)


async def test_a_key_of_the_reference_api_is_one_with_other_bounds_too(engine: Engine) -> None:
    done = await do(engine, CreateKey(name="website", api="standard", bounds=read_bounds({"day": 100})))
    more = await do(engine, ChangeKey(key_id=done.key.id, bounds=read_bounds({"day": 200})))
    found = await engine.key_of(done.secret)
    assert more.key.bounds is not None
    assert found is not None
    assert (more.key.bounds.day, found.api, found.actor.verbs) == (200, "standard", API["api:standard"])
    verbs = ChangeKey(key_id=done.key.id, bounds=read_bounds({"verbs": "create,update"}))
    assert await refusal(engine, verbs) is Code.INVALID_ARGUMENT


async def test_the_owner_of_a_domain_gets_no_verb_that_changes_anything_later(engine: Engine) -> None:
    reading = read_bounds({"verbs": "read,report"})
    own = (await do(engine, CreateKey(name="", address="@example.com", bounds=reading))).key
    assert (await do(engine, ChangeKey(key_id=own.id, bounds=read_bounds({"verbs": "read"})))).key
    for verbs in ("read,update,approve", "read,report,admin"):
        changed = ChangeKey(key_id=own.id, bounds=read_bounds({"verbs": verbs}))
        assert await refusal(engine, changed) is Code.INVALID_ARGUMENT


async def test_no_command_is_named_for_verbs_that_a_key_never_has(engine: Engine) -> None:
    website = (await do(engine, CreateKey(name="", api="standard"))).key
    reading = read_bounds({"verbs": "read,report"})
    domain = (await do(engine, CreateKey(name="", address="@example.com", bounds=reading))).key
    assert (widening(website, "verbs"), widening(domain, "verbs")) == ("", "")
    assert widening(website, "day")


async def test_a_key_of_the_reference_api_acts_for_no_address(engine: Engine, clock: Clock) -> None:
    short = read_bounds({"expires_days": 10})
    website = (await do(engine, CreateKey(name="website", api="standard", bounds=short))).key
    own = website.address
    by_mail = Actor(kind="organizer", address=own)
    assert (await created(engine, by_mail)).key == ""
    clock.move(days=10)
    done = await do(engine, meeting(), by_mail)
    assert (done.held, done.event.organizer) == (None, own)
    owned = CreateKey(name="", address="bot@cis.test", bounds=read_bounds({"owner": own}))
    assert (await do(engine, owned)).key.owner == own
    assert (
        await do(engine, SetOrganizerApproval(address="ann@cis.test", on=True, approver=own))
    ).approver == own


async def test_a_person_is_mailed_as_often_as_each_key_may_whatever_other_keys_mailed(engine: Engine) -> None:
    top = await made(engine, verbs="create,send,delegate", person_day=3)
    once = await made(engine, under=top.actor, verbs="create,send", person_day=1)
    other = await made(engine, under=top.actor, verbs="create,send", person_day=3)

    async def invited(key: Key) -> Code | None:
        event = await created(engine, actor=key.actor)
        return await why_not(engine, SendInvite(uid=event.uid, email="ann@a.com"), key.actor)

    assert [await invited(key) for key in (other, other, once)] == [None] * 3
    assert [await invited(key) for key in (once, other, top)] == [Code.OUT_OF_BOUNDS] * 3
