"""A form that makes something makes it once, however often it is sent: by a random word in it, and all that it says."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Awaitable, Callable
from typing import TypeVar

from starlette.responses import Response

from cis_mcp.console.guard import HeldError, Visit
from engine.commands.base import Command, Done, Work

D = TypeVar("D", bound=Done)


class _AlreadyMade(Exception):  # noqa: N818 -- an answer, not a fault
    """The form was sent before, and what it made stands at the address that this names."""


async def made(
    visit: Visit,
    command: Command[D],
    place: Callable[[D], str],
    said: str = "",
    shown: Callable[[D], Awaitable[Response]] | None = None,
) -> Response:
    """Apply the command of a form and go to the `place` of what it made, where a repeated form goes as well.

    `shown`: a page instead that only the first one gets, as it has a secret. Raises Refused, HeldError.
    """
    key = _key(visit)

    async def before(work: Work) -> None:
        if key and (known := await work.unit.remembered(visit.actor.address, key)):
            raise _AlreadyMade(known[1])

    async def also(work: Work, done: D) -> None:
        if key:
            after = _after(place(done), "shown-before" if shown else said)
            path = f"/console/held/{done.held.id}" if done.held else after
            await work.unit.remember(visit.actor.address, key, "", path, work.now)

    try:
        done = await visit.engine.apply(command, visit.actor, before=before, also=also)
    except _AlreadyMade as found:
        return visit.go(str(found))
    if done.held:
        raise HeldError(done.held)
    return await shown(done) if shown else visit.go(_after(place(done), said))


def _after(path: str, said: str) -> str:
    return f"{path}?done={said}" if said else path


def _key(visit: Visit) -> str:
    """What the form is known by; one that was gone back to and changed is another. Empty without the word."""
    if not visit.given("once"):
        return ""
    said = json.dumps(sorted(visit.form.items())).encode()
    return f"form {hashlib.sha256(said + (visit.upload or b'')).hexdigest()}"
