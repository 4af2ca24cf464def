"""The MCP server, which combines tools, resources and prompts."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from functools import cache
from typing import Any

from mcp.server import MCPServer, ServerRequestContext
from mcp.server.context import CallNext, HandlerResult
from mcp.server.mcpserver.context import Context
from mcp.server.request_state import RequestStateSecurity
from mcp.shared.exceptions import MCPError
from mcp.types import INVALID_PARAMS, INVALID_REQUEST, CallToolResult, GetPromptResult, InputRequiredResult
from mcp.types import Tool as ListedTool

from cis_mcp.auth.callers import CallerAuthenticator
from cis_mcp.mcp.apps import AppPages, apps
from cis_mcp.mcp.compat import logging_left_alone
from cis_mcp.mcp.completion import add_completion
from cis_mcp.mcp.instructions import instructions
from cis_mcp.mcp.listed import LISTED, Listed
from cis_mcp.mcp.prompts import prompts
from cis_mcp.mcp.resources import ResourceView, add_resources
from cis_mcp.mcp.shape import larger
from cis_mcp.mcp.subscriptions import Subscriptions, welcome
from cis_mcp.mcp.tools import access
from cis_mcp.mcp.tools.access import CORE, EVERYTHING, RENAMED, Selection, allowed, nearest
from cis_mcp.mcp.tools.base import CallContext, ServedTool, failure
from cis_mcp.views.version import version
from engine.engine import Engine
from engine.model.actors import Actor
from engine.refusals import Code

NAME = "cis-mcp"
TITLE = "Calendar Invite Server"

_PARAMS_MAX = 50_000
"""The most values and characters of a request's parameters, apart from a tool's arguments."""


class CisServer(MCPServer[Any]):
    """The SDK's server, extended: each caller sees its own tools, and its mistakes are results, not server errors."""

    served: Mapping[str, ServedTool]
    """This server's tools, by name."""
    permitted: Callable[[str], bool]
    """Whether the caller of the current request may use a tool, by name."""
    elsewhere: Callable[[str], str]
    """The tier that has a tool missing here, if the current caller could use it there; otherwise empty."""

    def _tool_input_schema(self, name: str) -> dict[str, Any] | None:
        """The schema against which the SDK checks a call's `Mcp-Param-*` headers; our own tools use none (tested).

        Otherwise it would search the whole schema at each call to find that out.
        """
        return None if name in self.served else super()._tool_input_schema(name)

    async def list_tools(self) -> list[ListedTool]:
        """The tools that the caller may use."""
        ours = [_shown(LISTED[name]) for name in self.served if self.permitted(name)]
        return [*ours, *await super().list_tools()]

    async def call_tool(
        self, name: str, arguments: dict[str, Any], context: Context[Any, Any] | None = None
    ) -> CallToolResult | InputRequiredResult:
        """Call a tool; one that the caller may not use is answered like one that does not exist."""
        tool = self.served.get(name)
        if tool is not None and self.permitted(name):
            return await tool.run(arguments, context)
        known = [listed.name for listed in await self.list_tools()]
        if tool is not None or name not in known:
            return self._unknown(name, known)
        # One that was added to this server beside ours, as the conformance suite does.
        return await super().call_tool(name, arguments, context)

    def _unknown(self, name: str, known: list[str]) -> CallToolResult:
        """That there is no such tool; what replaced it, or which tier has it."""
        hint = nearest(RENAMED.get(name, name), known)
        message = f"There is no tool “{name[:60]}”."
        if tier := self.elsewhere(name):
            message = f"This server was started without {name}, a tool of the tier {tier}."
            hint = f"Ask your user to start it with “--tier {tier}”, or do without."
        return failure(Code.UNKNOWN_TOOL, message, hint, sent=False)

    async def get_prompt(
        self, name: str, arguments: dict[str, Any] | None = None, context: Context[Any, Any] | None = None
    ) -> GetPromptResult | InputRequiredResult:
        """A prompt filled in; raises MCPError(INVALID_PARAMS) where there is none of that name."""
        known = [prompt.name for prompt in await self.list_prompts()]
        if name not in known:
            raise MCPError(INVALID_PARAMS, f"There is no prompt of that name; there are: {', '.join(known)}.")
        return await super().get_prompt(name, arguments, context)


