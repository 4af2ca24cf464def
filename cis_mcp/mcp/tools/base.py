"""The base of every tool: strict arguments, one handler, and a result as text and as data."""

from __future__ import annotations

import asyncio
import errno
import logging
import traceback
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from importlib import import_module
from typing import Any, Generic, TypeVar

from mcp.server.mcpserver.context import Context
from mcp.shared.exceptions import MCPError
from mcp.types import (
    CallToolResult,
    ContentBlock,
    InputRequiredResult,
    ResourceLink,
    TextContent,
    ToolAnnotations,
)
from mcp.types import Tool as ListedTool

from cis_mcp.mcp.callers import current
from cis_mcp.mcp.hints import hint
from cis_mcp.mcp.listed import LISTED, Listed
from cis_mcp.mcp.shape import larger
from cis_mcp.mcp.tools.arguments import Arguments, parse
from cis_mcp.mcp.tools.asking import confirmed, opened, sent_to_page
from cis_mcp.mcp.tools.mistakes import CallMistake, WrongArguments
from cis_mcp.mcp.tools.schema import argument_schema, listed_result
from cis_mcp.mcp.tools.shapes import passed_over
from cis_mcp.views.base import Data
from cis_mcp.views.held import preview_for, told, waiting, waiting_line
from cis_mcp.views.undo import undo_info, undo_line
from engine.commands.approvals.deciding import Decide
from engine.commands.base import Command, Done
from engine.engine import Engine
from engine.model.actors import Actor
from engine.model.held import Channel, HeldAction, HeldState
from engine.model.messages import Message
from engine.model.undo import Undo
from engine.process import pools
from engine.refusals import Code, Refused

logger = logging.getLogger(__name__)

D = TypeVar("D", bound=Done)
A = TypeVar("A", bound=Arguments)

_LOOK_S = 0.5
_FOLLOW = "Follow it with get_held_action; do not repeat the call."
ACTING = "acting"
"""The scope of a tool that needs any verb that changes something; its command checks for the right one."""
_LARGE = 20_000
"""The most values and characters of arguments that are parsed in the event loop."""


class Result(Data):
    """Base of every tool's result."""


@dataclass(frozen=True)
class Reply:
    """A tool's result: a self-contained text, the same facts as data, and links to resources."""

    text: str
    data: Data
    links: tuple[ResourceLink, ...] = ()


@lru_cache(maxsize=16)
def _by_client(operator: Actor) -> Actor:
    """The operator marked as using an MCP client, to distinguish them in the record from the command line."""
    return operator.model_copy(update={"face": "mcp"})


@dataclass(frozen=True)
class CallContext:
    """The context of a call: the engine, the current caller, and the SDK's context.

    `leaving` is true once the server is about to stop, so that waiting calls end. `held`: actions of the call that
    wait for approval; `undo`: how its changes can be undone.
    """

    engine: Engine
    who: Callable[[], Actor]
    context: Context[Any, Any] | None = None
    leaving: Callable[[], bool] = lambda: False
    has: Callable[[str], bool] = lambda _: True
    """Whether the caller has a tool, by name; other tools are not mentioned to it."""
    held: list[HeldAction] = field(default_factory=list)
    undo: list[Undo] = field(default_factory=list)

    @property
    def actor(self) -> Actor:
        """The current caller; the local operator is marked as using MCP."""
        actor = self.who()
        return actor if actor.kind != "local" else _by_client(actor)

    async def apply(self, command: Command[D]) -> D:
        """Apply `command`, and return its result. Raises Refused."""
        done = await self.engine.apply(command, self.actor)
        if done.held:
            self.held.append(done.held)
        if done.undo:
            self.undo.append(done.undo)
        return done

    async def settled(self, message: Message, seconds: float) -> Message:
        """The ledger row of `message`, once it is settled or deferred, `seconds` have passed, or the server stops."""
        loop = asyncio.get_running_loop()
        # What leaves later, since it can be undone until then, is not waited for.
        in_time = (message.due - self.engine.clock()).total_seconds() <= seconds
        deadline = loop.time() + (seconds if in_time else 0.0)
        while True:
            left = 0.0 if self.leaving() else deadline - loop.time()
            found = await self.engine.settled(message, max(0.0, min(left, _LOOK_S)))
            if left <= _LOOK_S or found.state not in {"queued", "sending"}:
                return found

    async def report(self, done: float, total: float, words: str) -> None:
        """Report progress to the caller, if it asked for that; `done` may only grow."""
        if self.context is not None:
            await self.context.report_progress(done, total, words)


