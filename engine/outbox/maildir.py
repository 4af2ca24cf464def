"""A transport that sends nothing: mails become files in a Maildir."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Sequence
from pathlib import Path

from engine.outbox.transport import Accepted, Envelope, Rejected, Settle, send_each


class MaildirTransport:
    """Writes each mail into `new/` of a Maildir, with its envelope in front, as a delivering agent does."""

    connections = 1

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._made = False
        self._count = 0

    async def send_many(self, envelopes: Sequence[Envelope], settled: Settle) -> None:
        """Write mails one after the other."""
        await send_each(self.send, envelopes, settled)

    async def send(self, envelope: Envelope) -> Accepted:
        """Write one mail durably. Raises Rejected if the disk refuses it."""
        self._count += 1
        try:
            name = await asyncio.to_thread(self._write, envelope, self._count)
        except OSError as error:
            raise Rejected(
                f"cannot write to the Maildir: {error.strerror}", permanent=False, server=True
            ) from error
        return Accepted(answer=f"written to {name}")

    def _write(self, envelope: Envelope, count: int) -> str:
        if not self._made:
            for part in ("tmp", "new", "cur"):
                (self._folder / part).mkdir(parents=True, exist_ok=True)
            self._made = True
        name = f"{time.time_ns()}.{os.getpid()}_{count}.cis"
        head = f"Return-Path: <{envelope.sender}>\r\nDelivered-To: {envelope.recipient}\r\n".encode()
        temporary = self._folder / "tmp" / name
        with temporary.open("xb") as file:
            file.write(head + envelope.content)
            file.flush()
            os.fsync(file.fileno())
        temporary.rename(self._folder / "new" / name)
        sync_folder(self._folder / "new")
        return name

    async def close(self) -> None:
        """Nothing is held open."""


def sync_folder(folder: Path) -> None:
    """Make a rename in `folder` survive a power cut."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
