"""A unit of work over a snapshot: the do-not-mail list, one table for addresses and domains."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime

from engine.model.forgetting import target
from engine.model.suppressions import Suppression
from engine.refusals import Code
from engine.store.rules import refuses
from tests.support.memory.tables import Tables

_TABLE = "do_not_mail"


class SuppressionUnit:
    """The part of a unit of work that concerns addresses that take no mail."""

    t: Tables

    def suppressed(self, email: str) -> bool:
        """True if an address takes no mail of anybody."""
        return self._why(email, "") is not None

    def blocked(self, email: str, organizer: str) -> str | None:
        """Why an address takes no mail of this organizer; None if it does."""
        return self._why(email, organizer)

    def _why(self, email: str, organizer: str) -> str | None:
        key = self.t.get("forgetting_key", 1)
        hashed = [target(email, key)] if key else []
        labels = email.rpartition("@")[2].split(".")
        above = (".".join(labels[n:]) for n in range(len(labels)))
        found = [self.t.get(_TABLE, (listed, organizer)) for listed in (email, *hashed, *above)]
        return next((entry.reason for entry in found if entry), None)

    async def barred(self, organizer: str, emails: Collection[str]) -> dict[str, Code]:
        found = {e: Code.ADDRESS_SUPPRESSED for e in emails if self.suppressed(e)}
        blocked = {e: self.blocked(e, organizer) for e in emails}
        more = {e: refuses(why) for e, why in blocked.items() if why is not None}
        return found | {
            e: code for e, code in more.items() if e not in found or code is Code.ATTENDEE_BLOCKED
        }

    async def block(self, email: str, organizer: str, now: datetime) -> None:
        self._put(email, organizer, "", now)

    async def suppress_for(self, email: str, organizer: str, reason: str, now: datetime) -> None:
        known = self.t.get(_TABLE, (email, organizer))
        if known is None:
            self._put(email, organizer, reason or "bounced", now)
        elif changed := known.complained_of(reason):
            self.t.put(_TABLE, (email, organizer), changed)

    async def suppress(self, email: str, reason: str, now: datetime) -> None:
        await self.suppress_for(email, "", reason, now)

    def _put(self, target: str, organizer: str, reason: str, now: datetime) -> None:
        entry = Suppression(target=target, organizer=organizer, reason=reason, at=now)
        self.t.put(_TABLE, (target, organizer), entry)

    async def add_suppressions(self, entries: Sequence[Suppression]) -> int:
        before = len(self.t.of(_TABLE))
        for entry in entries:
            if self.t.get(_TABLE, (entry.target, entry.organizer)) is None:
                self.t.put(_TABLE, (entry.target, entry.organizer), entry)
        return len(self.t.of(_TABLE)) - before

    async def suppression(self, target: str, organizer: str) -> Suppression | None:
        found: Suppression | None = self.t.get(_TABLE, (target, organizer))
        return found

    async def drop_suppression(self, target: str, organizer: str) -> None:
        self.t.drop(_TABLE, (target, organizer))

    async def suppressions(
        self, organizer: str | None, limit: int, after: tuple[str, str] | None = None
    ) -> list[Suppression]:
        found = [e for place, e in sorted(self.t.of(_TABLE).items()) if place > (after or ("", ""))]
        return [e for e in found if organizer in {None, e.organizer}][:limit]

    async def suppressions_of(self, organizer: str | None, targets: Collection[str]) -> list[Suppression]:
        found = [e for place, e in sorted(self.t.of(_TABLE).items()) if place[0] in targets]
        return [e for e in found if organizer is None or e.organizer in {"", organizer}]