@dataclass(frozen=True)
class Spec(Generic[A]):
    """The definition of a tool, whose description is its handler's docstring.

    `scope`, and `also` if given: the scopes that an agent's key needs; without them the tool is not listed.
    """

    handler: Callable[[CallContext, A], Awaitable[Reply]]
    title: str
    arguments: type[A]
    result: type[Data]
    hints: ToolAnnotations
    scope: str = "read"
    also: str = ""
    beside: bool = False
    """Listed with the core to callers whose key has bounds."""
    attended: bool = False
    """Also open to a key without the scope, if a person attends to its client."""

    @property
    def name(self) -> str:
        """The tool's name: that of its handler."""
        return self.handler.__name__

    @property
    def scopes(self) -> frozenset[str]:
        """The scopes that a key needs for it."""
        return frozenset(filter(None, (self.scope, self.also))) - {ACTING}

    @property
    def shown(self) -> dict[str, Any]:
        """The tool as clients see it in `tools/list`."""
        tool = ListedTool(
            name=self.name,
            title=self.title,
            description=_description(self.handler),
            input_schema=argument_schema(self.arguments),
            output_schema=listed_result(self.result),
            annotations=self.hints,
        )
        return tool.model_dump(mode="json", by_alias=True, exclude_none=True)


def reads() -> ToolAnnotations:
    """The hints of a tool that changes nothing."""
    return _hints(read_only=True, destructive=False, idempotent=True, open_world=False)


def writes(*, destructive: bool = False, idempotent: bool = False, mails: bool = False) -> ToolAnnotations:
    """The hints of a tool that changes something; `mails`: people outside are notified."""
    return _hints(read_only=False, destructive=destructive, idempotent=idempotent, open_world=mails)


def _hints(*, read_only: bool, destructive: bool, idempotent: bool, open_world: bool) -> ToolAnnotations:
    return ToolAnnotations(
        read_only_hint=read_only,
        destructive_hint=destructive,
        idempotent_hint=idempotent,
        open_world_hint=open_world,
    )


class ServedTool:
    """A tool that always answers with a result: refusals have a code, and crashes never show their message.

    Its module is imported when it is first called.
    """

    def __init__(self, tool: Listed, call: CallContext) -> None:
        self._tool = tool
        self._call = call
        self._spec: Spec[Any] | None = None

    async def run(
        self, arguments: dict[str, Any], context: Context[Any, Any] | None
    ) -> CallToolResult | InputRequiredResult:
        """Handle one call. Raises only MCPError, for errors of the protocol."""
        try:
            call = self._call
            spec = self._spec = self._spec or spec_of(self._tool)
            pools.caller.set(_caller(call))
            parsed = await _parsed(spec, arguments)
            own = CallContext(call.engine, call.who, context, call.leaving, call.has)
            if asked := opened(context):
                return await _after_page(own, asked)
            reply = await spec.handler(own, parsed)
            if own.held:
                return await _waiting(own, reply, own.held[-1])
            undo = own.undo if own.undo and own.has("undo") else ()
            return _success(reply, passed_over(spec.arguments, arguments), undo)
        except MCPError:
            raise
        except WrongArguments as wrong:
            return failure(wrong.code, wrong.message, wrong.hint, sent=False, problems=wrong.problems)
        except Refused as refused:
            return failure(refused.code, refused.message, hint(refused), sent=False, bound=refused.bound)
        except OSError as error:
            if error.errno != errno.ENOSPC:
                logger.exception("%s failed", self._tool.name)
                return _internal()
            message = "The server's disk is full; nothing was changed."
            return failure(
                Code.DISK_FULL, message, "Tell the operator, and repeat the call later.", sent=False
            )
        except Exception as error:  # noqa: BLE001 -- the caller gets a code; the log gets the place
            name = self._tool.name
            logger.error("%s failed with %s at\n%s", name, type(error).__name__, _where(error))  # noqa: TRY400
            return _internal()


def spec_of(tool: Listed) -> Spec[Any]:
    """The definition of `tool`, from its module."""
    specs: tuple[Spec[Any], ...] = import_module(tool.module).TOOLS
    return next(spec for spec in specs if spec.name == tool.name)


def all_imported() -> None:
    """Import all tools, so that no call on a shared server waits for an import."""
    for tool in LISTED.values():
        spec_of(tool)


