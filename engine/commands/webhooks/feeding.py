"""What happened becomes postings: from the log of changes, by the clock, and of the record."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

from engine.commands import notices
from engine.commands.base import Command, Done, Work
from engine.commands.webhooks import bodies, clock
from engine.mail.locale.language import noop
from engine.model.keys import Standing
from engine.model.messages import Notice
from engine.model.verbs import Verb
from engine.model.webhooks import OF_CHANGES, Outgoing, Webhook, WebhookKind
from engine.refusals import Code

WAITING_MAX = 1_000
"""Postings of one webhook that wait; the log of changes keeps what comes after them."""
_AT_ONCE = 200
_ITEMS = 3
"""Of the items of a unit one in so many may be a change: the rest is for the clock, and for the key and its lists."""


class WebhookFed(Done):
    """Whether there was anything to post."""

    worked: bool


class FeedWebhook(Command[WebhookFed]):
    """Turn what happened since the last time into postings of one webhook; each once."""

    in_record = False
    webhook_id: str

    async def carry_out(self, work: Work) -> WebhookFed:
        """`worked` is false if there was nothing to post. Refuses nothing."""
        webhook = await work.unit.webhook(self.webhook_id)
        if webhook is None or not webhook.active:
            return WebhookFed(worked=False)
        standing = await work.unit.standing(await _chain(work, webhook))
        if refusal := _refusal(work, webhook, standing):
            await pause(work, webhook, *refusal)
            return WebhookFed(worked=True)
        if standing.stopped:
            # The log of changes keeps what happens, and it goes on there.
            return WebhookFed(worked=False)
        if await work.unit.waiting_postings(webhook.id, WAITING_MAX) >= WAITING_MAX:
            return WebhookFed(worked=False)
        fed, found = await _of_changes(work, webhook, masked=_masks(webhook, standing))
        fed, timed = await _by_clock(work, fed)
        await work.unit.add_postings([*found, *timed])
        if fed != webhook:
            await work.unit.save_webhook(fed)
        return WebhookFed(worked=bool(found or timed))


def _refusal(work: Work, webhook: Webhook, standing: Standing) -> tuple[Code, str] | None:
    """Why nothing more is posted by a key as it is now, by a code and a message; None while it may."""
    if not webhook.key:
        return None
    if standing.ended(work.now):
        return Code.KEY_ENDED, noop("The key that made it has ended.")
    if Verb.TRIGGER not in standing.verbs:
        return Code.NOT_ALLOWED, noop("The key that made it may have no webhooks any more.")
    if standing.in_force(work.now).outside_links(webhook.url):
        return Code.OUT_OF_BOUNDS, noop("The key that made it may no longer post to that address.")
    return None


async def may_post(work: Work, webhook: Webhook) -> bool:
    """True if something may be posted to its address now, by the key that made it as that is now."""
    if not webhook.key:
        return webhook.active
    standing = await work.unit.standing(await _chain(work, webhook))
    return webhook.active and not standing.stopped and _refusal(work, webhook, standing) is None


async def as_read_now(work: Work, webhook: Webhook, found: Sequence[Outgoing]) -> tuple[Outgoing, ...]:
    """What was made ready before, as the key that made the webhook reads it now."""
    masks = _masks(webhook, await work.unit.standing(await _chain(work, webhook)))
    return tuple(map(bodies.masked, found)) if masks else tuple(found)


def _masks(webhook: Webhook, standing: Standing) -> bool:
    return bool(webhook.key) and Verb.REPORT not in standing.verbs


async def _chain(work: Work, webhook: Webhook) -> Sequence[str]:
    key = await work.unit.key(webhook.key) if webhook.key else None
    return key.chain if key else ()


async def _of_changes(work: Work, webhook: Webhook, *, masked: bool) -> tuple[Webhook, list[Outgoing]]:
    kinds = [change for change, kind in OF_CHANGES.items() if kind in webhook.kinds]
    if not kinds:
        return webhook, []
    most = min(_AT_ONCE, max(1, work.unit.items_per_unit // _ITEMS))
    page = await work.unit.changes_after(webhook.organizer or None, webhook.cursor, most, kinds)
    found = []
    for change in page.changes:
        event = await work.unit.event(change.event_uid) if change.event_uid else None
        found.append(bodies.of_change(work, webhook, change, event, masked=masked))
    return webhook.model_copy(update={"cursor": page.cursor}), found


async def _by_clock(work: Work, webhook: Webhook) -> tuple[Webhook, list[Outgoing]]:
    """Events that are about to begin, or have ended, since it was last looked."""
    since, lead = clock.Told(webhook.looked, webhook.told), timedelta(minutes=webhook.starting_minutes)
    found, told = await clock.occasions(work, webhook.organizer or None, since, lead, webhook.kinds)
    if clock.keeps(work, since, told, found):
        webhook = webhook.model_copy(update={"looked": told.until, "told": told.name})
    return webhook, [
        bodies.of_instance(work, webhook, one.kind, one.event, one.start, one.end) for one in found
    ]


class PostCheckpoint(Command[WebhookFed]):
    """Post the signed head of the record to one webhook, if it asked for it."""

    in_record = False
    webhook_id: str
    note: str

    async def carry_out(self, work: Work) -> WebhookFed:
        """`worked` is false if there was nothing to post. Refuses nothing."""
        webhook = await work.unit.webhook(self.webhook_id)
        if webhook is None or WebhookKind.CHECKPOINT not in webhook.kinds:
            return WebhookFed(worked=False)
        if not await may_post(work, webhook):
            return WebhookFed(worked=False)
        await work.unit.add_postings([bodies.of_checkpoint(work, webhook, self.note)])
        return WebhookFed(worked=True)


async def pause(work: Work, webhook: Webhook, code: Code, why: str, answer: str = "") -> None:
    """Post nothing more, and tell whoever answers for it; `why`: a message, with the receiver's `answer` in it."""
    await work.unit.save_webhook(webhook.model_copy(update={"paused": code.value}))
    key = await work.unit.key(webhook.key) if webhook.key else None
    owner = (key.owner if key else "") or webhook.organizer or work.settings.owner
    organizer = webhook.organizer or work.settings.local_organizer
    language = await notices.language_of(work, owner or organizer)
    say = language.say
    notice = Notice(
        subject=say("Paused: the webhook {id}", id=webhook.id),
        text=say(
            "Nothing more is posted to {url}. {why} What happens meanwhile is kept. Once the cause is gone, resume the "
            "webhook {id}: what was not posted is posted then.",
            url=webhook.url,
            why=say(why, answer=answer),
            id=webhook.id,
        ),
    )
    message = notices.message(work, owner or organizer, organizer, notice, None)
    await work.unit.add_messages([message], priority=0)
