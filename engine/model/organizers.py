"""Organizers: the settings that the operator makes for one."""

from __future__ import annotations

from pydantic import Field

from engine.model.base import Value


class OrganizerProfile(Value):
    """An organizer as the operator knows it."""

    address: str
    name: str = Field(
        "", description="shown as the sender of its invites, unless an event has a name of its own"
    )
    zone: str = Field("", description="IANA name of the zone of times that its tables name none for")
    language: str = Field(
        "", description="tag of the language of its pages and mails; empty: not set (RFC 5646)"
    )
    lists: bool = Field(True, description="it may send to lists")
    drafts: bool = Field(False, description="lists that it mails to bulk@ wait as drafts")
    suspended: bool = False
    registered: bool = False
    addresses: tuple[str, ...] = Field(
        (), description="further addresses whose mail counts as this organizer's"
    )
