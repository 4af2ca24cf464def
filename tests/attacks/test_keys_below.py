"""Keys that agents make under their own, and that would do what their own may not."""

from __future__ import annotations

from dataclasses import replace

import pytest

from cis_mcp.auth.callers import Caller, TokenRefused
from cis_mcp.auth.keys import KeyAuthenticator
from cis_mcp.views.keys import data, line, read_bounds, state
from engine.commands.agents.keys import CreateKey, KeyDone, RevokeKey
from engine.commands.signing_in import SignInWithKey
from engine.engine import Engine
from engine.model.actors import Actor
from engine.model.bounds import Approval, Bounds
from engine.model.keys import Key
from engine.model.verbs import Verb
from engine.refusals import Code, Refused
from tests.bounds.making import EVERYTHING, narrowed
from tests.support.engines import do, refusal


async def above(engine: Engine, **given: object) -> Key:
    """A key that may make others, as the operator made it."""
    bounds = read_bounds({"verbs": EVERYTHING, **given.pop("bounds", {})})  # type: ignore[dict-item]
    return (await do(engine, CreateKey(name="", bounds=bounds, **given))).key  # type: ignore[arg-type]


async def below(engine: Engine, actor: Actor, **given: object) -> KeyDone:
    return await do(engine, CreateKey(name="", **given), actor)  # type: ignore[arg-type]


async def bound_of(engine: Engine, actor: Actor, **given: object) -> str:
    with pytest.raises(Refused) as refused:
        await below(engine, actor, **given)
    assert refused.value.code is Code.OUT_OF_BOUNDS
    return refused.value.bound


async def caller(engine: Engine, secret: str) -> Caller:
    found = await KeyAuthenticator(engine).caller(secret)
    assert found is not None
    return found


async def test_a_key_that_is_restricted_to_some_tools_makes_none_that_has_others(engine: Engine) -> None:
    tools = ("create_key", "get_stats")
    own = await above(engine, tools=tools, tier="extended", read_only=True)
    made = await below(engine, own.actor)
    let_in = await caller(engine, made.secret)
    assert (let_in.tools, let_in.tier, let_in.read_only) == (tools, "extended", True)
    assert await bound_of(engine, own.actor, tools=("get_stats", "send_invite")) == "tools"
    assert await bound_of(engine, own.actor, tier="operator") == "tier"
    assert (await below(engine, own.actor, tools=("get_stats",), tier="core")).key.tools == ("get_stats",)


async def test_who_answers_for_a_key_is_not_chosen_by_the_key_that_makes_it(engine: Engine) -> None:
    # The owner is asked for a yes: the key above has none, so that the operator decides.
    own = await above(engine, bounds={"approval": ["new-domain"], "owner": ""})
    accomplice = Bounds(
        verbs=frozenset({Verb.READ, Verb.SEND}), owner="accomplice@evil.com", approval=(Approval.NEW_DOMAIN,)
    )
    assert await bound_of(engine, own.actor, bounds=accomplice) == "owner"
    assert (await below(engine, own.actor)).key.owner == ""


async def test_the_operator_may_name_an_owner_for_a_key_under_another(engine: Engine) -> None:
    own = await above(engine)
    bounds = read_bounds({"verbs": "send", "owner": "boss@example.org"})
    made = (await do(engine, CreateKey(name="", under=own.id, bounds=bounds))).key
    assert made.owner == "boss@example.org"
    assert (await below(engine, (await above(engine, bounds={"owner": "boss@example.org"})).actor)).key.owner


async def test_a_token_with_few_scopes_makes_no_key_with_all_the_verbs_of_its_bounds(engine: Engine) -> None:
    subject = {"oauth_issuer": "https://issuer.test", "oauth_subject": "agent-7"}
    own = await above(engine, **subject)
    token = Caller(
        actor=Actor(kind="agent", address=own.address, scopes=frozenset({Verb.READ, Verb.DELEGATE})),
        key="client",
        subject="agent-7",
        token="",
        issuer="https://issuer.test",
    )
    narrow = await KeyAuthenticator(engine).within_bounds(replace(token))
    assert await bound_of(engine, narrow.actor, bounds=read_bounds({"verbs": "send"})) == "verbs"
    assert (await below(engine, narrow.actor)).key.actor.verbs == {Verb.READ, Verb.DELEGATE}


async def test_a_key_reads_nothing_once_a_key_above_it_has_ended(engine: Engine) -> None:
    own = await above(engine)
    made = await below(engine, own.actor)
    begun = await do(engine, SignInWithKey(secret=made.secret))
    assert await engine.key_of_session(begun.session)
    await do(engine, RevokeKey(key_id=own.id))
    assert await KeyAuthenticator(engine).caller(made.secret) is None
    assert await engine.key_of_session(begun.session) is None


async def test_a_key_reads_no_more_than_the_keys_above_it_may_now(engine: Engine) -> None:
    own = await above(engine)
    made = await below(engine, own.actor)
    assert Verb.REPORT in (await caller(engine, made.secret)).actor.verbs
    await narrowed(engine, own, verbs=["create", "delegate"])
    assert Verb.REPORT not in (await caller(engine, made.secret)).actor.verbs


async def test_bounds_of_an_oauth_subject_end_with_the_key_above_them(engine: Engine) -> None:
    own = await above(engine)
    subject = {"oauth_issuer": "https://issuer.test", "oauth_subject": "agent-7"}
    await do(engine, CreateKey(name="", under=own.id, **subject))
    token = Caller(own.actor, "client", "agent-7", "", issuer="https://issuer.test")
    assert (await KeyAuthenticator(engine).within_bounds(token)).actor.key != own.id
    await do(engine, RevokeKey(key_id=own.id))
    with pytest.raises(TokenRefused):
        await KeyAuthenticator(engine).within_bounds(token)


async def test_a_key_below_an_ended_one_signs_nobody_in_and_is_shown_as_ended(engine: Engine) -> None:
    own = await above(engine)
    made = await below(engine, own.actor)
    await do(engine, RevokeKey(key_id=own.id))
    assert await refusal(engine, SignInWithKey(secret=made.secret)) is Code.UNKNOWN_KEY
    assert await refusal(engine, CreateKey(name="", under=made.key.id)) is Code.NOT_ALLOWED
    keys, now = await engine.keys(), engine.clock()
    assert state(made.key, now, keys) == data(made.key, now, keys)["state"] == "revoked"
    assert line(made.key, now, keys).endswith("ended with the key above")
