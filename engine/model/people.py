"""Attendees: who is invited, through which channel, and what they answered (RFC 5545, 3.8.4.1)."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import NamedTuple, Protocol

from pydantic import Field

from engine.model.base import Value, Word


class Partstat(Word):
    """Participation status of an attendee (RFC 5545, 3.2.12)."""

    NEEDS_ACTION = "needs-action"
    ACCEPTED = "accepted"
    DECLINED = "declined"
    TENTATIVE = "tentative"
    DELEGATED = "delegated"

    @property
    def label(self) -> str:
        """The word the CIS API uses: `noaction` for needs-action."""
        return "noaction" if self is Partstat.NEEDS_ACTION else self.value

    @property
    def holds_place(self) -> bool:
        """True if an attendee with this answer holds a place: every answer except No and delegated."""
        return self not in {Partstat.DECLINED, Partstat.DELEGATED}


class Origin(Word):
    """The channel that asked for an invite."""

    API = "api"
    BULK = "bulk"
    CONVERTKIT = "convertkit"
    EMAILCTA = "emailcta"
    HUBSPOT = "hubspot"
    KLAVIYO = "klaviyo"
    KLAVIYOCTA = "klaviyocta"
    LANDINGPAGE = "landingpage"
    MAILCHIMPCTA = "mailchimpcta"
    MULTIEVENT = "multievent"
    SENDGRID = "sendgrid"
    SENDGRIDCTA = "sendgridcta"
    SHARED = "shared"
    SINGLESEND = "singlesend"
    TEST = "test"
    VIP = "vip"
    WEBFORM = "webform"
    WIX = "wix"
    WIXV2 = "wixv2"
    ZOHO = "zoho"

    @property
    def limited(self) -> bool:
        """True if `CIS_INVITE_LIMIT` applies: to lists, not to single invites."""
        return self in {Origin.BULK, Origin.VIP}


class Mailbox(Protocol):
    """An address and the name that it is shown by."""

    @property
    def address(self) -> str:
        """The address."""
        ...

    @property
    def name(self) -> str:
        """The name that it is shown by; may be empty."""
        ...


class NamedAddress(NamedTuple):
    """A mailbox that needs no validation: two of them are made for every mail."""

    address: str
    name: str = ""


class Party(Value):
    """A person or a calendar address, with the name it is shown by."""

    address: str
    name: str = ""


class Attendee(Value):
    """One address invited to one event."""

    event_uid: str
    email: str
    token: str = Field(description="unguessable; part of the receipt address")
    name: str = ""
    partstat: Partstat = Partstat.NEEDS_ACTION
    origin: Origin
    prodid: str = Field("", description="PRODID of the client that answered last")
    fields: Mapping[str, str] = Field(
        default_factory=dict, description="personal values for {{placeholders}}"
    )
    created: datetime
    receipt_sequence: int = -1
    receipt_dtstamp: datetime | None = None
    receipt_arrived: datetime | None = None
    withdrawn: datetime | None = Field(
        None, description="when their invite was withdrawn; then nothing counts or is mailed to them"
    )
    zone: str = Field("", description="IANA name of the zone in which their client wrote the last answer")
    proven: bool = Field(
        True, description="false: turned up by mail that nothing proves; nothing is mailed to them"
    )
