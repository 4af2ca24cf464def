"""A campaign: a list is invited once the owner has seen it, and who stays silent is reminded.

    python examples/campaign.py event.json guests.csv

The event is {"key", "summary", "start", "duration", "timezone", …}; the list has a header with email, name and
whatever the event's texts name in double braces. The key needs the verbs create, send and bulk.
"""

from __future__ import annotations

import json
from typing import Any

from agent import Agent, main

_SKIPPED_MOST = 0.2
"""The part of the list that may be unfit; with more of it the list is wrong, and nobody is invited."""


async def story(agent: Agent, event_text: str, guests: str) -> dict[str, Any]:
    """Draft, look, start, wait for the end, and remind who has not answered."""
    wanted = json.loads(event_text)
    event = await agent.event(wanted.pop("key"), **wanted)
    draft = await agent.call("bulk_send", uid=event["uid"], csv=guests)
    campaign = draft["campaign"]
    skipped = campaign["skipped"]
    if len(skipped) > _SKIPPED_MOST * campaign["total"]:
        return {"state": "not started", "skipped": skipped}
    started = await agent.call(
        "control_campaign",
        campaign_id=campaign["id"],
        action="start",
        confirm_token=campaign["confirm_token"],
    )
    if not await agent.approved(started):
        return {"state": "refused by the owner", "skipped": skipped}
    done = await agent.call("get_campaign", campaign_id=campaign["id"], wait_s=600)
    reminded = await agent.call("remind", uid=event["uid"], note="We would be glad to hear from you.")
    return {
        "state": done["campaign"]["state"],
        "sent": done["campaign"]["counts"]["sent"],
        "skipped": [row["code"] for row in skipped],
        "reminded": reminded["reminded"] if await agent.approved(reminded) else 0,
    }


if __name__ == "__main__":
    main(story)
