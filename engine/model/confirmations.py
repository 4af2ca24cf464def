"""Confirmations: what waits for somebody's approval."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from pydantic import Field

from engine.model.base import Value


class ConfirmationKind(StrEnum):
    """Why something waits for a confirmation."""

    MAIL = "mail"
    """Nothing proves who sent it."""
    FIRST_PROOF = "first_proof"
    """It would mail many people, and what proves its sender is new for this organizer."""
    REGISTRATION = "registration"
    """Its sender is proven, but not registered as an organizer."""


class Confirmation(Value):
    """A mail that waits until the owner of an address on file says that it is theirs."""

    kind: ConfirmationKind = ConfirmationKind.MAIL

    code: str = Field(description="unguessable; part of the address and of the link that confirm")
    mail: str = Field(description="id of the raw mail that waits")
    mailbox: str = Field(description="which of our mailboxes it was for, with its token")
    further: tuple[str, ...] = Field(
        (), description="others of our mailboxes to which the same word lets it through"
    )
    address: str = Field(description="who was asked")
    what: str = Field(description="what confirming does, in a sentence")
    created: datetime
    expires: datetime
    used: datetime | None = None
    asked: bool = Field(True, description="false: it waits with another one, about which a mail went out")
    proofs: tuple[str, ...] = Field((), description="digests of what proves its sender, known once confirmed")
