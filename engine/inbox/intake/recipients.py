"""Which recipients exist: our mailboxes, the receipt addresses that we gave out, the agents behind them."""

from __future__ import annotations

import asyncio
from collections.abc import Collection

from engine.engine import Engine
from engine.inbox.intake.router import mailbox_of
from engine.inbox.spool.spool import Mailbox
from engine.store import protocol

ORGANIZER = "organizer"
"""The mailbox of an organizer of our own domain; its token is the name before the @.

Nobody but the operator reads it, yet people answer to it: it stands in Reply-To of what we send.
"""
_GIVEN_OUT = ("rsvp", "unsubscribe", "confirm")
_LOCAL_MAX = 64
_AT_ONCE = 100


class Recipients:
    """Looks recipients up; those that are asked for together are one question to the store."""

    def __init__(self, engine: Engine) -> None:
        self._domain = engine.settings.domain
        self._local = engine.settings.local_organizer
        self._store: protocol.Recipients = engine.store
        self._tokens: dict[str, asyncio.Future[bool]] = {}
        self._asking: asyncio.Task[None] | None = None

    def at_once(self, address: str) -> Mailbox | None:
        """The mailbox that is known without waiting; None where there may be one all the same."""
        mailbox = mailbox_of(self._whole(address), self._domain)
        if mailbox and _asks(mailbox) and not self._store.token_at_a_glance(mailbox.token):
            return None
        return mailbox

    async def find(self, address: str) -> Mailbox | None:
        """The mailbox behind an address; None where there is none."""
        mailbox = mailbox_of(self._whole(address), self._domain)
        if mailbox and _asks(mailbox):
            if await self._given_out(mailbox.token):
                return mailbox
            mailbox = None
        return mailbox or await self._organizer(address.lower())

    def _whole(self, address: str) -> str:
        """postmaster without a domain is ours (RFC 5321, 4.5.1)."""
        return address if "@" in address else f"{address}@{self._domain}"

    async def _organizer(self, address: str) -> Mailbox | None:
        local, _, host = address.rpartition("@")
        if host != self._domain or not local or len(local) > _LOCAL_MAX:
            return None
        if address == self._local or await self._store.organizes(address):
            return Mailbox(name=ORGANIZER, token=local)
        return None

    async def _given_out(self, token: str) -> bool:
        found = self._tokens.get(token)
        if found is None:
            found = self._tokens[token] = asyncio.get_running_loop().create_future()
        if self._asking is None:
            self._asking = asyncio.create_task(self._ask())
        return await asyncio.shield(found)

    async def _ask(self) -> None:
        while self._tokens:
            asked, self._tokens = self._tokens, {}
            try:
                known = await self._known(list(asked))
            except Exception as error:  # noqa: BLE001 -- raised where each of them waits
                for future in asked.values():
                    _fail(future, error)
            else:
                for token, future in asked.items():
                    if not future.done():
                        future.set_result(token in known)
        self._asking = None

    async def _known(self, tokens: list[str]) -> Collection[str]:
        known: set[str] = set()
        for start in range(0, len(tokens), _AT_ONCE):
            known |= await self._store.tokens(tokens[start : start + _AT_ONCE])
        return known


def _asks(mailbox: Mailbox) -> bool:
    """True where only the store can say whether the address was given out."""
    return bool(mailbox.token) and mailbox.name in _GIVEN_OUT


def _fail(future: asyncio.Future[bool], error: Exception) -> None:
    if not future.done():
        future.set_exception(error)
        future.exception()  # heard here: whoever waited may have gone away
