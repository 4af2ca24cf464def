"""A schedule assistant: people write what they would like to see, and get invites and an answer.

    python examples/schedule_assistant.py schedule.json

The file is a list of {"key", "summary", "start", "duration", "timezone"}. The key needs the verbs create, send, reply.
Whatever a mail says, it is looked up in the schedule, and only its proven sender is invited or answered.
"""

from __future__ import annotations

import json
from typing import Any

from agent import Agent, main

_QUERY_MAX = 200


async def story(agent: Agent, schedule: str) -> dict[str, Any]:
    """Put the schedule up, then deal with each message that nobody has answered."""
    for session in json.loads(schedule):
        await agent.event(session.pop("key"), **session)
    answered = {}
    for message in (await agent.call("list_messages", limit=50))["messages"]:
        if message["proof"] and not message["answered"] and not message["automatic"]:
            answered[message["sender"]] = await _answer(agent, message)
    return {"answered": answered}


async def _answer(agent: Agent, message: dict[str, Any]) -> list[str]:
    """Invite the sender to what their words find, and say so; the titles."""
    words = " ".join(message["text"].split())[:_QUERY_MAX]
    found = await agent.call("search_events", query=words, limit=10) if words else {"events": []}
    titles = [str(event["summary"]) for event in found["events"]]
    if titles and not await _invited(agent, message["sender"], found["events"]):
        return []
    said = f"You are invited to: {', '.join(titles)}." if titles else "Nothing in the schedule fits that."
    await agent.attempt("reply_message", id=message["id"], text=said)
    return titles


async def _invited(agent: Agent, email: str, events: list[dict[str, Any]]) -> bool:
    """True if `email` is invited to all of them now, or was before."""
    sent = await agent.attempt("send_invite", uids=[event["uid"] for event in events], email=email)
    failed = [one for one in sent["invites"] if one["status"] == "failed"] if sent else []
    agent.refused += [f"send_invite: {one['code']}: {one['message']}" for one in failed]
    return sent is not None and not failed


if __name__ == "__main__":
    main(story)
