"""The tools for outgoing webhooks and their postings."""

from __future__ import annotations

from pydantic import Field

from cis_mcp.mcp.tools.arguments import Arguments
from cis_mcp.mcp.tools.base import CallContext, Reply, Result, Spec, reads, writes
from cis_mcp.mcp.tools.fitting import fitted, listed
from cis_mcp.views import webhooks as views
from cis_mcp.views.webhooks import PostingInfo, WebhookInfo, posting_info, webhook_info
from engine.commands.webhooks.webhooks import STARTING_MAX, ControlWebhook, ReplayPosting, WebhookAction
from engine.model.webhooks import PostingState, WebhookKind
from engine.webhooks import asking
from engine.webhooks.signing import public_key


class CreateWebhookArguments(Arguments):
    """Arguments of create_webhook."""

    url: str = Field(
        description="https address on the public internet",
        max_length=2_000,
        examples=["https://example.com/in"],
    )
    kinds: list[WebhookKind] = Field(
        default_factory=list, description="kinds to post; empty: all", max_length=50
    )
    starting_minutes: int = Field(
        15, ge=0, le=STARTING_MAX, description="how long before its start to post event.starting"
    )


class ListWebhooksArguments(Arguments):
    """Arguments of list_webhooks."""

    limit: int = Field(20, ge=1, le=100)
    cursor: str = Field("", description="next_cursor of the previous page", max_length=100)


class ControlWebhookArguments(Arguments):
    """Arguments of control_webhook."""

    webhook_id: str = Field(description="from list_webhooks", max_length=100)
    action: WebhookAction = Field(
        description="rotate: a new secret signs alongside the old one, until drop_old, or take_back if the new one is "
        "lost; resume: posts what was missed"
    )


class ListPostingsArguments(Arguments):
    """Arguments of list_postings."""

    webhook_id: str = Field(description="from list_webhooks", max_length=100)
    state: PostingState | None = Field(None, description="only these; failed: given up after 72 hours")
    limit: int = Field(20, ge=1, le=100)
    cursor: str = Field("", description="next_cursor of the previous page", max_length=100)


class ReplayPostingArguments(Arguments):
    """Arguments of replay_posting."""

    webhook_id: str = Field(description="from list_webhooks", max_length=100)
    posting_id: str = Field(description="from list_postings", max_length=100)


class CreatedWebhook(Result):
    """A webhook and how its receiver checks what comes."""

    webhook: WebhookInfo
    secret: str = Field(description="for signatures v1, shown once")
    public_key: str = Field(description="for signatures v1a")


class Webhooks(Result):
    """Webhooks, oldest first."""

    webhooks: list[WebhookInfo]
    next_cursor: str | None


class ControlledWebhook(Result):
    """The webhook as it is now."""

    webhook: WebhookInfo
    secret: str = Field(description="of rotate: the new one, shown once")


class Postings(Result):
    """Postings, newest first."""

    postings: list[PostingInfo]
    next_cursor: str | None


class ReplayedPosting(Result):
    """The posting that is posted again."""

    posting: PostingInfo


async def create_webhook(call: CallContext, arguments: CreateWebhookArguments) -> Reply:
    """Post what happens to your events to a web address: signed as in Standard Webhooks, in order for each event,
    and retried for 72 hours. People's addresses are masked unless your key may report."""
    done = await asking.create(
        call.engine,
        call.actor,
        arguments.url,
        arguments.kinds,
        starting_minutes=arguments.starting_minutes,
    )
    key = public_key(call.engine.signer)
    data = CreatedWebhook(webhook=webhook_info(done.webhook), secret=done.secret, public_key=key)
    text = f"Webhook {done.webhook.id} is active. Secret, shown once: {done.secret}\nPublic key: {key}"
    return Reply(text, data)


async def list_webhooks(call: CallContext, arguments: ListWebhooksArguments) -> Reply:
    """List the webhooks: address, what is posted, and whether the receiver answers."""
    every = await asking.webhooks(call.engine, call.actor)
    first = next((n for n, one in enumerate(every, 1) if one.id == arguments.cursor), 0)

    async def page(limit: int) -> Reply:
        found = every[first : first + limit]
        cursor = found[-1].id if len(every) > first + limit else None
        data = Webhooks(webhooks=[webhook_info(one) for one in found], next_cursor=cursor)
        lines = [f"- {views.line(one)}" for one in found]
        return listed(lines, cursor, "There are no webhooks.", data)

    return await fitted(arguments.limit, page)


async def control_webhook(call: CallContext, arguments: ControlWebhookArguments) -> Reply:
    """Pause, resume or delete a webhook, or change its secret. Resuming posts what happened while it was paused."""
    done = await call.apply(ControlWebhook(webhook_id=arguments.webhook_id, action=arguments.action))
    gone = arguments.action is WebhookAction.DELETE
    text = f"{done.webhook.id} is {'deleted' if gone else views.state(done.webhook)}."
    text += f" New secret, shown once: {done.secret}" if done.secret else ""
    return Reply(text, ControlledWebhook(webhook=webhook_info(done.webhook), secret=done.secret))


async def list_postings(call: CallContext, arguments: ListPostingsArguments) -> Reply:
    """List what was posted to a webhook and how its receiver answered, newest first."""

    async def page(limit: int) -> Reply:
        found = await asking.postings(
            call.engine,
            arguments.webhook_id,
            call.actor,
            state=arguments.state,
            limit=limit + 1,
            before=arguments.cursor,
        )
        cursor = found[limit - 1].id if len(found) > limit else None
        data = Postings(postings=[posting_info(one) for one in found[:limit]], next_cursor=cursor)
        lines = [f"- {views.posting_line(one)}" for one in found[:limit]]
        return listed(lines, cursor, "Nothing was posted.", data)

    return await fitted(arguments.limit, page)


async def replay_posting(call: CallContext, arguments: ReplayPostingArguments) -> Reply:
    """Post something again under the same id, so that a receiver can tell that it already has it."""
    command = ReplayPosting(webhook_id=arguments.webhook_id, posting_id=arguments.posting_id)
    done = await call.apply(command)
    return Reply(f"{done.posting.id} is posted again.", ReplayedPosting(posting=posting_info(done.posting)))


TOOLS = (
    Spec(create_webhook, "Make a webhook", CreateWebhookArguments, CreatedWebhook, writes(), "trigger"),
    Spec(list_webhooks, "Show the webhooks", ListWebhooksArguments, Webhooks, reads(), "trigger"),
    Spec(
        control_webhook,
        "Pause, resume or delete a webhook",
        ControlWebhookArguments,
        ControlledWebhook,
        writes(destructive=True),
        "trigger",
    ),
    Spec(list_postings, "Show what was posted", ListPostingsArguments, Postings, reads(), "trigger"),
    Spec(
        replay_posting,
        "Post again",
        ReplayPostingArguments,
        ReplayedPosting,
        writes(idempotent=True),
        "trigger",
    ),
)
