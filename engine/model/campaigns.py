"""Campaigns: many messages of one cause."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from pydantic import Field

from engine.model.base import Value
from engine.model.messages import Kind
from engine.model.people import Origin


class CampaignState(StrEnum):
    """The state of a campaign."""

    DRAFT = "draft"
    SCHEDULED = "scheduled"
    RUNNING = "running"
    PAUSED = "paused"
    FINISHED = "finished"
    CANCELLED = "cancelled"


class Campaign(Value):
    """Many messages with one cause: a list that is invited, or a change that is announced."""

    id: str
    event_uid: str
    organizer: str
    kind: Kind = Kind.INVITE
    origin: Origin
    state: CampaignState = CampaignState.DRAFT
    sequence: int | None = Field(None, description="of the revision that a change announces")
    total: int = Field(0, description="rows of the list, or people in the audience of a change")
    valid: int = 0
    created: datetime
    at: datetime | None = Field(None, description="scheduled start")
    event_modified: datetime | None = Field(
        None, description="when the event had last changed as it was scheduled; None: it was not"
    )
    started: datetime | None = None
    resumed: datetime | None = None
    paused: datetime | None = Field(None, description="when it was last paused")
    finished: datetime | None = None
    rate: float | None = Field(None, description="messages a second; None: as fast as allowed")
    digest: str = Field("", description="hash of list, content and event revision, behind the confirm token")
    report_to: str | None = Field(None, description="who hears by mail when it is finished")
    key: str = Field("", description="ids of the keys whose bounds hold for it, highest first; empty: none")
    note: str = Field("", description="why it stopped, where it stopped by itself")
