"""Webhooks out over REST: made, listed, controlled; what was posted, and again."""

from __future__ import annotations

from pydantic import Field

from cis_mcp.rest.endpoint import Call, DataResponse, Endpoint
from cis_mcp.rest.models import Body, Limit, Nothing, Query
from cis_mcp.views.base import Data
from cis_mcp.views.webhooks import PostingInfo, WebhookInfo, posting_info, webhook_info
from engine.commands.webhooks.webhooks import STARTING_MAX, ControlWebhook, ReplayPosting, WebhookAction
from engine.model.verbs import Verb
from engine.model.webhooks import PostingState, WebhookKind
from engine.webhooks import asking
from engine.webhooks.signing import public_key


class OfWebhook(Query):
    """The webhook in the path."""

    webhook_id: str = Field(max_length=100)


class OfPosting(OfWebhook):
    """The posting in the path."""

    posting_id: str = Field(max_length=100)


class PostingsAsked(OfWebhook):
    """Which postings."""

    state: PostingState | None = Field(None, description="only these; failed: given up after 72 hours")
    limit: Limit = 50
    cursor: str = Field("", description="next_cursor of the page before", max_length=100)


class NewWebhook(Body):
    """Where what happens is posted."""

    url: str = Field(max_length=2_000, examples=["https://example.com/in"])
    kinds: list[WebhookKind] = Field(
        default_factory=list, description="kinds to post; empty: all", max_length=50, strict=False
    )
    starting_minutes: int = Field(15, ge=0, le=STARTING_MAX)


class Acting(Body):
    """What is done with it."""

    action: WebhookAction = Field(strict=False)


class MadeWebhook(Data):
    """A webhook, and how its receiver checks what comes."""

    webhook: WebhookInfo
    secret: str = Field(description="for signatures v1; shown once, where it is new")
    public_key: str = Field(description="for signatures v1a")


class WebhookList(Data):
    """Webhooks, oldest first."""

    webhooks: list[WebhookInfo]


class PostingList(Data):
    """Postings, newest first."""

    postings: list[PostingInfo]
    next_cursor: str | None


async def create_webhook(call: Call[Nothing, NewWebhook]) -> DataResponse:
    """Have what happens posted to a web address, signed by Standard Webhooks, in order for each event, and tried again
    for 72 hours. The same Idempotency-Key makes the same webhook once: a repetition answers 200 with the webhook that
    was made, without its secret."""
    body = call.body
    done = await asking.create(
        call.engine,
        call.actor,
        body.url,
        body.kinds,
        starting_minutes=body.starting_minutes,
        idempotency_key=call.idempotency_key,
    )
    key = public_key(call.engine.signer)
    made = MadeWebhook(webhook=webhook_info(done.webhook), secret=done.secret, public_key=key)
    return DataResponse(made, 201 if done.secret else 200)


async def list_webhooks(call: Call[Nothing, Body]) -> WebhookList:
    """The webhooks, oldest first."""
    found = await asking.webhooks(call.engine, call.actor)
    return WebhookList(webhooks=[webhook_info(one) for one in found])


async def control_webhook(call: Call[OfWebhook, Acting]) -> MadeWebhook:
    """Pause, resume or delete a webhook, or change its secrets."""
    done = await call.apply(ControlWebhook(webhook_id=call.query.webhook_id, action=call.body.action))
    key = public_key(call.engine.signer)
    return MadeWebhook(webhook=webhook_info(done.webhook), secret=done.secret, public_key=key)


async def list_postings(call: Call[PostingsAsked, Body]) -> PostingList:
    """What was posted, newest first, and how the receiver answered."""
    asked = call.query
    found = await asking.postings(
        call.engine,
        asked.webhook_id,
        call.actor,
        state=asked.state,
        limit=asked.limit + 1,
        before=asked.cursor,
    )
    cursor = found[asked.limit - 1].id if len(found) > asked.limit else None
    return PostingList(postings=[posting_info(one) for one in found[: asked.limit]], next_cursor=cursor)


async def replay_posting(call: Call[OfPosting, Body]) -> PostingInfo:
    """Post something again, under the same id."""
    command = ReplayPosting(webhook_id=call.query.webhook_id, posting_id=call.query.posting_id)
    return posting_info((await call.apply(command)).posting)


_ONE = "/v1/webhooks/{webhook_id}"
ENDPOINTS = (
    Endpoint(
        "POST",
        "/v1/webhooks",
        create_webhook,
        MadeWebhook,
        Verb.TRIGGER,
        "webhooks",
        Nothing,
        NewWebhook,
        201,
        tool="create_webhook",
        tier="extended",
        repeatable=True,
    ),
    Endpoint(
        "GET",
        "/v1/webhooks",
        list_webhooks,
        WebhookList,
        Verb.TRIGGER,
        "webhooks",
        Nothing,
        tool="list_webhooks",
        tier="extended",
    ),
    Endpoint(
        "POST",
        f"{_ONE}/actions",
        control_webhook,
        MadeWebhook,
        Verb.TRIGGER,
        "webhooks",
        OfWebhook,
        Acting,
        tool="control_webhook",
        tier="extended",
    ),
    Endpoint(
        "GET",
        f"{_ONE}/postings",
        list_postings,
        PostingList,
        Verb.TRIGGER,
        "webhooks",
        PostingsAsked,
        tool="list_postings",
        tier="extended",
    ),
    Endpoint(
        "POST",
        f"{_ONE}/postings/{{posting_id}}/replay",
        replay_posting,
        PostingInfo,
        Verb.TRIGGER,
        "webhooks",
        OfPosting,
        tool="replay_posting",
        tier="extended",
    ),
)
