"""A trigger acts with the key of whoever made it: nobody lends it somebody else's."""

from __future__ import annotations

import pytest

from engine.commands.triggers.feeding import FireTrigger
from engine.commands.triggers.triggers import CreateTrigger, SetTriggerLive
from engine.engine import Engine
from engine.model.actors import Actor
from engine.model.keys import Key
from engine.model.triggers import Proof, Sender
from engine.refusals import Code, Refused
from engine.rules.reading import rules_of
from engine.triggers import asking
from tests.bounds.making import made
from tests.support.engines import do, refusal
from tests.tools.caller import agent
from tests.triggers.crm import RULES

AGENT = "agent@cis.test"


async def acting(engine: Engine) -> Key:
    """A key that may have triggers."""
    return await made(engine, address=AGENT, verbs="create,update,send,trigger")


def planted(key_id: str) -> CreateTrigger:
    """A trigger that acts with the key of this id."""
    return CreateTrigger(name="planted", proof=Proof(sender=Sender.BEARER), rules=rules_of(RULES), key=key_id)


@pytest.mark.parametrize(
    "actor",
    [
        Actor(kind="organizer", address="mallory@cis.test"),
        Actor(kind="owner", address="mallory@cis.test"),
        agent("mallory@cis.test", frozenset({"read", "trigger"})),
    ],
    ids=lambda actor: actor.kind,
)
async def test_nobody_makes_a_trigger_that_acts_with_somebody_else_s_key(
    engine: Engine, actor: Actor
) -> None:
    theirs = await acting(engine)
    refused = []
    for key_id in (theirs.id, "unheardof"):
        with pytest.raises(Refused) as raised:
            await engine.apply(planted(key_id), actor)
        refused.append((raised.value.code, raised.value.message.replace(key_id, "…")))
    assert refused[0] == refused[1]
    assert await asking.triggers(engine, theirs.actor) == []


async def test_an_organizer_makes_a_trigger_that_acts_with_a_key_of_their_own(engine: Engine) -> None:
    own = await acting(engine)
    assert (await do(engine, planted(own.id), Actor(kind="organizer", address=AGENT))).trigger.key == own.id


async def test_a_token_without_a_key_neither_makes_nor_fires_a_trigger_of_a_key(engine: Engine) -> None:
    own = await acting(engine)
    token = agent(AGENT, frozenset({"read", "trigger"}))
    assert await refusal(engine, planted(own.id), token) is Code.NOT_ALLOWED
    await do(engine, planted(own.id))
    await do(engine, SetTriggerLive(name="planted", live=True))
    assert await refusal(engine, FireTrigger(trigger="planted", payload={}), token) is Code.NOT_ALLOWED
    await do(engine, FireTrigger(trigger="planted", payload={}), own.actor)
