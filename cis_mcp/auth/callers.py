"""The caller behind a bearer key or token, for every face."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal, Protocol

from engine.model.actors import Actor
from engine.model.verbs import Verb


@dataclass(frozen=True, slots=True)
class Caller:
    """Who was let in: the address it acts for, by which key, and which of the tools that key may use.

    `key` is the hash of a key, or the client that a token was issued to. An empty `tier`, and no `tools`: all.
    """

    actor: Actor
    key: str
    subject: str
    token: str = field(repr=False)
    issuer: str = ""
    tier: Literal["", "core", "extended", "operator"] = ""
    tools: tuple[str, ...] = ()
    read_only: bool = False
    api: Literal["", "standard", "admin"] = ""
    """A key of the reference API, which opens its paths alone."""
    grantable: frozenset[Verb] = frozenset(Verb)
    """Of a token: the verbs that one with more scopes could have."""
    by_cookie: bool = False
    """Someone who is signed in at the web pages, not a program that bears a key."""
    chosen: str = ""
    """Of a session of whoever owns a domain: the organizer whose pages they look at."""

    @property
    def session(self) -> str:
        """What its limits and sessions belong to; two keys of one address may differ in scopes."""
        # As written in Python no two of them read alike, whatever an issuer put into its tokens.
        return repr((self.key, self.issuer, self.subject))


class TokenRefused(Exception):  # noqa: N818 -- an answer, not a fault
    """A token is genuine but not accepted, or cannot be verified now; carries the error code of RFC 6750."""

    def __init__(
        self,
        description: str,
        scopes: tuple[str, ...] = (),
        *,
        status: int = 403,
        error: str = "insufficient_scope",
    ) -> None:
        super().__init__(description)
        self.description, self.scopes = description, scopes
        self.status, self.error = status, error


class CallerAuthenticator(Protocol):
    """Finds the caller of a key or token."""

    async def caller(self, token: str) -> Caller | None:
        """Who bears `token`; None if it is unknown, revoked, expired or not meant for this server.

        Raises TokenRefused.
        """


def resource_url(public_url: str) -> str:
    """The name of this server as a resource for which tokens are issued (RFC 8707)."""
    return f"{public_url.rstrip('/')}/mcp"
