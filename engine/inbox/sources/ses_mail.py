"""Mail that Amazon SES received: the object in S3 is the durable mail, and its key the id of its intake."""

from __future__ import annotations

import asyncio
import hashlib
import logging
import re
from collections.abc import Sequence
from datetime import datetime, timedelta

from engine.aws.s3 import Bucket, Object
from engine.inbox.intake.intake import Inbox
from engine.inbox.intake.recipients import RecipientLookup
from engine.inbox.sources.patience import note_too_large
from engine.inbox.spool import departed
from engine.inbox.spool.spool import OwnMailbox, ReceivedEnvelope, Spooled
from engine.mail.incoming import sesmail
from engine.mail.incoming.sesmail import Received, Stamp

log = logging.getLogger(__name__)

_PLAIN = re.compile(r"[A-Za-z0-9_-]{1,100}")
_OLDER, _YOUNGER = timedelta(minutes=15), timedelta(days=14)
"""A sweep leaves what is new to the queue, which keeps a message for 14 days at most."""
_THOROUGH = timedelta(days=1)
"""How often a sweep asks the store about mail that is no longer missed: of the mail of a year, that is most."""
_KEYS_MAX = 100_000
_HEAD = 65_536


class SesMail:
    """Takes the mails of one bucket, each once, whether a notification tells of it or a sweep finds it."""

    def __init__(self, inbox: Inbox, bucket: Bucket, prefix: str, label: str) -> None:
        self._inbox = inbox
        self._bucket = bucket
        self._prefix = prefix
        self._label = label
        self._most = inbox.engine.settings.max_mail_bytes
        self._recipients = RecipientLookup(inbox.engine)
        self._nobodys: dict[str, None] = {}
        """Keys of mails to addresses that do not exist: read once by a sweep, then passed over."""
        self._left: dict[str, None] = {}
        """Keys of old objects that are not deleted, since SES's stamp does not say that they are nobody's."""
        self._here: dict[str, None] = {}
        """Keys of mails that were taken in: the store was asked once."""
        self._thorough: datetime | None = None

    async def take(self, mail: Received) -> bool:
        """True once the mail was handled, or is none of ours to handle; False if it is not where it has to be.

        Raises what `Bucket` raises, NoSuchKey among it; OSError.
        """
        if mail.key.rpartition("/")[2] == sesmail.SETUP:
            return True
        if mail.bucket != self._bucket.name or not mail.key.startswith(self._prefix):
            log.warning("%s: a mail in another bucket, or below another prefix, is not taken", self._label)
            return False
        boxes = await self._mailboxes(mail.recipients)
        if not boxes:
            self._pass_over(mail.key)
            return True
        await self._keep(mail.key, boxes)
        return True

    async def sweep(self) -> int:
        """Take the mails that no notification told of, or whose message was lost; returns how many there were.

        Objects whose mails are deleted here are deleted as well; once a day, old ones to addresses that do not exist.
        """
        inbox = self._inbox.engine.settings.data_dir / "inbox"
        gone = await asyncio.to_thread(departed.noted, inbox)
        now, found, following = self._inbox.engine.clock(), 0, ""
        thorough = self._thorough is None or not self._thorough <= now < self._thorough + _THOROUGH
        while True:
            objects, following = await self._bucket.page(self._prefix, following)
            for about in objects:
                if _name(about) in gone or (thorough and await self._expired(about)):
                    await self._bucket.delete(about.key)
                else:
                    found += await self._missed(about)
            if not following:
                break
        await asyncio.to_thread(departed.settle, inbox, gone)
        self._thorough = now if thorough else self._thorough
        return found

    async def _missed(self, about: Object) -> bool:
        now = self._inbox.engine.clock()
        passed = about.key in self._nobodys or about.key in self._here
        if passed or not now - _YOUNGER < about.at < now - _OLDER:
            return False
        if about.key.rpartition("/")[2] == sesmail.SETUP:
            return False
        if await self._known(_name(about)):
            _note(self._here, about.key)
            return False
        head = (await self._bucket.read(about.key, _HEAD)).data
        boxes = await self._mailboxes([address] if (address := sesmail.stamp(head).recipient) else [])
        if not boxes:
            self._pass_over(about.key)
            return False
        log.warning("%s: a mail that no message told of is taken in: %s", self._label, _name(about))
        await self._keep(about.key, boxes)
        return True

    async def _expired(self, about: Object) -> bool:
        """True for a mail that SES took for an address that does not exist, once a quarantine would be over.

        Not while its message may wait in the queue: that names all recipients, of which the mail itself shows one.
        """
        days = self._inbox.engine.settings.keep_quarantine_days
        kept = max(timedelta(days=days), _YOUNGER)
        if not days or about.at > self._inbox.engine.clock() - kept or about.key in self._left:
            return False
        if await self._known(_name(about)):
            return False
        address = sesmail.stamp((await self._bucket.read(about.key, _HEAD)).data).recipient
        if address and not await self._mailboxes([address]):
            return True
        _note(self._left, about.key)
        return False

    async def _known(self, name: str) -> bool:
        return await self._inbox.engine.store.noted(f"{name}:")

    async def _keep(self, key: str, boxes: tuple[OwnMailbox, ...]) -> None:
        piece = await self._bucket.read(key, self._most)
        name = _name(piece.about)
        if await self._known(name) and not await asyncio.to_thread(self._inbox.spool.waits, name):
            return
        if piece.about.size > self._most:
            await note_too_large(self._inbox, name, piece.about.size, self._label)
            return
        stamp = sesmail.stamp(piece.data)
        await self._inbox.keep_and_handle(Spooled(envelope=_envelope(name, boxes, stamp), raw=piece.data))

    async def _mailboxes(self, recipients: Sequence[str]) -> tuple[OwnMailbox, ...]:
        found = [await self._recipients.find(address) for address in recipients]
        return tuple(dict.fromkeys(box for box in found if box))

    def _pass_over(self, key: str) -> None:
        log.info("%s: a mail to no address of ours stays until a quarantine would be over", self._label)
        _note(self._nobodys, key)


def _note(keys: dict[str, None], key: str) -> None:
    while len(keys) >= _KEYS_MAX:
        keys.pop(next(iter(keys)))
    keys[key] = None


def _envelope(name: str, boxes: tuple[OwnMailbox, ...], stamp: Stamp) -> ReceivedEnvelope:
    """No header of any other server is believed: whoever sends a mail may have written it."""
    trusted = (sesmail.AUTHSERV_ID,) if stamp.vouches else ()
    return ReceivedEnvelope(id=name, mailboxes=boxes, sender=stamp.sender, authserv_ids=trusted)


def _name(about: Object) -> str:
    """The same for the same object, however it was found; sorts by time among the mails of other sources."""
    own = about.key.rpartition("/")[2]
    if not _PLAIN.fullmatch(own):
        own = hashlib.sha256(about.key.encode()).hexdigest()[:40]
    return f"{int(about.at.timestamp()):010d}000000000{departed.ELSEWHERE}{own}"
