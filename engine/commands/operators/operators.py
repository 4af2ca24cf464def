"""What only the operator at the machine may do: keys for agents, and whose invites may leave."""

from __future__ import annotations

import hashlib
from datetime import datetime
from typing import Literal

from pydantic import Field

from engine.commands import text
from engine.commands.base import Command, Done, Work
from engine.model.actors import Actor
from engine.model.base import Value
from engine.refusals import Code, Refused

SCOPES = ("read", "events", "invites", "campaigns")
ADMIN = "admin"
"""The scope for what operators do; a key has it only where it was named."""
KEY_PREFIX = "cis_"


class Key(Value):
    """An agent's key as stored: its hash, whom it acts for, what it may do."""

    id: str
    name: str
    address: str
    scopes: frozenset[str]
    digest: str = Field(description="SHA-256 of the key, hex")
    created: datetime
    revoked: datetime | None = None
    tier: Literal["", "core", "extended", "operator"] = Field("", description="empty: what the server has")
    tools: tuple[str, ...] = Field((), description="only these; empty: all of the tier")
    read_only: bool = False

    @property
    def actor(self) -> Actor:
        """Whom the key lets in."""
        return Actor(kind="agent", address=self.address, scopes=self.scopes)


class KeyDone(Done):
    """A key; `secret` is shown once, when it is made, and stored nowhere."""

    key: Key
    secret: str = ""


def digest(secret: str) -> str:
    """What is stored of a key: it holds 200 bits of chance, so one SHA-256 is enough."""
    return hashlib.sha256(secret.encode()).hexdigest()


class CreateKey(Command[KeyDone]):
    """Make a key with which an agent acts for one address over HTTP."""

    name: str
    address: str | None = None
    scopes: frozenset[str] = frozenset(SCOPES)
    tier: Literal["", "core", "extended", "operator"] = ""
    tools: tuple[str, ...] = ()
    read_only: bool = False

    async def carry_out(self, work: Work) -> KeyDone:
        """Raises Refused: NOT_ALLOWED, INVALID_ADDRESS, INVALID_ARGUMENT."""
        _operator_only(work)
        unknown = self.scopes - {*SCOPES, ADMIN}
        if unknown or not self.scopes:
            raise Refused(
                Code.INVALID_ARGUMENT,
                f"Unknown scopes: {', '.join(sorted(unknown)) or 'none given'}.",
                f"Choose from {', '.join((*SCOPES, ADMIN))}.",
            )
        secret = KEY_PREFIX + work.randomness.word(40)
        key = Key(
            id=work.randomness.word(10),
            name=text.name(self.name),
            address=text.address(self.address or work.settings.local_organizer),
            scopes=self.scopes,
            digest=digest(secret),
            created=work.now,
            tier=self.tier,
            tools=self.tools,
            read_only=self.read_only,
        )
        await work.unit.add_key(key.id, key.digest, key.model_dump_json())
        return KeyDone(key=key, secret=secret)


class RevokeKey(Command[KeyDone]):
    """End a key at once; safe to repeat."""

    key_id: str

    async def carry_out(self, work: Work) -> KeyDone:
        """Raises Refused: NOT_ALLOWED, UNKNOWN_KEY."""
        may_administer(work.actor)
        stored = await work.unit.key(self.key_id)
        if stored is None:
            raise Refused(Code.UNKNOWN_KEY, f"No key has the id “{self.key_id[:40]}”.")
        key = Key.model_validate_json(stored)
        if key.revoked is None:
            key = key.model_copy(update={"revoked": work.now})
            await work.unit.save_key(key.id, key.model_dump_json())
        return KeyDone(key=key)


class OrganizerDone(Done):
    """An organizer and whether its mail is stopped."""

    address: str
    suspended: bool


class SuspendOrganizer(Command[OrganizerDone]):
    """Stop all that an organizer sends, or let it go on (promise 7)."""

    address: str
    suspended: bool = True

    async def carry_out(self, work: Work) -> OrganizerDone:
        """Raises Refused: NOT_ALLOWED, INVALID_ADDRESS."""
        may_administer(work.actor)
        address = text.address(self.address)
        await work.unit.ensure_organizer(address, "", work.now)
        await work.unit.set_suspended(address, suspended=self.suspended)
        return OrganizerDone(address=address, suspended=self.suspended)


def may_administer(actor: Actor) -> None:
    """Refuse with NOT_ALLOWED who is neither the operator nor an agent whose key has the scope `admin`."""
    if not actor.everywhere and not (actor.kind == "agent" and ADMIN in actor.scopes):
        raise Refused(Code.NOT_ALLOWED, "Only the operator may do that.")


def _operator_only(work: Work) -> None:
    if not work.actor.everywhere:
        raise Refused(Code.NOT_ALLOWED, "Only the operator at the machine may do that.")
