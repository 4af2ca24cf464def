"""Mails that wait for a confirmation, proofs of organizers' mails, and mails that strangers prompt."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from datetime import datetime, timedelta

from engine.model.base import Value
from engine.model.confirmations import Confirmation, ConfirmationKind
from engine.model.counters import Prompt, Prompts
from engine.model.messages import MessageState
from engine.store.dynamodb.events import ORGANIZERS
from engine.store.dynamodb.ids import new_id
from engine.store.dynamodb.ledger import LedgerQuestions
from engine.store.dynamodb.names import joined, moment
from engine.store.dynamodb.rows import Entry, KindTable
from engine.store.dynamodb.session import UnitSession

_ALL = "all"
_OF_MAIL_MOST, _DROPPED_AT_ONCE, _PROOFS_MOST = 100, 15, 100
_PROMPTS_KEPT = timedelta(days=2)


class OrganizerProof(Value):
    """A proof of an organizer's mails, and the message that informed them of it."""

    organizer: str
    proof: str
    first: datetime
    last: datetime
    sure: bool = False
    warn: bool = False
    notice: str = ""


class ProofTrial(Value):
    """How many people mails with new proofs have reached."""

    organizer: str
    since: datetime
    mail: str
    people: int


class KeptPrompt(Value):
    """A mail that a stranger prompted."""

    id: str
    prompt: Prompt


def _waits(confirmation: Confirmation) -> Iterable[Entry]:
    if confirmation.used is None and confirmation.kind is not ConfirmationKind.MAIL:
        yield confirmation.kind.value, joined(confirmation.address, moment(confirmation.created))


CONFIRMATIONS = KindTable[Confirmation](
    "confirmation",
    Confirmation,
    key=lambda c: (c.code,),
    indexes={
        "mail": lambda c: [(c.mail, moment(c.created))],
        "address": lambda c: [(joined(c.kind.value, c.address), moment(c.created))],
        "expires": lambda c: [(_ALL, moment(c.expires))],
        "waits": _waits,
    },
)
PROOFS = KindTable[OrganizerProof](
    "proof", OrganizerProof, key=lambda proof: (proof.organizer, proof.proof), checked=False
)
TRIALS = KindTable[ProofTrial]("trial", ProofTrial, key=lambda trial: (trial.organizer,))
PROMPTS = KindTable[KeptPrompt](
    "prompt", KeptPrompt, key=lambda kept: (kept.prompt.kind, f"{moment(kept.prompt.at)}#{kept.id}")
)


class ConfirmationQuestions(LedgerQuestions):
    """Questions about confirmations and proofs."""

    async def confirmation(self, code: str) -> Confirmation | None:
        """The confirmation with this code, or None."""
        return await self.rows.get(CONFIRMATIONS, code)

    async def confirmations_of(self, mail: str) -> list[Confirmation]:
        """All confirmations that wait for the mail with this id."""
        return await self.rows.by(CONFIRMATIONS, "mail", mail, limit=_OF_MAIL_MOST)

    async def registrations(self, address: str | None, limit: int) -> list[Confirmation]:
        """Mails that wait for their sender to be registered, oldest first; of one address, if given."""
        kind, found = ConfirmationKind.REGISTRATION.value, list[Confirmation]()
        async for one in self.rows.each_by(CONFIRMATIONS, "waits", kind):
            if address in {None, one.address}:
                found.append(one)
            if len(found) == limit:
                break
        return found

    async def proven_since(self, now: datetime, limit: int) -> list[Confirmation]:
        """Confirmations that wait for a proof or a registration that now exists."""
        found: list[Confirmation] = []
        for kind in (ConfirmationKind.FIRST_PROOF, ConfirmationKind.REGISTRATION):
            waiting = [one async for one in self.rows.each_by(CONFIRMATIONS, "waits", kind.value)]
            found += await self._given(kind, [one for one in waiting if one.expires > now])
        return sorted(found, key=lambda one: one.created)[:limit]

    async def _given(self, kind: ConfirmationKind, waiting: Sequence[Confirmation]) -> list[Confirmation]:
        """Those of these confirmations for which there is a proof or a registration, in one request."""
        if kind is ConfirmationKind.REGISTRATION:
            organizers = await self.rows.many(ORGANIZERS, [(one.address, "organizer") for one in waiting])
            registered = {one.address for one in organizers if one.registered}
            return [one for one in waiting if one.address in registered]
        proofs = await self.rows.many(PROOFS, [(one.address, p) for one in waiting for p in one.proofs])
        sure = {(proof.organizer, proof.proof) for proof in proofs if proof.sure}
        return [one for one in waiting if any((one.address, proof) in sure for proof in one.proofs)]

    async def _proofs(self, organizer: str, proofs: Collection[str]) -> list[OrganizerProof]:
        return await self.rows.many(PROOFS, [(organizer, proof) for proof in proofs])

    async def knows_proof(self, organizer: str, proofs: Collection[str], before: datetime) -> bool:
        """True if one of `proofs` is sure, or was first seen before that moment and the organizer was informed."""
        for proof in await self._proofs(organizer, proofs):
            if proof.sure or (proof.first <= before and await self._sent(proof.notice)):
                return True
        return False

    async def _sent(self, message_id: str) -> bool:
        found = await self.message_by_message_id(message_id)
        return found is not None and found.state is MessageState.SENT

    async def awaited(self, mail: str, now: datetime) -> bool:
        """True if a mail may still be confirmed."""
        found = await self.confirmations_of(mail)
        return any(one.used is None and one.expires > now and one.asked for one in found)


