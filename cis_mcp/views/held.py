"""Held actions as text, for every face that shows them; the code of their link is never among it."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from engine.commands.agents.approval_mails import described
from engine.model.held import HeldAction


def line(held: HeldAction, now: datetime) -> str:
    """A held action on one line."""
    shown = held.preview
    return (
        f"{held.id}  {held.state_at(now).value}  {shown.action}: “{' '.join(shown.title.split())[:80]}”, "
        f"{shown.people} people, for {held.organizer}, until {held.expires:%Y-%m-%d %H:%M} UTC"
    )


def text(held: HeldAction, now: datetime) -> str:
    """A held action with its preview, and who decides or decided."""
    state = held.state_at(now)
    lines = [f"id: {held.id}", f"State: {state.value}", f"Asked for by: {held.actor.audited}"]
    lines.append(f"Reason: {', '.join(reason.value for reason in held.reasons)}")
    if state == "waiting":
        lines.append(f"Decides: {held.address or 'the operator'}, until {held.expires:%Y-%m-%d %H:%M} UTC")
    if held.decided_by and held.channel and held.decided:
        decided = f"{held.decided:%Y-%m-%d %H:%M} UTC"
        lines.append(f"Decided: {decided} by {held.decided_by} ({held.channel.value})")
    if held.why:
        lines.append(f"Why: {held.why}")
    return "\n".join([*lines, f"SHA-256: {held.digest}", "", described(held.preview)])


def waiting(held: HeldAction) -> dict[str, Any]:
    """What every answer to a request that waits carries, in each face."""
    return {
        "id": held.id,
        "reason": [reason.value for reason in held.reasons],
        "decided_by": held.address or "the operator",
        "until": held.expires.isoformat(),
        "sent": False,
    }


def waiting_line(held: HeldAction) -> str:
    """That a request waits, for whom and until when."""
    until = f"{held.expires:%Y-%m-%d %H:%M} UTC"
    return f"it waits until {until} for a yes of {held.address or 'the operator'} (held action {held.id})."


__all__ = ["described", "line", "text", "waiting", "waiting_line"]
