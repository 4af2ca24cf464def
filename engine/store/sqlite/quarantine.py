"""Raw mails that are kept although they changed nothing: their bytes by sender, and which are deleted first."""

from __future__ import annotations

import sqlite3
from collections.abc import Collection, Sequence
from datetime import UTC, datetime

from engine.model.counters import KeptMail, KeptSums
from engine.store.sqlite import rows
from engine.store.sqlite.session import IN_LIST, Session, as_list

_AMONG = f"mail {IN_LIST}"
_SENDERS = 20
"""The most senders examined for mails to delete, since all mails of the first ones may be awaited."""
_AWAITED = (
    "EXISTS (SELECT 1 FROM confirmation c WHERE c.mail = k.mail AND c.open = 1 AND c.expires > ? "
    "AND coalesce(json_extract(c.body, '$.asked'), 1))"
)

_EVENTS_OF = """
SELECT m.value AS mail, max(e.ends) AS ends, max(e.ends IS NULL) AS endless FROM json_each(?) m
    JOIN intake i ON i.id >= m.value || ':' AND i.id < m.value || ';'
    JOIN event e ON e.uid = json_extract(i.body, '$.uid')
    WHERE json_extract(i.body, '$.action') IN ('created', 'updated', 'cancelled') GROUP BY 1
"""
"""The query for events that mails made or changed; intake lines of a mail start with its id and a colon."""


class Quarantine(Session):
    """The part of a unit of work for raw mails that changed nothing."""

    async def keep_mail(self, mail: KeptMail) -> None:
        """Count a raw mail, once even if repeated."""
        added = await self.run(
            "INSERT INTO kept_mail(mail, at, bytes, proven, share, waits) VALUES (?,?,?,?,?,?) ON CONFLICT DO NOTHING",
            [mail.mail, mail.at.timestamp(), mail.size, mail.proven, mail.share, mail.waits],
        )
        if added:
            await self._move(mail.proven, mail.share, 1, mail.size)

    async def forget_mails(self, mails: Collection[str], *, dropped: bool = False) -> None:
        """Stop counting raw mails; `dropped`: they were deleted for lack of space."""
        found = await self.all(
            f"SELECT proven, share, count(*) AS n, sum(bytes) AS size FROM kept_mail WHERE {_AMONG} GROUP BY 1, 2",
            [as_list(mails)],
        )
        await self.run(f"DELETE FROM kept_mail WHERE {_AMONG}", [as_list(mails)])
        for row in found:
            await self._move(bool(row["proven"]), row["share"], -row["n"], -row["size"])
            if dropped:
                self.tally.changes["dropped", "", "mails"] += row["n"]
                self.tally.changes["dropped", "", "bytes"] += row["size"]
        if found:
            await self.run("DELETE FROM kept_share WHERE mails = 0")

    async def _move(self, proven: bool, share: str, mails: int, size: int) -> None:
        await self.run(
            "INSERT INTO kept_share(proven, share, mails, bytes) VALUES (?,?,?,?) "
            "ON CONFLICT DO UPDATE SET mails = mails + excluded.mails, bytes = bytes + excluded.bytes",
            [proven, share, mails, size],
        )
        self.tally.changes["kept", "", "mails"] += mails
        self.tally.changes["kept", "", "bytes"] += size

    async def kept_sums(self) -> KeptSums:
        """How many mails and bytes are kept, and how many were ever dropped."""
        found = await self.all(
            "SELECT scope, name, n FROM tally WHERE scope IN ('kept','dropped') AND key = ''"
        )
        sums = {f"{row['scope']}_{row['name']}": int(row["n"]) for row in found}
        return KeptSums(**sums)

    async def first_to_go(self, limit: int, now: datetime, share_max: int | None = None) -> list[KeptMail]:
        """The oldest mails of the first sender to delete from, without those that may still be confirmed."""
        for proven, share in await self._senders(share_max):
            found = await self.all(
                f"SELECT * FROM kept_mail k WHERE proven = ? AND share = ? AND NOT {_AWAITED} ORDER BY at LIMIT ?",
                [proven, share, now.timestamp(), limit],
            )
            if found:
                return [_kept(row) for row in found]
        return []

    async def _senders(self, share_max: int | None) -> list[tuple[bool, str]]:
        """Senders in the order of deletion: those over their share, then unproven, then proven, each largest first."""
        largest = "SELECT proven, share FROM kept_share WHERE {} ORDER BY bytes DESC LIMIT ?"
        rows = await self.all(largest.format("proven = 0"), [_SENDERS])
        if share_max is not None:
            rows = [
                *await self.all(largest.format("bytes > ?"), [share_max, _SENDERS]),
                *rows,
                *await self.all(largest.format("proven = 1"), [_SENDERS]),
            ]
        return [(bool(row["proven"]), row["share"]) for row in rows]

    async def waiting_before(self, before: datetime, limit: int, now: datetime) -> list[str]:
        """Mails in quarantine since before that moment, without those that may still be confirmed."""
        found = await self.all(
            f"SELECT mail FROM kept_mail k WHERE waits = 1 AND at < ? AND NOT {_AWAITED} ORDER BY at LIMIT ?",
            [before.timestamp(), now.timestamp(), limit],
        )
        return [row["mail"] for row in found]

    async def events_of_mails(self, mails: Collection[str]) -> dict[str, datetime | None]:
        """Those of `mails` that made or changed events, with the latest end of these; None: endless."""
        found = await self.all(_EVENTS_OF, [as_list(mails)])
        return {row["mail"]: None if row["endless"] else rows.at(row["ends"]) for row in found}

    async def not_kept(self, mails: Sequence[str]) -> list[str]:
        """Those of `mails` that are not counted yet."""
        found = await self.all(f"SELECT mail FROM kept_mail WHERE {_AMONG}", [as_list(mails)])
        known = {row["mail"] for row in found}
        return [mail for mail in mails if mail not in known]


def _kept(row: sqlite3.Row) -> KeptMail:
    return KeptMail(
        mail=row["mail"],
        at=datetime.fromtimestamp(row["at"], UTC),
        size=row["bytes"],
        proven=bool(row["proven"]),
        share=row["share"],
        waits=bool(row["waits"]),
    )
