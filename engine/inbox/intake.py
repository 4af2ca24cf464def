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


class Inbox:
    """The spool and its router: everything that comes in goes through here."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self.spool = Spool(engine.settings.data_dir / "inbox")
        self.arrived = Bell()
        self._router = Router(engine)
        self._tries: dict[str, int] = {}

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
        while True:
            heard = self.arrived.listen()
            for name in await asyncio.to_thread(lambda: list(self.spool.waiting())):
                await self._handle_safely(name)
            await heard.wait(_RESCAN_S)

    async def _handle_safely(self, name: str) -> None:
        """A mail whose handling fails for a reason of ours is tried again, then set aside: never lost."""
        try:
            await self.handle(name)
        except Exception:
            self._tries[name] = self._tries.get(name, 0) + 1
            log.exception("mail %s could not be handled, try %d", name, self._tries[name])
            if self._tries[name] >= _TRIES:
                del self._tries[name]
                await asyncio.to_thread(self.spool.quarantine, name)

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
