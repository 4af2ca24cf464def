"""Which recipients exist: our mailboxes, the receipt addresses that we gave out, the agents behind them."""

from __future__ import annotations

from collections.abc import Sequence

from engine.engine import Engine
from engine.inbox.intake.router import mailbox_of
from engine.inbox.spool.spool import OwnMailbox
from engine.process.gathering import Gathering
from engine.store import protocol

ORGANIZER = "organizer"
"""The mailbox of an organizer of our own domain; its token is the name before the @.

No one but the operator reads it, yet people answer to it: it stands in Reply-To of what we send.
"""
_GIVEN_OUT = ("rsvp", "unsubscribe", "confirm")
_LOCAL_MAX = 64
_CHUNK = 100


class RecipientLookup:
    """Looks recipients up; those that are asked for together are one question to the store."""

    def __init__(self, engine: Engine) -> None:
        self._domain = engine.settings.domain
        self._local = engine.settings.local_organizer
        self._store: protocol.Recipients = engine.store
        self._lookups: Gathering[str, bool] = Gathering(self._known, _CHUNK)

    def find_now(self, address: str) -> OwnMailbox | None:
        """The mailbox that is known without waiting; None if there may be one all the same."""
        mailbox = mailbox_of(self._whole(address), self._domain)
        if mailbox and _needs_store(mailbox) and not self._store.token_now(mailbox.token):
            return None
        return mailbox

    async def find(self, address: str) -> OwnMailbox | None:
        """The mailbox behind an address; None if there is none."""
        mailbox = mailbox_of(self._whole(address), self._domain)
        if mailbox and _needs_store(mailbox):
            if await self._lookups.do(mailbox.token):
                return mailbox
            mailbox = None
        return mailbox or await self._organizer(address.lower())

    def _whole(self, address: str) -> str:
        """postmaster without a domain is ours (RFC 5321, 4.5.1)."""
        return address if "@" in address else f"{address}@{self._domain}"

    async def _organizer(self, address: str) -> OwnMailbox | None:
        local, _, host = address.rpartition("@")
        if host != self._domain or not local or len(local) > _LOCAL_MAX:
            return None
        if address == self._local or await self._store.organizes(address):
            return OwnMailbox(name=ORGANIZER, token=local)
        return None

    async def _known(self, tokens: Sequence[str]) -> list[bool]:
        known = await self._store.tokens(set(tokens))
        return [token in known for token in tokens]


def _needs_store(mailbox: OwnMailbox) -> bool:
    """True if only the store can say whether the address was given out."""
    return bool(mailbox.token) and mailbox.name in _GIVEN_OUT
