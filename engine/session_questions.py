"""Questions about people who sign in at the web pages: their session, its link, and the keys they own."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from engine.model.actors import Actor
from engine.model.keys import Key
from engine.model.sessions import LoginSession, SignInLink
from engine.model.verbs import verbs_of
from engine.store.protocol import Store


class SessionQuestions:
    """The questions about sessions."""

    store: Store
    clock: Callable[[], datetime]

    async def session(self, session_digest: str) -> LoginSession | None:
        """The session whose cookie has this hash, if it lasts; the secret is what allows the question."""
        found = await self.store.session(session_digest)
        return found if found and found.lasts(self.clock()) else None

    async def key_of_session(self, session: LoginSession) -> Key | None:
        """The key by which somebody signed in; None once it has ended, or has another secret."""
        return await self.in_force(await self.store.key_by_digest(session.key) if session.key else None)

    async def key_stands(self, actor: Actor) -> bool:
        """False once the key by which the actor asks has ended, or one above it."""
        return not actor.key or await self.in_force(await self.store.key_by_id(actor.key)) is not None

    async def in_force(self, key: Key | None) -> Key | None:
        """`key` with the verbs that the keys above it have as well; None once it, or one of those, has ended."""
        if key is None or key.ended(self.clock()):
            return None
        verbs = verbs_of(key.scopes)
        for name in key.above:
            above = await self.store.key_by_id(name)
            if above is None or above.ended(self.clock()):
                return None
            verbs &= verbs_of(above.scopes)
        return key.model_copy(update={"scopes": frozenset(verbs)}) if key.above else key

    async def sign_in_link(self, code_digest: str) -> SignInLink:
        """The link whose code has this hash. Raises Refused: CONFIRM_TOKEN_INVALID."""
        from engine.commands.signing_in import usable

        return usable(await self.store.sign_in(code_digest), self.clock())

    async def keys_owned(self, address: str) -> list[Key]:
        """The keys whose owner has this address; whoever reads its mail may ask."""
        return [key for key in await self.store.keys() if address and key.owner == address]
