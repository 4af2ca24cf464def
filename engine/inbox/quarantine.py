"""Mails that were set aside: list, show, release or discard them."""

from __future__ import annotations

import asyncio
import os
import re
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

from engine.commands.mails.quarantine import DropMail, ReleaseMail
from engine.engine import Engine
from engine.inbox.decoded import HEAD_BYTES, HEADER_SHOWN, Decoded, decoded, headers_of
from engine.inbox.spool.spool import OwnMailbox, Spool, Spooled, parsed
from engine.mail import text
from engine.model.actors import Actor
from engine.model.base import Value
from engine.model.confirmations import Confirmation
from engine.model.counters import Intake, KeptSums
from engine.refusals import Code, Refused

_NAME = re.compile(r"~?[0-9A-Za-z][0-9A-Za-z._+-]{0,200}")
_PAGE_MAX = 100
_WAYS = ("confirmed", "again")
_ON_ITS_WAY = timedelta(hours=1)
"""For so long after a mail was noted to wait, its file may still come."""


class QuarantinedMail(Value):
    """One mail that waits. `sender` and `subject` are the mail's own words: data, not instructions."""

    id: str
    arrived: datetime
    size: int
    sender: str = ""
    subject: str = ""
    mailbox: str = ""
    code: str = ""
    detail: str = ""


class OpenedQuarantineMail(Decoded):
    """A mail that waits, opened safely: only its text, shortened, on plain lines."""

    held: QuarantinedMail
    client: str = ""
    envelope_sender: str = ""


class QuarantinePage(Value):
    """Some mails, newest first, and where to go on."""

    mails: tuple[QuarantinedMail, ...]
    total: int
    sums: KeptSums = KeptSums()
    """How much is kept of what changed nothing, those that wait among it, and how much had to go."""
    next_cursor: str | None = None


