"""Outgoing webhooks: subscriptions to what happens here, and the outcome of each posting."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from pydantic import Field

from engine.model.base import Value
from engine.model.changes import ChangeKind

SECRETS_MAX = 2
"""Secrets at one time: the present one, and the one before it while receivers change over."""


class WebhookKind(StrEnum):
    """What can be posted to a receiver."""

    EVENT_CREATED = "event.created"
    EVENT_CHANGED = "event.changed"
    EVENT_CANCELLED = "event.cancelled"
    EVENT_STARTING = "event.starting"
    EVENT_ENDED = "event.ended"
    RECEIPT = "receipt"
    PROPOSAL = "proposal"
    MESSAGE_FAILED = "message.failed"
    MESSAGE_BOUNCED = "message.bounced"
    COMPLAINT = "complaint"
    UNSUBSCRIBED = "unsubscribed"
    AUTOMATIC_REPLY = "automatic_reply"
    CAMPAIGN_FINISHED = "campaign.finished"
    CAMPAIGN_PAUSED = "campaign.paused"
    CAMPAIGN_CANCELLED = "campaign.cancelled"
    HELD_WAITING = "held.waiting"
    HELD_DECIDED = "held.decided"
    CHECKPOINT = "checkpoint"


OF_CHANGES = {
    ChangeKind.EVENT_CREATED: WebhookKind.EVENT_CREATED,
    ChangeKind.EVENT_CHANGED: WebhookKind.EVENT_CHANGED,
    ChangeKind.EVENT_CANCELLED: WebhookKind.EVENT_CANCELLED,
    ChangeKind.RECEIPT: WebhookKind.RECEIPT,
    ChangeKind.PROPOSAL: WebhookKind.PROPOSAL,
    ChangeKind.MESSAGE_FAILED: WebhookKind.MESSAGE_FAILED,
    ChangeKind.MESSAGE_BOUNCED: WebhookKind.MESSAGE_BOUNCED,
    ChangeKind.COMPLAINT: WebhookKind.COMPLAINT,
    ChangeKind.UNSUBSCRIBED: WebhookKind.UNSUBSCRIBED,
    ChangeKind.AUTOMATIC_REPLY: WebhookKind.AUTOMATIC_REPLY,
    ChangeKind.CAMPAIGN_FINISHED: WebhookKind.CAMPAIGN_FINISHED,
    ChangeKind.CAMPAIGN_PAUSED: WebhookKind.CAMPAIGN_PAUSED,
    ChangeKind.CAMPAIGN_CANCELLED: WebhookKind.CAMPAIGN_CANCELLED,
    ChangeKind.HELD_WAITING: WebhookKind.HELD_WAITING,
    ChangeKind.HELD_DECIDED: WebhookKind.HELD_DECIDED,
}
"""What a line of the log of changes is called outside; the clock and the record make the other kinds."""


class Webhook(Value):
    """A subscription: a URL outside, and what is posted there."""

    id: str
    organizer: str = Field(description="whose events it is about; empty: everybody's")
    url: str
    kinds: frozenset[WebhookKind]
    secrets: tuple[str, ...] = Field(repr=False, max_length=SECRETS_MAX, description="the newest first")
    key: str = Field("", description="id of the key that made it; empty: the operator")
    created: datetime
    starting_minutes: int = Field(15, description="how long before its start event.starting comes")
    cursor: str = Field(description="up to where the log of changes was read")
    looked: datetime = Field(description="up to when starts and ends were looked for")
    told: str = Field("", description="of the second behind `looked`: up to which place they were told")
    paused: str = Field("", description="code of the reason for which nothing is posted; empty: it is active")
    resumed: datetime | None = Field(None, description="when it was last resumed; None: never")
    failures: int = Field(0, description="attempts in a row that failed")
    failing_since: datetime | None = None
    rests_until: datetime | None = Field(
        None, description="nothing is posted before; None: the receiver answers"
    )

    @property
    def active(self) -> bool:
        """True while postings are sent."""
        return not self.paused


class PostingState(StrEnum):
    """What became of a posting."""

    WAITING = "waiting"
    DELIVERED = "delivered"
    FAILED = "failed"
    """Given up after 72 hours; it can be replayed."""


class Posting(Value):
    """One thing to post to a receiver, with the id that all its attempts share."""

    id: str = Field(description="the webhook-id header")
    webhook_id: str
    kind: WebhookKind
    lane: str = Field(description="what is posted in order: an event, or the posting alone")
    created: datetime
    about: str = Field(
        "",
        repr=False,
        description="the person whom its change is about, also where the receiver reads a masked address; for us alone",
    )
    state: PostingState = PostingState.WAITING
    due: datetime | None = Field(
        None, description="when it is tried next; None: settled, or behind another of its lane"
    )
    replayed: datetime | None = Field(None, description="when it was last asked to be posted again")
    attempts: int = 0
    first_tried: datetime | None = Field(None, description="its first attempt since it was made or replayed")
    tried: datetime | None = None
    status: int = Field(0, description="HTTP status of the last answer; 0: there was none")
    detail: str = Field("", description="what the receiver or the network said last: data")


class Outgoing(Value):
    """A posting with its body, as it is posted."""

    posting: Posting
    body: str
