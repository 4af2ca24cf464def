"""Keys: those that a caller may see, narrower ones that it makes, and what ends or stops them."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from cis_mcp.rest.endpoint import Call, DataResponse, Endpoint, Handler
from cis_mcp.rest.models import Body, Cursor, Limit, Nothing, Query
from cis_mcp.views.base import Data
from cis_mcp.views.keys import KeyInfo, key_info
from engine.commands.agents.keys import CreateKey, RevokeKey, StopKey
from engine.model import cursors
from engine.model.bounds import Bounds
from engine.model.verbs import Verb
from engine.refusals import Code, Refused


class OfKey(Query):
    """The key in the path."""

    key_id: Annotated[str, Field(min_length=1, max_length=40)]


class ListingKeys(Query):
    """A page of keys."""

    limit: Limit = 50
    cursor: Cursor = None


class NewKey(Body):
    """A key under the one that asks."""

    name: str = Field("", description="what you call it", max_length=200)
    bounds: Bounds | None = Field(None, description="what is left out is as above it")


class Keys(Data):
    """Keys in order of their ids."""

    keys: list[KeyInfo]
    next_cursor: str | None


class CreatedKey(Data):
    """A key that was made."""

    key: KeyInfo
    secret: str = Field(description="shown now and never again; empty: the answer to a repetition")


async def list_keys(call: Call[ListingKeys, Body]) -> Keys:
    """List the keys that you may see: your own and those under it; with the verb `approve` all of your address; for
    an operator all."""
    asked = call.query
    (after,) = cursors.opened(asked.cursor, str) if asked.cursor else [""]
    found = sorted(await call.engine.keys_of(call.actor), key=lambda key: key.id)
    rest = [key for key in found if key.id > str(after)]
    shown, now = rest[: asked.limit], call.engine.clock()
    return Keys(
        keys=[key_info(key, now, found) for key in shown],
        next_cursor=cursors.written(shown[-1].id) if len(rest) > asked.limit else None,
    )


async def show_key(call: Call[OfKey, Body]) -> KeyInfo:
    """Show a key with its bounds; never its secret."""
    found = await call.engine.keys_of(call.actor)
    key = next((key for key in found if key.id == call.query.key_id), None)
    if key is None:
        raise Refused(Code.UNKNOWN_KEY, f"No key has the id “{call.query.key_id}”.")
    return key_info(key, call.engine.clock(), found)


async def make_key(call: Call[Query, NewKey]) -> DataResponse:
    """Make a key for another agent within your own key's bounds. Its mails count against your budgets; when your key
    is stopped or ends, so does it. The same Idempotency-Key makes the same key once: a repetition answers 200 with the
    key that was made, without its secret."""
    body = call.body
    command = CreateKey(name=body.name, bounds=body.bounds, idempotency_key=call.idempotency_key)
    done = await call.apply(command)
    info = key_info(done.key, call.engine.clock())
    location = {"Location": f"/v1/keys/{done.key.id}"}
    return DataResponse(CreatedKey(key=info, secret=done.secret), 201 if done.secret else 200, location)


async def stop_key(call: Call[OfKey, Body]) -> KeyInfo:
    """Stop a key and those under it: what it owes waits and is not lost, and it changes nothing more. Safe to
    repeat."""
    done = await call.apply(StopKey(key_id=call.query.key_id, stopped=True))
    return key_info(done.key, call.engine.clock())


async def resume_key(call: Call[OfKey, Body]) -> KeyInfo:
    """Resume a stopped key. Safe to repeat."""
    done = await call.apply(StopKey(key_id=call.query.key_id, stopped=False))
    return key_info(done.key, call.engine.clock())


async def revoke_key(call: Call[OfKey, Body]) -> KeyInfo:
    """End a key, and those under it, at once and for good. Safe to repeat."""
    done = await call.apply(RevokeKey(key_id=call.query.key_id))
    return key_info(done.key, call.engine.clock())


_KEYS, _KEY = "/v1/keys", "/v1/keys/{key_id}"


def _ending(name: str, handler: Handler, verb: Verb, tool: str) -> Endpoint:
    path = f"{_KEY}/{name}"
    return Endpoint("POST", path, handler, KeyInfo, verb, "agents", OfKey, tool=tool, tier="extended")


ENDPOINTS = (
    Endpoint("GET", _KEYS, list_keys, Keys, Verb.READ, "agents", ListingKeys, tool="create_key"),
    Endpoint("GET", _KEY, show_key, KeyInfo, Verb.READ, "agents", OfKey, tool="create_key"),
    Endpoint(
        "POST",
        _KEYS,
        make_key,
        CreatedKey,
        Verb.DELEGATE,
        "agents",
        Nothing,
        NewKey,
        201,
        tool="create_key",
        tier="extended",
        repeatable=True,
    ),
    _ending("stop", stop_key, Verb.APPROVE, "stop_sending"),
    _ending("resume", resume_key, Verb.APPROVE, "stop_sending"),
    _ending("revoke", revoke_key, Verb.DELEGATE, "create_key"),
)
