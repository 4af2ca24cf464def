"""Sessions of web pages, and the one-time links that begin them."""

from __future__ import annotations

from datetime import datetime, timedelta
from enum import StrEnum

from pydantic import Field

from engine.model.base import Value

LINK_LASTS = timedelta(minutes=15)
IDLE_MAX = timedelta(hours=12)
SESSION_MAX = timedelta(days=7)
TOKEN_MAX = timedelta(hours=12)
"""Of a session that an OAuth issuer began: it cannot tell us that somebody has left."""
NOTED_EVERY = timedelta(minutes=5)
"""A session's use is written down this often, so that looking at pages hardly writes."""


class SignedInAs(StrEnum):
    """How a session was begun, and whom it stands for."""

    MAILBOX = "mailbox"
    """A link that was mailed to `address`: whoever signed in reads its mail."""
    OPERATOR = "operator"
    """A link that was made at the machine."""
    KEY = "key"
    """A key that was shown."""
    TOKEN = "token"
    """A token of the OAuth issuer."""


class SignInLink(Value):
    """A link that signs somebody in once; only the hash of its code is stored."""

    digest: str = Field(description="SHA-256 of the code, hex", repr=False)
    signs_in: SignedInAs
    address: str
    created: datetime
    expires: datetime
    used: datetime | None = None


class LoginSession(Value):
    """Somebody who is signed in; only the hash of the cookie's secret is stored."""

    digest: str = Field(description="SHA-256 of the cookie's secret, hex", repr=False)
    signed_in: SignedInAs
    address: str
    key: str = Field(
        "", description="SHA-256 of the key that it came from, hex; it ends with the key", repr=False
    )
    issuer: str = Field("", description="of a token: the OAuth issuer that it came from")
    subject: str = Field("", description="of a token: whom its issuer knows by this name")
    scopes: frozenset[str] = Field(frozenset(), description="of a token: what it allowed")
    chosen: str = Field("", description="of whoever owns a domain: the organizer whose pages they look at")
    created: datetime
    seen: datetime
    ended: datetime | None = None

    def lasts(self, now: datetime) -> bool:
        """True if it is still valid: recently used, and not too old."""
        return (
            self.ended is None
            and self.seen <= now + NOTED_EVERY
            and now < min(self.seen + IDLE_MAX, self.created + self._most)
        )

    @property
    def _most(self) -> timedelta:
        return TOKEN_MAX if self.signed_in is SignedInAs.TOKEN else SESSION_MAX
