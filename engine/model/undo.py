"""What can be undone: what a command changed and owes, until its time is over."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from pydantic import Field

from engine.model.answers import Proposal
from engine.model.base import Value
from engine.model.events import Event
from engine.model.verbs import Verb


class Undo(Value):
    """The id with which a command can be undone, and until when."""

    id: str
    until: datetime


class Guest(Value):
    """Somebody who was in an event without an invite, as they were before they got one."""

    event_uid: str
    email: str
    name: str
    fields: Mapping[str, str]
    proven: bool


class Undoable(Value):
    """What a command changed and owes, while it can be undone."""

    id: str
    organizer: str
    command: str
    verb: Verb = Field(description="what a key must be good for to take it back")
    asked: datetime
    until: datetime
    event_uid: str = ""
    key: str = Field("", description="ids of the keys that asked, the one that acted last; empty: a person")
    before: Event | None = Field(None, description="the revision before; None: the event was not changed")
    sequence: int = Field(0, description="revision that the command made, where it made one")
    made: datetime | None = Field(None, description="when that revision was made, by the event itself")
    withdrawn_since: datetime | None = Field(
        None, description="since when mails wait to be owed again; None: since it was asked"
    )
    campaign_id: str = Field("", description="campaign whose mails it owes; empty: none")
    messages: tuple[str, ...] = Field((), description="Message-IDs of single mails that it owes")
    invited: tuple[str, ...] = Field((), description="people whom it invited")
    guests: tuple[Guest, ...] = Field(
        (), description="people whom it invited, and who stay without an invite"
    )
    taken_out: str = Field("", description="the person whose invite it withdrew")
    answered: str = Field("", description="id of the message to an agent that it answered")
    proposals: tuple[Proposal, ...] = Field((), description="proposals that it closed, as they were")
    undone: datetime | None = None

    @property
    def offer(self) -> Undo:
        """The part of it that the caller gets."""
        return Undo(id=self.id, until=self.until)
