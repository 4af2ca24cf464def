"""A collections agent: the day on which an invoice is due stands in its customer's calendar, moves, and goes.

    python examples/invoices.py invoices.json

The file is a list of {"number", "customer", "email", "due", "state"}, state being open or paid; the agent keeps nothing
itself, and may be run as often as the file changes. The key needs the verbs create, update and send.
"""

from __future__ import annotations

import json
from typing import Any

from agent import Agent, RefusedError, main


async def story(agent: Agent, invoices: str) -> dict[str, Any]:
    """Bring each invoice's entry to what the file says."""
    became = {}
    for invoice in json.loads(invoices):
        became[invoice["number"]] = await _settled(agent, invoice)
    return {"invoices": became}


async def _settled(agent: Agent, invoice: dict[str, Any]) -> str:
    """What became of one invoice."""
    key = f"invoice-{invoice['number']}"
    known = await _known(agent, key)
    if invoice["state"] == "paid":
        if known is None or known["status"] == "cancelled":
            return "nothing to do"
        note = f"Thank you: invoice {invoice['number']} is paid."
        done = await agent.call("cancel_event", uid=known["uid"], note=note)
        return "cancelled" if await agent.approved(done) else "waits"
    if known is None:
        return await _entered(agent, key, invoice)
    if known["start"]["local"][:10] == invoice["due"]:
        return "unchanged"
    done = await agent.call("update_event", uid=known["uid"], start=invoice["due"])
    return "moved" if await agent.approved(done) else "waits"


async def _known(agent: Agent, key: str) -> dict[str, Any] | None:
    """The entry of an invoice; an event is found by the key that made it."""
    try:
        event: dict[str, Any] = (await agent.call("get_event", uid=key))["event"]
    except RefusedError as refused:
        if refused.code != "unknown_event":
            raise
        return None
    return event


async def _entered(agent: Agent, key: str, invoice: dict[str, Any]) -> str:
    """A day that asks for no answer, in the customer's calendar."""
    event = await agent.event(
        key,
        summary=f"Invoice {invoice['number']} is due",
        start=invoice["due"],
        all_day=True,
        timezone="UTC",
        rsvp=False,
        description=f"For {invoice['customer']}.",
    )
    sent = await agent.attempt(
        "send_invite", uid=event["uid"], email=invoice["email"], name=invoice["customer"]
    )
    return "refused" if sent is None else "entered"


if __name__ == "__main__":
    main(story)
