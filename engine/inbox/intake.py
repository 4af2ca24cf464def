"""Takes mails from the spool, one after the other, and never stops for a bad one."""

from __future__ import annotations

import asyncio
import logging

from engine.bell import Bell
from engine.engine import Engine
from engine.inbox.router import Router
from engine.inbox.spool import Mailbox, Spool
from engine.inbox.taken import Action, Outcome, quarantined
from engine.refusals import Code

log = logging.getLogger(__name__)

_RESCAN_S = 10.0
"""How often to look for mails that another process stored and could not handle."""
_TRIES = 5
_RETRY_S = 1.0
"""How long to leave a mail that could not be handled; doubled each time, so that a fault that passes, such as
a full disk, sets nothing aside."""


class Inbox:
    """The spool and its router: everything that comes in goes through here."""

    def __init__(self, engine: Engine, *, retry_s: float = _RETRY_S) -> None:
        self.engine = engine
        self.spool = Spool(engine.settings.data_dir / "inbox")
        self.arrived = Bell()
        self._router = Router(engine)
        self._retry_s = retry_s
        self._tries: dict[str, int] = {}
        self._resting: dict[str, float] = {}

    async def store(self, raw: bytes, mailboxes: tuple[Mailbox, ...], sender: str | None) -> str:
        """Keep a mail durably and have it handled soon; gives back its id. Raises OSError."""
        envelope = await asyncio.to_thread(self.spool.store, raw, mailboxes, sender)
        self.arrived.ring()
        return envelope.id

    async def take(self, raw: bytes, mailboxes: tuple[Mailbox, ...]) -> list[Outcome]:
        """Keep a mail durably and handle it here and now. Raises OSError where it cannot be kept."""
        envelope = await asyncio.to_thread(self.spool.store, raw, mailboxes, None, held=True)
        return await self.handle(envelope.id)

    async def run(self) -> None:
        """Handle mails as they arrive, until cancelled."""
        loop = asyncio.get_running_loop()
        while True:
            heard = self.arrived.listen()
            for name in await self._waiting():
                if self._resting.get(name, 0.0) <= loop.time():
                    await self._handle_safely(name)
            next_try = min(self._resting.values(), default=loop.time() + _RESCAN_S)
            await heard.wait(max(0.0, min(next_try - loop.time(), _RESCAN_S)))

    async def _waiting(self) -> list[str]:
        try:
            names = await asyncio.to_thread(lambda: list(self.spool.waiting()))
        except OSError:
            log.exception("the spool cannot be read; trying again")
            return []
        for gone in self._resting.keys() - set(names):
            self._forget(gone)
        return names

    def _forget(self, name: str) -> None:
        self._tries.pop(name, None)
        self._resting.pop(name, None)

    async def _handle_safely(self, name: str) -> None:
        """A mail whose handling fails for a reason of ours is tried again, then set aside: never lost."""
        try:
            await self.handle(name)
        except Exception:  # noqa: BLE001 -- said there, and the mail stays in the spool
            await self._failed(name)
        else:
            self._forget(name)

    async def _failed(self, name: str) -> None:
        tries = self._tries[name] = self._tries.get(name, 0) + 1
        log.exception("mail %s could not be handled, try %d", name, tries)
        wait = self._retry_s * 2 ** (tries - 1)
        self._resting[name] = asyncio.get_running_loop().time() + wait
        if tries >= _TRIES:
            try:
                await asyncio.to_thread(self.spool.quarantine, name)
            except OSError:
                log.exception("mail %s cannot be set aside; trying again", name)

    async def handle(self, name: str) -> list[Outcome]:
        """Handle one waiting mail; gives back what became of it at each mailbox."""
        spooled = await asyncio.to_thread(self.spool.read, name)
        if spooled is None:
            return []
        if len(spooled.raw) > self.engine.settings.max_mail_bytes:
            outcomes = [quarantined(Code.TOO_LARGE, "The mail is larger than the server takes in.")]
        else:
            outcomes = await self._router.handle(spooled)
        aside = any(outcome.action is Action.QUARANTINED for outcome in outcomes)
        await asyncio.to_thread(self.spool.quarantine if aside else self.spool.done, name)
        for outcome in outcomes:
            log.info("mail %s: %s %s %s", name, outcome.action, outcome.uid, outcome.code)
        return outcomes
