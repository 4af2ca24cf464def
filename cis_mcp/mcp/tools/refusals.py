"""The tool that explains a refusal by a bound."""

from __future__ import annotations

from pydantic import Field

from cis_mcp.mcp.tools.arguments import Arguments
from cis_mcp.mcp.tools.base import CallContext, Reply, Result, Spec, reads
from cis_mcp.views.events import one_line, utc
from engine.commands.agents.limits import Limit, ShowLimits


class ExplainRefusalArguments(Arguments):
    """Arguments of explain_refusal."""

    bound: str = Field(
        "", description="the bound that the refusal names, such as to or day; empty: all", max_length=40
    )


class LimitInfo(Result):
    """One bound of your key, or of a key above it."""

    bound: str
    key: str = Field(description="id of the key that has the bound")
    allows: str
    used: int | None = Field(description="of a budget: used today")
    left: int | None = Field(description="of a budget: what is left")
    resets: str | None = Field(description="when a budget resets")
    lifted_by: str = Field(description="who can widen it")


class ExplainedRefusal(Result):
    """What your bounds are just now."""

    limits: list[LimitInfo]


async def explain_refusal(call: CallContext, arguments: ExplainRefusalArguments) -> Reply:
    """Explain a refusal with the code out_of_bounds: what the bound allows, how much is left, when it resets and
    who can widen it. It reveals nothing about events, not even whether one exists. Only the people it names can
    lift a bound: tell your user, and don't look for a way around it."""
    done = await call.apply(ShowLimits())
    infos = [_info(one) for one in done.limits if arguments.bound in {"", one.bound}]
    lines = [_line(info) for info in infos] or ["No bound of this name holds for you."]
    return Reply("\n".join(lines), ExplainedRefusal(limits=infos))


def _info(limit: Limit) -> LimitInfo:
    return LimitInfo(
        bound=limit.bound,
        key=limit.key,
        allows=one_line(limit.allows, 1_000),
        used=limit.used,
        left=limit.left,
        resets=utc(limit.resets) if limit.resets else None,
        lifted_by=limit.lifted_by,
    )


def _line(info: LimitInfo) -> str:
    left = f", {info.left} left" if info.left is not None else ""
    resets = f", anew at {info.resets}" if info.resets else ""
    return f"- {info.bound}: {info.allows}{left}{resets}; {info.lifted_by} can widen it (key {info.key})"


TOOLS = (
    Spec(
        explain_refusal, "Explain a refusal", ExplainRefusalArguments, ExplainedRefusal, reads(), beside=True
    ),
)
