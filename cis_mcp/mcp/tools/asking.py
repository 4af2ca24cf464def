"""Ask the person at the client for a yes, where the key's bounds say that there is one (`attended`).

A form proves nobody: its answer comes from whoever holds the key. So it counts for attended keys alone, and a
“decline”, which some clients give unasked, leaves the action waiting for its owner.
"""

from __future__ import annotations

from typing import Any

from mcp.server.mcpserver.context import Context
from mcp.types import ElicitRequest, ElicitRequestFormParams, ElicitResult, InputRequiredResult
from pydantic import BaseModel, Field

from engine.commands.agents.approval_mails import described
from engine.model.actors import Actor
from engine.model.held import HeldAction

_EMBEDDED_SINCE = "2026-07-28"
"""From this revision on a question is the answer of a call, which the client repeats with what was said."""
_NAME = "approve"
_TEXT_MAX = 4_000


class Approval(BaseModel):
    """What a person says to a held action."""

    approve: bool = Field(description="true: do exactly this now")


async def confirmed(
    context: Context[Any, Any] | None, actor: Actor, held: HeldAction
) -> bool | InputRequiredResult:
    """True for a person's yes, False if nobody said it; or the question, for the client to repeat the call with."""
    if context is None or not held.attended or actor.key != held.actor.key or not _forms(context):
        return False
    message = f"Approve this?\n\n{described(held.preview)}"[:_TEXT_MAX]
    if (context.protocol_version or "") < _EMBEDDED_SINCE:
        answer = await context.elicit(message, Approval)
        return answer.action == "accept" and answer.data.approve
    if context.request_state is None:
        return _question(message, held)
    # An answer counts for what it was asked about: the very command, revision and policy.
    answered = (context.input_responses or {}).get(_NAME)
    if context.request_state != held.digest or not isinstance(answered, ElicitResult):
        return False
    return answered.action == "accept" and (answered.content or {}).get("approve") is True


def _question(message: str, held: HeldAction) -> InputRequiredResult:
    schema = Approval.model_json_schema()
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
    """True if the client shows forms; one that names no mode does."""
    capabilities = context.client_capabilities
    found = capabilities.elicitation if capabilities else None
    return found is not None and (found.form is not None or found.url is None)
