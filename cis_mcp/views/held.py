"""Held actions as text, for every face that shows them; it never contains the code of their link."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from pydantic import Field

from cis_mcp.views.base import Data
from cis_mcp.views.events import one_line, quoted, utc, visible
from engine.commands.approvals.approval_mails import described
from engine.model.actors import Actor
from engine.model.addresses import masked_address
from engine.model.held import HeldAction, HeldPreview, HeldState
from engine.model.verbs import Verb
from engine.ownership import sees_addresses

TEXT_MAX = 4_000
"""The most characters of a sample in a result."""


def line(held: HeldAction, now: datetime) -> str:
    """A held action on one line."""
    shown = held.preview
    return (
        f"{held.id}  {held.state_at(now).value}  {shown.action}: {quoted(one_line(shown.title, 80))}, "
        f"{shown.people} people, for {held.organizer}, until {held.expires:%Y-%m-%d %H:%M} UTC"
    )


def preview_for(held: HeldAction, actor: Actor) -> HeldPreview:
    """Its preview as the actor may see it: addresses are masked unless it may report or decide."""
    shown = held.preview
    if sees_addresses(actor, Verb.APPROVE):
        return shown
    sample = shown.sample.model_copy(update={"to": masked_address(shown.sample.to)}) if shown.sample else None
    return shown.model_copy(update={"first": tuple(map(masked_address, shown.first)), "sample": sample})


def told(preview: HeldPreview) -> str:
    """A preview as text for agents and programs: words that people wrote stand between marks."""
    sample = preview.sample
    if sample:
        preview = preview.model_copy(
            update={"sample": sample.model_copy(update={"text": visible(sample.text)})}
        )
    return described(preview, mark=quoted)


def text(held: HeldAction, now: datetime, actor: Actor) -> str:
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
    return "\n".join([*lines, f"SHA-256: {held.digest}", "", told(preview_for(held, actor))])


def waiting(held: HeldAction) -> dict[str, Any]:
    """The fields that every result of a waiting request has, in each face."""
    return {
        "id": held.id,
        "reason": [reason.value for reason in held.reasons],
        "decided_by": held.address or "the operator",
        "until": held.expires.isoformat(),
        "sent": False,
    }


def waiting_line(held: HeldAction) -> str:
    """A sentence that a request waits, for whom and until when."""
    until = f"{held.expires:%Y-%m-%d %H:%M} UTC"
    return f"it waits until {until} for a yes of {held.address or 'the operator'} (held action {held.id})."


class HeldDifference(Data):
    """A field, before and after."""

    field: str
    before: str
    after: str


class HeldInfo(Data):
    """A held action, and what became of it."""

    id: str
    state: HeldState
    reasons: list[str] = Field(description="why it waits")
    action: str
    title: str
    people: int = Field(description="who would be mailed, at least")
    differences: list[HeldDifference]
    sample: dict[str, str] = Field(description="subject and text of the first mail; empty: none")
    decided_by: str = Field(description="who decides, or decided")
    until: str
    why: str = Field(description="reason of a No, or why it is void")
    made: str = Field(description="campaign to follow, or uid of the event that was made")
    notified: int
    decidable: bool = Field(
        description="true: your own yes may count; false: your key asked, and nobody attends it"
    )


def held_info(held: HeldAction, state: HeldState, asks: Actor | None = None) -> HeldInfo:
    """A held action as data for the caller, without the code of its link."""
    preview = held.preview
    sample = preview.sample
    return HeldInfo(
        id=held.id,
        state=state,
        reasons=[reason.value for reason in held.reasons],
        action=preview.action,
        title=one_line(preview.title),
        people=preview.people,
        differences=[
            HeldDifference(field=d.field, before=d.before, after=d.after) for d in preview.differences
        ],
        sample={"subject": sample.subject, "text": sample.text[:TEXT_MAX]} if sample else {},
        decided_by=held.decided_by or held.address or "the operator",
        until=utc(held.expires),
        why=held.why,
        made=held.made,
        notified=held.notified,
        decidable=_decidable(held, state, asks),
    )


def _decidable(held: HeldAction, state: HeldState, asks: Actor | None) -> bool:
    if state is not HeldState.WAITING or asks is None:
        return False
    if asks.everywhere or asks.key == "" or held.for_persons:
        return asks.everywhere
    own = asks.key == held.actor.key
    if own:
        return held.attended
    return Verb.APPROVE in asks.verbs and not set(asks.chain) & set(held.actor.chain)