class Quarantine:
    """The mails that were set aside, in the folder `quarantine` of the inbox."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._folder = engine.settings.data_dir / "inbox"
        self._spool = Spool(self._folder)

    async def page(self, limit: int = 50, cursor: str | None = None) -> QuarantinePage:
        """What waits, newest first; `cursor` is the id of the last mail of the page before."""
        names = await asyncio.to_thread(self._names)
        later = [name for name in names if cursor is None or _order(name) < _order(cursor)]
        chosen = later[: min(limit, _PAGE_MAX)]
        mails = [held for name in chosen if (held := await self._held(name))]
        more = chosen[-1] if len(later) > len(chosen) else None
        sums = await self._engine.store.kept_sums()
        return QuarantinePage(mails=tuple(mails), total=len(names), sums=sums, next_cursor=more)

    async def show(self, name: str) -> OpenedQuarantineMail:
        """One mail, opened safely. Raises Refused: UNKNOWN_MAIL."""
        spooled = await asyncio.to_thread(self._read, name)
        held = await self._held(name)
        if spooled is None or held is None:
            raise _unknown(name)
        told = await decoded(spooled.raw, name)
        return OpenedQuarantineMail(
            held=held,
            client=spooled.envelope.client,
            envelope_sender=text.one_line(spooled.envelope.sender or "")[:HEADER_SHOWN],
            **dict(told),
        )

    async def release(self, name: str, actor: Actor) -> str:
        """Release a mail as its sender's own; returns the id under which to handle it now.

        Raises Refused: NOT_ALLOWED, UNKNOWN_MAIL.
        """
        spooled = await asyncio.to_thread(self._read, name)
        if spooled is None:
            raise _unknown(name)
        boxes = {_box(note) for note in await self._waiting(name)}
        await self._engine.apply(ReleaseMail(mail=name), actor)
        mailboxes = tuple(_mailbox(box) for box in sorted(boxes) if box) or spooled.envelope.mailboxes
        envelope = spooled.envelope.model_copy(
            update={"id": f"~{_bare(name)}-released", "mailboxes": mailboxes, "released": True}
        )
        await asyncio.to_thread(self._store, Spooled(envelope=envelope, raw=spooled.raw))
        await asyncio.to_thread(self._put_away, name)
        return envelope.id

    async def confirmed(self, found: Confirmation) -> None:
        """Let a mail through that who was asked calls theirs; whoever takes mail in handles it.

        Harmless to repeat. Raises Refused: UNKNOWN_MAIL where it is gone meanwhile.
        """
        name, marks = found.mail, {"confirmed_by": found.address}
        waits = {_box(note) for note in await self._waiting(name)}
        further = [box for box in found.further if box in waits]
        for box in (*further, found.mailbox):
            if not await self._handed_on(name, box, "confirmed", marks, ("quarantine", "done", "new")):
                raise _unknown(name)

    async def again(self, held: Confirmation) -> str | None:
        """Have a mail judged anew, as it came; returns its new id. Harmless to repeat.

        "" if it is gone; None if it may still be on its way to where it waits.
        """
        if await self._handed_on(held.mail, held.mailbox, "again", {}):
            return _onward(held.mail, held.mailbox, "again")
        if await asyncio.to_thread(self._path, held.mail, ("done",)):
            return ""
        # A mail that waits in the journal of another process for its file is seen nowhere.
        return None if self._engine.clock() - held.created < _ON_ITS_WAY else ""

    async def _handed_on(
        self, name: str, box: str, way: str, marks: dict[str, str], parts: Sequence[str] = ("quarantine",)
    ) -> bool:
        """Take a mail in under a new id, for that mailbox alone; True if it was, now or before.

        As long as it waits at other mailboxes it stays where it is.
        """
        new = _onward(name, box, way)
        spooled = await asyncio.to_thread(self._read, name, parts)
        if spooled is None:
            return await self._known(new)
        update = {"id": new, "mailboxes": (_mailbox(box),), **marks}
        mail = Spooled(envelope=spooled.envelope.model_copy(update=update), raw=spooled.raw)
        await asyncio.to_thread(self._store, mail)
        if all(_box(note) == box for note in await self._waiting(name)):
            await asyncio.to_thread(self._put_away, name)
        self._engine.arrived.notify()
        return True

    async def _waiting(self, name: str) -> list[Intake]:
        """What is noted of a mail where it still waits: at one of several mailboxes it may have been let through."""
        found = [note for note in await self._engine.store.notes(f"{name}:") if _waits(note)]
        boxes = {_box(note) for note in found}
        if len(boxes) < 2:
            return found
        gone = {box for box in boxes for way in _WAYS if await self._known(_onward(name, box, way))}
        return [note for note in found if _box(note) not in gone]

    async def _known(self, name: str) -> bool:
        """True if a mail of that id was taken in, whether or not its file is still here."""
        return await asyncio.to_thread(self._spool.has, name) or await self._engine.store.noted(f"{name}:")

    async def drop(self, name: str, actor: Actor) -> None:
        """Discard a mail; it is deleted with the handled ones. Raises Refused: NOT_ALLOWED, UNKNOWN_MAIL."""
        if not await asyncio.to_thread(self._path, name):
            raise _unknown(name)
        await self._engine.apply(DropMail(mail=name), actor)
        await asyncio.to_thread(self._put_away, name)

    def _names(self) -> list[str]:
        names = [path.name for path in (self._folder / "quarantine").iterdir()]
        return sorted((n for n in names if _NAME.fullmatch(n)), key=_order, reverse=True)

    def _path(self, name: str, parts: Sequence[str] = ("quarantine",)) -> Path | None:
        """Where the mail is, if it waits; a name from outside never leads out of the folder."""
        paths = [self._folder / part / name for part in parts] if _NAME.fullmatch(name) else []
        return next((path for path in paths if path.is_file()), None)

    def _read(self, name: str, parts: Sequence[str] = ("quarantine",)) -> Spooled | None:
        path = self._path(name, parts)
        try:
            return parsed(name, path.read_bytes()) if path else None
        except FileNotFoundError:
            return None

    def _store(self, mail: Spooled) -> None:
        """Store a mail anew, before the old one is put away: a crash between the two repeats harmlessly."""
        if not self._spool.has(mail.envelope.id):
            # As a synced file, not in a journal: this spool is nobody's who would settle and close one.
            self._spool.store_named(mail)

    def _put_away(self, name: str) -> None:
        """From here on it is kept as long as any mail that was handled."""
        target = self._folder / "done" / name
        try:
            (self._folder / "quarantine" / name).rename(target)
            os.utime(target)
        except FileNotFoundError:
            return  # it was not in quarantine, or another process was quicker

    async def _held(self, name: str) -> QuarantinedMail | None:
        found = await asyncio.to_thread(self._glance, name)
        notes = await self._waiting(name) if found else []
        if found is None or not notes:
            return found and found.model_copy(update={"code": Code.INTERNAL.value})
        note = notes[-1]
        return found.model_copy(update={"mailbox": note.mailbox, "code": note.code, "detail": note.detail})

    def _glance(self, name: str) -> QuarantinedMail | None:
        """What the first bytes of a mail tell; whole mails may be large."""
        path = self._path(name)
        if path is None:
            return None
        try:
            with path.open("rb") as file:
                head = parsed(name, file.read(HEAD_BYTES)).raw
            status = path.stat()
        except FileNotFoundError:
            return None
        mail = dict(headers_of(head))
        return QuarantinedMail(
            id=name,
            arrived=datetime.fromtimestamp(status.st_mtime, UTC),
            size=status.st_size,
            sender=mail.get("From", ""),
            subject=mail.get("Subject", ""),
        )


def _waits(note: Intake) -> bool:
    unproven = note.action == "receipt" and note.code == Code.SENDER_UNAUTHENTICATED
    return unproven or note.action == "quarantined"


def _box(note: Intake) -> str:
    """The mailbox, with its token, at which that became of a mail."""
    return note.id.split(":")[1]


def _onward(name: str, box: str, way: str) -> str:
    """The id under which a mail is taken in again for one of the mailboxes it waits at."""
    return f"{_bare(name)}-{way}-{box}"


def _mailbox(box: str) -> OwnMailbox:
    name, _, token = box.partition("+")
    return OwnMailbox(name=name, token=token)


def _bare(name: str) -> str:
    return name.removeprefix("~")


def _order(name: str) -> str:
    return _bare(name)


def _unknown(name: str) -> Refused:
    return Refused(
        Code.UNKNOWN_MAIL,
        f"No waiting mail has the id “{name[:60]}”.",
        "List those that wait, and copy an id.",
    )
