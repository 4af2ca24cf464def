"""A unit of work over a snapshot: confirmations, proofs, notices, and mails that changed nothing."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime, timedelta

from engine.model.confirmations import Confirmation, ConfirmationKind
from engine.model.counters import KeptMail, Prompt, Prompts
from engine.model.messages import MessageState, Notice
from tests.support.memory.ledger import LedgerUnit

_PROMPTS_KEPT = timedelta(days=2)


class MailUnit(LedgerUnit):
    """The part of a unit of work that concerns mails that wait, or changed nothing."""

    # confirmations, prompts and proofs

    async def add_confirmation(self, confirmation: Confirmation) -> None:
        self.t.put("confirmation", confirmation.code, confirmation)

    async def drop_confirmations(self, before: datetime, limit: int) -> int:
        old = [c.code for c in self.t.where("confirmation", lambda c: c.expires < before)][:limit]
        for code in old:
            self.t.drop("confirmation", code)
        return len(old)

    async def confirmation(self, code: str) -> Confirmation | None:
        return self.t.get("confirmation", code)

    async def save_confirmation(self, confirmation: Confirmation) -> None:
        self.t.put("confirmation", confirmation.code, confirmation)

    async def confirmations_of(self, mail: str) -> list[Confirmation]:
        return list(self.t.where("confirmation", lambda c: c.mail == mail))

    async def asked_since(
        self, address: str, since: datetime, kind: ConfirmationKind = ConfirmationKind.MAIL
    ) -> bool:
        return any(
            c.address == address and c.created > since and c.kind is kind
            for c in self.t.of("confirmation").values()
        )

    async def open_since(
        self, address: str, since: datetime, kind: ConfirmationKind, limit: int
    ) -> list[Confirmation]:
        found = self.t.where(
            "confirmation",
            lambda c: (
                c.used is None and c.asked and c.kind is kind and c.address == address and c.created > since
            ),
        )
        return sorted(found, key=lambda c: c.created, reverse=True)[:limit]

    async def registrations(self, address: str | None, limit: int) -> list[Confirmation]:
        found = self.t.where(
            "confirmation",
            lambda c: (
                c.used is None
                and c.kind is ConfirmationKind.REGISTRATION
                and (address is None or c.address == address)
            ),
        )
        return sorted(found, key=lambda c: (c.address, c.created))[:limit]

    async def add_prompt(self, prompt: Prompt) -> None:
        for key, old in list(self.t.of("prompt").items()):
            if old.at < prompt.at - _PROMPTS_KEPT:
                self.t.drop("prompt", key)
        self.t.add("prompt", prompt)

    async def prompts(self, like: Prompt, since: datetime) -> Prompts:
        found = list(self.t.where("prompt", lambda p: p.at > since and p.kind == like.kind))
        same = {
            n: sum(getattr(p, n) == getattr(like, n) for p in found)
            for n in ("address", "domain", "organizer")
        }
        return Prompts(all=len(found), **same)

    async def knows_proof(self, organizer: str, proofs: Collection[str], before: datetime) -> bool:
        known = [self.t.get("proof", (organizer, proof)) for proof in proofs]
        return any(p["sure"] or (p["first"] <= before and self._sent(p["notice"])) for p in known if p)

    def _sent(self, message_id: str) -> bool:
        return any(
            o.message.message_id == message_id and o.message.state is MessageState.SENT
            for o in self.t.of("message").values()
        )

    async def note_proofs(
        self,
        organizer: str,
        proofs: Collection[str],
        now: datetime,
        *,
        sure: bool = False,
        warn: bool = False,
    ) -> None:
        for proof in proofs:
            new = {"first": now, "sure": False, "warn": warn, "notice": ""}
            known = self.t.get("proof", (organizer, proof)) or new
            self.t.put("proof", (organizer, proof), {**known, "last": now, "sure": known["sure"] or sure})

    async def unannounced_proofs(self, organizer: str) -> bool:
        return any(
            key[0] == organizer and not p["notice"] and p["warn"] and not p["sure"]
            for key, p in self.t.of("proof").items()
        )

    async def proofs_announced(self, organizer: str, message_id: str) -> None:
        for key, proof in list(self.t.of("proof").items()):
            if key[0] == organizer and not proof["notice"]:
                self.t.put("proof", key, {**proof, "notice": message_id})

    async def on_trial(self, organizer: str, since: datetime) -> tuple[int, str]:
        people, mail, begun = self.t.get("trial", organizer) or (0, "", since)
        return (people, mail) if begun > since else (0, "")

    async def add_on_trial(
        self, organizer: str, mail: str, people: int, now: datetime, since: datetime
    ) -> None:
        before, _, begun = self.t.get("trial", organizer) or (0, "", since)
        going = begun > since
        self.t.put("trial", organizer, ((before if going else 0) + people, mail, begun if going else now))

    # notices that wait for others

    async def may_notify(self, address: str, now: datetime, pause: timedelta) -> bool:
        last, due = self.t.get("telling", address) or (None, None)
        if due is not None or (last is not None and timedelta(0) <= now - last < pause):
            return False
        self.t.put("telling", address, (now, None))
        return True

    async def gather(
        self, address: str, notice: Notice, event_uid: str | None, due: timedelta, most: int
    ) -> None:
        gathered = self.t.get("gathered", address) or ()
        self.t.put("gathered", address, (*gathered, (notice, event_uid, len(gathered) < most)))
        last, set_for = self.t.get("telling", address)
        self.t.put("telling", address, (last, set_for or last + due))

    async def next_gathered(self, now: datetime, pause: timedelta) -> str | None:
        waiting = ((address, due) for address, (_, due) in self.t.of("telling").items() if due)
        return next((address for address, due in waiting if due <= now or due > now + pause), None)

    async def take_gathered(self, address: str, now: datetime) -> tuple[list[tuple[Notice, str | None]], int]:
        gathered = self.t.get("gathered", address) or ()
        self.t.drop("gathered", address)
        self.t.put("telling", address, (now, None))
        kept = [(notice, uid) for notice, uid, whole in gathered if whole]
        return kept, len(gathered) - len(kept)

    # raw mails that changed nothing

    async def keep_mail(self, mail: KeptMail) -> None:
        if mail.mail not in self.t.of("kept"):
            self.t.put("kept", mail.mail, mail)

    async def forget_mails(self, mails: Collection[str], *, dropped: bool = False) -> None:
        for name in mails:
            mail = self.t.get("kept", name)
            self.t.drop("kept", name)
            if mail and dropped:
                self.t.add("dropped", mail)
