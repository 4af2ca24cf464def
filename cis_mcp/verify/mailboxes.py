"""Where the invites of a verification arrive, and how the answers go back."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path
from typing import Any

from engine.engine import Engine
from engine.inbox.intake.intake import Inbox

_LOOK_S = 0.05
ARRIVAL_S = 60.0
"""How long a step waits before it fails: on a slow and busy machine, a mail may take seconds."""


class MaildirMailboxes:
    """The built-in mailboxes of a server whose outbox is a Maildir: the files that appear there."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder / "new"
        self._read: dict[str, EmailMessage] = {}

    async def arrival(
        self, address: str, wanted: Callable[[EmailMessage], Any], seconds: float = ARRIVAL_S
    ) -> EmailMessage:
        """The newest mail for `address` that is `wanted`. Raises TimeoutError."""
        async with asyncio.timeout(seconds):
            while True:
                mails = await asyncio.to_thread(self._mails)
                found = [m for m in mails if str(m["Delivered-To"]).lower() == address.lower() and wanted(m)]
                if found:
                    return found[-1]
                await asyncio.sleep(_LOOK_S)

    def _mails(self) -> list[EmailMessage]:
        names = sorted(path.name for path in self._folder.iterdir()) if self._folder.is_dir() else []
        for name in names:
            if name not in self._read:
                content = (self._folder / name).read_bytes()
                self._read[name] = message_from_bytes(content, policy=policy.default)
        return [self._read[name] for name in names]


async def send_back(engine: Engine, mail: EmailMessage) -> None:
    """Ingest an answer as `cis-mcp ingest` does: store it, then handle it."""
    async with Inbox(engine) as inbox:
        await inbox.take(mail.as_bytes(policy=policy.SMTP), ())
