"""Sessions of web pages, and the links that begin them; both under the hash of their secret."""

from __future__ import annotations

from datetime import datetime
from typing import Protocol

from engine.model.sessions import LoginSession, SignInLink


class Sessions(Protocol):
    """The part of a unit of work that concerns sessions."""

    async def add_sign_in(self, link: SignInLink) -> None:
        """Add a link; those that expired more than a day before it was made are forgotten."""
        ...

    async def sign_in(self, digest: str) -> SignInLink | None:
        """The link whose code has this hash, or None."""
        ...

    async def save_sign_in(self, link: SignInLink) -> None:
        """Replace a link."""
        ...

    async def add_session(self, session: LoginSession) -> None:
        """Add a session; those that were not in use for a month before are forgotten."""
        ...

    async def session(self, digest: str) -> LoginSession | None:
        """The session whose secret has this hash, or None."""
        ...

    async def save_session(self, session: LoginSession) -> None:
        """Replace a session."""
        ...

    async def end_sessions(self, address: str, now: datetime) -> int:
        """End all sessions of an address that last; how many there were."""
        ...


class SessionQuestions(Protocol):
    """What callers ask about sessions."""

    async def session(self, digest: str) -> LoginSession | None:
        """The session whose secret has this hash, or None."""
        ...

    async def sign_in(self, digest: str) -> SignInLink | None:
        """The link whose code has this hash, or None."""
        ...
