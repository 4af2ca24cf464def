"""Ask for approval at the client: by a form, if the key's bounds say that a person is there (`attended`), or by a page.

A form proves no one's identity: its answer comes from the holder of the key. So it counts only for attended keys, and
a “decline”, which some clients send unasked, leaves the action waiting for its owner. A page opened at the client
asks for the owner's proof; opening it decides nothing (URL elicitation, MCP 2025-11-25).
"""

from __future__ import annotations

import asyncio
from typing import Any

from mcp.server.mcpserver.context import Context
from mcp.types import (
    ElicitRequest,
    ElicitRequestFormParams,
    ElicitRequestURLParams,
    ElicitResult,
    InputRequiredResult,
)
from pydantic import BaseModel, Field

from cis_mcp.views.held import told
from engine.model.actors import Actor
from engine.model.held import HeldAction

_EMBEDDED_SINCE = "2026-07-28"
"""From this protocol version on, a question is the result of a call, which the client repeats with the answer."""
_PAGES_SINCE = "2025-11-25"
_NAME = "approve"
_OPENED = "page:"
"""The prefix of the state of a call that was answered with a page's URL."""
_OPENING_S = 60.0
"""The seconds to wait for a client's confirmation that it showed a URL, which some never send."""
_TEXT_MAX = 4_000


class ApprovalForm(BaseModel):
    """What a person says to a held action."""

    approve: bool = Field(description="true: do exactly this now")


async def confirmed(
    context: Context[Any, Any] | None, actor: Actor, held: HeldAction
) -> bool | InputRequiredResult:
    """True if a person approved, else False; or the question, with whose answer the client repeats the call."""
    if context is None or not _by_form(context, actor, held):
        return False
    message = f"Approve this?\n\n{told(held.preview)}"[:_TEXT_MAX]
    if (context.protocol_version or "") < _EMBEDDED_SINCE:
        answer = await context.elicit(message, ApprovalForm)
        return answer.action == "accept" and answer.data.approve
    if context.request_state is None or opened(context):
        return _question(message, held)
    # An answer counts for what it was asked about: the very command, revision and policy.
    answered = (context.input_responses or {}).get(_NAME)
    if context.request_state != held.digest or not isinstance(answered, ElicitResult):
        return False
    return answered.action == "accept" and (answered.content or {}).get("approve") is True


def _by_form(context: Context[Any, Any], actor: Actor, held: HeldAction) -> bool:
    return held.attended and actor.key == held.actor.key and _forms(context)


def _question(message: str, held: HeldAction) -> InputRequiredResult:
    schema = ApprovalForm.model_json_schema()
    form = ElicitRequestFormParams(
        message=message,
        requested_schema={
            "type": "object",
            "properties": {"approve": {"type": "boolean", "description": "true: do exactly this now"}},
            "required": schema["required"],
        },
    )
    return InputRequiredResult(input_requests={_NAME: ElicitRequest(params=form)}, request_state=held.digest)


def _forms(context: Context[Any, Any]) -> bool:
    """True if the client shows forms, as it does if it names no mode."""
    capabilities = context.client_capabilities
    found = capabilities.elicitation if capabilities else None
    return found is not None and (found.form is not None or found.url is None)


def opened(context: Context[Any, Any] | None) -> str:
    """The id of the held action whose page the client has shown, if this call is repeated after that; else empty."""
    state = context.request_state if context is not None else None
    return state.removeprefix(_OPENED) if state and state.startswith(_OPENED) else ""


async def sent_to_page(
    context: Context[Any, Any] | None, actor: Actor, held: HeldAction, page: str
) -> InputRequiredResult | None:
    """Send a client that shows URLs to the page for the decision; None if the call is answered at once.

    A client that showed a form is not sent to the page.
    """
    if context is None or not page or not held.address or not _pages(context):
        return None
    if _by_form(context, actor, held):
        return None
    message = f"{held.preview.action} waits for a yes of {held.address}, who decides on this page."
    if (context.protocol_version or "") < _EMBEDDED_SINCE:
        try:
            async with asyncio.timeout(_OPENING_S):
                await context.elicit_url(message, page, held.id)
        except TimeoutError:
            return None
        return None
    params = ElicitRequestURLParams(message=message, url=page)
    asked = {_NAME: ElicitRequest(params=params)}
    return InputRequiredResult(input_requests=asked, request_state=f"{_OPENED}{held.id}")


def _pages(context: Context[Any, Any]) -> bool:
    capabilities = context.client_capabilities
    found = capabilities.elicitation if capabilities else None
    spoken = (context.protocol_version or "") >= _PAGES_SINCE
    return spoken and found is not None and found.url is not None
