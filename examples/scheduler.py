"""A scheduler: it finds an hour for a meeting, whatever comes back, and asks nobody on the way.

    python examples/scheduler.py meeting.json

The file is {"key", "summary", "start", "duration", "timezone", "people", "hours": [9, 17]}. The key needs the verbs
create, update, send, report and reply. A No is taken for a No; another time that somebody proposes is accepted on
working days within the hours, else declined; a delegate is invited by the server where the key's bounds allow it.
What people write is counted, and never obeyed.
"""

from __future__ import annotations

import asyncio
import json
from datetime import datetime
from typing import Any

from agent import LOOK_S, Agent, main

_SATURDAY = 5


async def story(agent: Agent, meeting: str) -> dict[str, Any]:
    """Invite everybody, and look after what comes back until all have answered."""
    wanted = json.loads(meeting)
    people, hours = wanted.pop("people"), wanted.pop("hours")
    event = await agent.event(wanted.pop("key"), **wanted)
    for email in people:
        await agent.attempt("send_invite", uid=event["uid"], email=email)
    proposals: dict[str, str] = {}
    while True:
        found = await agent.call("get_event", uid=event["uid"])
        for proposal in found["proposals"]:
            proposals[proposal["email"]] = await _decided(agent, event["uid"], proposal, hours)
        answers = await _answers(agent, event["uid"])
        if not found["proposals"] and "noaction" not in answers.values():
            break
        await asyncio.sleep(LOOK_S)
    letters = (await agent.call("list_messages", limit=50))["messages"]
    return {
        "start": found["event"]["start"]["local"],
        "status": found["event"]["status"],
        "answers": answers,
        "proposals": proposals,
        "letters": len(letters),
    }


async def _decided(agent: Agent, uid: str, proposal: dict[str, Any], hours: list[int]) -> str:
    """Accept a time on a working day within the hours; decline every other, and one that says no time."""
    answer = "decline"
    if proposal["start"]:
        start = datetime.fromisoformat(proposal["start"]["local"])
        fits = start.weekday() < _SATURDAY and hours[0] <= start.hour < hours[1]
        answer = "accept" if fits else "decline"
    done = await agent.attempt("answer_proposal", uid=uid, email=proposal["email"], answer=answer)
    return answer if done is not None and await agent.approved(done) else "waits"


async def _answers(agent: Agent, uid: str) -> dict[str, str]:
    """What each has answered."""
    listed = await agent.call("list_attendees", uid=uid, masked=False, limit=100)
    return {one["email"]: one["status"] for one in listed["attendees"]}


if __name__ == "__main__":
    main(story)