def build_server(
    engine: Engine,
    *,
    actor: Callable[[], Actor],
    selection: Selection = CORE,
    granted: Callable[[], Selection] = lambda: EVERYTHING,
    leaving: Callable[[], bool] = lambda: False,
    authenticator: CallerAuthenticator | None = None,
    request_state_security: RequestStateSecurity | None = None,
    let_in: Callable[[], Awaitable[bool]] | None = None,
) -> CisServer:
    """The server over `engine`; `actor` says who is asking in the current request.

    `selection`: the tools that this server has; `granted`: those of them that the current request's key may use.
    `authenticator`, if keys are asked for, says whether a caller is still let in.
    `let_in`: asked before each request where no other door asks for a key.
    `leaving` is true once the server is about to stop: then calls that wait end.
    """
    call = CallContext(engine, actor, leaving=leaving, has=lambda name: name in served and permitted(name))
    served = {tool.name: ServedTool(tool, call) for tool in selection.served}

    def permitted(name: str) -> bool:
        return access.permitted(LISTED[name], selection, granted(), call.actor)

    def elsewhere(name: str) -> str:
        tool = LISTED.get(name)
        tier = selection.tier_with(tool) if tool else ""
        return tier if tool and tier and allowed(tool, granted(), call.actor) else ""

    shelf = ResourceView(call, permitted)
    subscriptions = Subscriptions(shelf, welcome(authenticator))
    logging_left_alone()
    server = CisServer(
        NAME,
        title=TITLE,
        version=version(),
        instructions="",
        middleware=[
            *([_StillLetIn(let_in)] if let_in else []),
            _Bounds(),
            _Greeting(call, lambda: {name for name in served if permitted(name)}),
            AppPages(),
        ],
        extensions=[apps()],
        request_state_security=request_state_security,
        subscriptions=subscriptions.bus,
    )
    server.served, server.permitted, server.elsewhere = served, permitted, elsewhere
    add_resources(server, shelf)
    add_completion(server, call)
    subscriptions.add_to(server)
    for prompt in prompts():
        server.add_prompt(prompt)
    return server


@cache
def _shown(tool: Listed) -> ListedTool:
    """The SDK's listing of `tool`, which all servers share."""
    return ListedTool.model_validate(tool.shown)


class _StillLetIn:
    """Checks at every request of a session that the caller's key has not ended since."""

    def __init__(self, let_in: Callable[[], Awaitable[bool]]) -> None:
        self._let_in = let_in

    async def __call__(self, ctx: ServerRequestContext[Any, Any], call_next: CallNext) -> HandlerResult:
        if not await self._let_in():
            raise MCPError(INVALID_REQUEST, "The key of this server has ended; ask its owner for a new one.")
        return await call_next(ctx)


class _Bounds:
    """Limits parameters before they are parsed: only a tool's arguments may be many or long."""

    async def __call__(self, ctx: ServerRequestContext[Any, Any], call_next: CallNext) -> HandlerResult:
        params = ctx.params or {}
        if ctx.method == "tools/call":
            params = {name: value for name, value in params.items() if name != "arguments"}
        if not larger(params, _PARAMS_MAX):
            return await call_next(ctx)
        if ctx.method.startswith("notifications/"):
            return None
        message = f"The parameters of {ctx.method[:60]} hold more than {_PARAMS_MAX} values and characters."
        raise MCPError(INVALID_PARAMS, message)


class _Greeting:
    """Adds to each caller's greeting the time, the address it acts for, and how to use its own tools."""

    def __init__(self, call: CallContext, tools: Callable[[], set[str]]) -> None:
        self._call = call
        self._tools = tools

    async def __call__(self, ctx: ServerRequestContext[Any, Any], call_next: CallNext) -> HandlerResult:
        result = await call_next(ctx)
        if isinstance(result, dict) and ctx.method in {"initialize", "server/discover"}:
            return {
                **result,
                "instructions": instructions(self._call.engine.clock(), self._call.actor, self._tools()),
            }
        return result
