"""Queries about webhooks, and the creation of one, whose address is checked first."""

from __future__ import annotations

from collections.abc import Collection

from engine.commands.agents.reaching import ReachOut
from engine.commands.webhooks.webhooks import CreateWebhook, WebhookDone, unknown_webhook
from engine.engine import Engine
from engine.model.actors import Actor
from engine.model.verbs import Verb
from engine.model.webhooks import Posting, PostingState, Webhook, WebhookKind
from engine.publicweb.outside import Outside, web_address
from engine.refusals import Code, Refused


async def create(
    engine: Engine,
    actor: Actor,
    url: str,
    kinds: Collection[WebhookKind],
    *,
    organizer: str = "",
    starting_minutes: int = 15,
    idempotency_key: str | None = None,
) -> WebhookDone:
    """Create a webhook to an address that this server may connect to.

    Raises Refused: NOT_ALLOWED, URL_NOT_ALLOWED, URL_NOT_READABLE, INVALID_ARGUMENT, OUT_OF_BOUNDS, TOO_MANY,
    IDEMPOTENCY_CONFLICT.
    """
    command = await creation(
        engine,
        actor,
        url,
        kinds,
        organizer=organizer,
        starting_minutes=starting_minutes,
        idempotency_key=idempotency_key,
    )
    return await engine.apply(command, actor)


async def creation(
    engine: Engine,
    actor: Actor,
    url: str,
    kinds: Collection[WebhookKind],
    *,
    organizer: str = "",
    starting_minutes: int = 15,
    idempotency_key: str | None = None,
) -> CreateWebhook:
    """The command that creates a webhook to an address, once that was checked. Raises Refused as `create` does."""
    _refuse_without_verb(actor)
    # Looking up its name tells it to whoever answers for that name.
    await engine.apply(ReachOut(url=web_address(url), verb=Verb.TRIGGER), actor)
    checked = await Outside(engine.settings).check(url)
    return CreateWebhook(
        url=checked,
        kinds=frozenset(kinds),
        organizer=organizer,
        starting_minutes=starting_minutes,
        idempotency_key=idempotency_key,
    )


async def webhooks(engine: Engine, actor: Actor) -> list[Webhook]:
    """The caller's webhooks, oldest first. Raises Refused: NOT_ALLOWED."""
    _refuse_without_verb(actor)
    return await engine.store.webhooks(None if actor.everywhere else actor.address)


async def webhook(engine: Engine, webhook_id: str, actor: Actor) -> Webhook:
    """The caller's webhook with this id. Raises Refused: NOT_ALLOWED, UNKNOWN_WEBHOOK."""
    _refuse_without_verb(actor)
    found = await engine.store.webhook(webhook_id)
    if found is None or not (actor.everywhere or actor.owns(found.organizer)):
        raise unknown_webhook(webhook_id)
    return found


async def postings(
    engine: Engine,
    webhook_id: str,
    actor: Actor,
    *,
    state: PostingState | None = None,
    limit: int = 50,
    before: str = "",
) -> list[Posting]:
    """The postings of a webhook, newest first. Raises Refused: NOT_ALLOWED, UNKNOWN_WEBHOOK."""
    found = await webhook(engine, webhook_id, actor)
    return await engine.store.postings(found.id, state, limit, before)


def _refuse_without_verb(actor: Actor) -> None:
    if not actor.everywhere and Verb.TRIGGER not in actor.verbs:
        raise Refused(Code.NOT_ALLOWED, "This key may not do that: it lacks “trigger”.")
