"""Webhooks out are made, changed, paused and given new secrets."""

from __future__ import annotations

import base64
from enum import StrEnum

from pydantic import Field

from engine.commands import text
from engine.commands.agents.bounds import refuse_links
from engine.commands.base import Command, Done, Work
from engine.commands.repeating import digest_of, made_before, remember
from engine.model.verbs import Verb
from engine.model.webhooks import SECRETS_MAX, Posting, PostingState, Webhook, WebhookKind
from engine.refusals import Code, Refused

WEBHOOKS_MAX = 20
"""Of one organizer."""
STARTING_MAX = 10_080
"""Minutes before its start at which an event is called starting: a week."""
_SECRET_LENGTH = 32


class WebhookDone(Done):
    """A webhook; `secret` is shown once, where it is new."""

    webhook: Webhook
    secret: str = Field("", repr=False)


class CreateWebhook(Command[WebhookDone]):
    """Make a subscription; its address was checked. What happens from now on is posted there."""

    url: str
    kinds: frozenset[WebhookKind] = Field(description="kinds to post; empty: all")
    organizer: str = Field(
        "", max_length=400, description="of the operator: whose events; empty: everybody's"
    )
    starting_minutes: int = Field(15, ge=0, le=STARTING_MAX)
    idempotency_key: str | None = Field(None, max_length=200)

    async def carry_out(self, work: Work) -> WebhookDone:
        """Raises Refused: NOT_ALLOWED, INVALID_ARGUMENT, OUT_OF_BOUNDS, TOO_MANY, IDEMPOTENCY_CONFLICT."""
        work.require(Verb.TRIGGER)
        if before := await made_before(work, self.idempotency_key, digest_of(self)):
            return WebhookDone(webhook=await owned(work, before))
        organizer = self._organizer(work)
        # A receiver is a way out for what is said here: only to where the key may link.
        refuse_links(work, work.bounds, [self.url])
        if len(await work.unit.webhooks(organizer)) >= WEBHOOKS_MAX:
            raise Refused(Code.TOO_MANY, f"There are {WEBHOOKS_MAX} webhooks already.", "Delete one first.")
        secret = _new_secret(work)
        webhook = Webhook(
            id=work.randomness.word(12),
            organizer=organizer,
            url=self.url,
            kinds=self.kinds or frozenset(WebhookKind),
            secrets=(secret,),
            key=work.actor.key,
            created=work.now,
            starting_minutes=self.starting_minutes,
            cursor=(await work.unit.changes_after(None, None, 1, ())).cursor,
            looked=work.now,
        )
        await work.unit.add_webhook(webhook)
        await remember(work, self.idempotency_key, digest_of(self), webhook.id)
        return WebhookDone(webhook=webhook, secret=secret)

    def _organizer(self, work: Work) -> str:
        if not work.actor.everywhere:
            return work.actor.address
        return text.address(self.organizer) if self.organizer else ""


def _new_secret(work: Work) -> str:
    word = work.randomness.word(_SECRET_LENGTH).encode()
    return f"whsec_{base64.b64encode(word).decode()}"


class WebhookAction(StrEnum):
    """What can be done with a webhook."""

    PAUSE = "pause"
    RESUME = "resume"
    ROTATE = "rotate"
    """A new secret signs beside the one before."""
    DROP_OLD = "drop_old"
    """The secret before no longer signs."""
    TAKE_BACK = "take_back"
    """The newer of two secrets no longer signs, as nobody has it."""
    DELETE = "delete"


