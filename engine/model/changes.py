"""The log of changes."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from pydantic import Field

from engine.model.base import Value


class ChangeKind(StrEnum):
    """What happened, in the log of changes."""

    EVENT_CREATED = "event_created"
    EVENT_CHANGED = "event_changed"
    EVENT_CANCELLED = "event_cancelled"
    RECEIPT = "receipt"
    PROPOSAL = "proposal"
    MESSAGE_FAILED = "message_failed"
    MESSAGE_BOUNCED = "message_bounced"
    UNSUBSCRIBED = "unsubscribed"
    AUTOMATIC_REPLY = "automatic_reply"
    CAMPAIGN_FINISHED = "campaign_finished"
    CAMPAIGN_PAUSED = "campaign_paused"
    CAMPAIGN_CANCELLED = "campaign_cancelled"
    COMPLAINT = "complaint"
    HELD_WAITING = "held_waiting"
    HELD_DECIDED = "held_decided"


class Change(Value):
    """Something that happened to an organizer's events; ids grow in the order in which it was kept."""

    id: int
    at: datetime
    kind: ChangeKind
    organizer: str
    event_uid: str | None
    email: str = Field("", description="whose receipt, proposal or message it is")
    campaign_id: str = ""
    sequence: int | None = Field(None, description="revision of the event that it speaks of")
    status: str = Field(
        "", description="answer of a receipt; kind of a message; state of an event or campaign"
    )
    code: str = Field("", description="why a message failed, or a receipt did not count")
    words: str = Field("", description="what the attendee, the mail server or the note says: data")
    held: str = Field("", description="id of the held action that it is about")
    chain: str = Field(
        "",
        description="the change that began it, and after a dot how many triggers ago; empty: it begins one",
    )
