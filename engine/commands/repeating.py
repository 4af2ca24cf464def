"""Requests with an idempotency key: a repetition finds what the first one made."""

from __future__ import annotations

import hashlib
import json

from pydantic import BaseModel

from engine.commands.base import Work
from engine.refusals import Code, Refused


async def made_before(work: Work, key: str | None, digest: str) -> str:
    """The name of what the actor made already with this idempotency key; empty if nothing.

    Raises Refused: IDEMPOTENCY_CONFLICT, where that was another request.
    """
    known = await work.unit.remembered(work.actor.address, key) if key else None
    if known is None:
        return ""
    before, name = known
    if before != digest:
        raise conflict(name)
    return name


async def remember(work: Work, key: str | None, digest: str, name: str) -> None:
    """Have a repetition of the request find what this one made."""
    if key:
        await work.unit.remember(work.actor.address, key, digest, name, work.now)


def conflict(name: str) -> Refused:
    """The refusal of an idempotency key with which another request made `name` (IDEMPOTENCY_CONFLICT)."""
    return Refused(
        Code.IDEMPOTENCY_CONFLICT, f"This idempotency_key was used to create {name} with other values."
    )


def digest_of(request: BaseModel) -> str:
    """What tells a request from another; the same in every process, though the order of a set is not."""
    said = json.dumps(request.model_dump(), default=_plain, sort_keys=True)
    return hashlib.sha256(f"{type(request).__name__}{said}".encode()).hexdigest()


def _plain(value: object) -> object:
    return sorted(map(str, value)) if isinstance(value, set | frozenset) else str(value)
