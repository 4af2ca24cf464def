"""Links that organizers put into their newsletters, and the mail services whose merge tags fill them in."""

from __future__ import annotations

import hashlib
import hmac
from datetime import datetime

from pydantic import Field

from engine.model.base import Value
from engine.model.people import Origin

BUTTON = "Send Calendar Invite"
"""What the button of a link says where nothing else is asked for."""
BUDGET = 10_000
EVENTS_MAX = 20
"""Events of one link: more than a person may be sent in a day would never all arrive."""
SIGNATURE_LENGTH = 64
"""Hexadecimal digits of HMAC-SHA256."""


class CampaignLink(Value):
    """A call-to-action link: who opens it sees the events and one button, which sends them the invites."""

    id: str = Field(description="short; names the link to its organizer")
    token: str = Field(description="unguessable; part of the address")
    name: str = Field(
        description="what the organizer calls it, such as “May newsletter”; visitors do not see it"
    )
    organizer: str
    uids: tuple[str, ...]
    vendor: str
    origin: Origin
    button: str = BUTTON
    landing: str = Field(
        "", description="where the button leads: a page's slug, an address; empty: our own page"
    )
    budget: int = Field(
        BUDGET, description="after this many presses each one must be confirmed by mail; 0: no limit"
    )
    key: str = Field("", description="with which the mail service signs addresses; empty: it does not")
    active: bool = True
    created: datetime
    changed: datetime

    def signs(self, email: str, signature: str) -> bool:
        """True if the holder of the link's key signed `email` as it is written: by HMAC, or by hashes one in the other.

        The second is for services whose language of templates has plain hashes alone: SHA-256 of the key and the
        hexadecimal SHA-256 of the key and the address. A hash of key and address alone could be prolonged.
        """
        if not self.key:
            return False
        given, key = signature.lower().encode(), self.key.encode()
        inner = hashlib.sha256(key + email.encode()).hexdigest()
        proofs = (
            hmac.new(key, email.encode(), "sha256").hexdigest(),
            hashlib.sha256(key + inner.encode()).hexdigest(),
        )
        return any(hmac.compare_digest(proof.encode(), given) for proof in proofs)


class LinkCounts(Value):
    """What became of a link."""

    shown: int = Field(0, description="times it was opened, scanners of mail among them")
    unmerged: int = Field(
        0, description="times it was opened without an address, or with a tag that nobody filled in"
    )
    pressed: int = Field(0, description="times its button was pressed with an address that could be used")
    sent: int = Field(0, description="people who are invited by it, each event for itself")
    answered: int = Field(0, description="those of them who answered")


class Vendor(Value):
    """A mail service: how its newsletters write the address of who reads them."""

    id: str
    name: str
    email_tag: str = Field(
        "", description="what it replaces by the reader's address in a link; empty: it cannot"
    )
    signed_tag: str = Field("", description="the same, signed with {key}; empty: it cannot sign")
    encodes: bool = Field(
        False, description="true: it percent-encodes the address; false: it stands as it is"
    )
    origin: Origin = Origin.EMAILCTA
    steps: tuple[str, ...] = Field((), description="how to put the code into a newsletter")
    test: str = Field("", description="how to try it")
    source: str = Field("", description="where the tag is documented")
    hidden: bool = False
    place: int = Field(500, description="among all, the smallest first; of equal ones by their name")
