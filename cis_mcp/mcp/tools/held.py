"""The tools for actions that wait for approval: show the outcome and, for a key that may, decide."""

from __future__ import annotations

import asyncio
from typing import Annotated, Literal

from pydantic import Field

from cis_mcp.mcp.tools.arguments import Arguments
from cis_mcp.mcp.tools.base import CallContext, Reply, Result, Spec, reads, writes
from cis_mcp.views import held as views
from engine.commands.agents.keys import StopKey
from engine.commands.agents.stopping import StopSending
from engine.commands.approvals.deciding import WHY_MAX, Decide
from engine.model.held import Channel, HeldAction, HeldState
from engine.refusals import Code, Refused

_LOOK_S = 0.5
"""The seconds between checks for a decision, each of which reads one row by its key."""

HeldId = Annotated[
    str, Field(description="id in held of a call's result", min_length=1, max_length=40, examples=["k3x9…"])
]


class GetHeldArguments(Arguments):
    """Arguments of get_held_action."""

    id: HeldId
    wait_s: float = Field(0, ge=0, le=600, description="seconds to wait for a decision")


class DecideArguments(Arguments):
    """Arguments of decide_held_action."""

    id: HeldId
    decision: Literal["approve", "refuse"] = Field(description="refuse requires why")
    why: str = Field("", description="the reason; required to refuse", max_length=WHY_MAX)


class HeldResult(Result):
    """One held action."""

    held: views.HeldInfo


async def get_held_action(call: CallContext, arguments: GetHeldArguments) -> Reply:
    """Show the outcome of a call whose result has held: someone has to approve it first, and until then nothing is
    sent. With wait_s, wait for the decision. Don't repeat the call meanwhile; tell your user who decides."""
    held, state = await _decided(call, arguments.id, arguments.wait_s)
    text = views.text(held, call.engine.clock(), call.actor)[: views.TEXT_MAX]
    return Reply(text, HeldResult(held=views.held_info(held, state, call.actor)))


async def _decided(call: CallContext, held_id: str, seconds: float) -> tuple[HeldAction, HeldState]:
    """The action once it is decided, `seconds` have passed, or the server stops."""
    loop = asyncio.get_running_loop()
    deadline = loop.time() + seconds
    while True:
        signal = call.engine.owed.listen()
        held = await call.engine.held_action(held_id, call.actor)
        state = held.state_at(call.engine.clock())
        left = 0.0 if call.leaving() else deadline - loop.time()
        if state is not HeldState.WAITING or left <= 0:
            return held, state
        await signal.wait(min(left, _LOOK_S))


async def decide_held_action(call: CallContext, arguments: DecideArguments) -> Reply:
    """Approve or refuse what another key of your address asked for; approving does exactly what get_held_action
    shows. You cannot decide what you, or a key above or below yours, asked for, unless your key says that a
    person attends to you. Ask your user first."""
    command = Decide(
        held_id=arguments.id,
        approve=arguments.decision == "approve",
        why=arguments.why,
        channel=Channel.KEY,
    )
    done = await call.apply(command)
    state = done.action.state_at(call.engine.clock())
    return Reply(
        views.line(done.action, call.engine.clock()), HeldResult(held=views.held_info(done.action, state))
    )


class StopArguments(Arguments):
    """Arguments of stop_sending."""

    key_id: str | None = Field(None, description="the key to stop, not yours", max_length=40)
    organizer: str | None = Field(
        None, description="or the organizer to stop; *: everything", max_length=1_000
    )
    resume: bool = Field(False, description="true: let it go on")


class StoppedResult(Result):
    """What is stopped, or goes on."""

    what: str
    stopped: bool


async def stop_sending(call: CallContext, arguments: StopArguments) -> Reply:
    """Stop a key, an organizer or everything at once: its mail waits and is not lost, and a stopped key can change
    nothing. resume starts it again: ask your user first."""
    if (arguments.key_id is None) == (arguments.organizer is None):
        raise Refused(Code.INVALID_ARGUMENT, "Exactly one of key_id and organizer must be given.")
    if arguments.key_id is not None:
        key = (await call.apply(StopKey(key_id=arguments.key_id, stopped=not arguments.resume))).key
        what, stopped = f"key {key.id}", bool(key.stopped)
    else:
        named = "" if arguments.organizer == "*" else arguments.organizer or ""
        done = await call.apply(StopSending(organizer=named, stopped=not arguments.resume))
        what, stopped = done.organizer or "everything", done.stopped
    words = "is stopped; what is owed waits" if stopped else "goes on"
    return Reply(f"{what} {words}.", StoppedResult(what=what, stopped=stopped))


LOOKING = (Spec(get_held_action, "Show a held action", GetHeldArguments, HeldResult, reads(), beside=True),)
DECIDING = (
    Spec(
        decide_held_action,
        "Approve or refuse",
        DecideArguments,
        HeldResult,
        writes(destructive=True, idempotent=True, mails=True),
        "approve",
        beside=True,
        attended=True,
    ),
    Spec(
        stop_sending,
        "Stop or resume sending",
        StopArguments,
        StoppedResult,
        writes(destructive=True, idempotent=True, mails=True),
        "approve",
        beside=True,
    ),
)
TOOLS = (*LOOKING, *DECIDING)
