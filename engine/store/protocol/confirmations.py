"""Mails that wait for a confirmation, what proves an organizer's mails, and mails that strangers prompt."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from typing import Protocol

from engine.model.confirmations import Confirmation, ConfirmationKind
from engine.model.counters import Prompt, Prompts


class Confirmations(Protocol):
    """The part of a unit of work that concerns confirmations."""

    async def knows_organizer(self, address: str) -> bool:
        """True if this address owns an event, or owned one."""
        ...

    async def add_confirmation(self, confirmation: Confirmation) -> None:
        """Add what waits for the owner of an address."""
        ...

    async def confirmation(self, code: str) -> Confirmation | None:
        """The confirmation with this code, or None."""
        ...

    async def save_confirmation(self, confirmation: Confirmation) -> None:
        """Replace a confirmation."""
        ...

    async def confirmations_of(self, mail: str) -> list[Confirmation]:
        """All confirmations that wait for the mail with this id."""
        ...

    async def registrations(self, address: str | None, limit: int) -> list[Confirmation]:
        """Mails that wait for their sender to be registered, oldest first; of one address, if given."""
        ...

    async def asked_since(
        self, address: str, since: datetime, kind: ConfirmationKind = ConfirmationKind.MAIL
    ) -> bool:
        """True if this address was asked for a confirmation of that kind after `since`."""
        ...

    async def open_since(
        self, address: str, since: datetime, kind: ConfirmationKind, limit: int
    ) -> list[Confirmation]:
        """Open confirmations about which an address was asked after `since`, newest first."""
        ...

    async def drop_confirmations(self, before: datetime, limit: int) -> int:
        """Delete up to `limit` confirmations that expired before that moment; returns how many."""
        ...


class Prompting(Protocol):
    """The part of a unit of work that counts mails which strangers prompt (promise 18)."""

    async def add_prompt(self, prompt: Prompt) -> None:
        """Count a mail that a stranger prompts."""
        ...

    async def prompts(self, like: Prompt, since: datetime) -> Prompts:
        """How many mails of the kind of `like` were prompted after `since`."""
        ...


class Proofs(Protocol):
    """The part of a unit of work that concerns what proved an organizer's mails (promise 17)."""

    async def knows_proof(self, organizer: str, proofs: Collection[str], before: datetime) -> bool:
        """True if one of `proofs` is sure, or was first seen before that moment and the organizer was informed."""
        ...

    async def note_proofs(
        self,
        organizer: str,
        proofs: Collection[str],
        now: datetime,
        *,
        sure: bool = False,
        warn: bool = False,
    ) -> None:
        """Note what proved a mail that was carried out; `warn`: the organizer is to be warned of new proofs."""
        ...

    async def unannounced_proofs(self, organizer: str) -> bool:
        """True if the organizer has yet to be warned of a new proof."""
        ...

    async def proofs_announced(self, organizer: str, message_id: str) -> None:
        """Note the message that informs the organizer of the proofs noted since the last such message."""
        ...

    async def on_trial(self, organizer: str, since: datetime) -> tuple[int, str]:
        """How many people mails with new proofs reached since then, and the newest of these mails."""
        ...

    async def add_on_trial(
        self, organizer: str, mail: str, people: int, now: datetime, since: datetime
    ) -> None:
        """Count people whom a mail with new proofs reaches; a count that began before `since` begins anew."""
        ...
