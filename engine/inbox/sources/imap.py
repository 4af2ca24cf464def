"""Fetches mail from a folder of an IMAP account, each mail once (RFC 9051; IDLE: RFC 2177)."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterator, Sequence
from enum import Enum
from pathlib import Path

from engine.inbox.intake.intake import Inbox
from engine.inbox.sources import watermark
from engine.inbox.sources.account import ImapAccount
from engine.inbox.sources.imapfolder import FetchRefused, FolderMail, ImapFolder, Unmarked
from engine.inbox.sources.patience import (
    SourceFault,
    Waits,
    again_and_again,
    note_left,
    note_too_large,
    turn,
    was_taken,
)
from engine.inbox.sources.threads import in_thread
from engine.inbox.sources.watermark import Watermark
from engine.refusals import Code

log = logging.getLogger(__name__)

_BATCH = 100
_TRIES = 10
"""How often to ask for a mail that the server will not hand over, before it is left where it is."""
_TOGETHER = 4_000_000
"""Mails up to so many bytes in all are fetched by one command."""


class MailOutcome(Enum):
    """What became of one mail of a batch."""

    KEPT = "kept"
    GONE = "gone"
    TOO_LARGE = "too large"
    WITHHELD = "withheld"


_LEFT = {MailOutcome.TOO_LARGE, MailOutcome.WITHHELD}


class ImapSource:
    """One IMAP folder. Everything in it that is not marked as done is taken, read or unread.

    A mail is durably in the spool before the watermark passes it, and the watermark passes it before it is
    marked at the server. Its name in the spool is made of UIDVALIDITY and UID, so a repeat changes nothing.
    """

    def __init__(self, inbox: Inbox, account: ImapAccount) -> None:
        self._inbox = inbox
        self._account = account
        self._folder = inbox.engine.settings.data_dir / "inbox" / "sources"
        self._most = inbox.engine.settings.max_mail_bytes
        self._tries: dict[int, int] = {}

    @property
    def _path(self) -> Path:
        return self._folder / f"{self._account.key}.json"

    async def run(self) -> None:
        """Fetch until cancelled."""
        await again_and_again(self._account.label, self._in_turn)

    async def _in_turn(self, waits: Waits) -> None:
        async with turn(self._folder, self._account.key, self._account.label):
            await self._session(waits)

    async def _session(self, waits: Waits) -> None:
        """One connection, until it is lost."""
        folder = ImapFolder(self._account)
        try:
            await in_thread(folder.open)
            log.info("%s: connected", self._account.label)
            mark = await self._mark(folder)
            await self._tidy(folder, mark)
            while True:
                mark = await self._take_all(folder, mark)
                waits.well()
                await self._wait(folder)
        finally:
            await in_thread(folder.close)

    async def _mark(self, folder: ImapFolder) -> Watermark:
        mark = await asyncio.to_thread(watermark.read, self._path)
        if mark.validity == folder.validity:
            return mark
        if mark.validity:
            log.warning("%s: its numbering began anew (UIDVALIDITY)", self._account.label)
        return Watermark(validity=folder.validity)

    async def _wait(self, folder: ImapFolder) -> None:
        if folder.idles:
            await in_thread(folder.idle, self._account.poll_s)
        else:
            await asyncio.sleep(self._account.poll_s)

    async def _tidy(self, folder: ImapFolder, mark: Watermark) -> None:
        """Mark what was taken and not marked when the last connection or process ended."""
        above = 0
        while left := await in_thread(folder.left, above, mark.uid, _BATCH):
            above = left[-1]
            mails = await in_thread(folder.measured, left)
            taken = [mail.uid for mail in mails if await was_taken(self._inbox, self._name(folder, mail))]
            if not await self._marked(folder.mark_done, taken):
                return

    async def _take_all(self, folder: ImapFolder, mark: Watermark) -> Watermark:
        while uids := await in_thread(folder.new, mark.uid, _BATCH):
            mark = await self._take(folder, mark, uids)
        return mark

    async def _take(self, folder: ImapFolder, mark: Watermark, uids: Sequence[int]) -> Watermark:
        """Take these mails; returns the new watermark. Raises OSError where one could not be stored."""
        mails = await in_thread(folder.measured, uids)
        fates = {mail.uid: MailOutcome.TOO_LARGE for mail in mails if mail.size > self._most}
        for group in _groups([mail for mail in mails if mail.size <= self._most]):
            raws = await self._fetched(folder, [mail.uid for mail in group])
            for mail in group:
                fates[mail.uid] = await self._fate(self._name(folder, mail), raws.get(mail.uid, b""))
        await self._leave(folder, [mail for mail in mails if fates[mail.uid] in _LEFT], fates)
        mark = Watermark(validity=folder.validity, uid=uids[-1])
        await asyncio.to_thread(watermark.write, self._path, mark)
        await self._marked(folder.mark_done, [uid for uid in sorted(fates) if fates[uid] is MailOutcome.KEPT])
        return mark

    async def _fetched(self, folder: ImapFolder, uids: Sequence[int]) -> dict[int, bytes | None]:
        """The mails, without those that are gone; None for one that the server withholds for good.

        Where the server says no to all together they are asked for one by one: one bad mail stops no other.
        """
        try:
            return dict(await in_thread(folder.fetched, uids, self._most + 1))
        except FetchRefused as withheld:
            if len(uids) > 1:
                found: dict[int, bytes | None] = {}
                for uid in uids:
                    found |= await self._fetched(folder, [uid])
                return found
            tries = self._tries[uids[0]] = self._tries.get(uids[0], 0) + 1
            if tries < _TRIES:
                raise SourceFault(f"mail {uids[0]} is not handed over: {withheld}") from None
            return {uids[0]: None}

    async def _fate(self, name: str, raw: bytes | None) -> MailOutcome:
        """Store a mail durably, where it can be."""
        if raw is None:
            return MailOutcome.WITHHELD
        if len(raw) > self._most:  # larger than the server had said
            return MailOutcome.TOO_LARGE
        if not raw:
            return MailOutcome.GONE
        await self._inbox.keep(name, raw)
        return MailOutcome.KEPT

    async def _leave(
        self, folder: ImapFolder, mails: Sequence[FolderMail], fates: dict[int, MailOutcome]
    ) -> None:
        """Note and mark mails that stay where they are; before the watermark, so that none is taken for done."""
        label = self._account.label
        for mail in mails:
            self._tries.pop(mail.uid, None)
            if fates[mail.uid] is MailOutcome.TOO_LARGE:
                await note_too_large(self._inbox, self._name(folder, mail), mail.size, label)
            else:
                log.warning("%s: mail %d stays there: the server withholds it", label, mail.uid)
                await note_left(self._inbox, self._name(folder, mail), Code.UNREADABLE_MAIL, label)
        await self._marked(folder.mark_left, [mail.uid for mail in mails])

    def _name(self, folder: ImapFolder, mail: FolderMail) -> str:
        """The same for the same mail, whichever process asks; sorts by time among those of other sources."""
        order = f"{mail.arrived:010d}{mail.uid % 1_000_000_000:09d}"
        return f"{order}.imap_{self._account.key}_{folder.validity}_{mail.uid}"

    async def _marked(self, mark: Callable[[Sequence[int]], None], uids: Sequence[int]) -> bool:
        """Mark mails at the server; where it says no, that is said, and the watermark keeps them from coming twice."""
        try:
            if uids:
                await in_thread(mark, uids)
        except Unmarked as unmarked:
            log.warning(
                "%s: %d mails are in and could not be marked: %s", self._account.label, len(uids), unmarked
            )
            return False
        return True


def _groups(mails: Sequence[FolderMail]) -> Iterator[list[FolderMail]]:
    """Mails in order, cut so that each group but a single large mail stays below the limit."""
    group: list[FolderMail] = []
    size = 0
    for mail in mails:
        if group and size + mail.size > _TOGETHER:
            yield group
            group, size = [], 0
        group.append(mail)
        size += mail.size
    if group:
        yield group
