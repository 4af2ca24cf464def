"""The do-not-mail list: addresses and domains that accept no mail from one organizer or from any."""

from __future__ import annotations

import base64
import secrets
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime

from engine.model.base import Value
from engine.model.changes import ChangeKind
from engine.model.forgetting import DOMAIN, target
from engine.model.suppressions import Suppression
from engine.refusals import Code
from engine.store.dynamodb.changes import Noting
from engine.store.dynamodb.names import LAST, behind, joined
from engine.store.dynamodb.rows import Entry, KindTable, Rows
from engine.store.dynamodb.session import ReadSession
from engine.store.rules import refuses

_ALL = "all"
_BOUNCED = "bounced"
_KEY_BYTES = 32


class ForgettingKey(Value):
    """The key for hashing forgotten people's addresses, in base64."""

    name: str = "key"
    key: str


class BeingForgotten(Value):
    """A person who is being forgotten, and the address that replaces theirs."""

    address: str
    alias: str


def _listed(entry: Suppression) -> Iterable[Entry]:
    if not entry.target.endswith(f"@{DOMAIN}"):
        place = joined(entry.target, entry.organizer)
        yield _ALL, place
        yield f"of {entry.organizer}", place


SUPPRESSIONS = KindTable[Suppression](
    "do-not-mail",
    Suppression,
    key=lambda entry: (entry.target, entry.organizer),
    indexes={"listed": _listed},
    checked=False,
)
FORGETTING_KEYS = KindTable[ForgettingKey](
    "forgetting-key", ForgettingKey, key=lambda kept: (kept.name,), checked=False
)
FORGOTTEN = KindTable[BeingForgotten]("forgetting", BeingForgotten, key=lambda one: (one.address,))


async def forgetting_key(rows: Rows) -> bytes:
    """The key with which names of the forgotten are hashed; empty if none ever was."""
    kept = await rows.get(FORGETTING_KEYS, "key")
    return base64.b64decode(kept.key) if kept else b""


async def made_forgetting_key(rows: Rows) -> bytes:
    """The same key, which is made for the first of them."""
    if key := await forgetting_key(rows):
        return key
    key = secrets.token_bytes(_KEY_BYTES)
    await rows.put(FORGETTING_KEYS, ForgettingKey(key=base64.b64encode(key).decode()))
    return key


class SuppressionQuestions(ReadSession):
    """Questions about the list."""

    async def suppressions_of(self, organizer: str | None, targets: Collection[str]) -> list[Suppression]:
        """The entries of these addresses and domains for any organizer or for this one; None: for all."""
        found = [entry for one in sorted(set(targets)) for entry in await self.rows.under(SUPPRESSIONS, one)]
        return [e for e in found if organizer is None or e.organizer in {"", organizer}]

    async def suppressions(
        self, organizer: str | None, limit: int, after: tuple[str, str] | None = None
    ) -> list[Suppression]:
        """Entries in order of target and organizer, of one organizer or of all; `after`: only later ones."""
        listing = SUPPRESSIONS.listing("listed", _ALL if organizer is None else f"of {organizer}")
        start = behind(joined(*after)) if after else ""
        entries = await self.items.query(listing, after=start, before=LAST, limit=limit)
        return await self.rows.pointed(SUPPRESSIONS, entries)

    async def refusing(self, organizer: str, emails: Collection[str]) -> dict[str, str]:
        """Those of `emails` that accept no mail from this organizer (empty: from anyone), with the reason."""
        return (await self._refusing([organizer], emails))[organizer]

    async def _refusing(
        self, organizers: Collection[str], emails: Collection[str]
    ) -> dict[str, dict[str, str]]:
        """As `refusing` for several organizers, in one request."""
        hashed = await self._hashed(emails)
        asked = {email: [email, *hashed.get(email, ()), *domains_of(email)] for email in emails}
        listed = dict.fromkeys(one for targets in asked.values() for one in targets)
        keys = [(one, organizer) for organizer in organizers for one in listed]
        found: dict[str, dict[str, str]] = {organizer: {} for organizer in organizers}
        for entry in await self.rows.many(SUPPRESSIONS, keys):
            found[entry.organizer][entry.target] = entry.reason
        return {organizer: _reasons(asked, known) for organizer, known in found.items()}

    async def _hashed(self, emails: Collection[str]) -> dict[str, list[str]]:
        """The hashes under which the list would have these addresses if forgotten; empty if none ever was."""
        key = await forgetting_key(self.rows)
        return {email: [target(email, key)] for email in emails} if key else {}

    async def barred(self, organizer: str, emails: Collection[str]) -> dict[str, Code]:
        """Those of `emails` that accept no mail from this organizer, with the reason (promise 7)."""
        found = await self._refusing(["", organizer], emails)
        suppressed = dict.fromkeys(found[""], Code.ADDRESS_SUPPRESSED)
        refused = {e: refuses(why) for e, why in found[organizer].items()}
        asked = {e: code for e, code in refused.items() if code is Code.ATTENDEE_BLOCKED}
        return {**refused, **suppressed, **asked}


class Suppressions(SuppressionQuestions, Noting):
    """Changes of the list in a unit of work."""

    async def add_suppressions(self, entries: Sequence[Suppression]) -> int:
        """Add entries unless they exist for the same target and organizer, and return how many are new."""
        return sum([await self.rows.add(SUPPRESSIONS, entry) for entry in entries])

    async def suppression(self, target: str, organizer: str) -> Suppression | None:
        """The entry of a target for an organizer; empty: for any."""
        return await self.rows.get(SUPPRESSIONS, target, organizer)

    async def drop_suppression(self, target: str, organizer: str) -> None:
        """Delete an entry."""
        await self.rows.drop(SUPPRESSIONS, target, organizer)

    async def block(self, email: str, organizer: str, now: datetime) -> None:
        """Record that `email` wants no more mail from this organizer."""
        known = await self.suppression(email, organizer)
        if known and not known.reason:
            return
        at = known.at if known else now
        await self.rows.put(SUPPRESSIONS, Suppression(target=email, organizer=organizer, reason="", at=at))
        self.note(
            ChangeKind.UNSUBSCRIBED,
            at=now,
            organizer=organizer,
            event_uid=None,
            email=email,
            status="blocked",
        )

    async def suppress_for(self, email: str, organizer: str, reason: str, now: datetime) -> None:
        """Record that `email` accepts no mail from this organizer.

        A complaint outweighs each cause but what the person wished before.
        """
        entry = Suppression(target=email, organizer=organizer, reason=reason or _BOUNCED, at=now)
        known = await self.suppression(email, organizer)
        if known is None:
            await self.rows.add(SUPPRESSIONS, entry)
        elif changed := known.complained_of(entry.reason):
            await self.rows.put(SUPPRESSIONS, changed)

    async def suppress(self, email: str, reason: str, now: datetime) -> None:
        """Record that `email` accepts no mail from any organizer."""
        await self.suppress_for(email, "", reason, now)


def _reasons(asked: Mapping[str, Sequence[str]], known: Mapping[str, str]) -> dict[str, str]:
    """The reason for each address with a listed target."""
    return {
        email: next(known[one] for one in targets if one in known)
        for email, targets in asked.items()
        if not known.keys().isdisjoint(targets)
    }


def domains_of(email: str) -> list[str]:
    """The domain of an address, and those above it."""
    labels = email.rpartition("@")[2].split(".")
    return [".".join(labels[n:]) for n in range(len(labels))]
