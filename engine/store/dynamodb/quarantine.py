"""Raw mails that are kept although they changed nothing, and the space that they take."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from datetime import datetime

from engine.model.base import Value
from engine.model.counters import KeptMail, KeptSums
from engine.store.dynamodb.confirmations import ConfirmationQuestions
from engine.store.dynamodb.events import EVENTS
from engine.store.dynamodb.names import joined, moment, number
from engine.store.dynamodb.requests import RequestQuestions
from engine.store.dynamodb.rows import Entry, KindTable
from engine.store.dynamodb.session import UnitSession

_ALL = "all"
_SENDERS = 20
"""The most senders examined for mails to delete, since all mails of the first ones may be awaited."""
SUMS = (joined("kept-sums"), "sums")
_MADE = {"created", "updated", "cancelled"}


class Share(Value):
    """The space that one sender's mails take."""

    proven: bool
    share: str
    mails: int = 0
    bytes: int = 0


def _place(proven: bool, share: str) -> str:
    return joined(int(proven), share)


def _waits(mail: KeptMail) -> Iterable[Entry]:
    if mail.waits:
        yield _ALL, moment(mail.at)


MAILS = KindTable[KeptMail](
    "kept-mail",
    KeptMail,
    key=lambda mail: (mail.mail,),
    indexes={"share": lambda m: [(_place(m.proven, m.share), moment(m.at))], "waits": _waits},
)
SHARES = KindTable[Share](
    "kept-share",
    Share,
    key=lambda s: (int(s.proven), s.share),
    indexes={
        "largest": lambda s: [(place, number(s.bytes)) for place in (str(int(s.proven)), _ALL) if s.mails > 0]
    },
)


class QuarantineQuestions(RequestQuestions, ConfirmationQuestions):
    """Questions about kept mails."""

    async def kept_sums(self) -> KeptSums:
        """How many mails and bytes are kept, and how many were ever deleted to make room."""
        return KeptSums(**(await self.items.numbers([SUMS]))[SUMS])

    async def first_to_go(self, limit: int, now: datetime, share_max: int | None = None) -> list[KeptMail]:
        """The oldest mails of the first sender to delete from, without those that may still be confirmed."""
        for sender in await self._senders(share_max):
            found: list[KeptMail] = []
            async for mail in self.rows.each_by(MAILS, "share", _place(sender.proven, sender.share)):
                if not await self.awaited(mail.mail, now):
                    found.append(mail)
                if len(found) == limit:
                    break
            if found:
                return found
        return []

    async def _senders(self, share_max: int | None) -> list[Share]:
        """Senders in the order of deletion: those over their share, then unproven, then proven ones."""
        unproven = await self._largest("0")
        if share_max is None:
            return unproven
        too_much = [share for share in await self._largest(_ALL) if share.bytes > share_max]
        return [*too_much, *unproven, *await self._largest("1")]

    async def _largest(self, place: str) -> list[Share]:
        return await self.rows.by(SHARES, "largest", place, limit=_SENDERS, backwards=True)

    async def waiting_before(self, before: datetime, limit: int, now: datetime) -> list[str]:
        """Mails in quarantine since before that moment, without those that may still be confirmed."""
        found: list[str] = []
        async for mail in self.rows.each_by(MAILS, "waits", _ALL, before=moment(before)):
            if not await self.awaited(mail.mail, now):
                found.append(mail.mail)
            if len(found) == limit:
                break
        return found

    async def events_of_mails(self, mails: Collection[str]) -> dict[str, datetime | None]:
        """Those of `mails` that made or changed events, with the latest end of these; None: endless."""
        found: dict[str, datetime | None] = {}
        for mail in mails:
            uids = {note.uid for note in await self.notes(f"{mail}:") if note.action in _MADE and note.uid}
            ends = [event.ends_at for event in await self.rows.many(EVENTS, [(u, "event") for u in uids])]
            if ends:
                found[mail] = None if None in ends else max(end for end in ends if end)
        return found

    async def not_kept(self, mails: Sequence[str]) -> list[str]:
        """Those of `mails` that are not counted yet."""
        known = {mail.mail for mail in await self.rows.many(MAILS, [(mail,) for mail in mails])}
        return [mail for mail in mails if mail not in known]


class Quarantine(QuarantineQuestions, UnitSession):
    """Changes of the counts of kept mails in a unit of work."""

    async def keep_mail(self, mail: KeptMail) -> None:
        """Count a raw mail, once even if repeated."""
        if await self.rows.add(MAILS, mail):
            await self._move(mail, 1)

    async def forget_mails(self, mails: Collection[str], *, dropped: bool = False) -> None:
        """Stop counting raw mails; `dropped`: they were deleted to make room."""
        for name in mails:
            mail = await self.rows.drop(MAILS, name)
            if mail is None:
                continue
            await self._move(mail, -1)
            if dropped:
                self.items.add(SUMS, "dropped_mails", 1)
                self.items.add(SUMS, "dropped_bytes", mail.size)

    async def _move(self, mail: KeptMail, sign: int) -> None:
        known = await self.rows.get(SHARES, int(mail.proven), mail.share)
        known = known or Share(proven=mail.proven, share=mail.share)
        new = {"mails": known.mails + sign, "bytes": known.bytes + sign * mail.size}
        await self.rows.put(SHARES, known.model_copy(update=new))
        self.items.add(SUMS, "kept_mails", sign)
        self.items.add(SUMS, "kept_bytes", sign * mail.size)
