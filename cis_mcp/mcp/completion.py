"""Completion: values for the argument of a prompt, or the name in a URI, that is being typed."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from mcp.server import MCPServer
from mcp.shared.exceptions import MCPError
from mcp.types import (
    INVALID_PARAMS,
    Completion,
    CompletionArgument,
    CompletionContext,
    PromptReference,
    ResourceTemplateReference,
)

from cis_mcp.mcp import choices
from cis_mcp.mcp.choices import CHOICES_MAX
from cis_mcp.mcp.hints import sentence
from cis_mcp.mcp.tools.base import CallContext
from engine.refusals import Refused

_TYPED_MAX = 200
_Source = Callable[[CallContext, str], Awaitable[list[str]]]


def add_completion(server: MCPServer[Any], call: CallContext) -> None:
    """Complete arguments of prompts and resource templates, by their names, from the caller's own data."""

    async def complete(
        _ref: PromptReference | ResourceTemplateReference,
        argument: CompletionArgument,
        _context: CompletionContext | None,
    ) -> Completion | None:
        source = _SOURCES.get(argument.name)
        if source is None or len(argument.value) > _TYPED_MAX:
            return None
        try:
            found = await source(call, argument.value)
        except Refused as refused:
            raise MCPError(INVALID_PARAMS, f"{refused.code.value}: {sentence(refused)}") from None
        full = len(found) >= CHOICES_MAX
        return Completion(values=found[:CHOICES_MAX], total=None if full else len(found), has_more=full)

    server.completion()(complete)  # type: ignore[no-untyped-call]


async def _events(call: CallContext, typed: str) -> list[str]:
    return [choices.label(event) for event in await choices.events(call, typed)]


async def _uids(call: CallContext, typed: str) -> list[str]:
    return [event.uid for event in await choices.events(call, typed)]


async def _timezones(_call: CallContext, typed: str) -> list[str]:
    return choices.timezones(typed)


async def _own_address(call: CallContext, typed: str) -> list[str]:
    address = "" if call.actor.domain else call.actor.address
    return [address] if address and address.startswith(typed.strip().lower()) else []


_SOURCES: dict[str, _Source] = {
    "event": _events,
    "uid": _uids,
    "campaign": choices.campaigns,
    "id": choices.campaigns,
    "timezone": _timezones,
    "organizer": _own_address,
    "email": _own_address,
}
"""The choices for arguments by name; all other arguments are free text."""
