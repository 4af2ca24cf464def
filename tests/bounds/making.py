"""Keys with bounds, as tests make and narrow them."""

from __future__ import annotations

from cis_mcp.views.keys import read_bounds
from engine.commands.agents.keys import ChangeKey, CreateKey
from engine.engine import Engine
from engine.model.actors import Actor
from engine.model.keys import Key
from tests.support.engines import do

EVERYTHING = "create,send,bulk,update,report,delegate"


async def made(
    engine: Engine, *, under: Actor | None = None, address: str | None = None, **bounds: object
) -> Key:
    """A key with these bounds, made by the operator or by an agent."""
    values = {"verbs": EVERYTHING, **bounds}
    return (await do(engine, CreateKey(name="", address=address, bounds=read_bounds(values)), under)).key


async def narrowed(engine: Engine, key: Key, **bounds: object) -> None:
    """The key with other values of these bounds."""
    assert key.bounds is not None
    values = {**key.bounds.model_dump(mode="json"), **bounds}
    await do(engine, ChangeKey(key_id=key.id, bounds=read_bounds(values)))
