"""The type of every endpoint: method, path, request and response models, the verb that a key needs, one handler."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Generic, Literal, TypeVar

from pydantic import BaseModel
from starlette.requests import Request
from starlette.responses import Response

from cis_mcp.rest.models import Body, Query
from engine.commands.base import Command, Done, Work
from engine.engine import Engine
from engine.model.actors import Actor
from engine.model.held import HeldAction
from engine.model.undo import Undo
from engine.model.verbs import Verb
from engine.refusals import Code, Refused

D = TypeVar("D", bound=Done)
Q = TypeVar("Q", bound=Query)
B = TypeVar("B", bound=Body)

_PARAMETER = re.compile(r"\{(\w+)(?::\w+)?\}")
TAGS = re.compile(r'(?:W/)?"([\x21\x23-\x7e]*)"\s*(?:,|$)')
"""One of the entity tags of a header (RFC 9110, 8.8.3)."""
_KEY_MAX, _DIGITS = 200, 19

Tier = Literal["core", "extended", "operator"]


class HeldError(Exception):
    """The request needs approval and waits for it."""

    def __init__(self, held: HeldAction) -> None:
        super().__init__(held.id)
        self.held = held


@dataclass(frozen=True)
class DataResponse:
    """Data with a status or headers of its own."""

    data: BaseModel
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Call(Generic[Q, B]):
    """One request: who asks, what stands in its path, query and body, and its headers.

    `leaving` is true once the server is about to stop. `undo`: how what was asked can be undone.
    """

    engine: Engine
    actor: Actor
    query: Q
    body: B
    headers: Mapping[str, str]
    leaving: Callable[[], bool] = lambda: False
    has: Callable[[str], bool] = lambda _: True
    """Whether the caller may do what the tool of that name does."""
    undo: list[Undo] = field(default_factory=list)

    async def apply(
        self, command: Command[D], *, before: Callable[[Work], Awaitable[None]] | None = None
    ) -> D:
        """Apply `command`, and return its result. Raises Refused, HeldError."""
        done = await self.engine.apply(command, self.actor, before=before)
        if done.held is not None:
            raise HeldError(done.held)
        if done.undo:
            self.undo.append(done.undo)
        return done

    @property
    def idempotency_key(self) -> str | None:
        """The Idempotency-Key of the request; None without one. Raises Refused: INVALID_ARGUMENT."""
        key = self.headers.get("idempotency-key")
        if key is not None and not 0 < len(key) <= _KEY_MAX:
            raise Refused(
                Code.INVALID_ARGUMENT, f"An Idempotency-Key has 1 to {_KEY_MAX} characters.", "Shorten it."
            )
        return key

    async def expected_sequence(self, uid: str) -> int | None:
        """The revision that If-Match asks for: the one that stands if it is among them; None without it, or for any.

        What compares them is the command, which knows whether it was carried out already.
        Raises Refused: SEQUENCE_MISMATCH, if it asks for none that there could be.
        """
        header = self.headers.get("if-match", "").strip()
        if header in {"", "*"}:
            return None
        found = {tag for tag in TAGS.findall(header) if not header.startswith("W/")}
        current = (await self.engine.event(uid, self.actor)).sequence
        asked = [int(tag) for tag in found if tag.isdecimal() and len(tag) < _DIGITS]
        if not asked:
            raise Refused(
                Code.SEQUENCE_MISMATCH,
                f"The event is at revision {current}, which does not match If-Match.",
            )
        return current if current in asked else max(asked)


Handler = Callable[[Call[Any, Any]], Awaitable[BaseModel | DataResponse | Response]]


@dataclass(frozen=True)
class Endpoint:
    """One operation: its handler's docstring is its description, and its name the operation's id.

    `tool` and `tier`: the tool that does the same, for keys that are narrowed to some tools. `media`: what it answers
    with where that is no JSON. `repeatable`: an Idempotency-Key is taken.
    """

    method: Literal["GET", "POST", "PATCH"]
    path: str
    handler: Handler
    answer: type[BaseModel] | None
    verb: Verb
    tag: str
    query: type[Query]
    body: type[Body] | None = None
    status: int = 200
    tool: str = ""
    tier: Tier = "core"
    tool_of: Mapping[str, tuple[str, Tier]] = field(default_factory=dict)
    """The tool and the tier by what a name in the path says, where that is not one for all."""
    media: str = "application/json"
    also: tuple[str, ...] = ()
    """Other media types, of bytes, that it answers with where that is asked for."""
    repeatable: bool = False
    etag: bool = False
    acts: bool = False
    """A GET that sends mail, as the reference product has two."""
    undoable: bool = False
    """Its answer says how what it did can be undone, while that is possible."""
    reference: bool = False
    """A path of the reference product: open to pages of every site, and to its installation-wide keys."""
    unkeyed: Callable[[Engine, Request], Awaitable[Response]] | None = None
    """What answers those who have no key; None: 401."""

    @property
    def name(self) -> str:
        """The name of the operation: that of its handler."""
        return self.handler.__name__

    def narrowed_to(self, path: Mapping[str, str]) -> tuple[str, Tier]:
        """The tool that does the same as a request with these names in its path, and its tier."""
        return next(
            (self.tool_of[one] for one in path.values() if one in self.tool_of), (self.tool, self.tier)
        )

    @property
    def parameters(self) -> tuple[str, ...]:
        """The names in its path."""
        return tuple(_PARAMETER.findall(self.path))

    @property
    def changes(self) -> bool:
        """True if it changes or sends something."""
        return self.method != "GET" or self.acts

    @property
    def of_revision(self) -> bool:
        """True if it changes an event only at the revision that If-Match names."""
        return self.etag and self.changes and bool(self.parameters)

    @property
    def description(self) -> str:
        """What it does: the docstring of its handler on one line."""
        return " ".join((self.handler.__doc__ or "").split())
