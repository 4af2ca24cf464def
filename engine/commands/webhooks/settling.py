"""What came of postings: claimed, delivered, tried again for 72 hours, given up."""

from __future__ import annotations

from datetime import datetime, timedelta

from engine.commands.base import Command, Done, Work
from engine.commands.notifying import Progress
from engine.commands.webhooks.feeding import as_read_now, may_post, pause
from engine.commands.webhooks.webhooks import ANSWERS
from engine.mail.locale.language import noop
from engine.model.base import Value
from engine.model.webhooks import Outgoing, Posting, PostingState, Webhook
from engine.refusals import Code

LEASE = timedelta(seconds=60)
"""How long a posting is its holder's; an attempt ends long before."""
_WAITS_S = (5, 30, 120, 600, 1_800, 3_600, 7_200, 14_400, 28_800)
"""Before the next attempt, by the number of those that failed; from the last on it stays."""
_TRIED_FOR = timedelta(hours=72)
_RETRY_AFTER_MAX_S = 86_400
_KEPT_FOR = timedelta(days=30)
_DROPPED_AT_ONCE = 1_000


class Claimed(Done):
    """Postings that the caller is to post."""

    postings: tuple[Outgoing, ...] = ()


class ClaimPostings(Command[Claimed]):
    """Claim what is due of one webhook, at most as many as are named; if its receiver fails, one.

    What waits for a receiver that fails is no way out for a key that was stopped or narrowed meanwhile.
    """

    in_record = False
    webhook_id: str
    most: int

    async def carry_out(self, work: Work) -> Claimed:
        """Refuses nothing."""
        webhook = await work.unit.webhook(self.webhook_id)
        if webhook is None or not open_now(webhook, work.now) or not await may_post(work, webhook):
            return Claimed()
        limit = min(self.most, 1) if webhook.failures else self.most
        found = await work.unit.claim_postings(webhook.id, work.now, work.now + LEASE, limit)
        return Claimed(postings=await as_read_now(work, webhook, found) if found else ())


def open_now(webhook: Webhook, now: datetime) -> bool:
    """True if something may be posted now."""
    return webhook.active and (webhook.rests_until is None or webhook.rests_until <= now)


class PostingAttempt(Value):
    """What one attempt came to; `status` 0: no answer."""

    posting_id: str
    status: int = 0
    detail: str = ""
    retry_after_s: int | None = None

    @property
    def delivered(self) -> bool:
        """True if the receiver took the posting."""
        return 200 <= self.status < 300


class SettlePostings(Command[Done]):
    """Write down what attempts came to."""

    in_record = False
    attempts: tuple[PostingAttempt, ...]

    async def carry_out(self, work: Work) -> Done:
        """Refuses nothing."""
        for attempt in self.attempts:
            found = await work.unit.posting(attempt.posting_id)
            webhook = await work.unit.webhook(found.posting.webhook_id) if found else None
            if found and webhook:
                await _settle(work, webhook, found.posting, attempt)
        return Done()


async def _settle(work: Work, webhook: Webhook, posting: Posting, attempt: PostingAttempt) -> None:
    tried = posting.model_copy(
        update={
            "attempts": posting.attempts + 1,
            "first_tried": posting.first_tried or work.now,
            "tried": work.now,
            "status": attempt.status,
            "detail": attempt.detail,
        }
    )
    if attempt.delivered:
        await work.unit.save_posting(tried.model_copy(update={"state": PostingState.DELIVERED, "due": None}))
        if webhook.failures:
            await work.unit.save_webhook(webhook.model_copy(update=ANSWERS))
        return
    if attempt.status == 410:
        # Several postings are tried at a time; the first of these answers pauses it, the others tell nothing more.
        if webhook.active:
            await pause(work, webhook, Code.GONE, noop("Its receiver answered 410: it is gone for good."))
    else:
        await _note_failure(work, webhook, attempt)
    await _again(work, webhook, tried, attempt)


async def _again(work: Work, before: Webhook, posting: Posting, attempt: PostingAttempt) -> None:
    """Try it again later, or give it up 72 hours after its first attempt, however long it waited before.

    Nothing is given up for a receiver that has taken nothing since this was tried `before`: it is posted, in its
    order, once the receiver answers or its webhook is resumed, from when on the 72 hours are counted anew.
    """
    webhook = await work.unit.webhook(before.id) or before
    due = work.now + timedelta(seconds=_wait(posting.attempts, attempt.retry_after_s))
    since = max(posting.first_tried or work.now, webhook.resumed or webhook.created)
    values: dict[str, object] = {"due": due}
    if not webhook.active:
        values = {"due": work.now}
    elif due - since > _TRIED_FOR and before.failing_since is None:
        values = {"state": PostingState.FAILED, "due": None}
    await work.unit.save_posting(posting.model_copy(update=values))


def _wait(failed: int, retry_after_s: int | None) -> int:
    """Seconds until the next attempt: as the receiver asks, and never sooner than we would."""
    own = _WAITS_S[min(failed, len(_WAITS_S)) - 1]
    return max(own, min(retry_after_s or 0, _RETRY_AFTER_MAX_S))


async def _note_failure(work: Work, webhook: Webhook, attempt: PostingAttempt) -> None:
    """A receiver that fails rests; one that has failed for 72 hours is paused."""
    if not open_now(webhook, work.now):
        # Of several attempts at a time the first that fails has it rest; the others tell nothing more.
        return
    since = webhook.failing_since or work.now
    failures = webhook.failures + 1
    rests_until = work.now + timedelta(seconds=_wait(failures, attempt.retry_after_s))
    values = {"failures": failures, "failing_since": since, "rests_until": rests_until}
    webhook = webhook.model_copy(update=values)
    if rests_until - since > _TRIED_FOR:
        await pause(
            work,
            webhook,
            Code.FAILING,
            noop("Its receiver has failed for 72 hours: {answer}"),
            _last(attempt),
        )
    else:
        await work.unit.save_webhook(webhook)


def _last(attempt: PostingAttempt) -> str:
    return f"it last answered {attempt.status}." if attempt.status else attempt.detail


class DropPostings(Command[Progress]):
    """Drop what was settled 30 days ago."""

    in_record = False

    async def carry_out(self, work: Work) -> Progress:
        """Some at a time. Refuses nothing."""
        dropped = await work.unit.drop_postings(work.now - _KEPT_FOR, _DROPPED_AT_ONCE)
        return Progress(worked=bool(dropped))
