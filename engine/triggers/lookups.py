"""Asks a system of record for data that its webhooks leave out, and for deliveries that were missed.

The operator defines connections: `connections.json` in the data folder gives each its https base and the place of
its credential.
"""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import Field, ValidationError

from engine.engine import Engine
from engine.model.actors import Actor
from engine.model.base import Value
from engine.model.triggers import Trigger
from engine.publicweb.outside import Outside, web_address, why_not
from engine.refusals import Code, Refused
from engine.rules.lookups import listed, wanted
from engine.triggers import asking
from engine.triggers.arrivals import found_here
from engine.triggers.keeping import kept
from engine.triggers.proofs.connector import json_of

FILE = "connections.json"
SECONDS, BYTES_MAX = 2.0, 256 * 1024
_RECONCILE_SECONDS = 15.0
_FILE_MAX = 100_000


class LookupConnection(Value):
    """A system of record that may be queried."""

    base: str = Field(max_length=500, description="https address that paths are put behind")
    header: str = Field("Authorization", max_length=100)
    prefix: str = Field("Bearer ", max_length=40, description="what stands before the credential")
    credential: str = Field(max_length=500, description="env:NAME or file:/path")


async def looked_up(engine: Engine, trigger: Trigger, payload: Any) -> Any:
    """`payload` with the results of the look-ups as its member `lookup`.

    Raises Refused: LOOKUP_FAILED, INVALID_PAYLOAD, and what `wanted` raises.
    """
    if not trigger.lookups or not isinstance(payload, dict):
        return payload
    found: dict[str, Any] = {}
    whole = {**payload, "lookup": found}
    for lookup in trigger.lookups:
        path = wanted(lookup, whole)
        if path is not None:
            found[lookup.name] = await _asked(engine, lookup.connection, path, SECONDS)
    return whole


async def reconciled(engine: Engine, name: str, actor: Actor) -> int:
    """Ask a trigger's system for missed deliveries and return how many were new.

    A delivery whose object and version are known has no effect. Raises Refused: NOT_ALLOWED, UNKNOWN_TRIGGER,
    INVALID_RULE, LOOKUP_FAILED, BUSY.
    """
    trigger = await asking.trigger(engine, name, actor)
    if trigger.reconciling is None:
        raise Refused(
            Code.INVALID_RULE,
            "The trigger has no “reconcile”, so it cannot ask its system for what was missed.",
        )
    how = trigger.reconciling
    answer = await _asked(engine, how.connection, how.path, _RECONCILE_SECONDS)
    arrived = tuple(found_here("reconcile", payload) for payload in listed(how, answer))
    return await kept(engine, trigger.id, arrived)


async def _asked(engine: Engine, name: str, path: str, seconds: float) -> Any:
    connection = (await asyncio.to_thread(_connections, engine.settings.data_dir)).get(name)
    if connection is None:
        raise Refused(Code.LOOKUP_FAILED, f"{FILE} names no connection “{name[:40]}”.")
    url = web_address(connection.base.rstrip("/") + path)
    headers = {
        connection.header: connection.prefix + await asyncio.to_thread(_credential, connection),
        "accept": "application/json",
        "accept-encoding": "identity",
        "user-agent": "cis-mcp",
    }
    outside = Outside(engine.settings)
    try:
        answer = await outside.request("GET", url, headers, b"", seconds=seconds, most=BYTES_MAX)
    except Exception as error:  # noqa: BLE001 -- whatever the system does, it could not be asked
        raise Refused(Code.LOOKUP_FAILED, f"{name} cannot be asked: {why_not(error)}") from None
    finally:
        await outside.close()
    if answer.status != 200 or answer.cut:
        what = f"more than {BYTES_MAX} bytes" if answer.cut else str(answer.status)
        raise Refused(Code.LOOKUP_FAILED, f"{name} answered {what}.")
    try:
        return json_of(answer.body)
    except Refused:
        raise Refused(Code.LOOKUP_FAILED, f"{name} answered what is not JSON.") from None


def _connections(folder: Path) -> Mapping[str, LookupConnection]:
    """The connections by name; none without the file. Raises Refused: LOOKUP_FAILED."""
    path = folder / FILE
    try:
        with path.open(encoding="utf-8") as file:
            listed = json.loads(file.read(_FILE_MAX))
        return {name: LookupConnection.model_validate(one) for name, one in listed.items()}
    except FileNotFoundError:
        return {}
    except (OSError, ValueError, AttributeError, ValidationError):
        raise Refused(
            Code.LOOKUP_FAILED, f"{path} cannot be read: it must contain a JSON object of connections."
        ) from None


def _credential(connection: LookupConnection) -> str:
    """The credential, from the environment or a file. Raises Refused: LOOKUP_FAILED."""
    kind, _, where = connection.credential.partition(":")
    try:
        found = os.environ.get(where, "") if kind == "env" else ""
        if kind == "file":
            found = Path(where).read_text(encoding="utf-8")
    except (OSError, ValueError):
        found = ""
    if not found.strip() or any(ord(sign) < 32 for sign in found.strip()):
        raise Refused(Code.LOOKUP_FAILED, "The connection's credential is missing.")
    return found.strip()