async def _parsed(spec: Spec[A], given: dict[str, Any]) -> A:
    """The arguments of a call; large ones are parsed in a thread, where they do not delay other calls."""
    if larger(given, _LARGE):
        return await pools.LISTS.run(parse, spec.name, spec.arguments, given)
    return parse(spec.name, spec.arguments, given)


def _caller(call: CallContext) -> str:
    """The caller whose share of the threads a call uses: its key; over stdio there is one caller."""
    caller = current()
    return caller.key if caller else call.actor.kind


def _description(handler: Callable[..., object]) -> str:
    return " ".join((handler.__doc__ or "").split())


def _success(reply: Reply, passed: Sequence[str], undo: Sequence[Undo]) -> CallToolResult:
    over = f"\nPassed over, as this tool has no such argument: {', '.join(passed)}." if passed else ""
    back = "".join(f"\n{undo_line(one)}" for one in undo[-1:])
    content: list[ContentBlock] = [TextContent(type="text", text=reply.text + over + back), *reply.links]
    data = reply.data.model_dump(mode="json")
    if undo:
        data["undo"] = undo_info(undo[-1]).model_dump(mode="json")
    return CallToolResult(content=content, structured_content=data)


async def _waiting(call: CallContext, reply: Reply, held: HeldAction) -> CallToolResult | InputRequiredResult:
    """The result of a call that waits for approval: that it waits, and what it would do."""
    yes = await confirmed(call.context, call.actor, held)
    if isinstance(yes, InputRequiredResult):
        return yes
    if yes:
        return await _approved(call, reply, held)
    page = call.engine.settings.page(f"approve/{held.id}")
    return await sent_to_page(call.context, call.actor, held, page) or _still_waiting(call, reply.data, held)


def _still_waiting(call: CallContext, data: Data | None, held: HeldAction) -> CallToolResult:
    text = (
        f"Nothing was changed and nothing was sent: {waiting_line(held)} {_FOLLOW}\n"
        f"{told(preview_for(held, call.actor))}"
    )
    return _with_held(data, held, text, {})


async def _after_page(call: CallContext, held_id: str) -> CallToolResult:
    """The result of a call that is repeated after its client showed the page; its action is stored already."""
    held = await call.engine.held_action(held_id, call.actor)
    state = held.state_at(call.engine.clock())
    if state is HeldState.WAITING:
        return _still_waiting(call, None, held)
    return _decided(None, held)


async def _approved(call: CallContext, reply: Reply, held: HeldAction) -> CallToolResult:
    """The result of a call that a person at an attended client approved."""
    done = await call.engine.apply(Decide(held_id=held.id, approve=True, channel=Channel.FORM), call.actor)
    return _decided(reply.data, done.action)


def _decided(data: Data | None, action: HeldAction) -> CallToolResult:
    approved = action.state is HeldState.APPROVED
    text = f"Approved and carried out (held action {action.id}). Look at it with get_held_action."
    if not approved:
        text = f"Nothing was sent: the approval is {action.state.value}. {action.why}"
    return _with_held(data, action, text, {"state": action.state.value, "sent": approved})


def _with_held(data: Data | None, held: HeldAction, text: str, more: dict[str, Any]) -> CallToolResult:
    shown = data.model_dump(mode="json") if data else {}
    structured = {**shown, "held": {**waiting(held), **more}}
    return CallToolResult(content=[TextContent(type="text", text=text)], structured_content=structured)


def failure(
    code: Code,
    message: str,
    hint: str,
    *,
    sent: bool | None,
    problems: Sequence[CallMistake] = (),
    bound: str = "",
) -> CallToolResult:
    """A refusal as a result; `sent` is None if unknown; `bound`: which bound, for OUT_OF_BOUNDS."""
    structured: dict[str, Any] = {"code": code.value, "message": message, "hint": hint, "sent": sent}
    if bound:
        structured["bound"] = bound
    if problems:
        structured["problems"] = [problem.model_dump(mode="json") for problem in problems]
    text = f"{code.value}: {message} {hint}".strip()
    return CallToolResult(
        is_error=True, content=[TextContent(type="text", text=text)], structured_content=structured
    )


def _internal() -> CallToolResult:
    return failure(
        Code.INTERNAL,
        "The server failed during this call.",
        "Check with search_events, get_event or get_campaign what was done before you repeat it.",
        sent=None,
    )


def _where(error: Exception) -> str:
    """The places in an exception's traceback, without its message, which could contain addresses (promise 13)."""
    return "".join(traceback.format_tb(error.__traceback__))
