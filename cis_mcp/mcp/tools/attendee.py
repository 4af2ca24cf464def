"""The tool that shows one person at one event: the answer, every mail, and the servers' replies."""

from __future__ import annotations

from pydantic import Field

from cis_mcp.mcp.tools.arguments import Arguments
from cis_mcp.mcp.tools.base import CallContext, Reply, Spec, reads
from cis_mcp.mcp.tools.event_arguments import Uid
from cis_mcp.mcp.tools.fitting import fitted
from cis_mcp.views.day_limit import day_limit
from cis_mcp.views.timeline import AttendeeStory, attendee_story, page_of, still_written, story, waited_in


class GetAttendeeArguments(Arguments):
    """Arguments of get_attendee."""

    uid: Uid
    email: str = Field(description="the person's address", max_length=1_000, examples=["ann@example.com"])
    limit: int = Field(
        50, description="how many messages, and how many receipts, at most; the newest", ge=1, le=100
    )
    cursor: str | None = Field(
        None, description="next_cursor of the previous page: older ones", max_length=200
    )


async def get_attendee(call: CallContext, arguments: GetAttendeeArguments) -> Reply:
    """Show one person's history at one event: the answer and to which revision, every message with the mail
    server's reply, comments, proposed times, and what is still to come. For when someone says they “never
    got it”."""
    event = await call.engine.event(arguments.uid, call.actor)
    explanation = await call.engine.explain(event.uid, arguments.email, call.actor)
    campaigns = await waited_in(call.engine, call.actor, explanation)
    being_written = await still_written(call.engine, call.actor, event)

    async def page(limit: int) -> Reply:
        shown = page_of(explanation, limit, arguments.cursor)
        data = attendee_story(event, explanation, campaigns, being_written, shown)
        lines = story(data, event)
        if any(one.message.state.pending for one in explanation.history) and (
            why := await day_limit(call.engine)
        ):
            lines.append(f"It waits, since {why}.")
        return Reply("\n".join(lines), data)

    return await fitted(arguments.limit, page)


TOOLS = (Spec(get_attendee, "Show one attendee", GetAttendeeArguments, AttendeeStory, reads()),)