class Confirmations(ConfirmationQuestions, UnitSession):
    """Changes of confirmations and proofs in a unit of work."""

    async def knows_organizer(self, address: str) -> bool:
        """True if this address owns an event, or owned one."""
        return await self.organizer(address) is not None

    async def add_confirmation(self, confirmation: Confirmation) -> None:
        """Add a confirmation."""
        await self.rows.put(CONFIRMATIONS, confirmation)

    async def save_confirmation(self, confirmation: Confirmation) -> None:
        """Replace a confirmation."""
        await self.rows.put(CONFIRMATIONS, confirmation)

    async def asked_since(
        self, address: str, since: datetime, kind: ConfirmationKind = ConfirmationKind.MAIL
    ) -> bool:
        """True if this address was asked for a confirmation of that kind after `since`."""
        place = joined(kind.value, address)
        return bool(await self.rows.by(CONFIRMATIONS, "address", place, after=moment(since), limit=1))

    async def open_since(
        self, address: str, since: datetime, kind: ConfirmationKind, limit: int
    ) -> list[Confirmation]:
        """Open confirmations that were requested from an address after `since`, newest first."""
        place, found = joined(kind.value, address), list[Confirmation]()
        listed = self.rows.each_by(CONFIRMATIONS, "address", place, after=moment(since), backwards=True)
        async for one in listed:
            if one.used is None and one.asked:
                found.append(one)
            if len(found) == limit:
                break
        return found

    async def drop_confirmations(self, before: datetime, limit: int) -> int:
        """Delete up to `limit` confirmations that expired before that moment, and return how many."""
        most = min(limit, _DROPPED_AT_ONCE)
        found = await self.rows.by(CONFIRMATIONS, "expires", _ALL, before=moment(before), limit=most)
        for one in found:
            await self.rows.drop(CONFIRMATIONS, one.code)
        return len(found)

    async def add_prompt(self, prompt: Prompt) -> None:
        """Count a mail that a stranger prompts; entries too old to count are deleted."""
        before = moment(prompt.at - _PROMPTS_KEPT)
        old = await self.rows.under(PROMPTS, prompt.kind, limit=_DROPPED_AT_ONCE)
        self.rows.expire(PROMPTS, [kept for kept in old if moment(kept.prompt.at) < before])
        await self.rows.put(PROMPTS, KeptPrompt(id=new_id(), prompt=prompt))

    async def prompts(self, like: Prompt, since: datetime) -> Prompts:
        """How many mails of the kind of `like` were prompted after `since`."""
        kept = await self.rows.under(PROMPTS, like.kind, after=joined(f"{moment(since)}$"))
        found = [one.prompt for one in kept]
        names = ("address", "domain", "organizer")
        same = {name: sum(getattr(p, name) == getattr(like, name) for p in found) for name in names}
        return Prompts(all=len(found), **same)

    async def note_proofs(
        self,
        organizer: str,
        proofs: Collection[str],
        now: datetime,
        *,
        sure: bool = False,
        warn: bool = False,
    ) -> None:
        """Record the proofs of a handled mail; `warn`: warn the organizer of new ones."""
        known = {proof.proof: proof for proof in await self._proofs(organizer, proofs)}
        for one in proofs:
            new = OrganizerProof(organizer=organizer, proof=one, first=now, last=now, sure=sure, warn=warn)
            old = known.get(one)
            changed = old.model_copy(update={"last": now, "sure": old.sure or sure}) if old else new
            await self.rows.put(PROOFS, changed)
        if len(known) < len(set(proofs)):
            await self._forget_oldest(organizer)

    async def _forget_oldest(self, organizer: str) -> None:
        """Delete all but the sure and newest proofs, since shared mail servers use many networks."""
        found = sorted(await self.rows.under(PROOFS, organizer), key=lambda p: (p.sure, p.last), reverse=True)
        for proof in found[_PROOFS_MOST:][:_DROPPED_AT_ONCE]:
            await self.rows.drop(PROOFS, organizer, proof.proof)

    async def unannounced_proofs(self, organizer: str) -> bool:
        """True if the organizer has yet to be warned of a new proof."""
        return any(p.warn and not p.notice and not p.sure for p in await self.rows.under(PROOFS, organizer))

    async def proofs_announced(self, organizer: str, message_id: str) -> None:
        """Record that this message announces the organizer's new proofs."""
        for proof in await self.rows.under(PROOFS, organizer):
            if not proof.notice:
                await self.rows.put(PROOFS, proof.model_copy(update={"notice": message_id}))

    async def on_trial(self, organizer: str, since: datetime) -> tuple[int, str]:
        """How many people mails with new proofs reached since then, and the newest of these mails."""
        found = await self.rows.get(TRIALS, organizer)
        return (found.people, found.mail) if found and found.since > since else (0, "")

    async def add_on_trial(
        self, organizer: str, mail: str, people: int, now: datetime, since: datetime
    ) -> None:
        """Count people whom a mail with new proofs reaches; a count that began before `since` starts again."""
        known = await self.rows.get(TRIALS, organizer)
        goes_on = known if known and known.since > since else None
        begun, before = (goes_on.since, goes_on.people) if goes_on else (now, 0)
        await self.rows.put(
            TRIALS, ProofTrial(organizer=organizer, since=begun, mail=mail, people=before + people)
        )
