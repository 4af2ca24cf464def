"""Outgoing webhooks: subscriptions, the log of postings, and posting again."""

from __future__ import annotations

from typing import Any

from starlette.responses import Response

from cis_mcp.console import once
from cis_mcp.console.guard import Screen, Visit
from cis_mcp.console.reading import number
from cis_mcp.views.webhooks import posting_info, webhook_info
from engine.commands.base import Command
from engine.commands.webhooks.webhooks import ControlWebhook, ReplayPosting, WebhookAction, WebhookDone
from engine.model.verbs import Verb
from engine.model.webhooks import PostingState, Webhook, WebhookKind
from engine.refusals import Code, Refused
from engine.webhooks import asking
from engine.webhooks.signing import public_key

_HUB = "/console/webhooks"
_ONE = f"{_HUB}/{{id:str}}"
_SHOWN = 50
_STARTING = 15


async def every(visit: Visit) -> Response:
    """GET /console/webhooks."""
    shown = visit.rows(_SHOWN)
    found = await asking.webhooks(visit.engine, visit.actor)
    return visit.show(
        "webhooks.html",
        title=visit.say("Webhooks"),
        webhooks=[webhook_info(one) for one in found[:shown]],
        kinds=[kind.value for kind in WebhookKind],
        starting=_STARTING,
    )


async def make(visit: Visit) -> Response:
    """POST /console/webhooks: the secret is shown once, in this answer alone."""
    kinds = [kind for kind in WebhookKind if visit.given(f"kind-{kind}")]
    starting = number(visit.given("starting"), _STARTING)
    command = await asking.creation(
        visit.engine, visit.actor, visit.given("url"), kinds, starting_minutes=starting
    )
    return await _made(visit, command)


async def _made(visit: Visit, command: Command[WebhookDone]) -> Response:
    """The webhook with its new secret, for the first of several presses; the others are told of that."""

    async def shown(done: WebhookDone) -> Response:
        return await _shown(visit, done.webhook, secret=done.secret)

    return await once.made(visit, command, lambda done: f"{_HUB}/{done.webhook.id}", shown=shown)


async def webhook(visit: Visit) -> Response:
    """GET /console/webhooks/{id}: what was posted, newest first."""
    return await _shown(visit, await asking.webhook(visit.engine, visit.path("id"), visit.actor))


async def _shown(visit: Visit, found: Webhook, secret: str = "") -> Response:
    shown = visit.rows(_SHOWN)
    state = next((one for one in PostingState if one.value == visit.asked("state")), None)
    posted = await asking.postings(
        visit.engine, found.id, visit.actor, state=state, limit=shown, before=visit.asked("before")[:60]
    )
    values: dict[str, Any] = {"secret": secret, "public": public_key(visit.engine.signer) if secret else ""}
    return visit.show(
        "webhook.html",
        title=found.url,
        webhook=webhook_info(found),
        postings=[posting_info(one) for one in posted],
        states=[one.value for one in PostingState],
        chosen=state.value if state else "",
        before=posted[-1].id if len(posted) == shown else "",
        **values,
    )


async def control(visit: Visit) -> Response:
    """POST: pause, resume, a new secret, which is shown once, the old one or the new one dropped, delete."""
    try:
        action = WebhookAction(visit.given("do"))
    except ValueError:
        raise Refused(Code.INVALID_ARGUMENT, "The form does nothing.", "Press one of its buttons.") from None
    command = ControlWebhook(webhook_id=visit.path("id"), action=action)
    if action is WebhookAction.ROTATE:
        return await _made(visit, command)
    done = await visit.apply(command)
    if action is WebhookAction.DELETE:
        return visit.go(_HUB, "deleted")
    return await _shown(visit, done.webhook)


async def replay(visit: Visit) -> Response:
    """POST …/replay: post something again, under the same id."""
    await visit.apply(ReplayPosting(webhook_id=visit.path("id"), posting_id=visit.given("posting")))
    return visit.go(f"{_HUB}/{visit.path('id')}", "posted")


SCREENS = (
    Screen("GET", _HUB, every, Verb.TRIGGER),
    Screen("POST", _HUB, make, Verb.TRIGGER),
    Screen("GET", _ONE, webhook, Verb.TRIGGER),
    Screen("POST", _ONE, control, Verb.TRIGGER),
    Screen("POST", f"{_ONE}/replay", replay, Verb.TRIGGER),
)
