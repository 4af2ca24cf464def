"""Known proofs of organizers' mails, and how many people mails with new proofs have reached."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime

from engine.store.sqlite.session import IN_LIST, Session, as_list

_KEPT = 100
"""The most proofs stored per organizer, the sure and newest ones; shared mail servers use many networks."""


class Proofs(Session):
    """The part of a unit of work for the proofs of organizers' mails."""

    async def knows_proof(self, organizer: str, proofs: Collection[str], before: datetime) -> bool:
        """True if one of `proofs` is sure, or was first seen by `before` and announced to the organizer since."""
        row = await self.one(
            f"SELECT 1 FROM organizer_proof p WHERE organizer = ? AND proof {IN_LIST} "
            "AND (sure = 1 OR first_at <= ? AND EXISTS (SELECT 1 FROM message m "
            "WHERE m.message_id = p.notice AND m.state = 'sent')) LIMIT 1",
            [organizer, as_list(proofs), before.timestamp()],
        )
        return row is not None

    async def note_proofs(
        self,
        organizer: str,
        proofs: Collection[str],
        now: datetime,
        *,
        sure: bool = False,
        warn: bool = False,
    ) -> None:
        """Record that a mail of `organizer` with these proofs was handled; `warn`: warn the organizer of new ones."""
        new = 0
        for proof in proofs:
            values = [now.timestamp(), sure, organizer, proof]
            sets = "UPDATE organizer_proof SET last_at = ?, sure = max(sure, ?) WHERE organizer = ? AND proof = ?"
            if not await self.run(sets, values):
                new += 1
                await self.run(
                    "INSERT INTO organizer_proof(organizer, proof, first_at, last_at, sure, warn, notice) "
                    "VALUES (?,?,?,?,?,?,'')",
                    [organizer, proof, now.timestamp(), now.timestamp(), sure, warn],
                )
        if new:
            await self._forget_oldest(organizer)

    async def _forget_oldest(self, organizer: str) -> None:
        await self.run(
            "DELETE FROM organizer_proof WHERE organizer = ? AND proof IN (SELECT proof FROM organizer_proof "
            "WHERE organizer = ? ORDER BY sure DESC, last_at DESC LIMIT -1 OFFSET ?)",
            [organizer, organizer, _KEPT],
        )

    async def unannounced_proofs(self, organizer: str) -> bool:
        """True if the organizer has yet to be warned of a new proof."""
        row = await self.one(
            "SELECT 1 FROM organizer_proof WHERE organizer = ? AND notice = '' AND warn = 1 AND sure = 0 LIMIT 1",
            [organizer],
        )
        return row is not None

    async def proofs_announced(self, organizer: str, message_id: str) -> None:
        """Record that this message announces the organizer's new proofs."""
        await self.run(
            "UPDATE organizer_proof SET notice = ? WHERE organizer = ? AND notice = ''",
            [message_id, organizer],
        )

    async def on_trial(self, organizer: str, since: datetime) -> tuple[int, str]:
        """How many people mails with new proofs have reached since then, and the last of these mails."""
        row = await self.one(
            "SELECT people, mail FROM organizer_trial WHERE organizer = ? AND since > ?",
            [organizer, since.timestamp()],
        )
        return (int(row["people"]), row["mail"]) if row else (0, "")

    async def add_on_trial(
        self, organizer: str, mail: str, people: int, now: datetime, since: datetime
    ) -> None:
        """Count people whom a mail with new proofs reaches; a count that began before `since` starts again."""
        await self.run(
            "INSERT INTO organizer_trial(organizer, since, mail, people) VALUES (?,?,?,?) ON CONFLICT DO UPDATE SET "
            "people = iif(since > ?, people, 0) + excluded.people, mail = excluded.mail, "
            "since = iif(since > ?, since, excluded.since)",
            [organizer, now.timestamp(), mail, people, since.timestamp(), since.timestamp()],
        )