class ControlWebhook(Command[WebhookDone]):
    """Pause, resume or delete a webhook, or change its secrets; what happened while it was paused is posted then."""

    webhook_id: str
    action: WebhookAction

    def subject(self) -> str:
        """What the record names it by: the webhook's id."""
        return self.webhook_id

    async def carry_out(self, work: Work) -> WebhookDone:
        """Raises Refused: NOT_ALLOWED, OUT_OF_BOUNDS, UNKNOWN_WEBHOOK, WEBHOOK_STATE."""
        work.require(Verb.TRIGGER)
        webhook = await owned(work, self.webhook_id)
        secret = ""
        match self.action:
            case WebhookAction.PAUSE:
                webhook = webhook.model_copy(update={"paused": webhook.paused or "paused"})
            case WebhookAction.RESUME:
                refuse_links(work, work.bounds, [webhook.url])
                webhook = webhook.model_copy(update=ANSWERS | {"paused": "", "resumed": work.now})
            case WebhookAction.ROTATE:
                # A second rotation would drop the one secret that the receiver is sure to have.
                if len(webhook.secrets) >= SECRETS_MAX:
                    raise _two_secrets()
                secret = _new_secret(work)
                secrets = (secret, *webhook.secrets)
                webhook = webhook.model_copy(update={"secrets": secrets})
            case WebhookAction.DROP_OLD:
                webhook = webhook.model_copy(update={"secrets": webhook.secrets[:1]})
            case WebhookAction.TAKE_BACK:
                webhook = webhook.model_copy(update={"secrets": webhook.secrets[-1:]})
            case WebhookAction.DELETE:
                await work.unit.drop_webhook(webhook.id)
        await work.unit.save_webhook(webhook)
        return WebhookDone(webhook=webhook, secret=secret)


def _two_secrets() -> Refused:
    return Refused(
        Code.WEBHOOK_STATE,
        "Two secrets sign for this webhook already.",
        "Give its receiver the newer one and drop the old one, or take the newer one back if nobody has it.",
    )


ANSWERS = {"failures": 0, "failing_since": None, "rests_until": None}
"""What is noted of a receiver that answers."""


class PostingDone(Done):
    """A posting as it is now."""

    posting: Posting


class ReplayPosting(Command[PostingDone]):
    """Post something again, under the same id; receivers that have it know it by that."""

    webhook_id: str
    posting_id: str

    def subject(self) -> str:
        """What the record names it by, without secrets."""
        return self.posting_id

    async def carry_out(self, work: Work) -> PostingDone:
        """Raises Refused: NOT_ALLOWED, OUT_OF_BOUNDS, UNKNOWN_WEBHOOK, UNKNOWN_POSTING, WEBHOOK_STATE."""
        work.require(Verb.TRIGGER)
        webhook = await owned(work, self.webhook_id)
        refuse_links(work, work.bounds, [webhook.url])
        found = await work.unit.posting(self.posting_id)
        if found is None or found.posting.webhook_id != webhook.id:
            raise unknown_posting(self.posting_id)
        if not webhook.active:
            raise Refused(
                Code.WEBHOOK_STATE, "The webhook is paused, so nothing is posted.", "Resume it first."
            )
        posting = found.posting
        if posting.state is not PostingState.WAITING:
            anew = {"attempts": 0, "first_tried": None, "replayed": work.now}
            posting = posting.model_copy(update={"state": PostingState.WAITING, "due": work.now, **anew})
            await work.unit.save_posting(posting)
        return PostingDone(posting=posting)


async def owned(work: Work, webhook_id: str) -> Webhook:
    """The caller's webhook with this id. Raises Refused: UNKNOWN_WEBHOOK."""
    webhook = await work.unit.webhook(webhook_id)
    if webhook is None or not (work.actor.everywhere or work.actor.owns(webhook.organizer)):
        raise unknown_webhook(webhook_id)
    return webhook


def unknown_webhook(webhook_id: str) -> Refused:
    """The refusal of an id that names no webhook of the caller (UNKNOWN_WEBHOOK)."""
    return Refused(Code.UNKNOWN_WEBHOOK, f"No webhook has the id “{webhook_id[:60]}”.")


def unknown_posting(posting_id: str) -> Refused:
    """The refusal of an id that names no posting (UNKNOWN_POSTING)."""
    return Refused(Code.UNKNOWN_POSTING, f"No posting has the id “{posting_id[:60]}”.")
